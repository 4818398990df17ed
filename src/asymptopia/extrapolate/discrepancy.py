"""What runs have in common beside a law: a smooth departure from it, where there is evidence of one.

Logarithms of results are those of the law, linear in its constants about the likeliest ones, plus a Gaussian process of
the logarithms of sizes, plus noise. The process has covariance s**2 exp(-r**2 / 2 l**2) for sizes a distance r apart:
it is near what the runs show between and beside them, and beyond a length l it is unknown, up to s. Constants and the
scale of the noise are integrated out, l and s / noise averaged over a grid with the probabilities that the runs give
them; l is at least a quarter of the range of sizes, as what is shorter tells nothing of larger runs.

Source: Kennedy and O'Hagan, J. R. Stat. Soc. B 63 (2001) 425, section 4, for the model; Rasmussen and Williams,
Gaussian Processes for Machine Learning (2006), eqs. 2.41 to 2.45.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np

from .fit import Fit, jacobian_of
from .mixture import Mixture, Told

if TYPE_CHECKING:
    from jaxtyping import Float

FEWEST, _MOST, _DRAWS = 20, 500, 8000
_EVIDENCE = 20.0
_LENGTHS, _RATIOS = np.geomspace(0.25, 1.0, 5), np.geomspace(0.1, 300.0, 9)
_CUBE = 1 / 12


@dataclasses.dataclass(frozen=True)
class _Setting:
    """A length and a ratio of variances, departure to noise, of the process: the root of the covariance of the runs,
    what is left of them, the law's columns whitened (n, k), the constants' covariance (k, k) and estimates (k,)."""

    length: float
    ratio: float
    root: np.ndarray
    left: np.ndarray
    columns: np.ndarray
    covariance: np.ndarray
    constants: np.ndarray
    square: float
    log_evidence: float


@dataclasses.dataclass(frozen=True)
class Discrepancy:
    """The departure of a ladder from the likeliest point of a fit.

    rows: of the ladder that it is known from. settings, chances: of the process, with their probabilities.
    log_evidence: of law and departure together, to weigh forms by.
    """

    fit: Fit
    rows: np.ndarray
    settings: tuple[_Setting, ...]
    chances: np.ndarray
    log_evidence: float

    @property
    def size(self) -> float:
        """The standard deviation of the departure, as a share of the results."""
        spreads = [np.sqrt(s.ratio * s.square / len(self.rows)) for s in self.settings]
        return float(self.chances @ spreads)

    def draws(
        self, x: Float[np.ndarray, "M v"], count: int, rng: np.random.Generator
    ) -> tuple[Float[np.ndarray, "count M"], Float[np.ndarray, "count M"]]:
        """Draws of what runs of sizes x reach on average, and of the standard deviation of their noise, as a share."""
        law = np.log(self.fit.at_best(x))
        means, deviations = np.empty((count, len(x))), np.empty((count, len(x)))
        chosen = rng.choice(len(self.settings), count, p=self.chances)
        noise = 1 / np.sqrt(self.fit.precision_at_best(x))
        for k in np.unique(chosen):
            mine = chosen == k
            scale = np.sqrt(self.settings[k].square / rng.chisquare(len(self.rows) - 1, mine.sum()))
            mean, root = self._departure(self.settings[k], x)
            means[mine] = law + mean + scale[:, None] * (rng.standard_normal((mine.sum(), len(x))) @ root.T)
            deviations[mine] = scale[:, None] * noise
        return np.exp(means), deviations

    def _departure(self, setting: _Setting, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean (M,) of the law's change and the departure together at sizes x, and the root (M, M) of their
        covariance in units of the noise."""
        from scipy.linalg import solve_triangular

        ladder = self.fit.ladder
        sizes = ladder.logs(ladder.x[self.rows])
        across = setting.ratio * _kernel(sizes, ladder.logs(x), setting.length)
        white = solve_triangular(setting.root, across, lower=True)
        rest = jacobian_of(self.fit, x) - white.T @ setting.columns
        mean = white.T @ setting.left + jacobian_of(self.fit, x) @ setting.constants
        covariance = setting.ratio * _kernel(ladder.logs(x), ladder.logs(x), setting.length) - white.T @ white
        values, axes = np.linalg.eigh(covariance + rest @ setting.covariance @ rest.T)
        return mean, axes * np.sqrt(np.maximum(values, 0.0))


@dataclasses.dataclass(frozen=True)
class Departing:
    """Laws with departures, each with its probability (K,): what runs reach, in place of a `Mixture`."""

    parts: tuple[Discrepancy, ...]
    weights: np.ndarray

    @classmethod
    def of(cls, mixture: Mixture) -> Departing | None:
        """The forms of a mixture with what runs have in common beside them; None where the likeliest fits without."""
        fits = [mixture.fits[k] for k in np.argsort(-mixture.weights)]
        if (first := discrepancy_of(fits[0])) is None:
            return None
        parts = (first, *(d for d in map(discrepancy_of, fits[1:]) if d is not None))
        logs = np.array([d.log_evidence - d.fit.form.parameters * np.log(2) for d in parts])
        weights = np.exp(logs - logs.max())
        return cls(parts, weights / weights.sum())

    @property
    def size(self) -> float:
        """The standard deviation of the departure, as a share of the results."""
        return float(self.weights @ [d.size for d in self.parts])

    def curves(self, x: Float[np.ndarray, "M v"]) -> Float[np.ndarray, "K M"]:
        """Draws of what runs of sizes x reach on average."""
        return self._draws(x)[0]

    def results(self, x: Float[np.ndarray, "M v"]) -> Float[np.ndarray, "K M"]:
        """Draws of what single runs of sizes x reach."""
        return self.told(x).results

    def told(self, x: Float[np.ndarray, "M v"]) -> Told:
        """The draws at sizes x; their noise is a share of the results."""
        curves, deviations, form = self._draws(x)
        results = curves * np.exp(deviations * np.random.default_rng(1).standard_normal(curves.shape))

        def log_density(k: int, y: np.ndarray) -> np.ndarray:
            spread = deviations[:, k, None]
            return np.asarray(-0.5 * (np.log(y / curves[:, k, None]) / spread) ** 2 - np.log(spread * y))

        return Told(curves, results, form, log_density)

    def _draws(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Curves and deviations (K, M), and the place of each draw's law among the parts (K,)."""
        rng = np.random.default_rng(0)
        counts = np.floor(self.weights * _DRAWS + rng.random(len(self.weights))).astype(int)
        parts = [d.draws(x, int(c), rng) for d, c in zip(self.parts, counts, strict=True) if c]
        form = np.repeat(np.arange(len(counts)), counts)
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), form


def discrepancy_of(fit: Fit) -> Discrepancy | None:
    """The departure of the runs from a fit with noise that is a share of the results; None with fewer than 20 runs, or
    where the evidence for a departure is not twenty times that for none, which noise alone reaches once in twenty.
    """
    n = len(fit.ladder.y)
    if n < FEWEST or fit.relative.mean() <= 0.5:
        return None
    rows = np.arange(n) if n <= _MOST else np.unique(np.linspace(0, n - 1, _MOST).round().astype(int))
    settings = _settings(fit, rows)
    (plain,) = _settings(fit, rows, plain=True)
    logs = np.array([s.log_evidence for s in settings])
    chances = np.exp(logs - logs.max())
    evidence = float(logs.max() + np.log(chances.mean()))
    if evidence - plain.log_evidence < np.log(_EVIDENCE):
        return None
    likely = np.flatnonzero(chances > 1e-3)
    weights = chances[likely] / chances[likely].sum()
    return Discrepancy(fit, rows, tuple(settings[k] for k in likely), weights, evidence)


def _settings(fit: Fit, rows: np.ndarray, plain: bool = False) -> list[_Setting]:
    """The grid of settings for these rows, or the one without a departure."""
    x, y = fit.ladder.x[rows], fit.ladder.y[rows]
    residual, columns = np.log(y / fit.at_best(x)), jacobian_of(fit, x)
    noise, sizes = 1 / fit.precision_at_best(x), fit.ladder.logs(x)
    hidden = len(rows) * float(((fit.ladder.rounding / y) ** 2).mean()) / 12
    typical = float(np.median(np.abs(residual - np.median(residual))) / 0.6745) ** 2 + hidden / len(rows)
    prior = np.diag(np.full(columns.shape[1], typical / _CUBE))
    if plain:
        return [_setting(1.0, 0.0, np.zeros((len(rows), len(rows))), noise, residual, columns, prior, hidden)]
    span = float(np.ptp(sizes, axis=0).max())
    kernels = [(part * span, _kernel(sizes, sizes, part * span)) for part in _LENGTHS]
    return [
        _setting(length, ratio, kernel, noise, residual, columns, prior, hidden)
        for (length, kernel), ratio in itertools.product(kernels, _RATIOS)
    ]


def _kernel(a: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    """exp(-r**2 / 2 l**2) for logarithms of sizes (N, v) and (M, v) a distance r apart."""
    return np.asarray(np.exp(-0.5 * ((a[:, None] - b[None]) ** 2).sum(axis=2) / length**2))


def _setting(
    length: float, ratio: float, kernel: np.ndarray, noise: np.ndarray, residual: np.ndarray, columns: np.ndarray,
    prior: np.ndarray, hidden: float,
) -> _Setting:  # fmt: skip
    """The regression on the law's columns (n, k), with a prior precision of its constants, in the noise of a setting.

    hidden: the squares that rounding to the digits given may hide. The evidence has the constants and the scale of the
    noise, uniform in its logarithm, integrated out.
    """
    from scipy.linalg import solve_triangular

    root = np.linalg.cholesky(ratio * kernel + np.diag(noise))
    white = solve_triangular(root, np.column_stack([residual, columns]), lower=True)
    target, law = white[:, 0], white[:, 1:]
    covariance = np.linalg.inv(law.T @ law + prior)
    constants = covariance @ (law.T @ target)
    left = target - law @ constants
    square = float(left @ left + constants @ prior @ constants) + hidden
    log_evidence = -np.log(np.diag(root)).sum() + 0.5 * np.linalg.slogdet(covariance)[1]
    log_evidence -= (len(residual) - 1) / 2 * np.log(square)
    return _Setting(length, ratio, root, left, law, covariance, constants, square, float(log_evidence))
