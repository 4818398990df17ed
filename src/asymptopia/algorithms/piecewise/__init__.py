"""Piecewise linear functions of one variable, and the relu networks that compute them."""
