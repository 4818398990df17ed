"""Approximate message passing for a quadratic network, with a denoiser of the eigenvalues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....algorithms.checks import NotSolved
from ....contract.batching import generator, whole

if TYPE_CHECKING:
    import jax

    from . import QuadraticNetwork

ROUTES = ((0.5, 600), (0.9, 3000))  # share of the last iterate that is kept, and rounds: little noise takes hundreds
SETTLED = 1e-3  # root mean square change over the error, far below the spread between systems
REAL = 1e-6  # imaginary part of a root below which it counts as real


def realize(law: QuadraticNetwork, n: int, key: jax.Array) -> dict[str, Any]:
    """The error of message passing on one data set in dimension n."""
    rng, d = generator(key), n
    units = whole(law.kappa * d, rng)
    W = rng.standard_normal((units, d))
    S = W.T @ W / units
    X = rng.standard_normal((whole(law.alpha * d**2, rng), d), dtype=np.float32)
    y = _labels(X, S) + np.sqrt(law.noise) * rng.standard_normal(len(X))
    estimate = _message_passing(X, y, law.kappa, law.noise)
    mse = np.sum((estimate - S) ** 2) / d
    return {"mse": mse, "test_error": 2 * mse}


def _labels(X: np.ndarray, S: np.ndarray) -> np.ndarray:
    """tr(S Z) of each sample, Z = (x x' - 1) / sqrt(d)."""
    square = np.einsum("ni,ni->n", X @ S.astype(X.dtype), X)
    return np.asarray((square.astype(float) - np.trace(S)) / np.sqrt(len(S)))


def _message_passing(X: np.ndarray, y: np.ndarray, kappa: float, noise: float) -> np.ndarray:
    """The posterior mean of the matrix; raises `NotSolved` if it does not settle."""
    d = X.shape[1]
    for kept, rounds in ROUTES:
        S, V, g = np.eye(d), 2 / kappa, np.zeros(len(y))
        for _ in range(rounds):
            g_new = (y - _labels(X, S) + V * g) / (noise + V)
            g = kept * g + (1 - kept) * g_new
            S_new, mse = _pulled(X, S, g, noise + V, kappa)
            close = SETTLED * np.sqrt(V / 2)
            moved = np.sqrt(np.sum((S_new - S) ** 2) / d)
            if moved < close:  # the damped step is short: is that without damping?
                moved = np.sqrt(np.sum((_pulled(X, S, g_new, noise + V, kappa)[0] - S) ** 2) / d)
            S, V = kept * S + (1 - kept) * S_new, kept * V + (1 - kept) * 2 * max(mse, 1e-9)
            if moved < close:
                return S
    raise NotSolved(
        f"Message passing of quadratic networks did not settle in dimension {d}: its estimate still changes by "
        f"{SETTLED * moved / close:.1e} of its error."
    )


def _pulled(X: np.ndarray, S: np.ndarray, g: np.ndarray, spread: float, kappa: float) -> tuple[np.ndarray, float]:
    """The next estimate of the matrix (d, d) from the scores g (n,), and its error per dimension."""
    n, d = X.shape
    alpha = n / d**2
    pull = (X.T * g.astype(X.dtype)) @ X - g.sum() * np.eye(d)
    R = S + spread / (2 * alpha * d * np.sqrt(d)) * pull
    return denoise(R, spread / (4 * alpha), kappa)


def denoise(R: np.ndarray, s2: float, kappa: float) -> tuple[np.ndarray, float]:
    """The best estimate of a Wishart matrix S from R = S + sqrt(s2) H, and its error per dimension."""
    values, vectors = np.linalg.eigh((R + R.T) / 2)
    grid, hilbert, mse = _shrinkage(s2, kappa)
    inside = np.clip(values, grid[0], grid[-1])
    shrunk = inside - 2 * s2 * np.interp(inside, grid, hilbert)
    return (vectors * shrunk) @ vectors.T, mse


def _shrinkage(s2: float, kappa: float, count: int = 200) -> tuple[np.ndarray, np.ndarray, float]:
    """Points over the spectrum of S + sqrt(s2) H, the real part of its resolvent, and the error of the denoiser.

    The resolvent is the complex root of a cubic equation; where there is none, beyond the edges of the spectrum, the
    value at the nearest edges stands for it.
    """
    root = 2 * np.sqrt(s2)
    low, high = max(0.0, 1 - kappa**-0.5) ** 2 * (kappa > 1) - root, (1 + kappa**-0.5) ** 2 + root
    x = np.linspace(low, high, count)
    companion = np.zeros((count, 3, 3))
    companion[:, 1, 0] = companion[:, 2, 1] = 1
    companion[:, :, 2] = np.stack([np.full(count, kappa), kappa - 1 - kappa * x, x + s2 * kappa], axis=1) / s2
    roots = np.linalg.eigvals(companion)
    g = roots[np.arange(count), np.argmax(np.abs(roots.imag), axis=1)]
    inside = np.abs(g.imag) > REAL
    cube = np.sum(np.abs(g.imag[inside] / np.pi) ** 3) * (x[1] - x[0])
    return x, np.interp(x, x[inside], g.real[inside]), s2 - 4 * np.pi**2 / 3 * s2**2 * cube
