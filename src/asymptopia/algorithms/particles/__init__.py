"""Interacting particles: Langevin dynamics, attention, training of wide networks, entropy-SGD."""
