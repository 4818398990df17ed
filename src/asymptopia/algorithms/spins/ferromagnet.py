"""Monte Carlo of the Ising ferromagnet on your own graph: cluster moves and single flips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ..graphs.graph import Graph, adjacency
from .checks import checked_count

if TYPE_CHECKING:
    from jaxtyping import Float, Int


@dataclass(frozen=True)
class GraphRun:
    """Energy H / n and mean spin after each measured sweep, and the final spins (n,).

    cluster_moments: (times, 2), sums over the clusters that a sweep turned of the squares and cubes of their shares of
    the sites (Swendsen-Wang alone, else None).
    """

    energies: Float[np.ndarray, " sweeps"]
    magnetisations: Float[np.ndarray, " sweeps"]
    cluster_moments: Float[np.ndarray, "sweeps 2"] | None
    spins: Int[np.ndarray, " n"]

    @property
    def cluster_share(self) -> float:
        """The mean share of sites in the cluster that two random sites have in common: estimates the magnetisation.

        In large systems it is the spontaneous one, with a correction of order 1/n on both sides of the transition,
        where that of |mean spin| is of order n**(-1/2) if there is no magnetisation.
        """
        if self.cluster_moments is None:
            raise StatementError("`cluster_share` is measured by `swendsen_wang` alone.")
        pairs, triples = self.cluster_moments.mean(axis=0)
        return float(triples / pairs)


def swendsen_wang(
    graph: Graph, beta: float, sweeps: int, rng: np.random.Generator, *, burn: int | None = None
) -> GraphRun:
    r"""Sample $H = -\sum_{\langle ij \rangle} s_i s_j$ at inverse temperature `beta` by turning all clusters.

    A sweep joins like neighbours with probability $1 - e^{-2\beta}$ and gives each cluster a sign of its own (Swendsen
    and Wang, Phys. Rev. Lett. 58 (1987) 86). graph: as `asymptopia.algorithms.graphs.graph.adjacency` takes it. sweeps:
    their number, the first `burn` of which (a third by default) are not measured. Raises `StatementError`.

    rng: the source of randomness.
    """
    return _run(graph, beta, sweeps, burn, 0, rng)


def wolff(graph: Graph, beta: float, sweeps: int, rng: np.random.Generator, *, burn: int | None = None) -> GraphRun:
    """Sample the ferromagnet by Wolff's (1989) single clusters, grown from random sites; see `swendsen_wang`.

    A sweep is a number of clusters that together have about as many sites as the graph.

    graph, beta, sweeps, rng, burn: as in `swendsen_wang`.
    """
    return _run(graph, beta, sweeps, burn, 1, rng)


def metropolis(
    graph: Graph, beta: float, sweeps: int, rng: np.random.Generator, *, burn: int | None = None
) -> GraphRun:
    """Sample the ferromagnet by single flips in order, slow near a transition; see `swendsen_wang`.

    beta: of any sign; an antiferromagnet has a negative one.

    graph, sweeps, rng, burn: as in `swendsen_wang`.
    """
    return _run(graph, beta, sweeps, burn, 2, rng)


def _without_couplings(graph: Graph) -> None:
    """Raise `StatementError` if a matrix has weights other than 1, which would be taken for couplings."""
    from scipy.sparse import issparse

    if not issparse(graph):
        return
    weights = np.unique(graph.tocsr().data)
    if set(weights.tolist()) - {0, 1}:
        raise StatementError(
            f"`graph` must have edges of weight 1, as all couplings are equal, but has weights from "
            f"{weights.min():g} to "
            f"{weights.max():g}: the strength of a ferromagnet goes into `beta`, and `spin_tempering` and "
            "`ground_state` take couplings."
        )


def _run(graph: Graph, beta: float, sweeps: int, burn: int | None, kind: int, rng: np.random.Generator) -> GraphRun:
    from .graph_moves import run

    _without_couplings(graph)
    A = adjacency(graph)
    if not math.isfinite(beta) or (beta < 0 and kind < 2):
        raise StatementError(f"`beta` must be finite, and >= 0 for clusters, but is {beta}.")
    sweeps = checked_count("sweeps", sweeps, 1)
    burn = sweeps // 3 if burn is None else checked_count("burn", burn, 0)
    if burn >= sweeps or (kind == 1 and burn < 2):
        raise StatementError(f"`burn` must be below `sweeps` = {sweeps} (and at least 2 for Wolff), but is {burn}.")
    n = A.shape[0]
    start, near = A.indptr.astype(np.int64), A.indices.astype(np.int64)
    bonds, sites, moments, spins = run(start, near, float(beta), sweeps, burn, kind, rng)
    return GraphRun(
        energies=-bonds / n,
        magnetisations=sites / n,
        cluster_moments=None if kind else moments,
        spins=spins.astype(np.int8),
    )
