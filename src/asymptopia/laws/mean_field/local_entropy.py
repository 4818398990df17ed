"""A loss seen at a coarser scale: the local entropy that Entropy-SGD descends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...contract.transitions import FixedPoint
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...parts.potential import DoubleWell, Potential, Quadratic

if TYPE_CHECKING:
    import jax

CHAUDHARI = (
    "Chaudhari, Oberman, Osher, Soatto and Carlier, Research in the Mathematical Sciences 5 (2018) 30, theorem 3"
)
ENTROPY_SGD = "Chaudhari et al., J. Stat. Mech. (2019) 124018, equation 6"
NORMAL = "convolution of normal distributions: stiffness k gamma / (k + gamma), raised by T log(1 + k / gamma) / 2"
DESAI = "Desai and Zwanzig, J. Stat. Phys. 19 (1978) 1: self-consistency of particles drawn to their mean (recomputed)"
STRATA = 8
FARTHEST = 1000.0


class LocalEntropy(Law):
    r"""Entropy-SGD: descent of a loss that Langevin dynamics smooths around each point.

    The local entropy of a loss f on the line, with strength $\gamma$ and temperature T, is

    $$F(x) = -T \log E\,e^{-f(x + \sqrt{T/\gamma}\,z)/T}, \qquad z \sim N(0, 1),$$

    the solution $F = u(\cdot, 1/\gamma)$ of the viscous Hamilton-Jacobi equation

    $$\partial_t u + \tfrac12 (\partial_x u)^2 = \tfrac T2\,\partial_x^2 u, \qquad u(\cdot, 0) = f,$$

    which the substitution $u = -T \log v$ of Cole and Hopf makes the heat equation. Its slope $F'(x) = \gamma (x -
    \langle y \rangle_x)$ asks for the mean of the distribution $\propto e^{-(f(y) + \gamma (x-y)^2/2)/T}$, which
    Langevin dynamics around x samples. `drift` is -F', and `smoothed_loss` F, at the `positions`; `iterates` is descent
    with steps of length `rate` from `start`, $x \leftarrow x - \eta F'(x)$, which Entropy-SGD approaches as its inner
    loop gets long. A quadratic loss of stiffness k gets the stiffness $k \gamma / (k + \gamma)$.

    `fixed_points` has all minima and maxima of F. They are the means of the stationary distributions of particles that
    are drawn to their mean with coupling $\gamma$: in a symmetric loss the maximum at 0 turns into a minimum at the
    `transition`, where $\gamma \mathrm{Var}\,y = T$, as T grows or $\gamma$ falls.

    The integrals are sums over equidistant points, which are doubled until they stand still.

    The system is Entropy-SGD with n inner steps, of a length that falls as $n^{-1/2}$. The smoothed loss is measured by
    thermodynamic integration: $F = \int_0^1 \langle f \rangle_\lambda\,d\lambda$ over trajectories that feel
    $\lambda f$, with one random $\lambda$ in each of 8 strata; the drift by 8 trajectories
    more. Entropy-SGD has one.

    Raises `NoLimit` if $f + \gamma x^2/2$ is not confining.
    """

    landscape: Potential = field(DoubleWell(), "loss f(x), or a function of x")
    gamma: float = field(2.0, "strength of the pull to the centre", above=0)
    temperature: float = field(0.1, "temperature T", above=0, unit="energy")
    positions: tuple[float, ...] = field(
        (-1.2, -0.8, -0.4, 0.0, 0.4, 0.8, 1.2), "where F is asked for, increasing", axis="position"
    )
    start: float = field(0.4, "where the descent starts")
    rate: float = field(0.5, "length of a step of the descent", above=0)
    steps: int = field(4, "steps of the descent", at_least=1)

    defaults = Defaults(size="inner steps", sizes=(500, 1000, 2000), seeds=800, block=200)
    references = References(
        source=CHAUDHARI + "; " + ENTROPY_SGD,
        status="proved",
        bibtex="""@article{ChaudhariObermanOsherSoattoCarlier2018,
  author = {Chaudhari, Pratik and Oberman, Adam and Osher, Stanley and Soatto, Stefano and Carlier, Guillaume},
  title = {Deep relaxation: partial differential equations for optimizing deep neural networks},
  journal = {Research in the Mathematical Sciences},
  volume = {5}, pages = {30}, year = {2018}
}
@article{ChaudhariEtAl2019,
  author = {Chaudhari, Pratik and Choromanska, Anna and Soatto, Stefano and LeCun, Yann and Baldassi, Carlo and
            Borgs, Christian and Chayes, Jennifer and Sagun, Levent and Zecchina, Riccardo},
  title = {{Entropy-SGD}: biasing gradient descent into wide valleys},
  journal = {Journal of Statistical Mechanics: Theory and Experiment},
  pages = {124018}, year = {2019}
}""",
    )
    observables = {
        "smoothed_loss": Observable("F", "local entropy", unit="energy", dims=("position",)),
        "drift": Observable("-F'", "minus its slope", dims=("position",), scale=1.0),
        "iterates": Observable("x_k", "position in the descent", dims=("step",), scale=1.0, bias=0.5, resolution=0.1),
        "curvature": Observable("F''", "its second derivative", dims=("position",), limit_only=True),
    }
    landmarks = (
        Landmark(dict(landscape=Quadratic(2.0), gamma=0.5, positions=(0.0,)), "curvature", 0.4, 1e-12, NORMAL, at=(0,)),
        Landmark(
            dict(landscape=Quadratic(2.0), gamma=0.5, temperature=1.0, positions=(1.5,)),
            "smoothed_loss",
            0.45 + np.log(5.0) / 2,
            1e-12,
            NORMAL,
            at=(0,),
        ),
        Landmark(dict(gamma=0.5), "transition", 0.26450488, 1e-8, DESAI, along="temperature"),
        Landmark(dict(gamma=1.0), "transition", 0.45694658, 1e-8, DESAI, along="temperature"),
        Landmark(dict(temperature=1.50541274), "transition", 4.0, 1e-7, DESAI, along="gamma"),
    )

    def check(self) -> None:
        self._reach(np.array([*self.positions, self.start]))

    def predict(self) -> dict[str, Any]:
        loss, drift, bend, error = self._smoothed(np.array(self.positions))
        x, iterates, missed = self.start, [self.start], 0.0
        for _ in range(self.steps):
            _, push, _, wrong = self._smoothed(np.array([x]))
            x += self.rate * float(push[0])
            if abs(x) > FARTHEST:
                raise NoLimit(
                    f"`rate` of LocalEntropy must be so small that the descent does not run away, as < 2 / gamma = "
                    f"{2 / self.gamma:.6g} always is, but is {self.rate:g}: it arrives at {x:.3g}."
                )
            missed += self.rate * float(wrong)
            iterates.append(x)
        return {
            "smoothed_loss": loss,
            "drift": drift,
            "iterates": np.array(iterates),
            "curvature": bend,
            "smoothed_loss_error": np.full_like(loss, error),
            "drift_error": np.full_like(loss, error),
            "iterates_error": np.full(self.steps + 1, missed),
        }

    def _reach(self, x: np.ndarray) -> tuple[float, float]:
        """The interval that holds the mass of the local distributions around these points."""
        basins = []
        for centre in (float(x.min()), float(x.max())):
            basin = self._pulled(centre).basin(self.temperature)
            if basin is None:
                raise NoLimit(
                    "`landscape` of LocalEntropy must, with gamma (x - y)**2 / 2 added, be confining, that is rise by "
                    f"40 temperatures within |y| < 2048; {self.landscape!r} with `gamma` = {self.gamma:g} does not."
                )
            basins.append(basin)
        return min(b[0] for b in basins), max(b[1] for b in basins)

    def _pulled(self, centre: float) -> Potential:
        return Potential.from_callable(lambda y: self.landscape(y) + self.gamma * (y - centre) ** 2 / 2)

    def _smoothed(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """F, -F' and F'' at points, and their largest error."""
        from ...numerics.gibbs import gibbs

        T, gamma = self.temperature, self.gamma

        def energy(y: np.ndarray) -> np.ndarray:
            return (self.landscape.values(y) + gamma * (y - x[:, None]) ** 2 / 2) / T

        log_mass, (mean, square), error = gibbs(energy, self._reach(x))
        loss = -T * (log_mass + np.log(gamma / (2 * np.pi * T)) / 2)
        scale = max(T, gamma, gamma**2 / T)
        return loss, gamma * (mean - x), gamma - gamma**2 * (square - mean**2) / T, scale * error

    def fixed_points(self) -> list[FixedPoint]:
        """All minima (stable) and maxima of F, by position; `free_entropy` is -F/T."""
        from scipy.optimize import brentq

        basin = self.landscape.basin(self.temperature)
        if basin is None:
            raise NoLimit(f"`landscape` of LocalEntropy must be confining to have minima, but is {self.landscape!r}.")
        grid = np.linspace(*basin, 402)  # an even number: a symmetric loss has its centre between two
        signs = np.sign(np.concatenate([self._smoothed(part)[1] for part in np.array_split(grid, 8)]))
        solutions = []
        for i in np.flatnonzero(signs[1:] * signs[:-1] < 0):
            x = brentq(lambda c: self._smoothed(np.array([c]))[1][0], grid[i], grid[i + 1], xtol=1e-14)
            loss, _, bend, _ = self._smoothed(np.array([x]))
            values = {"overlap": float(x), "smoothed_loss": float(loss[0]), "curvature": float(bend[0])}
            solutions.append(FixedPoint(values, -float(loss[0]) / self.temperature, bool(signs[i] > 0)))
        return solutions

    def thresholds(self, along: str) -> dict[str, float]:
        """In a symmetric loss, along `temperature` or `gamma`: `transition`, where 0 turns from maximum to minimum."""
        from scipy.optimize import brentq

        x = np.linspace(0.0, 4.0, 97)
        symmetric = np.allclose(self.landscape.values(x), self.landscape.values(-x), rtol=1e-12, atol=1e-12)
        if along not in ("temperature", "gamma") or not symmetric:
            raise StatementError(
                f"LocalEntropy has no known transition along {along!r}; in a symmetric loss there is one along "
                "'temperature' and along 'gamma'."
            )

        def bend(log_value: float) -> float:
            law = self.replace(**{along: float(np.exp(log_value))})
            return float(law._smoothed(np.zeros(1))[2][0] / law.gamma)

        grid = np.log(np.geomspace(0.01, 100.0, 41))
        signs = np.sign([bend(v) for v in grid])
        turns = np.flatnonzero(signs[1:] * signs[:-1] < 0)
        if not len(turns):
            return {}
        return {"transition": float(np.exp(brentq(bend, grid[turns[-1]], grid[turns[-1] + 1], xtol=1e-14)))}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        from ...algorithms.particles.entropy_sgd import entropy_sgd, local_average

        inner = 2 / n**0.5 / self._stiffest()
        first, second, third = jax.random.split(key, 3)
        strengths = (jnp.arange(STRATA) + jax.random.uniform(first, (STRATA,))) / STRATA
        strengths = jnp.append(strengths, jnp.ones(STRATA))[:, None]
        centres = jnp.broadcast_to(jnp.asarray(self.positions), (2 * STRATA, len(self.positions)))

        def gradient(y: ArrayLike, i: Any) -> Any:
            return strengths * self.landscape.slope(y)

        def seen(y: jax.Array) -> tuple[Any, Any]:
            return y[STRATA:].mean(axis=0), self.landscape(y[:STRATA])

        mean, losses = local_average(gradient, centres, self.gamma, self.temperature, n, inner, second, seen)
        optimiser = entropy_sgd(self.rate, self.gamma, self.temperature, n, inner, third)

        def step(state: PyTree, _: None) -> tuple[Any, Any]:
            x, inside = state
            slope = self.landscape.slope(x)
            change, inside = optimiser.update(slope, inside, x, grad_fn=lambda y, i: self.landscape.slope(y))
            return (x + change, inside), x + change

        x = jnp.asarray(self.start, float)
        iterates = jax.lax.scan(step, (x, optimiser.init(x)), None, self.steps)[1]
        return {
            "smoothed_loss": losses.mean(axis=0),
            "drift": self.gamma * (mean - jnp.asarray(self.positions)),
            "iterates": jnp.append(x, iterates),
        }

    def _stiffest(self) -> Any:
        """gamma plus the largest |f''| where a trajectory around one of the points is likely to come."""
        import jax.numpy as jnp

        centres = jnp.asarray([*self.positions, self.start])[:, None]
        reach = 6 * jnp.sqrt(self.temperature / self.gamma)
        y = jnp.linspace(centres.min() - reach, centres.max() + reach, 513)
        energy = self.landscape(y) + self.gamma * (y - centres) ** 2 / 2
        likely = (energy <= energy.min(axis=1, keepdims=True) + 12 * self.temperature).any(axis=0)
        return self.gamma + jnp.max(jnp.where(likely, jnp.abs(self.landscape.curvature(y)), 0.0))

    def coords(self) -> dict[str, Any]:
        return {"position": np.array(self.positions), "step": np.arange(self.steps + 1)}
