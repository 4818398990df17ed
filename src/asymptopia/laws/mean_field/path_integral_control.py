"""Steering Brownian particles so that they arrive in a given distribution, at the least effort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...parts.loss import namespace
from ...parts.potential import DoubleWell, Normal, Potential
from .common import CellDensity

if TYPE_CHECKING:
    import jax

FOELLMER = "Foellmer, Springer Lecture Notes in Control and Information Sciences 69 (1985) 156"
KAPPEN = "Kappen, J. Stat. Mech. (2005) P11011, equations 20 and 27"
TZEN = "Tzen and Raginsky, Conference on Learning Theory 99 (2019) 3084, theorem 2.1"
NORMAL = "relative entropy of two normal distributions"
REACH = 40.0


class PathIntegralControl(CellDensity, Law):
    r"""Brownian particles steered, at the least effort, so that they arrive in a given distribution.

    A particle starts at 0 and obeys, until the time $\theta$ of the `horizon`,

    $$dX = u(X, t)\,dt + \sigma\,dW, \qquad \text{at the cost} \quad
    E \int_0^\theta \frac{u^2}{2 \sigma^2}\,dt + E\,\Phi(X_\theta),$$

    with $\sigma^2$ the variance `noise` and $\Phi = U + \log p_\theta$: U is the `target`, a potential of any height or
    $-\log$ of a normal density, and $p_\theta$ the density of $N(0, \sigma^2 \theta)$, where it would arrive
    without control. The value function $V(x, t)$, the least cost from x and t on, solves the equation of Hamilton,
    Jacobi and Bellman

    $$\partial_t V + \tfrac{\sigma^2}{2} \partial_x^2 V - \tfrac{\sigma^2}{2} (\partial_x V)^2 = 0, \qquad
    V(x, t) = -\log E\,e^{-\Phi(x + \sigma \sqrt{\theta - t}\,z)},$$

    and the best control, Foellmer's `drift`, is $u = -\sigma^2 \partial_x V$. With it the particles arrive in the
    distribution $\propto e^{-U}$, the `value` from the start is $V(0, 0) = -\log \int e^{-U}$, and the `effort`, the
    cost of the control alone, is the entropy of the distribution of arrival relative to $N(0, \sigma^2 \theta)$.

    The integrals are sums over equidistant points, which are doubled until they stand still.

    The system steers n particles in n steps by a control that knows of the target only what n standard normal numbers,
    fresh in each step, say: means over them of $e^{-\Phi}$ and its slope. `drift` is such a mean too. `value` is minus
    the logarithm of the mean of the particles' weights, $e^{-\Phi}$ times Girsanov's likelihood ratio, which is right
    for any control, and the less noisy the better the control is; `mean`, `variance` and `density` are those of
    arrival, without weights.

    Raises `NoLimit` if the target is not confining; `valid` where its tails are so wide that weights without control
    have no variance.
    """

    target: Normal | Potential = field(
        DoubleWell(), "distribution of arrival: normal, or the potential U of the density exp(-U)"
    )
    horizon: float = field(1.0, "time of arrival", above=0)
    noise: float = field(1.0, "variance sigma**2 of the noise in unit time", above=0)
    times: tuple[float, ...] = field(
        (0.0, 0.5, 0.75),
        "times, in units of the horizon, at which the drift is asked for",
        at_least=0,
        below=1,
        axis="time",
    )
    positions: tuple[float, ...] = field(
        (-1.0, -0.5, 0.5, 1.0), "where the drift is asked for, increasing", axis="position"
    )
    edges: tuple[float, ...] = field((-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0), "edges of the density's cells")

    cells = "cell"
    defaults = Defaults(size="particles", sizes=(32, 64, 128), seeds=1200, block=100)
    references = References(
        source=FOELLMER + "; " + KAPPEN + "; " + TZEN,
        status="proved",
        bibtex="""@incollection{Foellmer1985,
  author = {F{\\"o}llmer, Hans},
  title = {An entropy approach to the time reversal of diffusion processes},
  booktitle = {Stochastic Differential Systems}, publisher = {Springer},
  series = {Lecture Notes in Control and Information Sciences}, volume = {69}, pages = {156--163}, year = {1985}
}
@article{Kappen2005,
  author = {Kappen, Hilbert J.},
  title = {Path integrals and symmetry breaking for optimal control theory},
  journal = {Journal of Statistical Mechanics: Theory and Experiment},
  pages = {P11011}, year = {2005}
}
@inproceedings{TzenRaginsky2019,
  author = {Tzen, Belinda and Raginsky, Maxim},
  title = {Theoretical guarantees for sampling and inference in generative models with latent diffusions},
  booktitle = {Conference on Learning Theory},
  series = {Proceedings of Machine Learning Research}, volume = {99}, pages = {3084--3114}, year = {2019}
}""",
    )
    observables = {
        "value": Observable("V", "least cost, from the start on", scale=1.0),
        "effort": Observable("K", "cost of the control alone", resolution=0.1),
        "mean": Observable("m", "mean position at arrival", scale=1.0),
        "variance": Observable("v", "variance of the position at arrival"),
        "density": Observable(
            r"\rho", "probability of arrival in a cell over its width", dims=("cell",), resolution=0.1
        ),
        "drift": Observable("u", "best control", dims=("time", "position")),
        "value_function": Observable("V(x, t)", "least cost from there on", dims=("time", "position"), limit_only=True),
    }
    landmarks = (
        Landmark(
            dict(),
            "value",
            -np.log(3.9051371698573),
            1e-11,
            "the integral of exp(-x**4 / 4 + x**2 / 2) by Bessel functions",
        ),
        Landmark(dict(target=Normal(1.0, 0.25)), "value", 0.0, 1e-12, "a density of mass 1 costs nothing"),
        Landmark(dict(target=Normal(1.0, 0.25)), "effort", 0.125 + np.log(2.0), 1e-10, NORMAL),
        Landmark(
            dict(target=Normal(1.0, 0.25), times=(0.5,), positions=(0.0,)),
            "drift",
            1 / 0.625,
            1e-10,
            "closed form (m / v - a x) / (1 + a (horizon - t)), a = 1 / v - 1 / horizon, of a normal target at noise 1",
            at=(0, 0),
        ),
    )

    def _potential(self, y: ArrayLike) -> Any:
        """U, minus the logarithm of the density of arrival up to a constant, on NumPy or JAX arrays."""
        if isinstance(self.target, Normal):
            mean, variance = self.target.mean, self.target.variance
            return (y - mean) ** 2 / (2 * variance) + namespace(variance).log(2 * np.pi * variance) / 2
        return self.target(y)

    def _reach(self, tilt: float = 0.0, precision: float = 0.0) -> tuple[float, float]:
        """The interval that holds the mass of exp(-U(y) - precision y**2 / 2 + tilt y)."""
        if isinstance(self.target, Normal) and self.target.variance == 0:
            raise NoLimit("`target` of PathIntegralControl must have a density, but its variance is 0.")
        tilted = Potential.from_callable(lambda y: self._potential(y) + precision * y**2 / 2 - tilt * y)
        basin = tilted.basin(1.0, REACH)
        if basin is None:
            raise NoLimit(
                "`target` of PathIntegralControl must be normalisable: its potential must rise by 40 above its minimum "
                f"on both sides within |x| < 2048, but {self.target!r} does not."
            )
        return basin

    def check(self) -> None:
        self._reach()

    def valid(self) -> str | None:
        """Without control a weight has a variance if exp(-2 U + x**2 / 2 r) can be integrated."""
        if self._doubled().basin(1.0) is None:
            return (
                "the target reaches farther than Brownian motion of this noise and horizon: the weights of the "
                "control's estimate have no variance, and the limit is approached slowly"
            )
        return None

    def too_small(self, sizes: Sequence[int]) -> str | None:
        """Of n normal numbers only a share counts, that of the squared mean of weights in their mean square."""
        from scipy.special import logsumexp

        wider = self._doubled().basin(1.0)
        if wider is None:
            return None
        ends = (*wider, *self._reach())
        x, h = np.linspace(min(ends), max(ends), 8001, retstep=True)
        squared, mean = (
            float(logsumexp(-p.values(x)) + np.log(h))
            for p in (self._doubled(), Potential.from_callable(self._potential))
        )
        rare = squared + np.log(2 * np.pi * self.noise * self.horizon) / 2 - 2 * mean
        if rare <= np.log(max(sizes)):
            return None
        return (
            f"one in exp({rare:.3g}) of the normal numbers that the control is told meets the target, more than the "
            "largest of the sizes: its steps are guesses, and the particles do not arrive there"
        )

    def _doubled(self) -> Potential:
        """Minus the logarithm of the squared weights without control, times the density that they are drawn from."""
        return Potential.from_callable(lambda y: 2 * self._potential(y) - y**2 / (2 * self.noise * self.horizon))

    def predict(self) -> dict[str, Any]:
        from ...numerics.gibbs import gibbs

        free = self.noise * self.horizon

        def observe(y: np.ndarray) -> np.ndarray:
            return np.stack([y, y**2, self._values(y)])

        log_mass, (mean, square, height), error = gibbs(lambda y: self._values(y)[None], self._reach(), observe)
        effort = -height - log_mass + np.log(2 * np.pi * free) / 2 + square / (2 * free)
        rows = [self._cost_to_go(t) for t in self.times]
        return {
            "value": -log_mass[0],
            "effort": effort[0],
            "mean": mean[0],
            "variance": (square - mean**2)[0],
            "density": self._cells(float(log_mass[0])),
            "drift": np.array([r[1] for r in rows]),
            "value_function": np.array([r[0] for r in rows]),
            "value_error": error,
            "effort_error": (2 + 1 / free) * error,
        }

    def _values(self, y: np.ndarray) -> np.ndarray:
        return Potential.from_callable(self._potential).values(y)

    def _cost_to_go(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """The value function and the drift at this share of the horizon, at the positions."""
        from ...numerics.gibbs import gibbs

        x, free = np.array(self.positions), self.noise * self.horizon
        left = free * (1 - time)

        def energy(y: np.ndarray) -> np.ndarray:
            return self._values(y) - y**2 / (2 * free) + (y - x[:, None]) ** 2 / (2 * left)

        ends = [self._reach(c / left, 1 / left - 1 / free) for c in (x[0], x[-1])]
        log_mass, (mean, _), _ = gibbs(energy, (min(e[0] for e in ends), max(e[1] for e in ends)))
        return -log_mass - np.log(free / left) / 2, (mean - x) * self.noise / left

    def _cells(self, log_mass: float) -> np.ndarray:
        nodes, weights = np.polynomial.legendre.leggauss(32)
        edges = np.array(self.edges)
        y = edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2
        return np.exp(-self._values(y) - log_mass) @ weights / 2

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        from ...algorithms.particles.langevin import histogram

        first, second = jax.random.split(key)
        dt = self.horizon / n

        def step(state: PyTree, now: Any) -> tuple[Any, None]:
            x, effort, likelihood = state
            i, k = now
            a, b = jax.random.split(k)
            u = self._control(x, self.noise * (self.horizon - i * dt), jax.random.normal(a, (n,)))
            shock = jnp.sqrt(self.noise * dt) * jax.random.normal(b, (n,))
            spent = u**2 * dt / (2 * self.noise)
            return (x + u * dt + shock, effort + spent, likelihood - u * shock / self.noise - spent), None

        begin = (jnp.zeros(n), jnp.zeros(n), jnp.zeros(n))
        (x, effort, likelihood), _ = jax.lax.scan(step, begin, (jnp.arange(n), jax.random.split(first, n)))
        asked = jnp.asarray(self.positions)
        seen = jax.random.normal(second, (n,))
        drift = [self._control(asked, self.noise * self.horizon * (1 - t), seen) for t in self.times]
        return {
            "value": jnp.log(n) - jax.nn.logsumexp(self._reward(x) + likelihood),
            "effort": effort.mean(),
            "mean": x.mean(),
            "variance": x.var(ddof=1),
            "density": histogram(x, self.edges),
            "drift": jnp.stack(drift),
        }

    def _reward(self, y: ArrayLike) -> Any:
        """-Phi, the logarithm of the density of arrival relative to that without control."""
        free = self.noise * self.horizon
        return -self._potential(y) + y**2 / (2 * free) + namespace(free).log(2 * np.pi * free) / 2

    def _control(self, x: jax.Array, left: ArrayLike, seen: jax.Array) -> Any:
        """The control at x, (n,), as means over standard normal numbers; `left` is the variance of what is to come."""
        import jax

        y = x[:, None] + left**0.5 * seen
        reward, slope = jax.jvp(self._reward, (y,), (jax.numpy.ones_like(y),))
        return self.noise * (jax.nn.softmax(reward, axis=1) * slope).sum(axis=1)
