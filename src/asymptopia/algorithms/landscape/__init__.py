"""Walks over a landscape: critical points, paths of descent, barriers between networks."""
