"""CPU time of `asymptopia.algorithms.graphs.belief_propagation` on large sparse graphs, and against plain NumPy.

The peer iterates the same equations over all messages at once, in NumPy, as one would write them down; both must reach
the same overlap with the true groups. Run: python benchmarks/belief_propagation.py [--nodes 1000000] [--peer 100000]
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

from typing import Any

import numpy as np
from timing import options, row, seconds

from asymptopia.algorithms.graphs.belief_propagation import agreement, belief_propagation
from asymptopia.algorithms.graphs.graph import block_graph

GROUPS, DEGREE, ASSORTATIVITY, TOLERANCE = 2, 3.0, 0.8, 1e-6


def problem(nodes: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """A planted graph, its affinity and its labels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(nodes) % GROUPS)
    affinity = DEGREE * (1 - ASSORTATIVITY + ASSORTATIVITY * GROUPS * np.eye(GROUPS))
    return block_graph(labels, affinity, rng), affinity, labels


def plain(graph: Any, affinity: np.ndarray) -> np.ndarray:
    """Marginals (n, k) by parallel updates of all messages, logarithms summed node by node."""
    n, k = graph.shape[0], len(affinity)
    source, target = graph.nonzero()
    order = np.lexsort((source, target))
    reverse = np.empty_like(order)
    reverse[order] = np.arange(len(order))
    messages = np.random.default_rng(0).exponential(size=(len(source), k))
    messages /= messages.sum(axis=1, keepdims=True)
    field = affinity.mean(axis=0)
    change = 1.0
    while change > TOLERANCE:
        told = np.log(messages @ affinity)
        total = np.stack([np.bincount(target, told[:, s], n) for s in range(k)], axis=1) - field
        new = np.exp(total[source] - told[reverse])
        new /= new.sum(axis=1, keepdims=True)
        change = np.abs(new - messages).max()
        messages = new
        marginals = np.exp(total - total.max(axis=1, keepdims=True))
        marginals /= marginals.sum(axis=1, keepdims=True)
        field = affinity @ marginals.mean(axis=0)
    return marginals


def main() -> None:
    given = options(__doc__, nodes=(1_000_000, 30_000), peer=(100_000, 10_000), repeats=(3, 1))
    belief_propagation(np.array([[0, 1]]), np.ones((2, 2)))  # compile
    graph, affinity, labels = problem(given.peer)
    times = []
    for _ in range(given.repeats):
        ours, found = seconds(lambda: belief_propagation(graph, affinity, tolerance=TOLERANCE).require())
        theirs, marginals = seconds(lambda: plain(graph, affinity))
        one, other = agreement(found.marginals, labels), agreement(marginals, labels)
        assert abs(one - other) < 1e-4, (one, other)
        times.append((ours, theirs))
    ours, theirs = np.median(times, axis=0)
    row(f"{given.peer} nodes", ours, theirs, "plain NumPy")
    graph, affinity, labels = problem(given.nodes)
    taken, found = seconds(lambda: belief_propagation(graph, affinity, tolerance=TOLERANCE).require())
    overlap = agreement(np.eye(GROUPS)[found.labels], labels)
    row(f"{given.nodes} nodes", taken, note=f"{found.iterations} sweeps, overlap {overlap:.4f}")


if __name__ == "__main__":
    main()
