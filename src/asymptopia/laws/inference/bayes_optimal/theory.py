"""State evolution of Bayes-optimal inference: every fixed point, from one scan of the signal-to-noise ratio."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import stacked
from ....contract.record import join, split
from ....numerics.arrays import ArrayLike
from ....numerics.roots import bracketed_roots, with_turns
from ....parts.channel import Channel
from ....parts.prior import Laplace, Prior
from ....theory.scalar import coordinate
from ....theory.scale_free import label_from_table, tabulated
from ....theory.seen import Label, label, label_error

if TYPE_CHECKING:
    from . import BayesOptimal

FIRST, LAST, LAST_OWN = 1e-9, 1e18, 1e9  # signal-to-noise ratios scanned, in units of the inverse variance
PERFECT = 1e-16  # share of the signal's variance below which nothing is left to learn
NOTHING = 1e-200
GROWS = 0.98  # a gain that grows like A lets enough samples recover everything
LEVEL, ROUNDING = 0.3, 1e-10  # free entropy that rises so much as v falls by a factor has no limit


@dataclasses.dataclass(frozen=True)
class FixedPointCurve:
    """One problem at all signal-to-noise ratios A = exp(t) that a coordinate may see; arrays (T,).

    v, q, information: of a coordinate at A. gain, log_likelihood: of a label of a field of known variance q, unknown v.
    The step of state evolution is A -> alpha gain(v(A)).
    """

    prior: Prior
    channel: Channel
    t: np.ndarray
    v: np.ndarray
    q: np.ndarray
    information: np.ndarray
    gain: np.ndarray
    log_likelihood: np.ndarray
    blind: bool
    label: Callable[..., Label]

    def excess(self, log_alpha: np.ndarray, t: np.ndarray) -> np.ndarray:
        """log(alpha gain(v(exp t))) - t: positive where state evolution moves up."""
        seen = coordinate(self.prior, np.exp(t))
        with np.errstate(divide="ignore"):
            return log_alpha + np.log(self.label(self.channel, seen.overlap, seen.mse).information) - t


@dataclasses.dataclass(frozen=True)
class Point:
    """A fixed point: A is 0 where nothing is learned, infinite where all is."""

    A: float
    q: float
    v: float
    free_entropy: float
    stable: bool


@lru_cache(maxsize=512)
def curve(prior: Prior, channel: Channel, label: Callable[..., Label] = label) -> FixedPointCurve:
    """The scan of a problem: independent of the number of samples. `label` gives what a label says of its field."""
    variance = prior.second_moment - prior.mean**2
    exact = prior.components() is not None or isinstance(prior, Laplace)
    last = np.log(LAST if exact else LAST_OWN)
    t = np.unique(np.r_[np.linspace(np.log(FIRST), -4, 34), np.linspace(-4, 7, 111), np.linspace(7, last, 70)])
    t = t[: 1 + np.searchsorted(t, last)] - np.log(variance)
    c = coordinate(prior, np.exp(t))
    count = int(np.argmin(np.r_[(c.mse > PERFECT * variance) & (np.abs(c.mass - 1) < 1e-7), False]))
    if count < 3:
        raise ArithmeticError(f"The averages over {prior!r} could not be computed.")
    seen = label(channel, c.overlap[:count], c.mse[:count])
    without = float(label(channel, np.array([prior.mean**2]), np.array([variance])).information[0])
    return FixedPointCurve(
        prior=prior,
        channel=channel,
        t=t[:count],
        v=c.mse[:count],
        q=c.overlap[:count],
        information=c.information[:count],
        gain=seen.information,
        log_likelihood=seen.log_likelihood,
        blind=without * variance < 1e-20,
        label=label,
    )


def fixed_points(prior: Prior, channel: Channel, alphas: Sequence[float], priors: int = 1) -> list[list[Point]]:
    """Every fixed point of state evolution at each alpha, ordered by overlap, for one of so many priors."""
    c = curve(prior, channel, label_from_table if tabulated(channel, priors) else label)
    brackets: list[tuple[int, float, float, bool]] = []
    for k, alpha in enumerate(alphas):
        with np.errstate(divide="ignore"):
            excess = np.log(alpha) + np.log(c.gain) - c.t
        t, excess = with_turns(partial(c.excess, np.log(alpha)), c.t, excess)
        up = excess > 0
        brackets += [(k, t[i], t[i + 1], bool(up[i])) for i in np.flatnonzero(up[1:] != up[:-1])]
    inside: list[list[Point]] = [[] for _ in alphas]
    if brackets:
        owner, low, high, stable = (np.array(a) for a in zip(*brackets, strict=True))
        each = np.asarray(alphas, float)[owner]
        A = np.exp(bracketed_roots(lambda t, rows: c.excess(np.log(each[rows]), t), low, high))
        at = coordinate(prior, A)
        seen = c.label(channel, at.overlap, at.mse)
        phi = _free_entropy(each, A, at.mse, at.information, seen.log_likelihood)
        for k, a, q, v, f, s in zip(owner, A, at.overlap, at.mse, phi, stable, strict=True):
            inside[k].append(Point(float(a), float(q), float(v), float(f), bool(s)))
    return [_lowest(c, alpha) + points + _perfect(c, alpha) for alpha, points in zip(alphas, inside, strict=True)]


def chosen(points: list[Point], start: str) -> Point:
    """The fixed point that state evolution reaches from no knowledge of the signal, or from all."""
    stable = [p for p in points if p.stable]
    return stable[0] if start == "uninformative" else stable[-1]


def test_error(channel: Channel, points: Sequence[Point]) -> np.ndarray:
    """The least possible error on a new label, without noise where that can be taken away, at each point."""
    q, v = (np.array([getattr(p, name) for p in points]) for name in "qv")
    errors = label_error(channel, q, np.maximum(v, NOTHING))
    return np.where((v == 0) & (errors < PERFECT), 0.0, errors)


def _free_entropy(alpha: float, A: ArrayLike, v: ArrayLike, information: np.ndarray, log_likelihood: np.ndarray) -> Any:
    """lim (1/d) E log P(y | X) at the overlap at which the coordinates have posterior variance v."""
    return alpha * log_likelihood - information + A * v / 2


def _lowest(c: FixedPointCurve, alpha: float) -> list[Point]:
    """The fixed point below the scan: at A = 0 where labels alone say nothing, else where next to nothing is said."""
    rising = bool(alpha * c.gain[0] > np.exp(c.t[0]))
    if rising and not c.blind:
        return []
    start = c.label(c.channel, *np.array([[c.prior.mean**2], [c.prior.second_moment - c.prior.mean**2]]))
    A = 0.0 if c.blind else float(alpha * start.information[0])
    v = c.prior.second_moment - c.prior.mean**2
    phi = float(alpha * start.log_likelihood[0])
    return [Point(A, float(c.prior.mean**2), float(v), phi, not rising)]


def _perfect(c: FixedPointCurve, alpha: float) -> list[Point]:
    """Perfect recovery, where it is a fixed point that some number of samples makes stable."""
    growth = np.diff(np.log(c.gain[[-5, -1]])) / np.diff(c.t[[-5, -1]]) if c.gain[-1] > 0 else 0.0
    stable = bool(alpha * c.gain[-1] > np.exp(c.t[-1]))
    if not (stable or growth > GROWS):
        return []
    phi = _free_entropy(alpha, np.exp(c.t), c.v, c.information, c.log_likelihood)
    earlier, later = np.diff(np.interp(np.log(c.v[-1]) + np.array([9.0, 4.5, 0.0]), np.log(c.v[::-1]), phi[::-1]))
    diverges = abs(later) > max(LEVEL * abs(earlier), ROUNDING)
    return [Point(np.inf, float(c.prior.second_moment), 0.0, float(later * np.inf if diverges else phi[-1]), stable)]


def problems(law: Any) -> list[Any]:
    """The laws that one with arrays in its number fields stands for."""
    structure, numbers = split(law)
    return [join(structure, (float(v[k]) if np.ndim(v) else v for v in numbers)) for k in range(stacked(law))]


def predict_many(law: BayesOptimal) -> dict[str, Any]:
    """The observables of `BayesOptimal`, with arrays in its number fields for many problems at once."""
    every = problems(law)
    groups: dict[Any, list[int]] = {}
    for k, one in enumerate(every):
        groups.setdefault((one.prior, one.channel), []).append(k)
    rows = np.zeros((len(every), 4))
    for (prior, channel), members in groups.items():
        solutions = fixed_points(prior, channel, [every[k].alpha for k in members], len(groups))
        points = [chosen(p, law.start) for p in solutions]
        errors = test_error(channel, points)
        rows[members] = [(p.q, p.v, e, p.free_entropy) for p, e in zip(points, errors, strict=True)]
    return dict(zip(("overlap", "mse", "test_error", "free_entropy"), rows.T, strict=True))
