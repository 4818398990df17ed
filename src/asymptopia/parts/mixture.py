"""Two Gaussian clusters as a source of labelled inputs, in place of a teacher."""

from __future__ import annotations

import numpy as np

from ..contract.record import Record, field

__all__ = ["Mixture"]


class Mixture(Record):
    """Inputs x = label * separation * w_star / sqrt(d) + N(0, I_d), with |w_star|^2 = d; labels +-1.

    The clusters are thus 2 separation apart. The field of the direction w_star is label * separation + N(0, 1).
    """

    separation: float = field(1.0, "half the distance of the clusters", at_least=0)
    balance: float = field(0.5, "share of the cluster with label +1", above=0, below=1)

    def sample(self, shape: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Random labels +-1 in an array of this shape."""
        return np.where(rng.random(shape) < self.balance, 1.0, -1.0)
