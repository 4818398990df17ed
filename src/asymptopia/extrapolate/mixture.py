"""All forms together, each with its probability: what a larger run will reach, and how far that is open."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from .fit import Fit, weights_of

_DRAWS = 8000


@dataclasses.dataclass(frozen=True)
class Told:
    """Draws at M sizes together: what runs reach on average and single ones (K, M), the form of each draw (K,), and
    log_density(m, y), the log density (K, outcomes) of results y (outcomes,) of one more run of the m-th size."""

    curves: np.ndarray
    results: np.ndarray
    form: np.ndarray
    log_density: Callable[[int, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Fits of several forms to one ladder, with their probabilities; for each draw (K,), its form and point."""

    fits: tuple[Fit, ...]
    weights: np.ndarray
    form: np.ndarray
    point: np.ndarray

    @classmethod
    def of(cls, fits: list[Fit]) -> Mixture:
        """Draws of the fits in proportion to their probabilities, the same for the same fits."""
        weights = weights_of(fits)
        rng = np.random.default_rng(0)
        counts = np.floor(weights * _DRAWS + rng.random(len(fits))).astype(int)
        form = np.repeat(np.arange(len(fits)), counts)
        point = np.concatenate([np.arange(c) % len(f.points) for c, f in zip(counts, fits, strict=True)])
        return cls(tuple(fits), weights, form, point)

    def curves(self, x: np.ndarray) -> np.ndarray:
        """What runs of sizes x (M, v) reach on average, for each draw: (K, M)."""
        return self._drawn([f.curve(x) for f in self.fits])

    def results(self, x: np.ndarray) -> np.ndarray:
        """What single runs of sizes x (M, v) reach, for each draw: (K, M)."""
        rng = np.random.default_rng(1)
        rounds = [np.stack([f.runs(x, rng) for _ in range(-(-_DRAWS // len(f.points)))]) for f in self.fits]
        turn = np.arange(len(self.form)) - np.searchsorted(self.form, self.form)
        results = np.empty((len(self.form), len(x)))
        for k, (fit, values) in enumerate(zip(self.fits, rounds, strict=True)):
            mine = self.form == k
            results[mine] = values[turn[mine] // len(fit.points), self.point[mine]]
        return results

    def runs(self, x: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the interval that holds this share of single runs of sizes x (M, v)."""
        low, high = np.quantile(self.results(x), [(1 - share) / 2, (1 + share) / 2], axis=0)
        return low, high

    def told(self, x: np.ndarray) -> Told:
        """The draws at sizes x (M, v)."""

        def log_density(k: int, y: np.ndarray) -> np.ndarray:
            return self._drawn([f.log_density(x[k], y) for f in self.fits])

        return Told(self.curves(x), self.results(x), self.form, log_density)

    def _drawn(self, values: list[np.ndarray]) -> np.ndarray:
        drawn = np.empty((len(self.form), values[0].shape[1]))
        for k, v in enumerate(values):
            mine = self.form == k
            drawn[mine] = v[self.point[mine]]
        return drawn
