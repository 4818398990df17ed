"""What training does to the curvature, and how noisy its gradients are: sharpness and the noise scale, of any loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from .extremes import extremes
from .operators import finite_scalar, flat_parameters, hessian

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator


@dataclass(frozen=True)
class Training:
    """Full-batch gradient descent, seen at some steps.

    steps, losses, sharpness: (K,) at each of them, its number, the loss, and the largest eigenvalue of its Hessian.
    rate:                     the step's length; descent on a quadratic is stable as long as the sharpness is below
                              2 / rate, the edge of stability.
    parameters:               where it ended, a tree like the start.
    """

    steps: np.ndarray
    losses: np.ndarray
    sharpness: np.ndarray
    rate: float
    parameters: Any

    @property
    def edge(self) -> float:
        """The edge of stability, 2 / rate."""
        return 2 / self.rate


def sharpness(loss: Callable[[Any], Any], parameters: Any) -> float:
    """The largest eigenvalue of the Hessian of `loss(parameters)`."""
    return _largest(hessian(loss, parameters))


def sharpness_along(loss: Callable[[Any], Any], parameters: Any, rate: float, steps: int, every: int = 10) -> Training:
    """Gradient descent with a constant `rate` on all of the loss; its sharpness at the start and each `every` steps.

    Raises `StatementError` if the descent diverges, saying at which step.
    """
    import jax
    from jax import lax
    from scipy.sparse.linalg import LinearOperator

    if not rate > 0:
        raise StatementError(f"`rate` must be > 0, but is {rate!r}.")
    if not 1 <= every <= steps:
        raise StatementError(f"`every` must be between 1 and the number of steps {steps}, but is {every!r}.")
    flat, unravel = flat_parameters(parameters)
    value = finite_scalar(loss, flat, unravel)
    gradient = jax.grad(value)
    curve = jax.jit(lambda at, v: jax.jvp(gradient, (at,), (v,))[1])

    @jax.jit
    def descend(at: Any) -> Any:
        return lax.fori_loop(0, every, lambda _, w: w - rate * gradient(w), at)

    def largest(at: Any) -> float:
        def apply(v: np.ndarray) -> np.ndarray:
            return np.asarray(curve(at, np.asarray(v, flat.dtype).ravel()), float)

        return _largest(LinearOperator((flat.size,) * 2, matvec=apply, dtype=np.dtype(float)))

    seen = []
    for step in range(0, steps + 1, every):
        if step:
            flat = descend(flat)
        now = float(value(flat))
        if not np.isfinite(now):
            raise StatementError(f"Gradient descent with `rate` {rate!r} has diverged at step {step}; take less.")
        seen.append((step, now, largest(flat)))
    numbers, losses, curvatures = (np.array(column) for column in zip(*seen, strict=True))
    return Training(numbers, losses, curvatures, float(rate), unravel(flat))


def gradient_noise_scale(
    loss: Callable[[Any, Any], Any], parameters: Any, samples: Any, chunk: int = 256
) -> tuple[float, float]:
    r"""The batch at which noise and signal of a gradient are alike, $\mathrm{tr} \Sigma / |G|^2$, and its error.

    G is the mean and $\Sigma$ the covariance of the gradient of `loss(parameters, sample)` over independent samples, of
    which `samples` holds n: an array, or a tree of arrays, with the samples first. Numerator and denominator are
    estimated without bias; nan if the estimate of $|G|^2$ is not positive, since then n samples do not see a mean
    gradient. The error is the jackknife's. `chunk` gradients are held at once.

    McCandlish, Kaplan, Amodei et al., arXiv 1812.06162 (2018), equation 2.9 and appendix A.1.
    """
    import jax
    import jax.numpy as jnp

    flat, unravel = flat_parameters(parameters)
    counts = {np.shape(a)[:1] for a in jax.tree.leaves(samples)}
    if len(counts) != 1 or min(counts) < (3,):
        raise StatementError(f"`samples` must be arrays of the same number >= 3 of samples, but there are {counts}.")
    n = min(counts)[0]
    one = jax.tree.map(lambda a: a[0], samples)
    gradient = jax.grad(lambda w, sample: loss(unravel(w), sample))
    finite_scalar(lambda w: loss(w, one), flat, unravel)
    gradients = jax.jit(lambda chosen: jax.vmap(gradient, (None, 0))(flat, chosen))

    def over(read: Callable[[Any], Any], first: int) -> Any:
        return read(gradients(jax.tree.map(lambda a: jnp.asarray(a)[first : first + chunk], samples)))

    firsts = range(0, n, chunk)
    mean = sum(over(lambda g: g.sum(axis=0), k) for k in firsts) / n
    if not bool(jnp.isfinite(mean).all()):
        raise StatementError("The gradient of the loss is not finite at `parameters`, for some of the samples.")
    square = np.concatenate([over(lambda g: np.sum(np.asarray(g, float) ** 2, axis=1), k) for k in firsts])
    along = np.concatenate([over(lambda g: np.asarray(g @ mean, float), k) for k in firsts])
    return _ratio(square, along, float(mean @ mean))


def _ratio(square: np.ndarray, along: np.ndarray, mean: float) -> tuple[float, float]:
    """tr Sigma / |G|^2 from |g_i|^2, g_i.g and |g|^2, with g the mean of n vectors g_i, and its error.

    Without sample i the mean is (n g - g_i) / (n - 1), which gives every leave-one-out value at once.
    """
    n = len(square)

    def value(total: Any, mean: Any, n: int) -> Any:
        noise = (total / n - mean) * n / (n - 1)
        signal = mean - noise / n
        return np.where(signal > 0, noise / np.where(signal > 0, signal, 1.0), np.nan)

    whole = float(value(square.sum(), mean, n))
    without = value(square.sum() - square, (n**2 * mean - 2 * n * along + square) / (n - 1) ** 2, n - 1)
    return whole, float(np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2)))


def _largest(operator: LinearOperator) -> float:
    return float(extremes(operator, 1)[0][-1])
