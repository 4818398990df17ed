"""The convergence of message passing, and its result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import NotSolved

if TYPE_CHECKING:
    from jaxtyping import Float

PATIENCE, VIOLENT = 30, 0.1
"""So many steps in a row, each longer than this share of the signal, are taken for an oscillation without end."""

Callback = Callable[[int, np.ndarray, np.ndarray], object]


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A fixed point of message passing.

    means, variances: of the coordinates, shape (d,).
    residuals:        of each iteration, in units of the signal's root mean square; the last is below the tolerance.
    method:           what led to it: "gamp", "gamp with damping 0.5", "vamp", ...
    failures:         what was tried before and how it failed.
    """

    means: Float[np.ndarray, " d"]
    variances: Float[np.ndarray, " d"]
    residuals: Float[np.ndarray, " steps"]
    method: str
    failures: tuple[str, ...] = ()

    @property
    def iterations(self) -> int:
        """The number of iterations of the successful method."""
        return len(self.residuals)


def settled(
    steps: Iterator[tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"], float]],
    method: str,
    iterations: int,
    tolerance: float,
    callback: Callback | None,
) -> Estimate:
    """The first step (means, variances, residual) whose residual is below the tolerance, as an `Estimate`.

    callback: called with iteration, means and variances. Raises `NotSolved` if there is none.
    """
    residuals: list[float] = []
    for k, (means, variances, residual) in zip(range(1, iterations + 1), steps, strict=False):
        residuals.append(residual)
        if callback is not None:
            callback(k, means, variances)
        if residual < tolerance:
            return Estimate(means, variances, np.array(residuals), method)
        if k >= PATIENCE and min(residuals[-PATIENCE:]) > VIOLENT:
            raise NotSolved(
                f"{method}: the estimates still change by {residual:.2g} of the signal after {k} iterations."
            )
    raise NotSolved(
        f"{method}: the estimates did not settle in {iterations} iterations: the last changed them by "
        f"{residuals[-1]:.1e} of the signal, but it must be below {tolerance:.1e}."
    )


def first_settled(tries: Iterable[Callable[[], Any]]) -> Any:
    """The first result of these tries that converges, with the `failures` before it; `NotSolved` if none does."""
    failures: list[str] = []
    for attempt in tries:
        try:
            result = attempt()
        except NotSolved as failed:
            failures.append(str(failed))
        else:
            return dataclasses.replace(result, failures=(*failures, *result.failures))
    raise NotSolved("\n".join(failures))
