"""The Thouless-Anderson-Palmer equations on given couplings, by Bolthausen's iteration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ..checks import NotSolved
from .checks import checked_count, checked_couplings, checked_field

if TYPE_CHECKING:
    from jaxtyping import Float, Real


@dataclass(frozen=True)
class Magnetisations:
    r"""A solution of the TAP equations.

    means:       the magnetisation of every spin (n,).
    free_energy: of TAP, per spin.
    residual:    largest violation of the equations.
    distances:   (iterations,), $|m^{k+1} - m^k|^2 / n$ of the iteration that led here.
    replicon:    $\beta^2 \frac1n \sum_{ij} J_{ij}^2 (1 - m_j^2)^2$: the equations describe a state where it is below 1
                 (Plefka's condition).
    """

    means: Float[np.ndarray, " n"]
    free_energy: float
    residual: float
    distances: Float[np.ndarray, " steps"]
    replicon: float

    @property
    def overlap(self) -> float:
        """The mean of the squared magnetisations."""
        return float(np.mean(self.means**2))


def tap(
    couplings: Real[ArrayLike, "n n"],
    field: Real[ArrayLike, "..."],
    beta: float,
    *,
    tolerance: float = 1e-10,
    iterations: int = 1000,
    damping: float = 0.2,
    start: Real[ArrayLike, " n"] | None = None,
) -> Magnetisations:
    r"""Solve $m_i = \tanh \beta (h_i + \sum_j J_{ij} m_j - \beta m_i \sum_j J_{ij}^2 (1 - m_j^2))$ by `bolthausen`.

    For Sherrington and Kirkpatrick's couplings it converges up to the line of de Almeida and Thouless; the damping is
    needed in a few of the smaller systems. The energy is $-\frac12 \sum_{ij} J_{ij} s_i s_j - \sum_i h_i s_i$.

    couplings: (n, n), symmetric, without a diagonal. field: a number, or one a spin. damping: the share of a step that
    is not taken, in [0, 1). start: magnetisations (n,), by default 0. Raises `NotSolved` if no solution is reached, and
    `StatementError` for bad input.
    """
    J = checked_couplings(couplings)
    h = checked_field(field, len(J))
    count = checked_count("iterations", iterations, 1)
    distances: list[float] = []
    before, residual = None, np.inf
    for m, residual in islice(bolthausen(J, h, beta, damping=damping, start=start), count + 1):
        if before is not None:
            distances.append(float(np.mean((m - before) ** 2)))
        if residual <= tolerance:
            replicon = beta**2 * float((J**2 @ (1 - m**2) ** 2).mean())
            return Magnetisations(m, free_energy(J, h, beta, m), residual, np.array(distances), replicon)
        before = m
    raise NotSolved(
        f"The TAP equations were not solved: after {iterations} iterations the residual is {residual:.1e}, above "
        f"{tolerance:g}. Below the line of de Almeida and Thouless the iteration does not converge; above, more "
        f"`damping` than {damping:g} may help."
    )


def bolthausen(
    couplings: Real[ArrayLike, "n n"],
    field: Real[ArrayLike, "..."],
    beta: float,
    *,
    damping: float = 0.0,
    start: Real[ArrayLike, " n"] | None = None,
) -> Iterator[tuple[Float[np.ndarray, " n"], float]]:
    r"""The iterates of the TAP equations, start first: magnetisations (n,) and the largest violation.

    $m_i^{k+1} = \tanh \beta (h_i + \sum_j J_{ij} m_j^k - \beta m_i^{k-1} \sum_j J_{ij}^2 (1 - (m_j^k)^2))$: with the
    reaction on the step before, the fields of independent normal couplings remain Gaussian.
    Source: Bolthausen, Comm. Math. Phys. 325 (2014) 333, (1.7).
    """
    J = checked_couplings(couplings)
    n = len(J)
    h, squares = checked_field(field, n), J**2
    if not (np.isfinite(beta) and beta > 0):
        raise StatementError(f"`beta` must be positive and finite, but is {beta}.")
    if not 0 <= damping < 1:
        raise StatementError(f"`damping` must be >= 0 and < 1, but is {damping}.")
    m = np.zeros(n) if start is None else np.asarray(start, float)
    if m.shape != (n,) or not (np.abs(m) <= 1).all():
        raise StatementError(f"`start` must be {n} magnetisations between -1 and 1, but is {start!r}.")
    before = m
    while True:
        pull, reaction = h + J @ m, beta * (squares @ (1 - m**2))
        yield m, float(np.abs(m - np.tanh(beta * (pull - reaction * m))).max())
        before, m = m, (1 - damping) * np.tanh(beta * (pull - reaction * before)) + damping * m


def free_energy(
    couplings: Real[ArrayLike, "n n"], field: Real[ArrayLike, "..."], beta: float, means: Real[ArrayLike, " n"]
) -> float:
    r"""The TAP free energy per spin of magnetisations m (n,), stationary where the TAP equations hold.

    $-\frac12 m J m - h m - \frac\beta4 \sum_{ij} J_{ij}^2 (1 - m_i^2)(1 - m_j^2) - \frac1\beta \sum_i S(m_i)$, over n,
    with S the entropy of a spin of mean m. Source: Thouless, Anderson and Palmer, Phil. Mag. 35 (1977) 593.
    """
    from scipy.special import xlogy

    J = checked_couplings(couplings)
    h, m = checked_field(field, len(J)), np.asarray(means, float)
    entropy = -(xlogy((1 + m) / 2, (1 + m) / 2) + xlogy((1 - m) / 2, (1 - m) / 2)).sum()
    rest = 1 - m**2
    return float(-(m @ J @ m / 2 + h @ m + beta / 4 * (rest @ J**2 @ rest) + entropy / beta) / len(J))
