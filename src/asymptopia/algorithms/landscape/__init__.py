"""Exploration of loss landscapes: critical points, descent paths, barriers between networks."""
