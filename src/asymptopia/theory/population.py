"""The population behind a finite data set, as far as the Gaussian covariate theory needs it.

Theory knows a population by four things: the traces of its covariance, the correlation b = E[v nu] of the inputs with
the fields nu of the teacher, the covariance of these fields, and the joint distribution of fields and label. The
teacher here has one field, the least-squares prediction of the label, or, where the student is a classifier with
another loss, two: that, and the score of a logistic regression. The distribution of the label given the fields is the
empirical one, of predictions that leave the sample out: fields and labels need not be Gaussian. What is orthogonal to
the fields is taken as such in the equations of state. The share of wrong signs asks for more: the field of a student
that is trained on new samples is, up to what differs from one training set to another, that of ridge regression at the
student's own kappa, which is no multiple of the best prediction where the dimension is large. `Rows.outside` gives it
for every sample.

Estimates from N samples are biased when d / N is not small. With df(kappa) = tr Omega (Omega + kappa)^-1, its version
df_N on the samples, and S(kappa) = E[t**2] - b (Omega + kappa)^-1 b for a target t, random matrix theory gives, for
large d and N in any proportion,
    df(kappa) = df_N(kappa_N),   S(kappa) = S_N(kappa_N) / c,   kappa = kappa_N / c,   c = 1 - df_N(kappa_N) / N,
so the traces at kappa are read off the samples without knowing the spectrum (Jacot et al., NeurIPS 2020; Wei, Hu and
Steinhardt, ICML 2022).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..parts.covariance import Resolvents, Traces
from ..parts.data import Data

if TYPE_CHECKING:
    from jaxtyping import Float

_GRID = 1200
_MOST_ROWS, _MOST_VALUES, _PER_COLUMN = 20000, 10**7, 8
_FULL = 0.8
_DETERMINED = 0.3
_DISTINCT = 0.01
_BINS = (16, 12)
_LEAST = 1e-6
_RIDGES = 10.0 ** np.arange(2.0, -4.5, -0.75)


@dataclasses.dataclass(frozen=True)
class Population:
    """Inputs and teacher of a data set, as J weighted points of the joint distribution of label (J,) and fields (J, K).

    rows: the samples from which it was estimated. finest: the kappa below which they determine the traces only if they
    are Gaussian, because the degrees of freedom exceed 0.3 of their number.
    """

    resolvents: Resolvents
    y: Float[np.ndarray, " M"]
    fields: Float[np.ndarray, "M K"]
    weights: Float[np.ndarray, " M"]
    rows: Rows
    finest: float


@dataclasses.dataclass(frozen=True)
class Interpolated:
    """Traces tabulated on a grid of log kappa; power has shape (G, K, K). Below the grid everything is constant."""

    logs: Float[np.ndarray, " G"]
    degrees: Float[np.ndarray, " G"]
    degrees2: Float[np.ndarray, " G"]
    power: Float[np.ndarray, "G K K"]
    power2: Float[np.ndarray, "G K K"]
    rho: Float[np.ndarray, "K K"]

    def at(self, kappa: float) -> Traces:
        x = np.log(max(kappa, 1e-300))
        place = min(max(int(np.searchsorted(self.logs, x)), 1), len(self.logs) - 1)
        low, high = self.logs[place - 1], self.logs[place]
        t = min(max((x - low) / (high - low), 0.0), 1.0)
        tables = (self.degrees, self.degrees2, self.power, self.power2)
        degrees, degrees2, power, power2 = ((1 - t) * a[place - 1] + t * a[place] for a in tables)
        return Traces(float(degrees), float(degrees2), power, power2)


@dataclasses.dataclass(frozen=True)
class Axes:
    """Principal axes of the samples: X / sqrt(N) = left diag(sqrt(values)) right', the zero values left out."""

    left: Float[np.ndarray, "N r"]
    values: Float[np.ndarray, " r"]

    @classmethod
    def of(cls, X: Float[np.ndarray, "N d"]) -> Axes:
        N, d = X.shape
        if d <= N:
            values, right = np.linalg.eigh(X.T @ X / N)
            keep = values > 1e-10 * values[-1]
            values = values[keep]
            return cls(X @ (right[:, keep] / np.sqrt(N * values)), values)
        values, left = np.linalg.eigh(X @ X.T / N)
        keep = values > 1e-10 * values[-1]
        return cls(left[:, keep], values[keep])

    def leave_one_out(self, target: Float[np.ndarray, " N"], kappa: float) -> Float[np.ndarray, " N"]:
        """Predictions of each centred target by ridge regression (with intercept) on all others."""
        fit, leverage = self.fit(target, kappa)
        return target - (target - fit) / (1 - leverage)

    def scales(self) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, " G"]]:
        """The logarithms of kappa of the population, and of that of the samples, on a grid."""
        grid = np.geomspace(1e-8, 1e6, _GRID) * self.values.mean()
        left = 1 - (self.values / (self.values + grid[:, None])).sum(axis=1) / len(self.left)
        return np.log(grid / left), np.log(grid)

    def fit(
        self, target: Float[np.ndarray, " N"], kappa: float
    ) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
        """Ridge predictions of the target, and the leverages."""
        shrunk = self.values / (self.values + kappa)
        leverage = np.einsum("ij,ij,j->i", self.left, self.left, shrunk) + 1 / len(target)
        return self.left @ (shrunk * (self.left.T @ target)), np.minimum(leverage, 1 - 1e-9)


@dataclasses.dataclass(frozen=True)
class Rows:
    """The labels (N,) of the samples and, for losses other than the square one, a path of logistic regressions."""

    axes: Axes
    y: Float[np.ndarray, " N"]
    path: _Path | None

    def outside(self, kappa: float) -> Float[np.ndarray, " N"]:
        """Leave-one-out predictions (N,), of mean zero, at this kappa of the population."""
        if self.path is not None:
            return self.path.at(kappa)
        centred = self.y - self.y.mean()
        fields = self.axes.leave_one_out(centred, float(np.exp(np.interp(np.log(kappa), *self.axes.scales()))))
        return np.asarray(fields - fields.mean())


@dataclasses.dataclass(frozen=True)
class _Path:
    """Logistic regressions of falling ridge: log kappa (G,), and scores (G, N) that leave each sample out."""

    logs: Float[np.ndarray, " ridges"]
    outside: Float[np.ndarray, "ridges N"]

    def at(self, kappa: float) -> Float[np.ndarray, " N"]:
        x = float(np.clip(np.log(kappa), self.logs[-1], self.logs[0]))
        place = min(max(int(np.searchsorted(-self.logs, -x)), 1), len(self.logs) - 1)
        t = (x - self.logs[place - 1]) / (self.logs[place] - self.logs[place - 1])
        return np.asarray((1 - t) * self.outside[place - 1] + t * self.outside[place])


@lru_cache(maxsize=8)
def population(data: Data, features: str = "none", scored: bool = False) -> Population:
    """The population from which the rows of a data set are taken to be drawn.

    features: as `feature_map` reads them. scored: whether the teacher also has the score of a logistic regression as a
    field, where it is not proportional to the first.
    """
    samples = data.samples(features)
    X, y = samples.X, samples.y
    most = min(_MOST_ROWS, max(_PER_COLUMN * X.shape[1], _MOST_VALUES // X.shape[1]))
    if len(y) > most and scored:
        chosen = np.random.default_rng(0).permutation(len(y))[:most]
        X, y = X[chosen] - X[chosen].mean(axis=0), y[chosen]
    axes = Axes.of(X)
    centred = y - y.mean()
    grid = np.geomspace(1e-7, 1e2, 28) * axes.values.mean()
    trials = [axes.leave_one_out(centred, kappa) for kappa in grid]
    targets, predictions = [centred], [min(trials, key=lambda s: float(((centred - s) ** 2).sum()))]
    path = None
    if scored:
        target, prediction, path = _logistic_score(X, y, axes)
        targets.append(target)
        predictions.append(prediction)
    resolvents, finest = resolvents_of(axes, np.stack(targets), X.shape[1])
    if scored and _collinearity(resolvents.rho) > 1 - _DISTINCT:
        plain = population(data, features, False)
        return dataclasses.replace(plain, rows=Rows(axes, y, path))
    labels, fields, weights = _points(y, np.stack(predictions, axis=1), samples.kind)
    calibrated = _calibrated(labels, fields, weights, resolvents.rho)
    return Population(resolvents, labels, calibrated, weights, Rows(axes, y, path), finest)


def _collinearity(rho: Float[np.ndarray, "2 2"]) -> float:
    """The squared correlation of two fields."""
    return float(rho[0, 1] ** 2 / (rho[0, 0] * rho[1, 1]))


def _logistic_score(
    X: Float[np.ndarray, "N d"], y: Float[np.ndarray, " N"], axes: Axes
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"], _Path]:
    """Target and leave-one-out prediction of the linear score of logistic regression, at the best of several ridges,
    and the predictions at all of them.

    The target is the working response s - loss'(s) / mean(loss''(s)) of the score s: its least-squares prediction is s.
    """
    from scipy.special import expit

    freedom = axes.values / (axes.values + np.exp(axes.scales()[1])[:, None])
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    logs, scores = [], []
    scaled = X / np.sqrt(X.shape[1])
    for ridge, score in zip(_RIDGES, _logistic_scores(scaled, y), strict=True):
        slope, curvature = y * expit(-y * score), np.maximum(expit(score) * expit(-score), 1e-12)
        leverage = _leverages(scaled, curvature, ridge)
        out = score - leverage / (curvature * (1 - leverage)) * slope
        logs.append(float(np.interp(-leverage.sum(), -freedom.sum(axis=1), axes.scales()[0])))
        scores.append(out - out.mean())
        value = float(np.logaddexp(0, -y * out).mean())
        if best is None or value < best[0]:
            target = score + slope / max(float(curvature.mean()), 1e-8)
            best = (value, target - target.mean(), out - out.mean())
    assert best is not None
    return best[1], best[2], _Path(np.array(logs), np.array(scores))


def _leverages(
    X: Float[np.ndarray, "N d"], curvature: Float[np.ndarray, " N"], ridge: float
) -> Float[np.ndarray, " N"]:
    """c_i x_i (X' diag(c) X + ridge)^-1 x_i, (N,), below 1."""
    from scipy.linalg import cholesky, solve_triangular

    W = np.sqrt(curvature)[:, None] * X
    if W.shape[0] > W.shape[1]:
        root = cholesky(W.T @ W + ridge * np.eye(W.shape[1]), lower=True)
        leverages = (solve_triangular(root, W.T, lower=True) ** 2).sum(axis=0)
    else:
        gram = W @ W.T
        leverages = np.diag(np.linalg.solve(gram + ridge * np.eye(len(W)), gram))
    return np.minimum(leverages, 1 - 1e-9)


def _logistic_scores(X: Float[np.ndarray, "N d"], y: Float[np.ndarray, " N"]) -> Iterator[Float[np.ndarray, " N"]]:
    """The scores (N,) of logistic regressions of falling ridge, each started from the one before where that counts."""
    from sklearn.linear_model import LogisticRegression

    few = X.shape[1] <= 500
    model = LogisticRegression(
        solver="newton-cholesky" if few else "lbfgs", warm_start=not few, tol=1e-6, max_iter=1000
    )
    for ridge in _RIDGES:
        yield model.set_params(C=1 / ridge).fit(X, y).decision_function(X)


def resolvents_of(axes: Axes, targets: Float[np.ndarray, "K N"], d: int) -> tuple[Interpolated, float]:
    """The traces of the population for the targets (K, N), from those of the samples, and the finest kappa."""
    N = targets.shape[1]
    values = axes.values
    part = (targets @ axes.left) * np.sqrt(values / N)
    total = targets @ targets.T / N
    grid = np.geomspace(1e-8, 1e6, _GRID) * values.mean()
    shrunk = values / (values + grid[:, None])
    df, slope = shrunk.sum(axis=1), -(values / (values + grid[:, None]) ** 2).sum(axis=1)
    pairs = (part[:, None, :] * part[None, :, :]).reshape(-1, len(values))
    shape = (_GRID, len(targets), len(targets))
    rest = total - ((1 / (values + grid[:, None])) @ pairs.T).reshape(shape)
    rest_slope = ((1 / (values + grid[:, None]) ** 2) @ pairs.T).reshape(shape)
    left = 1 - df / N
    kappa = grid / left
    kappa_slope = 1 / left + grid * slope / (N * left**2)
    unbiased = rest / left[:, None, None]
    unbiased_slope = rest_slope / left[:, None, None] + rest * (slope / (N * left**2))[:, None, None]
    power = total - unbiased
    power2 = power - (kappa / kappa_slope)[:, None, None] * unbiased_slope
    degrees2 = (df + kappa * slope / kappa_slope) / d
    first = int(np.argmax(df <= _FULL * N))
    unbiased_rho = power[first].copy()
    power[:first], power2[:first] = unbiased_rho, unbiased_rho
    scale = np.sqrt(np.diag(total))
    power = _at_least(power, _LEAST * df / df[0], scale)
    power2 = _at_least(power2, _LEAST * np.maximum(degrees2 * d / df[0], 0.0), scale)
    fine = int(np.argmax(df <= _DETERMINED * N))
    finest = float(kappa[fine]) if fine else 0.0
    increasing = np.concatenate([[True], np.diff(np.maximum.accumulate(kappa)) > 0])
    logs, degrees, degrees2, power, power2 = (a[increasing] for a in (np.log(kappa), df / d, degrees2, power, power2))
    return Interpolated(logs, degrees, degrees2, power, power2, power[0]), finest


def _at_least(
    matrices: Float[np.ndarray, "G K K"], floors: Float[np.ndarray, " G"], scale: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "G K K"]:
    """Matrices (G, K, K), in units of `scale`, with eigenvalues of at least the floors (G,).

    What is left of a signal after the bias of finitely many samples is taken off can be negative, if there is none.
    """
    unit = np.outer(scale, scale)
    values, basis = np.linalg.eigh(matrices / unit)
    raised = np.maximum(values, floors[:, None])
    return np.asarray((basis * raised[:, None, :]) @ basis.transpose(0, 2, 1) * unit)


def _points(
    y: Float[np.ndarray, " N"], fields: Float[np.ndarray, "..."], kind: str
) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, "..."], Float[np.ndarray, " M"]]:
    """Groups of samples with like labels and fields, at their means."""
    keys = [y, fields[:, 0]] if kind == "regression" else list(fields.T)
    parts = [np.arange(len(y))] if kind == "regression" else [np.flatnonzero(y == c) for c in (-1.0, 1.0)]
    counts = _BINS if len(keys) > 1 else (_BINS[0] * _BINS[1],)
    for key, count in zip(keys, counts, strict=False):
        parts = [piece for part in parts for piece in np.array_split(part[np.argsort(key[part], kind="stable")], count)]
    parts = [p for p in parts if len(p)]
    order, starts = np.concatenate(parts), np.cumsum([0, *map(len, parts[:-1])])
    sizes = np.array([len(p) for p in parts], float)
    means = np.add.reduceat(np.column_stack([y, fields])[order], starts, axis=0) / sizes[:, None]
    weights = sizes / len(y)
    centred = means[:, 0] - weights @ means[:, 0]
    labels = y.mean() + centred * np.sqrt(y.var() / (weights @ centred**2))
    return labels, means[:, 1:], weights


def _calibrated(
    y: Float[np.ndarray, " N"],
    fields: Float[np.ndarray, "..."],
    weights: Float[np.ndarray, " N"],
    rho: Float[np.ndarray, "K K"],
) -> Float[np.ndarray, "..."]:
    """Fields of mean zero, E[nu nu] = rho and E[y nu] = rho[0], by a linear map of what the label does not explain."""
    centred = y - weights @ y
    variance = weights @ centred**2
    fields = fields - weights @ fields
    rest = fields - np.outer(centred, (weights * centred) @ fields / variance)
    slope = rho[:, 0] / variance
    target = rho - np.outer(slope, slope) * variance
    root = _root((rest * weights[:, None]).T @ rest)
    inverse = np.linalg.pinv(root)
    return np.outer(centred, slope) + rest @ (inverse @ _root(root @ target @ root) @ inverse)


def _root(matrix: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "K K"]:
    values, basis = np.linalg.eigh(matrix)
    return (basis * np.sqrt(np.maximum(values, 1e-12 * max(values[-1], 1e-300)))) @ basis.T
