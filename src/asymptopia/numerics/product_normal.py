"""Quadrature for d independent standard normal variables: Gauss product rules and quasi-Monte Carlo nets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .gaussian import nodes

if TYPE_CHECKING:
    from jaxtyping import Float

NETS = 8


def tensor_nodes(*orders: int) -> tuple[Float[np.ndarray, "N d"], Float[np.ndarray, " N"]]:
    """Nodes (N, d) and weights (N,) of the product of d Gauss-Hermite rules of these orders."""
    rules = [np.polynomial.hermite_e.hermegauss(order) for order in orders]
    grid = np.stack(np.meshgrid(*(x for x, _ in rules), indexing="ij"), axis=-1).reshape(-1, len(orders))
    parts = np.meshgrid(*(w / w.sum() for _, w in rules), indexing="ij")
    return grid, np.prod(parts, axis=0).ravel()


def smooth_nodes(
    d: int, level: int, linear: int = 0
) -> tuple[Float[np.ndarray, "N d"], Float[np.ndarray, " N"]] | None:
    """Nodes (N, d) and weights (N,) for smooth functions, at one of two levels; None in more than three dimensions.

    linear: how many of the first variables enter as factors only, so that few nodes serve.
    """
    bent = d - linear
    if d > 3 or bent > 3:
        return None
    if d == 1:
        x, w = nodes(order=(6, 8)[level])
        return x[:, None], w / w.sum()
    fine = {1: (40, 48), 2: (14, 16) if linear else (24, 32), 3: (10, 12)}[bent]
    return tensor_nodes(*[(5, 6)[level]] * linear, *[fine[level]] * bent)


def nets(d: int, count: int) -> Float[np.ndarray, "nets count d"]:
    """Independent scrambled Sobol nets of `count` standard normal points each: shape (NETS, count, d)."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    made = [qmc.Sobol(d, scramble=True, rng=np.random.default_rng(i)).random(count) for i in range(NETS)]
    return np.asarray(ndtri(np.clip(made, 1e-16, 1 - 1e-16)))


def chi_nodes(d: int, order: int) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Nodes and weights for the length of d independent standard normal variables (the chi distribution)."""
    from scipy.special import roots_genlaguerre

    x, w = roots_genlaguerre(order, d / 2 - 1)
    return np.sqrt(2 * x), w / w.sum()
