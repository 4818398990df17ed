"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import StochasticBlockModel


def realize(law: StochasticBlockModel, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.graphs.belief_propagation import agreement, belief_propagation
    from ....algorithms.graphs.graph import block_graph
    from ....algorithms.graphs.nonbacktracking import nonbacktracking

    rng, k = generator(key), law.groups
    labels = rng.permutation(np.arange(max(n - n % k, k)) % k)  # groups of exactly equal size
    affinity = law.affinity()
    propensities = None if law.alike() else law.propensities.draw(len(labels), rng)
    graph = block_graph(labels, affinity, rng, propensities)
    start = rng.dirichlet(np.ones(k), len(labels)) if law.start == "uninformative" else np.eye(k)[labels]
    beliefs = belief_propagation(graph, affinity, propensities=propensities, start=start)
    beliefs.require()
    spectrum = np.abs(nonbacktracking(graph, k, tolerance=1e-4))
    return {
        "overlap": agreement(np.eye(k)[beliefs.labels], labels),
        "posterior_overlap": agreement(beliefs.marginals, labels),
        "top_nonbacktracking": spectrum[0],
        "second_nonbacktracking": spectrum[1:].mean(),
    }
