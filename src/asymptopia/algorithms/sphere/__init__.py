"""Dynamics and equilibria on the sphere."""
