"""Entropic optimal transport between two clouds of equally many points."""

from __future__ import annotations

import numpy as np


def sinkhorn(cost: np.ndarray, regularisation: float, tolerance: float = 1e-10, steps: int = 100_000) -> np.ndarray:
    r"""The coupling that minimises $\sum P c + \epsilon \sum P \log P$ with equal masses in all rows and columns.

    Sinkhorn's iterations on the logarithms of the scalings, so that no regularisation underflows. The columns of the
    result are exact; it is accepted once the rows deviate by less than `tolerance` in total. Raises `ArithmeticError`
    if that takes more than `steps` iterations (Cuturi, NeurIPS 26 (2013) 2292).
    """
    n, m = cost.shape
    kernel = -cost / regularisation
    right = np.zeros(m)
    for _ in range(steps):
        left = -np.log(n) - _log_sum(kernel + right, 1)
        before = right
        right = -np.log(m) - _log_sum(kernel + left[:, None], 0)
        # a row's mass is 1/n times a mean of exp(right - before) under its own weights
        if np.abs(np.expm1(right - before)).max() <= tolerance:
            return np.exp(kernel + left[:, None] + right)
    raise ArithmeticError(f"Sinkhorn's iterations did not converge in {steps} steps.")


def _log_sum(a: np.ndarray, axis: int) -> np.ndarray:
    top = a.max(axis=axis)
    return top + np.log(np.exp(a - np.expand_dims(top, axis)).sum(axis=axis))
