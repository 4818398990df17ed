"""Inertial Newton dynamics on least squares with random inputs: its Lyapunov function and its loss in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...numerics.compiled import compiled

CASTERA = "Castera, Bolte, Fevotte and Pauwels, J. Mach. Learn. Res. 22 (2021) 1, equation 5 and section 3.3"
MODES = "one mode by SciPy's DOP853 at 1e-13, integrated over the Marchenko-Pastur density by its quad"
STEP = 2.0  # the length of a step, times n


class InertialNewton(Law):
    r"""Least squares trained by an inertial Newton method (INNA), which needs gradients alone.

    $J(\theta) = \frac1{2 m} |X (\theta - \theta^*)|^2$ with m Gaussian inputs in n dimensions, m/n = `samples`. With
    damping $\alpha$ and Newtonian damping $\beta$ the dynamics
    $\ddot\theta + \alpha \dot\theta + \beta \nabla^2 J \dot\theta + \nabla J = 0$ is run as

    $$\dot\theta = (\tfrac1\beta - \alpha) \theta - \tfrac1\beta \psi - \beta \nabla J(\theta), \qquad
      \dot\psi = (\tfrac1\beta - \alpha) \theta - \tfrac1\beta \psi,$$

    which needs no Hessian, from $\psi = (1 - \alpha\beta) \theta$. Along it, for any J,

    $$E = 2 (1 + \alpha\beta) J(\theta) + |(\alpha - \tfrac1\beta) \theta + \tfrac1\beta \psi|^2, \qquad
      \dot E = -2 \alpha |\dot\theta|^2 - \tfrac2\beta |\dot\theta - \dot\psi|^2 .$$

    As $n \to \infty$, from a start at distance $\sqrt n$ of a solution in a random direction, J/n and E/n are integrals
    over the Marchenko-Pastur distribution of what a mode of curvature $\lambda$ does, a linear system of two equations.

    The system takes Euler steps (INNA) of a length that falls as 1/n, in place of time. A step $\gamma$ lowers E if
    $\gamma \leq \min(\beta, 2\alpha / ((1 + \alpha\beta) L + 2 \alpha^2))$, L the largest curvature, and by at least
    $\gamma (2\alpha |v|^2 + 2\beta |g|^2) - \gamma^2 ((1 + \alpha\beta) L |v|^2 + |\alpha v + g|^2)$ with the velocity
    v and the gradient g; `shortfall` compares this with what each step did.
    """

    damping: float = field(0.5, "damping alpha", above=0)
    newtonian: float = field(0.5, "Newtonian damping beta", above=0)
    samples: float = field(2.0, "samples per dimension m/n", above=0)
    times: tuple[float, ...] = field((1.0, 3.0, 9.0), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="dimension", sizes=(25, 50, 100), seeds=200, block=200)
    references = References(
        source=CASTERA,
        status="proved",
        bibtex="""@article{CasteraBolteFevottePauwels2021,
  author = {Castera, Camille and Bolte, J{\\'e}r{\\^o}me and F{\\'e}votte, C{\\'e}dric and Pauwels, Edouard},
  title = {An inertial {N}ewton algorithm for deep learning},
  journal = {Journal of Machine Learning Research}, volume = {22}, pages = {1--31}, year = {2021}
}""",
    )
    observables = {
        "lyapunov": Observable("E/n", "Lyapunov function per dimension", dims=("time",)),
        "loss": Observable("J/n", "objective per dimension", dims=("time",)),
        "rises": Observable("r", "largest rise of the Lyapunov function in a step, over its start", bound="every"),
        "shortfall": Observable(
            r"\Delta", "by how much a step fell short of its granted descent, over E at the start", bound="every"
        ),
    }
    landmarks = (
        Landmark(dict(times=(0.0,)), "lyapunov", 1.25, 1e-12, "1 + alpha beta", at=(0,)),
        Landmark(dict(times=(0.0,)), "loss", 0.5, 1e-12, "half the mean curvature", at=(0,)),
        Landmark({}, "lyapunov", 0.045178367403887, 1e-11, MODES, at=(1,)),
        Landmark({}, "loss", 0.011057360269652, 1e-11, MODES, at=(1,)),
    )

    def predict(self) -> dict[str, Any]:
        curvature, weight = _marchenko_pastur(float(self.samples))
        theta, psi = _mode(curvature, float(self.damping), float(self.newtonian), np.asarray(self.times, float))
        a, b = float(self.damping), float(self.newtonian)
        loss = (curvature * theta**2) @ weight / 2
        rest = ((a - 1 / b) * theta + psi / b) ** 2 @ weight
        return {"lyapunov": 2 * (1 + a * b) * loss + rest, "loss": loss, "rises": 0.0, "shortfall": 0.0}

    def realize_all(self, n: int, keys: Any) -> dict[str, Any]:
        a, b = float(self.damping), float(self.newtonian)
        m = max(round(float(self.samples) * n), 1)
        steepest = 1.5 * (1 + float(self.samples) ** -0.5) ** 2
        longest = min(STEP / n, b, 2 * a / ((1 + a * b) * steepest + 2 * a * a))
        spans = np.diff(np.asarray(self.times, float), prepend=0.0)
        counts = np.ceil(spans / longest * (1 - 1e-12)).astype(int)
        rates = tuple(float(s / max(c, 1)) for s, c in zip(spans, counts, strict=True))
        runs = _runs(keys, n, m, a, b, rates, tuple(map(int, counts)))
        return {k: np.asarray(v, float) for k, v in runs.items()}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        return {k: v[0] for k, v in self.realize_all(n, key[None]).items()}


@compiled("n", "m", "a", "b", "rates", "counts")
def _runs(keys: Key, n: int, m: int, a: float, b: float, rates: tuple[float, ...], counts: tuple[int, ...]) -> Any:
    """The observables of systems of n dimensions and m inputs, one for each key: `counts` steps of each of `rates`."""
    import jax
    import jax.numpy as jnp

    from ...algorithms.optimisers.inertial_newton import inertial_newton, lyapunov

    def one(key: Key) -> dict[str, Any]:
        inputs, start = jax.random.split(key)
        X = jax.random.normal(inputs, (m, n)) / m**0.5
        theta = jax.random.normal(start, (n,))
        theta *= n**0.5 / jnp.linalg.norm(theta)
        smoothness = jnp.linalg.eigvalsh(X @ X.T if m < n else X.T @ X)[-1]
        state = None
        seen: dict[str, list[Any]] = {"lyapunov": [], "loss": [], "change": [], "short": []}

        def loss(at: ArrayLike) -> Any:
            return jnp.sum((X @ at) ** 2) / 2

        def energy(at: ArrayLike, state: PyTree) -> Any:
            return lyapunov(loss(at), at, state.psi, a, b)

        for rate, count in zip(rates, counts, strict=True):
            method = inertial_newton(rate or 1.0, a, b, smoothness)
            state = method.init(theta) if state is None else state

            def step(carry: PyTree, _: Any, method: Any = method) -> Any:
                at, state, before = carry
                update, state = method.update(jax.grad(loss)(at), state, at)
                after = energy(at + update, state)
                return (at + update, state, after), (after - before, after - before + state.lyapunov_descent)

            begin = (theta, state, energy(theta, state))
            (theta, state, level), told = jax.lax.scan(step, begin, length=count)
            for name, value in zip(seen, (level, loss(theta), *told), strict=True):
                seen[name].append(value)
        first = 2 * (1 + a * b) * n / 2
        return {
            "lyapunov": jnp.stack(seen["lyapunov"]) / n,
            "loss": jnp.stack(seen["loss"]) / n,
            "rises": jnp.maximum(jnp.max(jnp.concatenate(seen["change"]), initial=-jnp.inf), -1e300) / first,
            "shortfall": jnp.maximum(jnp.max(jnp.concatenate(seen["short"]), initial=-jnp.inf), -1e300) / first,
        }

    return jax.vmap(one)(keys)


def _marchenko_pastur(ratio: float, order: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for the spectrum of X^T X / m, m/n = ratio, with its atom at zero if m < n.

    Gauss and Chebyshev's rule of the second kind, exact for polynomials times the square roots at the edges.
    """
    share = 1 / ratio
    low, high = (1 - share**0.5) ** 2, (1 + share**0.5) ** 2
    angle = np.pi * np.arange(1, order + 1) / (order + 1)
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
    weights = (high - low) ** 2 / 4 * np.pi / (order + 1) * np.sin(angle) ** 2 / (2 * np.pi * share * nodes)
    return np.append(nodes, 0.0), np.append(weights, max(1 - ratio, 0.0))


def _mode(curvature: np.ndarray, a: float, b: float, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """theta and psi of a mode at the times, (times, curvatures), by the exponential of its matrix."""
    half = (-b * curvature - a) / 2  # half the trace; the determinant is the curvature
    root = np.sqrt((half**2 - curvature).astype(complex))
    theta, psi = np.ones_like(curvature), np.full_like(curvature, 1 - a * b)
    v = (1 / b - a) * theta - psi / b
    dtheta, dpsi = v - b * curvature * theta, v
    t = times[:, None]
    small = np.abs(root) * t < 1e-6
    slow, fast = np.exp((half + root) * t), np.exp((half - root) * t)
    even = ((slow + fast) / 2).real
    odd = np.where(small, t * np.exp(half * t), (slow - fast) / np.where(small, 1.0, 2 * root)).real
    return even * theta + odd * (dtheta - half * theta), even * psi + odd * (dpsi - half * psi)
