r"""Students with a field for each of K classes, on the population behind a data set.

Over alpha d samples they minimise $\sum_i \ell(y_i, W x_i/\sqrt d + c) + \frac{\text{ridge}}{2} |W|^2$. As d grows the
fields are $z = A \nu + Q_\perp^{1/2} \xi + c$ with the best linear predictions $\nu$ of the classes. With
$f = -\nabla\ell$ at the proximal point, $\hat V = -\alpha E[\partial f] = U \mathrm{diag}(v_j) U^T$ and
$\kappa_j = \text{ridge}/v_j$, in the axes of U,

$$ V_j = \mathrm{df}(\kappa_j) / v_j, \quad m_j = P(\kappa_j) g_j, \quad g_j = \rho^{-1}(\alpha E[f_j\nu]/v_j + m_j), $$
$$ q_{jl} = \alpha E[f_j f_l] \mathrm{df}_2(\kappa_j, \kappa_l) / v_j v_l + g_j P_2(\kappa_j, \kappa_l) g_l, $$

where df, P are the traces of `Population` and $\mathrm{df}_2, P_2$ divided differences of $\kappa\,\mathrm{df}$ and
$\kappa P$.

Source: Loureiro, Sicuro, Gerbelot, Pacco, Krzakala and Zdeborova, NeurIPS 34 (2021) 10144, theorem 1, for one cluster a
class; here the joint law of label and $\nu$ is that of the data, as in `population`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..numerics.fixed_points import NotConverged, fixed_point
from ..parts.classes import signs
from ..parts.covariance import Traces
from ..parts.data import Data
from ..parts.loss import Loss
from .class_losses import Pull, pulled
from .population import Axes, Interpolated, resolvents_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int

_POINTS, _MOST_DRAWN = 6000, 4000
_MOST_ROWS = 20000
_TOLERANCE = 1e-4
_NEAR = 1e-3
_FLAT, _SMALL = 1e-150, 1e-3
_MOST_STEPS = 200
WAYS = ((0.3, 6), (0.5, 0), (0.8, 3))
_THINNED, _FEWEST_THINNED = 4, 100


@dataclasses.dataclass(frozen=True)
class Classes:
    """The population of K classes: J weighted points of the joint law of label (J,) and fields nu (J, K-1).

    axes, y: of the samples. basis: (K, K-1), of the targets +-1 that sum to zero, in which nu are coordinates.
    points:  their places among the samples. noise: (J, draws, K), normal. finest: see `Population`.
    """

    axes: Axes
    y: Float[np.ndarray, " N"]
    basis: Float[np.ndarray, "K k"]
    resolvents: Interpolated
    points: Int[np.ndarray, " P"]
    fields: Float[np.ndarray, "P k"]
    weights: Float[np.ndarray, " P"]
    noise: Float[np.ndarray, "P draws K"]
    finest: float

    @property
    def count(self) -> int:
        """K."""
        return len(self.basis)

    def targets(self) -> Float[np.ndarray, "N k"]:
        """The targets (N, K-1), centred."""
        T = signs(self.y, self.count) @ self.basis
        return np.asarray(T - T.mean(axis=0))

    def thinned(self) -> Classes | None:
        """The same with every fourth point, whose solution is near; None where so few points say too little."""
        labels = self.y[self.points]
        keep = np.concatenate([np.flatnonzero(labels == k)[::_THINNED] for k in range(self.count)])
        if len(keep) < _FEWEST_THINNED:
            return None
        shares = np.bincount(labels.astype(int), self.weights)
        weights = (shares / np.bincount(labels[keep].astype(int)))[labels[keep].astype(int)]
        points = self.points[keep]
        fields = _calibrated(self.targets()[points], self.fields[keep], weights, self.resolvents.rho)
        noise = _normal(len(keep), self.count, np.random.default_rng(0))
        return dataclasses.replace(self, points=points, fields=fields, weights=weights, noise=noise)


@dataclasses.dataclass(frozen=True)
class ClassState:
    """Overlaps M (K, K-1) with nu, Q (K, K), the intercepts (K,), in the axes U (K, K) of V_hat the kappas (K,), and
    the part of Q that differs from one training set to another (K, K)."""

    M: Float[np.ndarray, "..."]
    Q: Float[np.ndarray, "K K"]
    V: Float[np.ndarray, "K K"]
    intercept: Float[np.ndarray, " K"]
    U: Float[np.ndarray, "..."]
    kappa: Float[np.ndarray, "..."]
    spread: Float[np.ndarray, "..."]


@lru_cache(maxsize=4)
def classes_of(data: Data, features: str = "none") -> Classes:
    """The population behind a data set of several classes."""
    samples = data.samples(features)
    X, y = samples.X, samples.y
    rng = np.random.default_rng(0)
    if len(y) > _MOST_ROWS:
        chosen = rng.permutation(len(y))[:_MOST_ROWS]
        X, y = X[chosen] - X[chosen].mean(axis=0), y[chosen]
    K, axes = int(y.max()) + 1, Axes.of(X)
    basis = np.linalg.qr(np.column_stack([np.ones(K), np.eye(K)[:, 1:]]))[0][:, 1:]
    T = signs(y, K) @ basis
    T = T - T.mean(axis=0)
    trials = [
        np.column_stack([axes.leave_one_out(t, k) for t in T.T])
        for k in np.geomspace(1e-7, 1e2, 28) * axes.values.mean()
    ]
    nu = min(trials, key=lambda p: float(((T - p) ** 2).sum()))
    resolvents, finest = resolvents_of(axes, T.T, X.shape[1])
    points, weights = _stratified(y, K, rng)
    fields = _calibrated(T[points], nu[points], weights, resolvents.rho)
    return Classes(axes, y, basis, resolvents, points, fields, weights, _normal(len(points), K, rng), finest)


def _stratified(
    y: Float[np.ndarray, " N"], K: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Places of samples of every class, some `_POINTS` / K in all and of each class a fair part, and their weights."""
    points, weights = [], []
    for k in range(K):
        rows = np.flatnonzero(y == k)
        count = min(len(rows), max(round(_POINTS / K * len(rows) / len(y)), _POINTS // (4 * K**2)))
        points.append(rng.permutation(rows)[:count])
        weights.append(np.full(count, len(rows) / len(y) / count))
    return np.concatenate(points), np.concatenate(weights)


def _normal(count: int, K: int, rng: np.random.Generator) -> Float[np.ndarray, "count draws K"]:
    """Normal numbers (count, draws, K) in pairs of opposite sign, of unit covariance."""
    draws = 4 if 4 * count <= _MOST_DRAWN else 2
    half = rng.standard_normal((count * draws // 2, K))
    root = np.linalg.cholesky(half.T @ half / len(half))
    half = np.linalg.solve(root, half.T).T.reshape(count, draws // 2, K)
    return np.concatenate([half, -half], axis=1)


def _calibrated(
    T: Float[np.ndarray, "P k"],
    fields: Float[np.ndarray, "..."],
    weights: Float[np.ndarray, " P"],
    rho: Float[np.ndarray, "k k"],
) -> Float[np.ndarray, "..."]:
    """Fields of mean zero with E[nu nu] = rho and E[T nu] = rho, by a linear map of what the label does not explain."""
    T, fields = T - weights @ T, fields - weights @ fields
    inverse = np.linalg.pinv((T * weights[:, None]).T @ T, rcond=1e-10)
    rest = fields - T @ (inverse @ ((T * weights[:, None]).T @ fields))
    slope = inverse @ rho
    root = symmetric_root((rest * weights[:, None]).T @ rest)
    back = np.linalg.pinv(root, rcond=1e-8)
    left = rho - slope.T @ ((T * weights[:, None]).T @ T) @ slope
    return np.asarray(T @ slope + rest @ (back @ symmetric_root(root @ left @ root) @ back))


def symmetric_root(matrix: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "K K"]:
    """The symmetric root of the part of a symmetric matrix that is not negative."""
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T)


class Solver:
    """The fixed-point equations of a loss at some alpha and ridge; the last pull is kept to start from."""

    def __init__(self, people: Classes, loss: Loss, alpha: float, ridge: float, d: int) -> None:
        self.people, self.loss, self.alpha, self.ridge, self.d = people, loss, alpha, ridge, d
        self.inverse = np.linalg.pinv(people.resolvents.rho, rcond=1e-8)
        self.draws = people.noise.shape[1]
        self.y = np.repeat(people.y[people.points], self.draws)
        self.weights = np.repeat(people.weights, self.draws) / self.draws
        self.pull: Pull | None = None

    def omega(
        self, M: Float[np.ndarray, "..."], Q: Float[np.ndarray, "K K"], intercept: Float[np.ndarray, " K"]
    ) -> Float[np.ndarray, "samples K"]:
        """Fields (points * draws, K) of samples that were not trained on."""
        A = M @ self.inverse
        across = symmetric_root(Q - A @ M.T)
        p = self.people
        return np.asarray((p.fields @ A.T)[:, None, :] + p.noise @ across + intercept).reshape(-1, p.count)

    def improved(self, state: ClassState) -> ClassState:
        """The right-hand sides of the equations."""
        omega = self.omega(state.M, state.Q, state.intercept)
        self.pull = pulled(self.loss, self.y, omega, state.V, self.pull)
        f, slope = self.pull.f, self.pull.mean_slope(self.weights)
        v, U = np.linalg.eigh(self.alpha * slope)
        if not v[-1] > _FLAT:
            raise ArithmeticError("The loss has no curvature left where the student's fields are.")
        free = v > 1e-9 * v[-1]  # a softmax does not see what all fields share
        v = np.maximum(v, 1e-9 * v[-1])
        kappa, turned = self.ridge / v, f @ U
        traces = [self.people.resolvents.at(k) for k in kappa]
        nu = np.repeat(self.people.fields, self.draws, axis=0)
        pull = self.alpha * (turned * self.weights[:, None]).T @ nu / v[:, None]
        gain = (pull + U.T @ state.M) @ self.inverse
        M = np.stack([t.power @ g for t, g in zip(traces, gain, strict=True)])
        F = self.alpha * (turned * self.weights[:, None]).T @ turned / np.outer(v, v)
        Q, spread = np.empty_like(F), np.empty_like(F)
        for j in range(len(v)):
            for k in range(len(v)):
                df2, power2 = self._between(kappa[j], kappa[k], traces[j], traces[k])
                spread[j, k] = F[j, k] * (df2 + 1 / self.d)
                Q[j, k] = spread[j, k] + gain[j] @ power2 @ gain[k]
        V = (U * (free * (np.array([t.degrees for t in traces]) + 1 / self.d) / v)) @ U.T
        drift = np.linalg.pinv(slope, rcond=1e-8) @ (self.weights @ f)
        return ClassState(U @ M, U @ Q @ U.T, V, state.intercept + drift, U, kappa, U @ spread @ U.T)

    @staticmethod
    def _between(a: float, b: float, at: Traces, bt: Traces) -> tuple[float, Float[np.ndarray, "..."]]:
        """tr Omega**2 R(a) R(b) / d and b R(a) Omega R(b) b."""
        if abs(a - b) <= _NEAR * max(a, b):
            return 0.5 * (at.degrees2 + bt.degrees2), 0.5 * (at.power2 + bt.power2)
        return (
            (a * at.degrees - b * bt.degrees) / (a - b),
            (a * at.power - b * bt.power) / (a - b),
        )


def solve_classes(
    people: Classes,
    loss: Loss,
    alpha: float,
    ridge: float,
    d: int,
    start: ClassState | None = None,
    ways: Sequence[tuple[float, int]] = WAYS,
) -> tuple[ClassState, Solver]:
    """The solution of the equations, from one nearby if given; `ways` are (damping, memory) tried in turn.

    Raises `ArithmeticError` if the undamped residual, relative to the size of each of M, Q and V, stays above the
    tolerance.
    """
    K, solver = people.count, Solver(people, loss, alpha, ridge, d)
    upper = np.triu_indices(K)

    def packed(s: ClassState) -> np.ndarray:
        return np.concatenate([s.M.ravel(), s.Q[upper], s.V[upper], s.intercept]) / scale

    def unpacked(x: np.ndarray) -> ClassState:
        x = x * scale
        M, rest = x[: K * (K - 1)].reshape(K, K - 1), x[K * (K - 1) :]
        Q, V = (_symmetric(part, K) for part in np.split(rest[:-K], 2))
        return ClassState(M, Q, _positive(V), rest[-K:], np.eye(K), np.ones(K), np.zeros((K, K)))

    if start is None:
        M = 0.3 * people.basis @ people.resolvents.rho
        Q = M @ solver.inverse @ M.T + 0.3 * np.eye(K)
        start = ClassState(M, Q, np.eye(K), np.zeros(K), np.eye(K), np.ones(K), np.zeros((K, K)))
    sizes = [max(float(np.abs(part).max()), _SMALL) for part in (start.M, start.Q, start.V)]
    scale = np.repeat([*sizes, 1.0], [start.M.size, len(upper[0]), len(upper[0]), K])

    def step(x: np.ndarray) -> np.ndarray:
        try:
            return packed(solver.improved(unpacked(x)))
        except (ArithmeticError, np.linalg.LinAlgError):  # too far: the iteration goes back and on in smaller steps
            solver.pull = None
            return np.full_like(x, np.nan)

    reason = ""
    for damping, memory in ways:
        try:
            x = fixed_point(
                step, packed(start), tolerance=_TOLERANCE, damping=damping, memory=memory, iterations=_MOST_STEPS
            )
            return solver.improved(unpacked(x)), solver
        except NotConverged as error:
            reason = str(error)
    raise ArithmeticError(f"Several classes at alpha = {alpha:g}, ridge = {ridge:g}: {reason}")


def _positive(matrix: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "K K"]:
    """The part of a symmetric matrix that is not negative; diagonal ones stay diagonal."""
    if np.array_equal(matrix, np.diag(np.diag(matrix))):
        return np.maximum(matrix, 0.0)
    values, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.maximum(values, 0.0)) @ axes.T)


def _symmetric(upper: Float[np.ndarray, " entries"], K: int) -> Float[np.ndarray, "K K"]:
    matrix = np.zeros((K, K))
    matrix[np.triu_indices(K)] = upper
    return matrix + matrix.T - np.diag(np.diag(matrix))
