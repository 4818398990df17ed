"""The soft threshold, with which message passing solves the LASSO."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import Record, field
from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real


class SoftThreshold(Record):
    r"""The soft threshold in place of a prior: the minimiser of $\lambda |w| + A w^2/2 - B w$.

    With `Linear(noise=1)` as channel the fixed point of message passing minimises
    $\frac12 |y - X w|^2 + \lambda |w|_1$. It has no law to start from: give `start=(0.0, v)`, with v the expected mean
    square of w.

    Source: Donoho, Maleki and Montanari, Proc. Natl. Acad. Sci. 106 (2009) 18914; Bayati and Montanari, IEEE Trans.
    Inf. Theory 58 (2012) 1997.
    """

    l1: float = field(0.1, "strength of the penalty l1 |w|", above=0)
    nonnegative: bool = field(False, "whether w must not be negative")

    def posterior(
        self, A: Real[ArrayLike, "..."], B: Real[ArrayLike, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """The minimiser and its derivative in B, elementwise."""
        excess = np.maximum(B - self.l1, 0.0)
        if not self.nonnegative:
            excess = excess + np.minimum(B + self.l1, 0.0)
        return excess / A, (excess != 0) / A
