"""Belief propagation for communities in a sparse graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ..checks import NotSolved
from .graph import Graph, adjacency, checked_affinity, checked_propensities

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real

DAMPINGS = (0.0, 0.5, 0.85)
FAR = 0.1  # beliefs whose groups differ by more from the shares stated may be those of another fixed point


@dataclass(frozen=True)
class Beliefs:
    """The result of belief propagation.

    marginals:    (n, k), the probability of each group for each node.
    free_entropy: Bethe's log-probability of the graph a node, without the terms that no label changes.
    history:      the largest change of a message in each sweep.
    converged:    whether the last of them is at most the tolerance.
    damping:      the share of the old messages that was kept.
    """

    marginals: Float[np.ndarray, "n k"]
    free_entropy: float
    history: Float[np.ndarray, " sweeps"]
    converged: bool
    damping: float

    @property
    def iterations(self) -> int:
        """The number of sweeps."""
        return len(self.history)

    def require(self) -> Beliefs:
        """These beliefs; raises `NotSolved` if they have not converged."""
        if not self.converged:
            last = self.history[-1] if len(self.history) else np.inf
            raise NotSolved(
                f"After {self.iterations} sweeps of belief propagation a message still changes by {last:.1g}."
            )
        return self

    @property
    def labels(self) -> Int[np.ndarray, " n"]:
        """The most probable group of each node, (n,); ties within 1e-4 go to the first group."""
        return np.argmax(self.marginals >= self.marginals.max(axis=1, keepdims=True) - 1e-4, axis=1)


def belief_propagation(
    graph: Graph,
    affinity: Real[ArrayLike, "k k"],
    fractions: Real[ArrayLike, " k"] | None = None,
    *,
    propensities: ArrayLike | None = None,
    nodes: int | None = None,
    start: Real[ArrayLike, "n k"] | None = None,
    damping: float | None = None,
    tolerance: float = 1e-6,
    sweeps: int = 500,
    seed: int = 0,
) -> Beliefs:
    r"""The posterior of the groups of nodes, joined with probability $\theta_i \theta_j c_{ab}/n$.

    $$\psi^{i \to j}_a \propto \nu_a e^{-\theta_i h_a} \prod_{k \in \partial i \setminus j}
      \sum_b c_{ab} \psi^{k \to i}_b, \qquad h_a = \frac1n \sum_i \theta_i \sum_b c_{ab} \psi^i_b,$$

    where the field h stands for the edges that are absent. Nodes are updated one after the other.

    graph:     a symmetric SciPy sparse matrix (n, n), or an integer array (edges, 2); `nodes` is then n.
    affinity:  $c$, (k, k), symmetric, >= 0: n times the probability of an edge.
    fractions: $\nu$, (k,), the shares of the groups; equal by default.
    propensities: $\theta$, (n,), > 0, of a degree-corrected model; all 1 by default.
    start:     beliefs (n, k) from which the messages start; random ones by default, from `seed`.

    damping:   the share of the old message that is kept; by default none, and 0.5, then 0.85 where that does not
               converge in `sweeps`: graphs with many short loops, or with other groups than those stated; and where
               it converges to groups far from `fractions`, of which the beliefs of largest free entropy are kept.
    tolerance: of the largest change of a message in a sweep; `converged` says whether it was reached.

    Raises `StatementError` for what does not fit, `NotSolved` if no labelling of the graph has a positive probability.
    Source: Decelle, Krzakala, Moore and Zdeborova, Phys. Rev. E 84 (2011) 066106, equations 26 to 30.
    """
    C, shares = _model(affinity, fractions)
    if damping is not None and not 0 <= damping < 1:
        raise StatementError(f"`damping` must be >= 0 and < 1, but is {damping!r}.")
    A = adjacency(graph, nodes)
    edges = A.indptr.astype(np.int64), _reverse(A)
    model = C, shares, checked_propensities(propensities, A.shape[0])
    best: Beliefs | None = None
    for share in DAMPINGS if damping is None else (damping,):
        marginals, incoming = _start(A, len(C), start, seed)
        result = _run(edges, marginals, incoming, model, share, tolerance, sweeps)
        if best is None or (result.converged, result.free_entropy) > (best.converged, best.free_entropy):
            best = result
        if result.converged and (start is not None or np.abs(marginals.mean(axis=0) - shares).max() < FAR):
            break
    assert best is not None
    return best


def _run(
    edges: tuple[Int[np.ndarray, " nodes"], Int[np.ndarray, " edges"]],
    marginals: Float[np.ndarray, "n k"],
    incoming: Float[np.ndarray, "edges k"],
    model: tuple[Float[np.ndarray, "k k"], Float[np.ndarray, " k"], Float[np.ndarray, " n"]],
    damping: float,
    tolerance: float,
    sweeps: int,
) -> Beliefs:
    """Sweeps with one damping until they converge or are too many."""
    from .message_sweeps import bethe, sweep

    C, shares, weight = model
    n = len(marginals)
    history: list[float] = []
    while len(history) < sweeps and not (history and history[-1] <= tolerance):
        field = C @ (weight @ marginals / n)
        history.append(sweep(*edges, incoming, marginals, C, shares, weight, field, damping))
        if np.isnan(history[-1]):
            raise NotSolved(f"After {len(history)} sweeps every group of some node has probability zero.")
    mean = weight @ marginals / n
    free_entropy = bethe(*edges, incoming, C, shares, weight, C @ mean) / n + float(mean @ C @ mean) / 2
    return Beliefs(marginals, free_entropy, np.array(history), bool(history) and history[-1] <= tolerance, damping)


def agreement(beliefs: Real[ArrayLike, "n k"], labels: Real[ArrayLike, " n"]) -> float:
    """The overlap (P - 1/k) / (1 - 1/k), P the mean belief in the true label, maximised over names of the k groups.

    beliefs: (n, k), rows that sum to 1: marginals, or `np.eye(k)[groups]` for labels. labels: (n,), whole numbers < k.
    1 if all is known, 0 by chance.
    """
    from scipy.optimize import linear_sum_assignment

    beliefs = np.asarray(beliefs, float)
    n, k = beliefs.shape
    right = np.eye(k)[np.asarray(labels)].T @ beliefs
    share = right[linear_sum_assignment(right, maximize=True)].sum() / n
    return float((k * share - 1) / (k - 1))


def _model(
    affinity: Real[ArrayLike, "k k"], fractions: Real[ArrayLike, " k"] | None
) -> tuple[Float[np.ndarray, "k k"], Float[np.ndarray, " k"]]:
    C = checked_affinity(affinity)
    shares = np.full(len(C), 1 / len(C)) if fractions is None else np.asarray(fractions, float)
    if shares.shape != C.shape[:1]:
        raise StatementError(f"`fractions` must have shape {C.shape[:1]}, but has shape {shares.shape}.")
    if not (shares > 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise StatementError(f"`fractions` must be > 0 and sum to 1, but are {shares.tolist()}.")
    return C, shares


def _reverse(A: Any) -> Int[np.ndarray, " edges"]:
    """The position of the edge (j, i) for each edge (i, j), in the order of the matrix."""
    from scipy.sparse import csr_array

    numbered = csr_array((np.arange(A.nnz), A.indices, A.indptr), shape=A.shape)
    transposed = csr_array(numbered.T)
    transposed.sort_indices()
    return np.asarray(transposed.data, np.int64)


def _start(
    A: Any, k: int, start: Real[ArrayLike, "n k"] | None, seed: int
) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "edges k"]]:
    """Marginals (n, k), and messages (2m, k) towards the node whose edge it is."""
    n = A.shape[0]
    if start is None:
        rng = np.random.default_rng(seed)
        incoming = rng.exponential(size=(A.nnz, k))
        incoming /= incoming.sum(axis=1, keepdims=True)
        return np.full((n, k), 1 / k), incoming
    beliefs = np.array(start, float)
    if beliefs.shape != (n, k):
        raise StatementError(f"`start` must have shape {(n, k)}, but has shape {beliefs.shape}.")
    if not (beliefs >= 0).all() or not np.allclose(beliefs.sum(axis=1), 1):
        raise StatementError("`start` must hold probabilities: rows >= 0 that sum to 1.")
    return beliefs, beliefs[A.indices]
