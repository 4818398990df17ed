"""Spectra of symmetric operators from products with vectors: density, trace, determinant.

Stochastic Lanczos quadrature: a random probe and k products give the density seen from the probe as k weighted
eigenvalues, and its mean over probes is the density (Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38 (2017) 1075).
Standard errors are the spread between probes. Intervals use more: the probes are normal, so that a trace seen through
them is a sum of squares. All results scale with the operator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from .extremes import STREAM, check_symmetry, dense, size_of

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped
    from scipy.sparse.linalg import LinearOperator

SMALL = 1e-14


@dataclass(frozen=True)
class Quadrature:
    """A symmetric operator of size n as seen by P probes.

    eigenvalues, weights: (P, k) Ritz values, and their shares in each probe's density (rows of weights add to 1;
                          a probe that met an invariant subspace early has zero weights at its end).
    size:                 n.

    With a single row it is the spectrum itself, without errors (`whole_spectrum`).
    """

    eigenvalues: Float[np.ndarray, "P k"]
    weights: Float[np.ndarray, "P k"]
    size: int

    @property
    def exact(self) -> bool:
        """Whether all eigenvalues are known, without errors."""
        return len(self.weights) == 1

    def mean(self, function: Callable[[Float[np.ndarray, "..."]], Float[np.ndarray, "..."]]) -> tuple[float, float]:
        """tr f(A) / n and its standard error; unbiased for polynomials f of degree below twice the order."""
        seen = (self.weights * np.where(self.weights > 0, function(self.eigenvalues), 0.0)).sum(axis=1)
        return float(seen.mean()), float(_error(seen))

    def interval(
        self, function: Callable[[Float[np.ndarray, "..."]], Float[np.ndarray, "..."]], level: float = 0.95
    ) -> tuple[float, float]:
        """An interval that holds tr f(A) / n with probability `level`, also where f picks out few eigenvalues.

        What the probes see of a positive F = f(A) is close to c chi^2_v / P, with c = tr F^2 / tr F, which one probe
        already gives well, and v = P tr F / c: the interval holds all v that do not make what was seen improbable
        (exact for one eigenvalue, where the spread between few skew probes is not). F is taken about its mean, where
        a normalised probe makes no error, and its two signs are combined by their squares (Zou and Donner, Statist.
        Med. 27 (2008) 1693).
        """
        if not 0 < level < 1:
            raise StatementError(f"`level` must be between 0 and 1, but is {level!r}.")
        low, high = self._interval(function(self.eigenvalues)[None], level)
        return float(low[0]), float(high[0])

    def _interval(
        self, seen: Shaped[np.ndarray, "G P k"], level: float
    ) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, " G"]]:
        """Of functions, by their values at the eigenvalues (G, P, k)."""
        seen = np.where(self.weights > 0, seen, 0.0)
        probes = len(self.weights)
        mean = (seen * self.weights).sum(axis=2).mean(axis=1)
        if self.exact:
            return mean, mean
        about = seen - mean[:, None, None]
        ends = []
        for part in (np.maximum(about, 0), np.maximum(-about, 0)):
            size, square = ((part**m * self.weights).sum(axis=2).mean(axis=1) for m in (1, 2))
            unit = np.divide(square, size * self.size * probes, out=np.zeros_like(size), where=size > 0)
            ends.append((size, *_degrees(np.divide(size, unit, out=np.zeros_like(size), where=unit > 0), level) * unit))
        (up, up_low, up_high), (down, down_low, down_high) = ends
        below = np.hypot(up - up_low, down_high - down)
        above = np.hypot(up_high - up, down - down_low)
        return mean - below, mean + above

    def trace(self) -> tuple[float, float]:
        """tr A and its standard error."""
        value, error = self.mean(lambda x: x)
        return self.size * value, self.size * error

    def trace_interval(self, level: float = 0.95) -> tuple[float, float]:
        """An interval that holds tr A with probability `level`."""
        low, high = self.interval(lambda x: x, level)
        return self.size * low, self.size * high

    def log_determinant_interval(self, level: float = 0.95) -> tuple[float, float]:
        """An interval that holds log det A with probability `level`; raises as `log_determinant` does."""
        self.log_determinant()
        low, high = self.interval(lambda x: np.log(np.where(x > 0, x, 1.0)), level)
        return self.size * low, self.size * high

    def log_determinant(self) -> tuple[float, float]:
        """log det A and its standard error. Raises `StatementError` if a Ritz value is not positive."""
        if (self.eigenvalues[self.weights > 0] <= 0).any():
            lowest = self.eigenvalues[self.weights > 0].min()
            raise StatementError(
                f"The operator must be positive for a log-determinant, but has {lowest:.6g} in its spectrum."
            )
        value, error = self.mean(lambda x: np.log(np.where(x > 0, x, 1.0)))
        return self.size * value, self.size * error

    def density(
        self, grid: Float[np.ndarray, " G"] | None = None, width: float | None = None, level: float = 0.95
    ) -> Density:
        """The density on a grid, smoothed by a Gaussian of standard deviation `width`, with intervals of a `level`.

        By default the grid has 400 points over the spectrum, and the width is a hundredth of its length.
        """
        low, high = self.ends()
        width = (high - low) / 100 if width is None else width
        if grid is None:
            grid = np.linspace(low - 4 * width, high + 4 * width, 400)
        grid = np.asarray(grid, float)
        if not width > 0:
            raise StatementError(f"`width` must be > 0, but is {width!r}; a spectrum of one point has no density.")
        z = (grid[:, None, None] - self.eigenvalues) / width
        bell = np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * width)
        seen = (self.weights * bell).sum(axis=2)
        below, above = self._interval(bell, level)
        return Density(grid, seen.mean(axis=1), _error(seen, axis=1), width, np.maximum(below, 0), above)

    def distribution(self, grid: Float[np.ndarray, " G"]) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, " G"]]:
        """The share of eigenvalues at or below each point of the grid, and its standard error."""
        below = self.eigenvalues <= np.asarray(grid, float)[:, None, None]
        seen = (self.weights * below).sum(axis=2)
        return seen.mean(axis=1), _error(seen, axis=1)

    def ends(self) -> tuple[float, float]:
        """The smallest and the largest Ritz value."""
        seen = self.eigenvalues[self.weights > 0]
        return float(seen.min()), float(seen.max())


@dataclass(frozen=True)
class Density:
    """A smoothed spectral density: grid, value, standard error, and the ends of its interval at each point of the grid
    (each (G,)), and the width of the smoothing.
    """

    grid: Float[np.ndarray, " G"]
    value: Float[np.ndarray, " G"]
    error: Float[np.ndarray, " G"]
    width: float
    low: Float[np.ndarray, " G"]
    high: Float[np.ndarray, " G"]

    def smoothed(self, law: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]]) -> Float[np.ndarray, " G"]:
        """Another density `law(x)`, of eigenvalues x > 0, smoothed alike, on the same grid."""
        x = np.linspace(0, self.grid[-1], 4001)[1:]
        z = (self.grid[:, None] - x) / self.width
        kernel = np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * self.width)
        return np.asarray(np.trapezoid(kernel * law(x), x, axis=1))


def quadrature(operator: LinearOperator, probes: int = 10, order: int = 80, seed: int = 0) -> Quadrature:
    """Stochastic Lanczos quadrature of a symmetric operator, with full reorthogonalisation.

    probes: independent normal vectors; order: products with each, and the number of eigenvalues it sees.
    Raises `StatementError` if the operator is not square, not symmetric or returns a nan, or fewer than 2 probes.
    """
    n = size_of(operator)
    if probes < 2:
        raise StatementError(f"`probes` must be at least 2 to give an error bar, but is {probes}.")
    if order < 1:
        raise StatementError(f"`order` must be at least 1, but is {order}.")
    rng = np.random.default_rng((seed, STREAM))
    check_symmetry(operator, n, rng)
    order = min(order, n)
    eigenvalues, weights = np.zeros((2, probes, order))
    starts = rng.standard_normal((probes, n))
    for i, (values, shares) in enumerate(_lanczos(operator, starts, order)):
        eigenvalues[i, : len(values)], weights[i, : len(values)] = values, shares
        eigenvalues[i, len(values) :] = values[-1]
    return Quadrature(eigenvalues, weights, n)


def whole_spectrum(operator: LinearOperator) -> Quadrature:
    """All eigenvalues of a symmetric operator of at most a few thousand dimensions, from its matrix."""
    values = np.linalg.eigvalsh(dense(operator))
    return Quadrature(values[None], np.full((1, len(values)), 1 / len(values)), len(values))


def _lanczos(
    operator: LinearOperator, starts: Float[np.ndarray, "P n"], order: int
) -> list[tuple[Float[np.ndarray, " _k"], Float[np.ndarray, " _k"]]]:
    """Of each start (P, n): Ritz values of its Krylov space, and its squared weights on them. All go side by side, so
    that an operator can do several products at once.
    """
    each = [_Krylov(start, order) for start in starts]
    for _ in range(order):
        going = [one for one in each if not one.done]
        if not going:
            break
        images = np.asarray(operator @ np.stack([one.basis[one.size] for one in going], axis=1), float)
        if not np.isfinite(images).all():
            raise StatementError("A product with the operator is not finite.")
        for one, image in zip(going, images.T, strict=True):
            one.extend(image)
    return [one.spectrum() for one in each]


class _Krylov:
    """A Krylov space that grows: its orthonormal basis in rows, and the operator's tridiagonal matrix in it."""

    def __init__(self, start: Float[np.ndarray, " n"], order: int) -> None:
        self.basis = np.zeros((order, len(start)))
        self.basis[0] = start / np.linalg.norm(start)
        self.diagonal, self.beside = np.zeros((2, order))
        self.size, self.done = 0, False

    def extend(self, image: Float[np.ndarray, " n"]) -> None:
        """One vector more, from the operator's product with the last one."""
        k = self.size
        self.diagonal[k] = self.basis[k] @ image
        for _ in range(2):
            image = image - self.basis[: k + 1].T @ (self.basis[: k + 1] @ image)
        self.beside[k] = np.linalg.norm(image)
        scale = max(np.abs(self.diagonal[: k + 1]).max(), self.beside[: k + 1].max())
        self.size, full = k + 1, k + 1 == len(self.basis)
        self.done = full or self.beside[k] <= SMALL * len(image) ** 0.5 * scale
        if not self.done:
            self.basis[k + 1] = image / self.beside[k]

    def spectrum(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        from scipy.linalg import eigh_tridiagonal

        values, vectors = eigh_tridiagonal(self.diagonal[: self.size], self.beside[: self.size - 1])
        return values, vectors[0] ** 2


def _degrees(seen: Float[np.ndarray, " G"], level: float) -> Float[np.ndarray, "2 G"]:
    """The least and largest numbers of degrees of freedom whose chi-squared law makes `seen` not improbable, (2, G)."""
    from scipy.optimize import elementwise
    from scipy.special import gammainc, gammaincc

    tail = (1 - level) / 2
    seen = np.maximum(seen, 1e-300)
    reach = 10 * (np.sqrt(seen) + 3) * max(1.0, -np.log(tail))
    ends = [
        elementwise.find_root(lambda v, x, f=f: f(v / 2, x / 2) - tail, (np.maximum(a, 1e-300), b), args=(seen,)).x
        for f, a, b in ((gammaincc, seen - reach, seen + 3), (gammainc, seen * (1 - 1e-9), seen + reach))
    ]
    return np.stack(ends)


def _error(seen: Float[np.ndarray, "P ..."], axis: int = 0) -> np.ndarray:
    if seen.shape[axis] == 1:
        return np.zeros(np.delete(seen.shape, axis))
    return np.asarray(seen.std(axis=axis, ddof=1) / np.sqrt(seen.shape[axis]))
