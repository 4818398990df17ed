"""Critical points of any index, by descent on the norm of the gradient."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, PyTree
from ...numerics.compiled import compiled

if TYPE_CHECKING:
    import jax
    from jaxtyping import Bool, Float, Int, Real

STEPS, BATCH, FEW = 20, 64, 8
EASIER, HARDER = 0.3, 6.0
DAMPING = (1e-8, 1e12)
FLAT = 1e-7


@dataclasses.dataclass(frozen=True)
class CriticalPoints:
    """The end points of N searches in p dimensions.

    point (N, p), loss (N,), gradient (N,) its norm, eigenvalues (N, p) of the Hessian, ascending.
    curvature: (N,), the largest eigenvalue in size where the search, or 20 steps of it, began.
    converged: (N,), whether the norm of the gradient is below the tolerance.
    flat:      (N,), whether the search ended where the gradient is not zero but lies in the kernel of the Hessian: a
               critical point of the norm of the gradient, not of the loss (to 1e-7 of the largest curvature met).
    """

    point: Float[np.ndarray, "N p"]
    loss: Float[np.ndarray, " N"]
    gradient: Float[np.ndarray, " N"]
    eigenvalues: Float[np.ndarray, "N p"]
    curvature: Float[np.ndarray, " N"]
    converged: Bool[np.ndarray, " N"]
    flat: Bool[np.ndarray, " N"]

    def index(self, threshold: float = 1e-7) -> Int[np.ndarray, " N"]:
        """The number (N,) of eigenvalues below -threshold times the largest in size, or 1e-4 of that at the start."""
        largest = np.maximum(np.abs(self.eigenvalues).max(axis=1), 1e-4 * self.curvature)
        return np.asarray((self.eigenvalues < -threshold * largest[:, None]).sum(axis=1))


def find_critical_points(
    loss: Callable[[Any, Any], Any],
    starts: Real[ArrayLike, "N p"],
    data: PyTree = None,
    tolerance: float = 1e-10,
    rounds: int = 120,
) -> CriticalPoints:
    r"""Critical points of `loss(x, data)`, a scalar in JAX of a flat vector x, one from each of the starts (N, p).

    Levenberg's method on $|\nabla L|^2$: steps $-(H^2 + \mu |g|)^{-1} H g$ by the eigenvalues of the dense Hessian,
    taken if the norm of the gradient falls, and 20 more once it is below the tolerance. It neither prefers minima nor
    avoids degenerate points, and it can end at points that are not critical: `flat` flags those. At most `rounds`
    times 20 steps.
    """
    x = np.array(starts, float, ndmin=2)
    if x.ndim != 2 or x.size == 0 or not np.isfinite(x).all():
        raise StatementError(f"`starts` must be finite, of shape (N, p) with N, p >= 1; its shape is {x.shape}.")
    if not 0 < tolerance < math.inf:
        raise StatementError(f"`tolerance` must be > 0, but is {tolerance:g}.")
    points: dict[str, np.ndarray] = {}
    damping, active, polished = np.ones(len(x)), np.arange(len(x)), np.zeros(len(x), bool)
    scale = np.zeros(len(x))
    for _ in range(rounds):
        size = BATCH if len(active) > FEW else FEW  # few shapes, few compilations; a few points take many rounds
        rows = np.resize(active, math.ceil(len(active) / size) * size)
        blocks = [_search(loss, x[b], damping[b], data) for b in rows.reshape(-1, size)]
        for name in blocks[0]:
            block = np.concatenate([np.asarray(b[name]) for b in blocks])[: len(active)]
            points.setdefault(name, np.empty((len(x), *block.shape[1:])))[active] = block
        x, damping = points["point"].copy(), points["damping"]
        scale = np.fmax(scale, points["start"])
        converged = points["gradient"] <= tolerance
        flat = ~converged & (points["slope"] <= FLAT * scale * points["gradient"])
        active = np.flatnonzero(~(converged & polished | flat) & np.isfinite(points["gradient"]))
        polished = converged
        if not len(active):
            break
    return CriticalPoints(
        points["point"], points["loss"], points["gradient"], points["eigenvalues"], scale, converged, np.asarray(flat)
    )


@compiled("loss")
def _search(
    loss: Callable[[Any, Any], Any], x: Float[jax.Array, "N p"], damping: Float[jax.Array, " N"], data: PyTree
) -> dict[str, Any]:
    import jax

    return jax.vmap(lambda a, b: _steps(loss, a, b, data))(x, damping)


def _steps(
    loss: Callable[[Any, Any], Any], start: Float[jax.Array, " p"], damping: Float[jax.Array, ""], data: PyTree
) -> dict[str, Any]:
    import jax
    import jax.numpy as jnp

    def gradient(x: ArrayLike) -> Any:
        return jax.grad(loss)(x, data)

    def hessian(x: ArrayLike) -> Any:
        return jax.jacfwd(gradient)(x)

    def step(carry: PyTree, _: Any) -> tuple[Any, None]:
        x, mu = carry
        g = gradient(x)
        eigenvalues, vectors = jnp.linalg.eigh(hessian(x))
        size = jnp.linalg.norm(g)
        weights = eigenvalues / jnp.maximum(eigenvalues**2 + mu * size, 1e-300)
        ahead = x - vectors @ (weights * (vectors.T @ g))
        better = jnp.linalg.norm(gradient(ahead)) < size
        mu = jnp.clip(jnp.where(better, EASIER, HARDER) * mu, *DAMPING)
        return (jnp.where(better, ahead, x), mu), None

    (x, mu), _ = jax.lax.scan(step, (start, damping), None, length=STEPS)
    g, H = gradient(x), hessian(x)
    return {
        "point": x,
        "damping": mu,
        "start": jnp.abs(jnp.linalg.eigvalsh(hessian(start))).max(),
        "loss": loss(x, data),
        "gradient": jnp.linalg.norm(g),
        "slope": jnp.linalg.norm(H @ g),
        "eigenvalues": jnp.linalg.eigvalsh(H),
    }
