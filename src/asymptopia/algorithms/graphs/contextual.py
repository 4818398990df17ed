"""A dense graph of two communities, and features of its nodes that are correlated with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def contextual_graph(
    rng: np.random.Generator, nodes: int, features: int, graph_signal: float, feature_signal: float
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n n"], Float[np.ndarray, "n p"]]:
    """Labels v = +-1 (n,), a symmetric matrix A (n, n), and features B (n, p), with n `nodes` and p `features`.

    A is Gaussian with entries of variance 1 / n, plus `graph_signal` v v^T / n. B is standard normal, plus
    sqrt(`feature_signal` / n) v u^T, where u is uniform on the sphere of squared radius p.

    Source: Deshpande, Montanari, Mossel and Sen, NeurIPS 31 (2018).
    """
    v, u = rng.choice((-1.0, 1.0), nodes), rng.standard_normal(features)
    u *= np.sqrt(features) / np.linalg.norm(u)
    A = rng.standard_normal((nodes, nodes)) / np.sqrt(nodes)
    A = (A + A.T) / np.sqrt(2) + graph_signal / nodes * np.outer(v, v)
    B = rng.standard_normal((nodes, features)) + np.sqrt(feature_signal / nodes) * np.outer(v, u)
    return v, A, B
