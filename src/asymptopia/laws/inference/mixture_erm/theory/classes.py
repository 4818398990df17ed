"""Averages over the fields of three or more classes: nodes, and the proximal map of the multinomial loss."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from .....parts.loss import Loss, Square

_ORDERS = {3: (40, 24), 4: (16, 11), 5: (9, 6)}
_POINTS = (4096, 2048)
_TURNS, _SMALL, _EXACT = 100, 1e-9, 1e-12


class Averages(NamedTuple):
    """With f = (z - omega) / V on each part of the fields: E f**2, E df/d omega and E f eps_y, per dimension and part;
    E f along the first direction; and the mean loss."""

    f2: np.ndarray
    slope: np.ndarray
    signal: np.ndarray
    drift: np.ndarray
    loss: np.ndarray


@dataclasses.dataclass(frozen=True)
class Classes:
    """K classes and their loss: a basis (K, K-1) of what sums to zero, and nodes xi (N, K-1) with normal weights."""

    basis: np.ndarray
    xi: np.ndarray
    weights: np.ndarray
    square: bool

    @classmethod
    def of(cls, clusters: int, loss: Loss, coarse: bool = False) -> Classes:
        """Exact nodes for the square loss; for the logistic one a product rule up to five classes, then Sobol's."""
        if clusters == 2:
            return cls(np.zeros((2, 1)), np.zeros((0, 1)), np.zeros(0), isinstance(loss, Square))
        xi, weights = _cubature(clusters - 1) if isinstance(loss, Square) else _product(clusters, coarse)
        return cls(simplex_basis(clusters), xi, weights, isinstance(loss, Square))

    @property
    def corners(self) -> np.ndarray:
        """The corners eps_k of the simplex, (K, K-1), of length one."""
        K = len(self.basis)
        return np.sqrt(K / (K - 1)) * self.basis

    def averages(
        self, m: np.ndarray, q: np.ndarray, V: np.ndarray, b: float, s: float, first: float
    ) -> tuple[np.ndarray, ...]:
        """The fields of `Averages` for m, q, V of shape (2,)."""
        K = len(self.basis)
        part = np.minimum(np.arange(K - 1), 1)
        size = np.array([1, K - 2])
        total = np.zeros((3, K - 1))
        drift = loss = 0.0
        for label, share in ((0, first), (1, 1 - first)):
            corner = self.corners[label]
            omega = s * m[part] * corner + np.sqrt(q[part]) * self.xi
            omega[:, 0] += b
            f, value = self._square(label, omega, V[part]) if self.square else self._logistic(label, omega, V[part])
            w = share * self.weights
            mean = w @ f
            total += [w @ f**2, (w @ (f * self.xi)) / np.sqrt(q[part]), mean * corner]
            drift, loss = drift + mean[0], loss + w @ value
        per_part = [np.array([row[0], row[1:].sum()]) / size for row in total]
        return *per_part, np.float64(drift), np.float64(loss)

    def _square(self, label: int, omega: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        f = (self.basis[label] - omega) / (1 + V)
        return f, np.sum(f**2, axis=1) / 2

    def _logistic(self, label: int, omega: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f and the loss at the proximal point, by Newton's method with steps that are shortened; nan if it fails."""
        z = omega.copy()
        for _ in range(_TURNS):
            scores = z @ self.basis.T
            chance, value = _softmax(scores, label)
            objective = value + np.sum((z - omega) ** 2 / (2 * V), axis=1)
            gradient = (chance - np.eye(len(self.basis))[label]) @ self.basis + (z - omega) / V
            spread = chance @ self.basis
            hessian = np.einsum("nk,ki,kj->nij", chance, self.basis, self.basis, optimize=True)
            hessian += np.diag(1 / V) - spread[:, :, None] * spread[:, None, :]
            move = -np.linalg.solve(hessian, gradient[..., None])[..., 0]
            if np.all((np.abs(move) <= _SMALL * (1 + np.abs(z))) | (np.abs(move) <= _EXACT * V)):
                z = z + move
                return (z - omega) / V, _softmax(z @ self.basis.T, label)[1]
            z = self._shortened(z, move, objective, np.sum(move * gradient, axis=1), omega, V, label)
        return np.full_like(omega, np.nan), np.full(len(omega), np.nan)

    def _shortened(
        self, z: np.ndarray, move: np.ndarray, height: np.ndarray, slope: np.ndarray, omega: np.ndarray, V: np.ndarray,
        label: int,
    ) -> np.ndarray:  # fmt: skip
        t = np.ones(len(z))
        for _ in range(30):
            new = z + t[:, None] * move
            value = _softmax(new @ self.basis.T, label)[1] + np.sum((new - omega) ** 2 / (2 * V), axis=1)
            high = value > height + 1e-4 * t * slope + 1e-14 * (1 + np.abs(height))
            if not high.any():
                break
            t = np.where(high, t / 2, t)
        return z + t[:, None] * move


def _softmax(scores: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and minus the logarithm of that of the label."""
    top = scores.max(axis=1, keepdims=True)
    weight = np.exp(scores - top)
    total = weight.sum(axis=1, keepdims=True)
    return weight / total, (top + np.log(total))[:, 0] - scores[:, label]


def simplex_basis(K: int) -> np.ndarray:
    """An orthonormal basis (K, K-1) of the vectors that sum to zero; the first is along that of the first corner."""
    start = np.eye(K)[:, : K - 1] - 1 / K
    basis, triangle = np.linalg.qr(start)
    return basis * np.sign(np.diag(triangle))


def _cubature(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (2 d, d) and weights exact for polynomials of degree 3."""
    return np.sqrt(d) * np.concatenate([np.eye(d), -np.eye(d)]), np.full(2 * d, 0.5 / d)


def _product(K: int, coarse: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Hermite nodes in K - 1 dimensions, or Sobol points whose first two moments are those of the normal one."""
    if K in _ORDERS:
        x, w = np.polynomial.hermite_e.hermegauss(_ORDERS[K][coarse])
        grid = np.meshgrid(*[x] * (K - 1), indexing="ij")
        weight = np.prod(np.meshgrid(*[w / w.sum()] * (K - 1), indexing="ij"), axis=0)
        keep = weight.ravel() > 1e-17
        return np.stack([g.ravel() for g in grid], axis=1)[keep], weight.ravel()[keep] / weight.ravel()[keep].sum()
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = ndtri(qmc.Sobol(K - 1, seed=0).random(_POINTS[coarse] // 2))
    xi = np.concatenate([points, -points])
    values, axes = np.linalg.eigh(xi.T @ xi / len(xi))
    return xi @ (axes / np.sqrt(values)) @ axes.T, np.full(len(xi), 1 / len(xi))
