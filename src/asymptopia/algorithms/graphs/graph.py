"""Sparse graphs as adjacency matrices, from several formats or drawn from a block model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real

Graph: TypeAlias = Any
"""A symmetric SciPy sparse matrix (n, n), or an integer array (edges, 2)."""

MOST_NODES = 2**31
MOST_THROWS = 1e9
LARGEST = 1e100  # propensity


def adjacency(graph: Graph, nodes: int | None = None) -> Any:
    """The symmetric 0/1 adjacency matrix of a graph in SciPy's CSR format, with sorted indices.

    graph: a symmetric SciPy sparse matrix (n, n), whose weights do not count, or an integer array (edges, 2), one row
    an edge, of nodes 0, 1, ..., each edge once or in both directions. nodes: their number n, where the last ones have
    no edge. Raises `StatementError` for loops, negative nodes and matrices that are not symmetric.
    """
    from scipy.sparse import coo_array, csr_array, issparse

    if issparse(graph):
        A = csr_array(graph, copy=True)
        if A.shape[0] != A.shape[1]:
            raise StatementError(f"`graph` must be a square matrix, but has shape {A.shape}.")
        A.sum_duplicates()
        A.eliminate_zeros()
        if A.nnz and not (A.data >= 0).all():
            raise StatementError(
                f"`graph` must have weights >= 0, of which only those that are not 0 count, but has {A.data.min()}."
            )
        A.data = np.ones(A.nnz)
        if abs(A - A.T).nnz:
            raise StatementError("`graph` must be symmetric: an edge from i to j is one from j to i.")
    else:
        edges = _edges(graph)
        n = int(edges.max(initial=-1)) + 1 if nodes is None else nodes
        if edges.size and edges.max() >= n:
            raise StatementError(f"`nodes` must exceed every node of `graph`, {edges.max()} too, but is {n}.")
        i, j = edges.T
        A = csr_array(coo_array((np.ones(2 * len(i)), (np.append(i, j), np.append(j, i))), shape=(n, n)))
        A.data = np.ones(A.nnz)
    if A.shape[0] == 0:
        raise StatementError("`graph` must have at least one node.")
    if nodes is not None and A.shape[0] != nodes:
        raise StatementError(f"`nodes` must be {A.shape[0]}, as many as `graph` has rows, but is {nodes}.")
    if A.diagonal().any():
        raise StatementError(f"`graph` must have no loops, but node {np.flatnonzero(A.diagonal())[0]} has one.")
    A.sort_indices()
    return A


def _edges(graph: Graph) -> Int[np.ndarray, "edges 2"]:
    edges = np.asarray(graph)
    if edges.ndim != 2 or edges.shape[1] != 2 or not np.issubdtype(edges.dtype, np.integer):
        raise StatementError(
            "`graph` must be a SciPy sparse matrix (n, n) or an integer array (edges, 2), "
            f"but is an array of {edges.dtype} of shape {edges.shape}."
        )
    if edges.size and edges.min() < 0:
        raise StatementError(f"Nodes are 0, 1, ..., but `graph` has an edge at {edges.min()}.")
    if edges.size and int(edges.max()) >= MOST_NODES:
        raise StatementError(f"Nodes must be below {MOST_NODES}, but `graph` has an edge at {edges.max()}.")
    return edges.astype(np.int64)


def block_graph(
    labels: Real[ArrayLike, " n"],
    affinity: Real[ArrayLike, "k k"],
    rng: np.random.Generator,
    propensities: Real[ArrayLike, " n"] | None = None,
) -> Any:
    r"""A graph in which i and j are joined with probability $c_{ab}/n$, independently, a and b their labels.

    labels: (n,) whole numbers below k. affinity: c, (k, k), symmetric, entries >= 0 and < n. propensities: $\theta$,
    (n,), > 0; the probability is then $1 - (1 - c_{ab}/n)^{\theta_i \theta_j}$, about $\theta_i \theta_j c_{ab}/n$.
    The adjacency matrix is given in CSR format, in a time proportional to the number of edges: a pair is joined if it
    is hit at least once by throws whose number is Poisson. Raises `StatementError` for what is not so, and for more
    than 1e9 throws.
    """
    affinity = checked_affinity(affinity)
    labels = _checked_labels(labels, len(affinity))
    n, k = len(labels), len(affinity)
    if affinity.max() >= n:
        raise StatementError(f"`affinity` must be below n = {n}, but has an entry {affinity.max():g}.")
    weight = checked_propensities(propensities, n)
    groups = [np.flatnonzero(labels == a) for a in range(k)]
    total = [float(weight[members].sum()) for members in groups]
    share = [None if propensities is None else weight[m] / t for m, t in zip(groups, total, strict=True)]
    edges = []
    for a in range(k):
        for b in range(a, k):
            pairs = total[a] * total[b] / (2 if a == b else 1)
            throws = -pairs * np.log1p(-affinity[a, b] / n)
            if not throws <= MOST_THROWS:
                raise StatementError(
                    f"`affinity` and `propensities` ask for {throws:.3g} edges between labels {a} and {b}, but at most "
                    f"{MOST_THROWS:g} are drawn: lower them."
                )
            hits = rng.poisson(throws)
            if hits:
                ends = [rng.choice(groups[g], hits, p=share[g]) for g in (a, b)]
                edges.append(np.stack(ends, 1))
    neighbours = np.concatenate(edges) if edges else np.zeros((0, 2), int)
    return adjacency(neighbours[neighbours[:, 0] != neighbours[:, 1]], n)


def _checked_labels(labels: Real[ArrayLike, " n"], k: int) -> Int[np.ndarray, " n"]:
    given = np.asarray(labels)
    if given.ndim != 1 or given.dtype.kind not in "biuf" or not np.isin(given, np.arange(k)).all():
        raise StatementError(f"`labels` must be (n,) whole numbers from 0 to {k - 1}, but are {given}.")
    return given.astype(np.int64)


def checked_propensities(propensities: Real[ArrayLike, " n"] | None, n: int) -> Float[np.ndarray, " n"]:
    """The propensities of n nodes, all 1 by default; raises `StatementError` unless they are (n,), finite and > 0."""
    if propensities is None:
        return np.ones(n)
    weight = np.asarray(propensities, float)
    if weight.shape != (n,):
        raise StatementError(f"`propensities` must have shape {(n,)}, but has shape {weight.shape}.")
    if not ((weight > 0).all() and (weight <= LARGEST).all()):
        raise StatementError(
            f"`propensities` must be finite and > 0, at most {LARGEST:g}, but has entries from {weight.min()} to "
            f"{weight.max()}."
        )
    return weight


def checked_affinity(affinity: Real[ArrayLike, "k k"]) -> Float[np.ndarray, "k k"]:
    """The affinity as a symmetric array (k, k) of finite entries >= 0; raises `StatementError` otherwise."""
    C = np.asarray(affinity, float)
    if C.ndim != 2 or C.shape[0] != C.shape[1] or C.size == 0:
        raise StatementError(f"`affinity` must have shape (k, k), but has shape {C.shape}.")
    if not np.isfinite(C).all() or C.min() < 0 or not np.allclose(C, C.T):
        raise StatementError(f"`affinity` must be symmetric, finite and >= 0, but is {C.tolist()}.")
    return C
