"""Loss curves fitted by the laws of `schedules`: exact regression on a grid of what is not linear."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from .schedules import Run, ScheduleForm

_EXPONENTS = np.geomspace(0.05, 2.0, 30)
_MOST = 150
_DRAWS, _FEWEST = 3000, 50
_ROUNDS, _SMALL = 6, 1e-3


@dataclasses.dataclass(frozen=True)
class CurveFit:
    """One form fitted to the loss curves of some runs.

    exponents, kernels: the grid of exponents (A,) and constants of the kernel (G, k). top: the sum of learning rates
    that S is measured in. places: of draws from the posterior in the grid (K, 2). linear: E, A and c (K, p). spread:
    the standard deviation of a logged loss, as a share of it (K,). log_evidence: of the form.
    """

    form: ScheduleForm
    exponents: np.ndarray
    kernels: np.ndarray
    top: float
    places: np.ndarray
    linear: np.ndarray
    spread: np.ndarray
    log_evidence: float

    def curve(self, run: Run, rows: np.ndarray) -> np.ndarray:
        """What each draw says of the loss at rows (m,) of a run: (K, m)."""
        powers = _powers(run, rows, self.top, self.exponents)[self.places[:, 0]]
        values = self.linear[:, :1] + self.linear[:, 1:2] * powers
        if self.form.column is None:
            return np.asarray(values)
        used, index = np.unique(self.places[:, 1], return_inverse=True)
        return np.asarray(values + self.linear[:, 2:] * self.form.column(run, rows, self.kernels[used])[index])

    def constants(self) -> dict[str, np.ndarray]:
        """The constants of the formula by name, each (K,)."""
        exponent = self.exponents[self.places[:, 0]]
        names = ("E", "A", "c")[: self.linear.shape[1]]
        known = dict(zip(names, self.linear.T, strict=True)) | {"a": exponent}
        known["A"] = known["A"] * self.top**exponent
        return known | dict(zip(self.form.constants, self.kernels[self.places[:, 1]].T, strict=True))


def _powers(run: Run, rows: np.ndarray, top: float, exponents: np.ndarray) -> np.ndarray:
    """(S / top)^-a for every exponent of the grid: (A, m)."""
    return np.asarray((run.summed[rows] / top) ** -exponents[:, None])


def thinned(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows (m,) of a run after warm-up, the mean losses around them, and how many were averaged."""
    rows = np.flatnonzero(np.isfinite(run.loss) & (np.arange(len(run.loss)) >= run.warm) & (run.summed > 0))
    if not len(rows):
        return rows, np.empty(0), np.empty(0)
    blocks = np.array_split(rows, min(len(rows), _MOST))
    middles = np.array([b[len(b) // 2] for b in blocks], int)
    return middles, np.array([run.loss[b].mean() for b in blocks]), np.array([len(b) for b in blocks], float)


def fit_curves(form: ScheduleForm, runs: list[Run], rng: np.random.Generator) -> CurveFit | None:
    """The posterior of a form given the losses of some runs; None if it needs a negative constant.

    Noise is a share of the loss. E, A and c have flat priors where they are positive; exponents and the constants of
    the kernels are uniform in their logarithms, on a grid that is narrowed until the posterior covers it. Neighbours on
    a curve are not independent: the squares count as those of the number of independent points with the same
    correlation of neighbours' residuals.
    """
    curves = _Curves.of(runs)
    axes = [_EXPONENTS, *form.axes(max(float(run.step[-1]) for run in runs), curves.top)]
    volume = 0.0
    for _ in range(_ROUNDS):
        kernels = np.array(list(itertools.product(*axes[1:]))) if form.constants else np.empty((1, 0))
        regression = _Regression.of(*curves.columns(form, axes[0], kernels))
        count = max(
            len(regression.residual) * curves.independent(regression.residual), regression.scale.shape[-1] + 1.5
        )
        logs = regression.log_chances(count)
        narrowed = [_narrowed(axis, k, logs.reshape([len(v) for v in axes])) for k, axis in enumerate(axes)]
        if all(map(np.array_equal, narrowed, axes)):
            break
        volume += sum(np.log(np.log(v[-1] / v[0]) / np.log(u[-1] / u[0])) for u, v in zip(axes, narrowed, strict=True))
        axes = narrowed
    places, linear, spread, evidence = regression.drawn(logs, count, rng)
    if len(places) < _FEWEST:
        return None
    spread = spread * np.sqrt(curves.averaged.mean())
    return CurveFit(form, axes[0], kernels, curves.top, places, linear, spread, evidence + float(volume))


def _narrowed(axis: np.ndarray, k: int, logs: np.ndarray) -> np.ndarray:
    """Axis k of a grid with these log chances, about the values that matter, if these are few; else as it is."""
    along = np.exp(logs - logs.max()).sum(axis=tuple(j for j in range(logs.ndim) if j != k))
    inside = np.flatnonzero(along > _SMALL * along.max())
    if np.ptp(inside) >= len(axis) // 3:
        return axis
    first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, len(axis) - 1)
    return np.geomspace(axis[first], axis[last], len(axis))


@dataclasses.dataclass(frozen=True)
class _Curves:
    """Loss curves to be fitted: runs with the rows used, losses (n,), how many each averages, and where runs begin."""

    parts: tuple[tuple[Run, np.ndarray], ...]
    y: np.ndarray
    averaged: np.ndarray
    top: float

    @classmethod
    def of(cls, runs: list[Run]) -> _Curves:
        thin = [thinned(run) for run in runs]
        y, averaged = (np.concatenate([t[k] for t in thin]) for k in (1, 2))
        parts = tuple((run, t[0]) for run, t in zip(runs, thin, strict=True))
        return cls(parts, y, averaged, max(float(run.summed[-1]) for run in runs))

    def columns(
        self, form: ScheduleForm, exponents: np.ndarray, kernels: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """What E, A and c stand beside, axes (exponent, kernel, row), and the losses; both as shares of the losses."""
        root = np.sqrt(self.averaged / self.averaged.mean()) / self.y
        powers = np.concatenate([_powers(run, rows, self.top, exponents) for run, rows in self.parts], axis=1)
        columns = [np.ones((1, 1, len(self.y))), powers[:, None]]
        if form.column is not None:
            columns.append(np.concatenate([form.column(run, rows, kernels) for run, rows in self.parts], axis=1)[None])
        return [root * c for c in columns], root * self.y

    def independent(self, residual: np.ndarray) -> float:
        """The share of points that count as independent, from the correlation of neighbours' residuals."""
        curves = np.split(residual, np.cumsum([len(rows) for _, rows in self.parts])[:-1])
        together = sum(float(r[1:] @ r[:-1]) for r in curves) / max(float(residual @ residual), 1e-300)
        together = min(max(together, 0.0), 0.97)
        return (1 - together) / (1 + together)


@dataclasses.dataclass(frozen=True)
class _Regression:
    """Least squares at every place (A, G) of a grid, for p columns: normal matrices (A, G, p, p) of columns divided by
    their norms `scale` (A, G, p), coefficients, sums of squares, and the residual (n,) at the best place."""

    gram: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray
    squares: np.ndarray
    residual: np.ndarray

    @classmethod
    def of(cls, columns: list[np.ndarray], y: np.ndarray) -> _Regression:
        """Of columns whose leading axes broadcast to (A, G)."""
        shape, p = np.broadcast_shapes(*(c.shape[:2] for c in columns)), len(columns)
        gram, right = np.empty((*shape, p, p)), np.empty((*shape, p))
        for i, u in enumerate(columns):
            right[..., i] = u @ y
            for j, v in enumerate(columns):
                gram[..., i, j] = np.einsum("agn,agn->ag", u, v)
        scale = np.sqrt(np.maximum(np.einsum("...ii->...i", gram), 1e-300))
        gram = gram / scale[..., :, None] / scale[..., None, :] + 1e-10 * np.eye(p)
        scaled = np.linalg.solve(gram, (right / scale)[..., None])[..., 0]
        squares = y @ y - np.einsum("...i,...i->...", scaled, right / scale)
        best = np.unravel_index(int(np.argmin(squares)), shape)
        at = [np.broadcast_to(c, (*shape, len(y)))[best] for c in columns]
        coefficients = scaled / scale
        residual = y - coefficients[best] @ np.stack(at)
        return cls(gram, scale, coefficients, np.maximum(squares, 1e-14 * (y @ y)), residual)

    def log_chances(self, count: float) -> np.ndarray:
        """The log evidence of each place (A, G), its coefficients and the noise integrated out, for that many
        independent points."""
        from scipy.special import gammaln

        n, p = len(self.residual), self.scale.shape[-1]
        share, freedom = count / n, count - p
        logs = gammaln(freedom / 2) - freedom / 2 * np.log(share * self.squares / 2)
        return np.asarray(logs + 0.5 * p * np.log(2 * np.pi / n) - 0.5 * np.linalg.slogdet(share * self.gram)[1])

    def drawn(
        self, logs: np.ndarray, count: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Places (K, 2), coefficients (K, p) and deviations (K,) of the posterior where no coefficient is negative, and
        the log evidence."""
        from scipy.special import logsumexp

        p, share = self.scale.shape[-1], count / len(self.residual)
        chance = np.exp(logs - logsumexp(logs)).ravel()
        places = np.column_stack(np.unravel_index(rng.choice(logs.size, _DRAWS, p=chance / chance.sum()), logs.shape))
        at = (places[:, 0], places[:, 1])
        spread = np.sqrt(share * self.squares[at] / rng.chisquare(count - p, _DRAWS))
        root = np.linalg.cholesky(np.linalg.inv(share * self.gram[at]))
        steps = np.einsum("kij,kj->ki", root, rng.standard_normal((_DRAWS, p))) * spread[:, None]
        linear = self.coefficients[at] + steps / self.scale[at]
        kept = (linear >= 0).all(axis=1)
        evidence = float(logsumexp(logs) - np.log(logs.size) + np.log(max(kept.mean(), 1e-300)))
        return places[kept], linear[kept], spread[kept], evidence
