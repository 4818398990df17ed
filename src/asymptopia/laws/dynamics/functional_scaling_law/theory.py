r"""The loss under a schedule: an integral equation in intrinsic time, solved mode by mode.

With the intrinsic time $T = \int \eta\, dt$, $g = \eta / B$ and the variance $V = P + \text{floor} + \text{noise}$ of
a residual, $dD_j/dT = -2 \lambda_j D_j + g \lambda_j V$ and $P = \sum_j \lambda_j D_j$. On a panel of length h the
product g V is a polynomial through its values at Gauss's nodes, and the exponentials are integrated against it exactly,
so that modes of any speed allow any step: only V at the nodes is unknown, a linear system. Panels grow away from both
ends of each piece on which the schedule is smooth. Sums over many modes are Gauss's rules for whole numbers, block by
block.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....contract.law import NoLimit
from ....numerics.gaussian import legendre

if TYPE_CHECKING:
    from . import FunctionalScalingLaw

ORDER, QUADRATURE, FORGOTTEN = 6, 32, 40.0
FIRST, GROWTH = 1e-4, 2.0  # first panel, in units of the time of the fastest mode, and growth from panel to panel
BISECTIONS = 60
LEAST = 1e-290  # eigenvalue: as good as none, and none is 0
SINGLE, BLOCK, NODES = 64, 1.2, 6  # modes kept one by one; ratio of the ends of a block of the others, and its nodes


class Modes(NamedTuple):
    """Eigenvalues, squared target and number of the modes that are learned; what the others and the noise add to V."""

    values: np.ndarray
    target: np.ndarray
    many: np.ndarray
    floor: float
    noise: float

    @classmethod
    def of(cls, law: FunctionalScalingLaw) -> Modes:
        from scipy.special import zeta

        j, count = whole_numbers(law.width)
        power = 1 + law.target_exponent * law.spectrum_exponent
        values = np.maximum(j**-law.spectrum_exponent, LEAST)
        return cls(values, j**-power / values, count, float(zeta(power, law.width + 1)), law.noise)

    def power(self, D: np.ndarray) -> float:
        """P, the sum of eigenvalue times squared error."""
        return float((self.many * self.values) @ D)


def whole_numbers(last: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights for sums over 1 .. last: the first one by one, then Gauss's rule on blocks."""
    points, weights, start = [np.arange(1.0, min(last, SINGLE) + 1)], [np.ones(min(last, SINGLE))], SINGLE + 1
    k = np.arange(1.0, NODES)
    while start <= last:
        n = min(int(start * BLOCK), last) + 1 - start
        if n <= NODES:
            points, weights = [*points, start + np.arange(float(n))], [*weights, np.ones(n)]
        else:
            # the recurrence of Chebyshev's polynomials, orthogonal on n whole numbers
            off = np.sqrt(k**2 * (n**2 - k**2) / (4 * (4 * k**2 - 1)))
            x, vectors = np.linalg.eigh(np.diag(off, 1) + np.diag(off, -1))
            points, weights = [*points, start + (n - 1) / 2 + x], [*weights, n * vectors[0] ** 2]
        start += n
    return np.concatenate(points), np.concatenate(weights)


def predict(law: FunctionalScalingLaw) -> dict[str, Any]:
    """The risk at the times, that of gradient flow, the floor, and the exponents."""
    modes = Modes.of(law)
    found, coarse = (risks(law, modes, FIRST * f, GROWTH**f) for f in (1.0, 1.7))
    if not (found > np.abs(found - coarse)).all():
        raise NoLimit(
            f"At the rate {law.rate:g} the loss of SGD grows too fast to be computed until time {law.times[-1]:g}: "
            "lower `rate`, or take more samples a step, `batch`."
        )
    clock = Clock(law)
    ago = [clock.at(t / law.times[-1]) for t in law.times]
    flow = [modes.power(modes.target * np.exp(-2 * modes.values * T)) for T in ago]
    rounding = 1e-12 * np.abs(found)
    return {
        "test_error": found,
        "test_error_error": np.abs(found - coarse) + rounding,
        "flow_risk": np.array(flow) + modes.floor,
        "floor": modes.floor,
    } | exponents(law)


def exponents(law: FunctionalScalingLaw) -> dict[str, float]:
    """Of the loss in steps with the best peak rate, and of loss and best width in compute."""
    s, b, p = law.target_exponent, law.spectrum_exponent, law.schedule.order()
    annealed = min(1 - 1 / (1 + p), 1 - 1 / b)  # noise is left as rate * T**-annealed
    if law.noise == 0:
        sample = min(s, 2 - 1 / b)
    else:
        sample = s / (s + 1 - annealed) if s > annealed else s
    return {
        "sample_exponent": sample,
        "loss_exponent": sample * s * b / (sample + s * b),
        "width_exponent": sample / (sample + s * b),
    }


class Clock:
    """Intrinsic time of a share u of the run, and back."""

    def __init__(self, law: FunctionalScalingLaw) -> None:
        self.schedule, self.scale = law.schedule, law.rate * law.times[-1]
        near = np.geomspace(1e-9, 0.25, 60)
        self.edges = np.unique(np.r_[0, near, 1 - near, 1, law.schedule.breaks(), np.linspace(0.25, 0.75, 40)])
        self.passed = np.r_[0, np.cumsum(self._between(self.edges[:-1], self.edges[1:]))]

    def _between(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        x, w = legendre(12)
        u = start[:, None] + (end - start)[:, None] * x
        return self.scale * (end - start) * (np.asarray(self.schedule(u), float) @ w)

    def at(self, u: float) -> float:
        k = min(int(np.searchsorted(self.edges, u, side="right")) - 1, len(self.edges) - 2)
        return float(self.passed[k] + self._between(self.edges[k : k + 1], np.array([u]))[0])

    def share(self, T: np.ndarray) -> np.ndarray:
        """The share u of the run that is over at intrinsic times T, by bisection."""
        k = np.clip(np.searchsorted(self.passed, T, side="right") - 1, 0, len(self.edges) - 2)
        start = low = self.edges[k]
        high = self.edges[k + 1]
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            early = self.passed[k] + self._between(start, middle) < T
            low, high = np.where(early, middle, low), np.where(early, high, middle)
        return (low + high) / 2


def risks(law: FunctionalScalingLaw, modes: Modes, first: float, growth: float) -> np.ndarray:
    """P + floor at the times."""
    clock = Clock(law)
    stops = [clock.at(t / law.times[-1]) for t in law.times]
    kinks = sorted({clock.at(b) for b in law.schedule.breaks()} | {0.0, stops[-1]})
    pieces = [a + panels(b - a, first, growth) for a, b in pairwise(kinks)]
    edges = np.unique(np.concatenate([*pieces, kinks, stops]))
    c = legendre(ORDER)[0]
    D, seen = modes.target, {0.0: modes.power(modes.target)}
    for now, end in pairwise(edges):
        g = law.rate / law.batch * np.asarray(law.schedule(clock.share(now + c * (end - now))), float)
        D = _advance(modes, D, end - now, c, g)
        seen[end] = modes.power(D)
    return np.array([seen[T] for T in stops]) + modes.floor


def panels(length: float, first: float, growth: float) -> np.ndarray:
    """Edges inside (0, length) of panels that grow from `first` at either end to the middle."""
    if length <= 2 * first:
        return np.zeros(0)
    count = int(np.ceil(np.log1p((growth - 1) * length / 2 / first) / np.log(growth)))
    half = growth ** np.arange(count)
    both = np.r_[half, half[::-1]]
    return np.cumsum(both * length / both.sum())[:-1]


def _advance(modes: Modes, D: np.ndarray, h: float, c: np.ndarray, g: np.ndarray) -> np.ndarray:
    """D after a panel of length h, with g at its nodes c h."""
    lam = modes.values
    a, ends = 2 * lam * h, np.r_[c, 1.0]
    weights = _weights(a, ends, c)
    decayed = np.exp(-np.outer(ends, a)) * D
    mixing = h * np.einsum("j,jiq->iq", modes.many * lam**2, weights[:, :-1]) * g
    V = np.linalg.solve(np.eye(ORDER) - mixing, decayed[:-1] @ (modes.many * lam) + modes.floor + modes.noise)
    return decayed[-1] + h * lam * (weights[:, -1] @ (g * V))


def _weights(a: np.ndarray, ends: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The integrals over s from 0 to e of exp(-a (e - s)) l_q(s), l_q the polynomials of Lagrange; (modes, ends, q)."""
    x, w = legendre(QUADRATURE)
    reach = np.minimum(ends, FORGOTTEN / a[:, None])[..., None]
    ago = reach * x
    s = ends[:, None] - ago
    kernel = reach * w * np.exp(-a[:, None, None] * ago)
    found = np.empty((len(a), len(ends), len(c)))
    for q in range(len(c)):
        others = np.delete(c, q)
        basis = np.prod((s[..., None] - others) / (c[q] - others), axis=-1)
        found[..., q] = np.sum(kernel * basis, axis=-1)
    return found
