"""Empirical risk minimisation, with a certificate (gradient or duality gap) for each result."""
