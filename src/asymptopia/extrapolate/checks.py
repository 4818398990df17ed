"""The largest runs predicted from the smaller ones, and the run that would tell most for least."""

from __future__ import annotations

import dataclasses

import numpy as np

from .discrepancy import Departing
from .fit import fitted
from .ladder import Ladder
from .mixture import Mixture

_SHARES = (0.05, 0.1, 0.2)
_MANY = 30
_LEAST = 5
_CANDIDATES, _OUTCOMES, _DRAWS = 14, 24, 1500
_SURE = 0.95


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Runs left out, where the others end, how many are inside their intervals; of the largest, what it reached and its
    interval; and the factor by which intervals would have to be wider to hold their share of these runs."""

    runs: int
    fitted_to: tuple[float, ...]
    inside: int
    measured: float
    low: float
    high: float
    deviation: float

    def surprise(self, share: float) -> float:
        """The probability that so few would be inside, if each were with probability `share`."""
        from scipy.stats import binom

        return float(binom.cdf(self.inside, self.runs, share))


@dataclasses.dataclass(frozen=True)
class NextRun:
    """The cheapest next run that would halve the interval of the curve at a size, and the cheapest that would leave one
    form with 95 % of the probability; None where no run up to that size would.

    target: the size; candidates: (size, share of the interval left, probability of the best form), on average over what
    the run may reach.
    """

    target: tuple[float, ...]
    halves: tuple[float, ...] | None
    separates: tuple[float, ...] | None
    candidates: tuple[tuple[tuple[float, ...], float, float], ...]

    def sentence(self, names: tuple[str, ...]) -> str:
        """What to run next, in words."""
        at = ", ".join(f"{v:.4g}" for v in self.target)
        words = [
            f"No single run up to {at} would halve the interval there."
            if self.halves is None
            else f"The cheapest run that would halve the interval at {at} has {_sizes(names, self.halves)}."
        ]
        if self.separates is not None:
            words.append(f"The cheapest that would settle the form has {_sizes(names, self.separates)}.")
        elif self.candidates and max(p for *_, p in self.candidates) < _SURE:
            words.append("No single run up to there would settle the form.")
        return " ".join(words)


def left_out(ladder: Ladder, share: float) -> tuple[LeftOut, ...]:
    """The checks on runs left out, for as many of the largest rungs as leave enough to fit."""
    counts = [round(s * ladder.rungs) for s in _SHARES] if ladder.rungs >= _MANY else [1, 2, 3]
    checks = []
    for count in counts:
        if ladder.rungs - count < _LEAST:
            break
        kept, others = ladder.without_largest(count)
        mixture = Mixture.of(fitted(kept, tested=False))
        results = (Departing.of(mixture) or mixture).results(others.x)
        low, median, high = np.quantile(results, [(1 - share) / 2, 0.5, (1 + share) / 2], axis=0)
        inside = (low <= others.y) & (others.y <= high)
        half = np.where(others.y > median, high - median, median - low)
        deviation = float(np.quantile(np.abs(others.y - median) / np.maximum(half, 1e-300), share))
        last = int(np.argmax(np.log(others.x).sum(axis=1)))
        checks.append(
            LeftOut(
                len(others.y), tuple(map(float, kept.largest)), int(inside.sum()), float(others.y[last]),
                float(low[last]), float(high[last]), deviation,
            )
        )  # fmt: skip
    return tuple(checks)


def next_run(best: Mixture | Departing, ladder: Ladder, target: np.ndarray, share: float) -> NextRun:
    """What one more run would tell of the curve at the target (v,), for sizes from the smallest to the target.

    Draws of the posterior, departures among them, are weighted by what they say of hypothetical outcomes, drawn from it
    as well.
    """
    rng = np.random.default_rng(3)
    steps = np.linspace(0, 1, _CANDIDATES)[:, None]
    sizes = np.exp((1 - steps) * np.log(ladder.x.min(axis=0)) + steps * np.log(target))
    told = best.told(sizes)
    chosen = rng.choice(len(told.form), min(_DRAWS, len(told.form)), replace=False)
    curve, form = told.curves[chosen, -1], told.form[chosen]
    forms = np.unique(form)
    order = np.argsort(curve)
    now = _width(curve[order], np.ones((len(curve), 1)) / len(curve), share)[0]
    rows = []
    for k, size in enumerate(sizes):
        outcomes = np.maximum(rng.choice(told.results[chosen, k], _OUTCOMES), 1e-12 * ladder.y.min())
        logs = told.log_density(k, outcomes)[chosen]
        weights = np.exp(logs - logs.max(axis=0))
        weights /= weights.sum(axis=0)
        left = _width(curve[order], weights[order], share).mean() / max(now, 1e-300)
        likeliest = np.array([weights[form == f].sum(axis=0) for f in forms]).max(axis=0).mean()
        rows.append((tuple(map(float, size)), float(left), float(likeliest)))
    sure = max((form == f).mean() for f in forms) >= _SURE
    halves = next((s for s, left, _ in rows if left <= 0.5), None)
    separates = None if sure else next((s for s, _, p in rows if p >= _SURE), None)
    return NextRun(tuple(map(float, target)), halves, separates, tuple(rows))


def _width(values: np.ndarray, weights: np.ndarray, share: float) -> np.ndarray:
    """Widths of the intervals of sorted values (K,) under weights (K, outcomes)."""
    total = np.cumsum(weights, axis=0)
    low, high = ((total < p).sum(axis=0) for p in ((1 - share) / 2, (1 + share) / 2))
    top = len(values) - 1
    return np.asarray(values[np.minimum(high, top)] - values[np.minimum(low, top)])


def _sizes(names: tuple[str, ...], size: tuple[float, ...]) -> str:
    return " and ".join(f"{n} = {v:.3g}" for n, v in zip(names, size, strict=False))
