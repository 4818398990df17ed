"""Critical points of a random homogeneous polynomial on a sphere, of any index, near an energy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.memory import available

if TYPE_CHECKING:
    from jaxtyping import Float


def symmetric_couplings(n: int, p: int, rng: np.random.Generator, single: bool = False) -> Float[np.ndarray, "..."]:
    r"""A symmetric tensor J of order p, shape (n,)*p, such that $H(s) = \sum J_{i_1...i_p} s_{i_1} ... s_{i_p}$ has
    covariance $E H(s) H(s') = n (s \cdot s' / n)^p / 2$ at every n; in double precision, or in `single`.

    Raises `StatementError` if it would not fit into memory.
    """
    dtype = np.dtype(np.float32 if single else np.float64)
    need, limit = 3.0 * dtype.itemsize * float(n) ** p, available()
    if need > limit:
        fits = int((limit / (3 * dtype.itemsize)) ** (1 / p))
        raise StatementError(
            f"The couplings of {n} spins need {need / 1e9:.3g} GB, but {limit / 1e9:.3g} are available; "
            f"{fits} spins would fit."
        )
    total = rng.standard_normal((n,) * p, np.float32) if single else rng.standard_normal((n,) * p)
    for last in range(1, p):  # a permutation of last + 1 axes is one of the first `last`, then at most one exchange
        smaller = total
        total = smaller.copy()
        for axis in range(last):
            total += np.swapaxes(smaller, axis, last)
    total *= -math.sqrt(float(n) ** (1 - p) / 2) / math.factorial(p)
    return total


def derivatives(
    J: Float[np.ndarray, "..."], S: Float[np.ndarray, "B n"]
) -> tuple[Float[np.ndarray, " B"], Float[np.ndarray, "B n"], Float[np.ndarray, "B n n"]]:
    r"""Energy per spin (B,), gradient (B, n) and Hessian (B, n, n) on the sphere $|s|^2 = n$, at points S (B, n).

    The Hessian acts on the tangent space and vanishes on s; its eigenvalues there are those of the Riemannian one.
    """
    n, p = J.shape[0], J.ndim
    inner = np.tensordot(S, J, axes=(1, 0))
    for _ in range(p - 3):
        inner = np.einsum("bi,bi...->b...", S, inner)
    force = np.einsum("bij,bj->bi", inner, S)
    energy = np.einsum("bi,bi->b", force, S) / n
    tangent = np.eye(n) - S[:, :, None] * S[:, None, :] / n
    shifted = p * (p - 1) * inner - (p * energy)[:, None, None] * np.eye(n)
    return energy, p * (force - energy[:, None] * S), tangent @ shifted @ tangent


def descend(
    J: Float[np.ndarray, "..."], S: Float[np.ndarray, "B n"], energy: float, steps: int = 400
) -> Float[np.ndarray, "B n"]:
    """The points where gradient descent from S (ascent for lower starts) passes `energy`.

    Those that come to rest before are returned where they rest, or where they are after the last step.
    """
    n, p = J.shape[0], J.ndim
    rate = 0.1 / math.sqrt(2 * p * (p - 1))
    sign = np.sign(derivatives(J, S)[0] - energy)
    for _ in range(steps):
        now, gradient, _hessian = derivatives(J, S)
        going = (sign * (now - energy) > 0) & (np.linalg.norm(gradient, axis=1) > 1e-3 * math.sqrt(n))
        if not going.any():
            break
        S = _on_sphere(S - rate * (sign * going)[:, None] * gradient, n)
    return S


def come_to_rest(
    J: Float[np.ndarray, "..."], S: Float[np.ndarray, "B n"], *, tolerance: float, steps: int = 100_000
) -> tuple[Float[np.ndarray, " B"], Float[np.ndarray, " B"], Float[np.ndarray, "B n"]]:
    r"""Gradient descent on the sphere from the rows of S (B, n), until the gradient is below `tolerance` per root of n
    at a minimum: energies per spin (B,), least eigenvalues of the Hessian (B,), and where (B, n).

    A step is 1.2 over the largest curvature that a minimum of a large system has, $2 \sqrt{2 p (p - 1)}$. At a saddle a
    descent goes on from a small displacement in the softest direction. Computes in the precision of J. Raises
    `StatementError` if a descent has not come to rest after all `steps`.
    """
    n, p = J.shape[0], J.ndim
    S = np.array(S, J.dtype)
    energies, softest = np.zeros((2, len(S)))
    going = np.arange(len(S))
    rate = J.dtype.type(0.6 / math.sqrt(2 * p * (p - 1)))
    for _ in range(steps):
        s = S[going]
        gradient = _gradient(J, s)
        S[going] = _on_sphere(s - rate * gradient, n)
        slow = np.linalg.norm(gradient, axis=1) <= tolerance * math.sqrt(n)
        for i in going[slow]:
            energies[i], softest[i], direction = _softest(J, S[i])
            if softest[i] < 0:
                S[i] = _on_sphere((S[i] + 0.01 * math.sqrt(n) * direction)[None], n)[0]
        going = going[~slow | (softest[going] < 0)]
        if not len(going):
            return energies, softest, S
    raise StatementError(f"Gradient descent has not come to rest after {steps} steps; allow more, or tolerate more.")


def _gradient(J: Float[np.ndarray, "..."], S: Float[np.ndarray, "B n"]) -> Float[np.ndarray, "B n"]:
    n, p = J.shape[0], J.ndim
    inner = S @ J.reshape(n, -1)
    for k in range(p - 2, 0, -1):
        inner = np.einsum("bi,bij->bj", S, inner.reshape(len(S), n, n**k))
    return np.asarray(p * (inner - np.einsum("bi,bi->b", inner, S)[:, None] * S / n))


def _softest(J: Float[np.ndarray, "..."], s: Float[np.ndarray, " n"]) -> tuple[float, float, Float[np.ndarray, " n"]]:
    """Energy per spin, least eigenvalue of the Hessian on the tangent space, and its direction, downhill."""
    n = len(s)
    energy, (gradient,), (hessian,) = derivatives(J, s[None])
    above = 1 + np.linalg.norm(hessian)
    values, vectors = np.linalg.eigh(hessian + above / n * np.outer(s, s))
    softest = vectors[:, 0]
    return float(energy[0]), float(values[0]), -softest if gradient @ softest > 0 else softest


def critical_points(
    J: Float[np.ndarray, "..."],
    S: Float[np.ndarray, "B n"],
    *,
    steps: int = 100,
    longest: float = 0.2,
    tolerance: float = 1e-9,
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, "K m"]]:
    r"""Newton's method for a vanishing gradient on the sphere from the rows of S: energies per spin (K,) and the
    n - 1 eigenvalues of the Hessian (K, n - 1), ascending, of those that converge.

    A step is at most `longest` radii; a point is accepted when its gradient is below `tolerance` per root of n.
    """
    n = J.shape[0]
    energies, spectra = [], []
    for _ in range(steps + 1):
        energy, gradient, hessian = derivatives(J, S)
        done = np.linalg.norm(gradient, axis=1) < tolerance * math.sqrt(n)
        energies.append(energy[done])
        spectra.append(_tangent_eigenvalues(hessian[done], S[done]))
        S, gradient, hessian = S[~done], gradient[~done], hessian[~done]
        if not len(S):
            break
        radial = S[:, :, None] * S[:, None, :] / n
        move = -np.linalg.solve(hessian + radial, gradient[:, :, None])[:, :, 0]
        length = np.linalg.norm(move, axis=1) / math.sqrt(n)
        S = _on_sphere(S + np.minimum(1, longest / length)[:, None] * move, n)
    return np.concatenate(energies), np.concatenate(spectra)


def _tangent_eigenvalues(hessian: Float[np.ndarray, "B n n"], S: Float[np.ndarray, "B n"]) -> Float[np.ndarray, "B m"]:
    n = S.shape[1]
    above = 1 + np.linalg.norm(hessian, axis=(1, 2))
    radial = S[:, :, None] * S[:, None, :] / n
    return np.linalg.eigvalsh(hessian + above[:, None, None] * radial)[:, :-1]


def _on_sphere(S: Float[np.ndarray, "B n"], n: int) -> Float[np.ndarray, "B n"]:
    return S * (math.sqrt(n) / np.linalg.norm(S, axis=1))[:, None]
