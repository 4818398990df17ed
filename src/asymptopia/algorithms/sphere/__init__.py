"""Spins on a sphere: Langevin dynamics, and equilibrium by replica exchange."""
