"""The verdict: what numbers at finite size say of a limit, with error bars."""
