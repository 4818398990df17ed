"""Every form fitted to a ladder: posterior, evidence, and whether the form fits at all."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable

import numpy as np

from ..numerics.tempering import Posterior, posterior
from .forms import CURVES, SURFACES, Form
from .ladder import Ladder

POINTS = 1000
_BOOTSTRAPS = 20000
_MANY = 20
_GROWTH = 0.15
_SHARE_OF_RESULT = 0.9


@dataclasses.dataclass(frozen=True)
class Fit:
    """One form and the posterior of its parameters, given a ladder.

    points:       of the unit cube (N, k), the parameters of the shape; from 20 runs on also that of the noise's growth.
    top, spread:  the curve and the standard deviation of the noise at the largest sizes (N,), the latter as a share of
                  what is reached where `relative` (N,), and in its units elsewhere.
    best:         the place of the most likely point, and `log_best` its log likelihood.
    log_evidence: of the form.
    lack:         the p-value of the test of lack of fit.
    """

    form: Form
    ladder: Ladder
    points: np.ndarray
    top: np.ndarray
    spread: np.ndarray
    relative: np.ndarray
    best: int
    log_best: float
    log_evidence: float
    lack: float = np.nan

    def curve(self, x: np.ndarray) -> np.ndarray:
        """What each point of the posterior says that runs of sizes x (M, v) reach on average: (N, M)."""
        return np.asarray(self.top[:, None] * np.exp(_log_shape(self.form, self.ladder, self.points, x)))

    def deviation(self, x: np.ndarray) -> np.ndarray:
        """The standard deviation of the noise of runs of sizes x (M, v): (N, M)."""
        return np.asarray(self.spread[:, None] / np.sqrt(_precision(self.form, self.ladder, self.points, x)))

    def at_best(self, x: np.ndarray) -> np.ndarray:
        """What the most likely point says that runs of sizes x (M, v) reach (M,), its height by least squares."""
        point = self.points[self.best][None]
        shape, precision = _at_runs(self.form, self.ladder, point)
        heights, _ = _residuals(shape, precision, self.ladder)
        height = heights[0] if self.relative.mean() > 0.5 else heights[1]
        return np.asarray(height * np.exp(_log_shape(self.form, self.ladder, point, x))[0])

    def precision_at_best(self, x: np.ndarray) -> np.ndarray:
        """The inverse variance of the noise at sizes x (M, v) for that point, relative to the largest run."""
        return _precision(self.form, self.ladder, self.points[self.best][None], x)[0]

    def runs(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The same of single runs, with their noise."""
        mean = self.curve(x)
        noise = self.deviation(x) * rng.standard_normal(mean.shape)
        return np.asarray(np.where(self.relative[:, None], mean * np.exp(noise), np.maximum(mean + noise, 0.0)))

    def log_density(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The log density (N, K) of results y (K,) of one more run of size x (v,)."""
        mean, spread = self.curve(x[None]), self.deviation(x[None])
        off = np.where(self.relative[:, None], np.log(y / mean), y - mean) / spread
        return np.asarray(-0.5 * off**2 - np.log(spread * np.where(self.relative[:, None], y, 1.0)))

    def constants(self) -> np.ndarray:
        """The constants of the formula (N, constants)."""
        ends = _ends(self.ladder.logs(self.ladder.x))
        return self.form.values(self.points, np.log(self.top), np.log(self.ladder.largest), ends)


def forms_for(ladder: Ladder) -> tuple[Form, ...]:
    """The forms that a ladder of so many different sizes can tell something about."""
    forms = CURVES if ladder.x.shape[1] == 1 else SURFACES
    return tuple(f for f in forms if f.least <= ladder.rungs)


def fitted(ladder: Ladder, tested: bool = True, points: int = POINTS) -> list[Fit]:
    """The fit of each form; the same ladder gives the same numbers."""
    fits = []
    for form in forms_for(ladder):
        rng = np.random.default_rng(_seed(ladder, form))
        result = posterior(
            lambda u, f=form: np.logaddexp(*_log_likelihoods(f, ladder, u)),  # type: ignore[misc]
            form.parameters + _grows(ladder), points, rng,
        )  # fmt: skip
        fit = _drawn(form, ladder, result, rng)
        fits.append(dataclasses.replace(fit, lack=lack_of_fit(fit, rng)) if tested else fit)
    return fits


def _drawn(form: Form, ladder: Ladder, result: Posterior, rng: np.random.Generator) -> Fit:
    """With a draw of the noise and of the curve's height for each point of the shape's posterior."""
    points, n = result.points, len(ladder.y)
    relative, absolute = _log_likelihoods(form, ladder, points)
    kind = np.log(rng.random(len(points))) < relative - np.logaddexp(relative, absolute)
    shape, precision = _at_runs(form, ladder, points)
    heights, squares = _residuals(shape, precision, ladder)
    spread = np.sqrt(np.where(kind, *squares) / rng.chisquare(n - 1, len(points)))
    normal = rng.standard_normal(len(points)) * spread
    top = np.where(
        kind,
        heights[0] * np.exp(normal / np.sqrt(precision.sum(axis=1))),
        heights[1] + normal / np.sqrt((precision * shape**2).sum(axis=1)),
    )
    best = int(np.argmax(result.log_likelihood))
    return Fit(
        form,
        ladder,
        points,
        np.maximum(top, 1e-300),
        spread,
        kind,
        best,
        float(result.log_likelihood[best]),
        result.log_evidence,
    )


def weights_of(fits: list[Fit]) -> np.ndarray:
    """The probability of each form; before the runs are seen, each further parameter halves it."""
    logs = np.array([f.log_evidence - f.form.parameters * np.log(2) for f in fits])
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _seed(ladder: Ladder, form: Form) -> list[int]:
    text = repr((form.name, ladder.x.tolist(), ladder.y.tolist()))
    return list(hashlib.sha256(text.encode()).digest()[:8])


def _ends(logs: np.ndarray) -> np.ndarray:
    return np.stack([logs.min(axis=0), logs.max(axis=0)])


def _log_shape(form: Form, ladder: Ladder, points: np.ndarray, x: np.ndarray) -> np.ndarray:
    return form.shape(points, ladder.logs(x), _ends(ladder.logs(ladder.x)))


def _grows(ladder: Ladder) -> bool:
    """Whether there are runs enough to tell how their noise changes with size."""
    return len(ladder.y) >= _MANY


def _precision(form: Form, ladder: Ladder, points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The inverse variance of the noise at sizes x (M, v), relative to the largest run, for points (N, k): (N, M).

    With many runs the noise is a power of the product of the sizes; its exponent is normal, of mean 0, beforehand.
    """
    from scipy.special import ndtri

    if not _grows(ladder):
        return np.ones((len(points), len(x)))
    growth = _GROWTH * ndtri(points[:, form.parameters])
    return np.asarray(np.exp(-2 * growth[:, None] * ladder.logs(x).sum(axis=1)))


def _at_runs(form: Form, ladder: Ladder, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shape of the curve and precision of the noise at the runs of the ladder (N, n)."""
    return np.exp(_log_shape(form, ladder, points, ladder.x)), _precision(form, ladder, points, ladder.x)


def _residuals(
    shape: np.ndarray, precision: np.ndarray, ladder: Ladder
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Heights of the shapes (N, n) by least squares, and sums of squares left: of logarithms, and of the results.

    Each run counts by its precision (N, n). What rounding to the digits given may hide is added to the squares, so that
    exact data have an error too.
    """
    hidden = ladder.rounding**2 / 12
    logs = np.log(ladder.y) - np.log(shape)
    relative = (precision * logs).sum(axis=1) / precision.sum(axis=1)
    absolute = (precision * shape) @ ladder.y / (precision * shape**2).sum(axis=1)
    left = (precision * ((logs - relative[:, None]) ** 2 + hidden / ladder.y**2)).sum(axis=1)
    right = (precision * ((ladder.y - absolute[:, None] * shape) ** 2 + hidden)).sum(axis=1)
    return (np.exp(relative), absolute), (left, right)


def _log_likelihoods(form: Form, ladder: Ladder, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of noise that is a share of what is reached, and of noise of one unit, up to the same constant.

    The height and the scale of the noise, uniform in their logarithms, are integrated out. The kinds count by their
    prior probabilities, 0.9 and 0.1: ten runs tell them apart only where the results fall by a large factor.
    """
    shape, precision = _at_runs(form, ladder, points)
    (_, height), (left, right) = _residuals(shape, precision, ladder)
    half, weighed = (len(ladder.y) - 1) / 2, 0.5 * np.log(precision).sum(axis=1)
    relative = weighed - half * np.log(left) - np.log(ladder.y).sum() - 0.5 * np.log(precision.sum(axis=1))
    absolute = weighed - half * np.log(right) - np.log(height) - 0.5 * np.log((precision * shape**2).sum(axis=1))
    return relative + np.log(_SHARE_OF_RESULT), absolute + np.log(1 - _SHARE_OF_RESULT)


def lack_of_fit(fit: Fit, rng: np.random.Generator) -> float:
    """The p-value of the hypothesis that residuals of neighbouring runs are independent, as they are of the true form.

    The mean square difference of neighbours' residuals, relative to their mean square (von Neumann, Ann. Math. Stat. 12
    (1941) 367), is small where the curve misses the shape of the data. Its law is that of normal noise projected off
    the directions in which the form was fitted. Where runs are repeated, the share of squares that is within
    the sizes (Fisher's test of linearity) is a second such ratio; the smaller p-value counts twice.
    """
    ladder = fit.ladder
    relative, mean, precision = fit.relative.mean() > 0.5, fit.at_best(ladder.x), fit.precision_at_best(ladder.x)
    columns = jacobian_of(fit, ladder.x)
    jacobian = np.sqrt(precision)[:, None] * (columns if relative else columns * mean[:, None])
    basis, size, _ = np.linalg.svd(jacobian, full_matrices=False)
    basis = basis[:, size > 1e-6 * size[0]]
    left = len(ladder.y) - basis.shape[1]
    if left < 2:
        return float("nan")
    order = np.argsort(-mean, kind="stable")
    residual = np.sqrt(precision) * (np.log(ladder.y / mean) if relative else ladder.y - mean)
    noise = rng.standard_normal((min(_BOOTSTRAPS, 4_000_000 // len(residual)), len(residual)))
    groups = np.unique(ladder.x, axis=0, return_inverse=True)[1].ravel()
    statistics: list[Callable[[np.ndarray], np.ndarray]] = [lambda r: _roughness(r[:, order])]
    repeated = len(residual) - groups.max() - 1
    if repeated >= 2 and groups.max() + 1 > basis.shape[1]:
        statistics.append(lambda r: _within(r, groups))
    observed = (residual - basis @ (basis.T @ residual))[None]
    noise -= (noise @ basis) @ basis.T
    values = [float(((s(noise) <= s(observed)).sum() + 1) / (len(noise) + 1)) for s in statistics]
    return min(1.0, len(values) * min(values))


def _roughness(residuals: np.ndarray) -> np.ndarray:
    """The square of neighbours' differences relative to that of the residuals (K,), summed along each row."""
    return np.asarray((np.diff(residuals, axis=1) ** 2).sum(axis=1) / (residuals**2).sum(axis=1))


def _within(residuals: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The share of the residuals' squares that is within the groups (K,): small where the curve misses their means."""
    member = (groups[:, None] == np.arange(groups.max() + 1)).astype(float)
    means = residuals @ member / member.sum(axis=0)
    return np.asarray(((residuals - means[:, groups]) ** 2).sum(axis=1) / (residuals**2).sum(axis=1))


def jacobian_of(fit: Fit, x: np.ndarray) -> np.ndarray:
    """Derivatives of the curve's logarithm at sizes x (M, v) by height and the parameters of its shape (M, 1 + k)."""
    point, step = fit.points[fit.best], 1e-5
    columns = [np.ones(len(x))]
    for k in range(len(point)):
        up, down = point.copy(), point.copy()
        up[k], down[k] = min(up[k] + step, 1 - 1e-9), max(down[k] - step, 1e-9)
        both = _log_shape(fit.form, fit.ladder, np.stack([up, down]), x)
        columns.append((both[0] - both[1]) / (up[k] - down[k]))
    return np.column_stack(columns)
