"""What every law is: record, law, statement, sweep, batching, transitions. It knows no law."""
