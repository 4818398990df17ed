"""Learning curves of kernel ridge regression from the spectrum of the kernel, on spheres and of a finite population."""

from __future__ import annotations

from functools import lru_cache
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....parts.data import Data
from ....parts.kernel import Kernel

if TYPE_CHECKING:
    from . import KernelRegression

ABSENT = 1e-9  # a coefficient below this share of all is one of rounding


def sphere(
    alpha: float, degree: int, kernel: Kernel, ridge: float, noise: float, target: np.ndarray
) -> tuple[float, float]:
    """Test error and mean squared residual of the training samples, in the limit of high dimension.

    alpha: samples per harmonic of `degree`; target: its variance in each degree.
    """
    every = kernel.powers(2 * degree)
    powers = every[: degree + 1]
    level = max(float(powers[-1]), 0.0)
    ground = ridge + rest(kernel, powers)
    below = ground + level - alpha * level
    root = np.hypot(below, 2 * np.sqrt(ground * alpha * level))
    kappa = (below + root) / 2 if below > 0 else 2 * ground * alpha * level / (root - below)
    here = float(target[degree]) if degree < len(target) else 0.0
    beyond = float(target[degree + 1 :].sum())
    lower = target[:degree] @ (kappa / (kappa + strengths(alpha, every)[: len(target)])) ** 2
    missed = here * (kappa / (kappa + alpha * level)) ** 2 + beyond + float(lower)
    gamma = alpha * (level / (kappa + alpha * level)) ** 2
    seen = (missed + noise) / (1 - gamma)
    return seen - noise, (ridge / kappa) ** 2 * seen


def strengths(alpha: float, powers: np.ndarray) -> np.ndarray:
    r"""The number of samples times the eigenvalue of a harmonic of each degree j < D, in high dimension: inf or finite.

    powers: the coefficients a_0, ..., a_2D of the kernel. In $(x \cdot y / d)^k$, $k = j + 2 m$, harmonics of degree j
    have the share $\frac{k!}{2^m m! j!} d^{-m}$, so that $n = \alpha d^D / D!$ samples learn them if $a_k > 0$ for an
    $m < D - j$, in part for $m = D - j$, and never if there is no such k.
    """
    degree = len(powers) // 2
    present = powers > ABSENT * np.abs(powers).sum()
    result = np.zeros(degree)
    for j in range(degree):
        m = degree - j
        if present[j : j + 2 * m : 2].any():
            result[j] = np.inf
        elif present[j + 2 * m]:
            result[j] = alpha * powers[j + 2 * m] * factorial(j + 2 * m) / (factorial(degree) * 2**m * factorial(m))
    return result


def rest(kernel: Kernel, powers: np.ndarray) -> float:
    """The part of the kernel's diagonal in degrees above those of `powers`."""
    total = float(kernel.at(np.zeros(1))[0])
    left = total - float(np.sum(powers))
    return left if left > 1e-12 * total else 0.0


@lru_cache(maxsize=4)
def modes(data: Data, kernel: Kernel) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of the kernel of all N samples over N, and the target's squared coefficients over N."""
    from scipy.linalg import eigh

    samples = data.samples()
    values, basis = eigh(kernel.matrix(samples.X), driver="evd")
    N = len(samples.y)
    return np.maximum(values, 0.0) / N, (samples.y @ basis) ** 2 / N


def population(data: Data, kernel: Kernel, ridge: float, n: int) -> tuple[float, float]:
    """Test error and mean squared residual of n training samples drawn from the population that the data are of.

    With df_N(g) and S_N(g) the degrees of freedom of the N samples and the part of their target that regression with
    ridge N g leaves, those of the population at kappa = g / c are df_N and S_N / c, c = 1 - df_N / N (Jacot et al.,
    NeurIPS 2020; Wei, Hu and Steinhardt, ICML 2022). kappa solves n = ridge / kappa + df(kappa).
    """
    values, parts = modes(data, kernel)
    N, g = len(values), _scale(values, ridge, n)
    left = g / (values + g)
    df, slope = float((values / (values + g)).sum()), -float((values / (values + g) ** 2).sum())
    c = 1 - df / N
    kappa, kappa_slope = g / c, 1 / c + g * slope / (N * c**2)
    missed = float(parts @ left)
    S = missed / c
    S_slope = (float(parts @ (values / (values + g) ** 2)) / c + missed * slope / (N * c**2)) / kappa_slope
    df2 = df + kappa * slope / kappa_slope
    error = (S - kappa * S_slope) / (1 - df2 / n)
    return error, (ridge / (n * kappa)) ** 2 * error


def resolved(data: Data, kernel: Kernel, ridge: float, n: int) -> float:
    """The degrees of freedom of the student, as a fraction of the number of samples that the theory is taken from."""
    values, _ = modes(data, kernel)
    return float((values / (values + _scale(values, ridge, n))).mean())


def _scale(values: np.ndarray, ridge: float, n: int) -> float:
    """g of `population`: the ridge of all samples, over their number, that stands for n samples and this ridge."""
    from scipy.optimize import brentq

    def excess(log_g: float) -> float:
        g = np.exp(log_g)
        df = float((values / (values + g)).sum())
        return ridge * (1 - df / len(values)) / g + df - n

    low, high = np.log(1e-16 * values[-1]), np.log(1e6 * (values.sum() + ridge))
    return float(np.exp(brentq(excess, low, high, xtol=1e-13)))


def predict(law: KernelRegression) -> dict[str, Any]:
    """The observables in the limit."""

    ridge = float(law.ridge)
    if law.data is not None:
        n = law.samples_drawn(law.data.samples().shape[1])
        error, seen = population(law.data.pinned(), law.kernel, ridge, n)
    else:
        target = np.asarray(law.target)
        error, seen = sphere(float(law.alpha), law.degree, law.kernel, ridge, float(law.noise), target)
    return {"test_error": error, "train_loss": seen / 2}
