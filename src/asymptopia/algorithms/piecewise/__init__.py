"""Piecewise linear functions of one variable, and the networks that compute them."""
