"""Interacting particles: Langevin dynamics, wide networks in training, entropy-SGD."""
