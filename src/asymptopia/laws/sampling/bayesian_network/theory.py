"""The limit of the observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import BINS

if TYPE_CHECKING:
    from . import BayesianNetwork


def predict(law: BayesianNetwork) -> dict[str, Any]:
    """The observables in the limit."""
    import jax.numpy as jnp

    features, labels, probes = law.design()
    d = features.shape[1]
    precision = features.T @ features / law.noise + law.ridge * jnp.eye(d)
    solved = jnp.linalg.solve(precision, probes.T)
    return {
        "mean": solved.T @ (features.T @ labels) / law.noise,
        "variance": jnp.sum(probes.T * solved, axis=0),
        "calibration": jnp.full(BINS, 1 / BINS),
    }
