"""Minimisers of empirical risks, each certified by its gradient or duality gap."""
