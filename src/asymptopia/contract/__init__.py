"""The contract of laws: records, statements, sweeps, batching and transitions. It knows no law."""
