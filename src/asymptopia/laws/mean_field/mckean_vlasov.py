"""Particles in a potential that are drawn to their common mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...contract.transitions import FixedPoint
from ...numerics.arrays import ArrayLike, Key
from ...parts.potential import DoubleWell, Normal, Potential, Quadratic
from .common import CellDensity

if TYPE_CHECKING:
    import jax

DAWSON = "Dawson, J. Stat. Phys. 31 (1983) 29, theorems 3.3.1 and 4.3.1"
DESAI = "Desai and Zwanzig, J. Stat. Phys. 19 (1978) 1 (recomputed)"
SZNITMAN = "Sznitman, Springer Lecture Notes in Mathematics 1464 (1991) 165, theorem 1.4"
MOST_SOLVED, MOST_TO_REFINE = 350_000, 150_000  # exponentials of a generator: on three grids, a minute; on four
CELLS, STEP = 128, 0.1  # of the coarsest grid
LEVELS = ((1,), (2,), (4,), (8,))  # parts of both on the finer ones
FAST = 5.0  # with a faster relaxation than this, steps in time are shorter


class McKeanVlasov(CellDensity, Law):
    r"""Particles in a double well, or another potential, that are drawn to their common mean.

    n particles start independently from `start` and obey, with $\bar X$ their mean and c the `coupling`,

    $$dX_i = -V'(X_i)\,dt - c\,(X_i - \bar X)\,dt + \sqrt{2 T}\,dW_i .$$

    As $n \to \infty$ they become independent, with the distribution that solves the nonlinear Fokker-Planck equation

    $$\partial_t \rho = \partial_x ((V' + c\,(x - m_t))\,\rho + T\,\partial_x \rho), \qquad m_t = \int x \rho,$$

    and $\sqrt n (\bar X - m)$ becomes normal, of the variance that the linearised equation gives (`fluctuation`).
    `density` is the probability of each cell between neighbouring `edges`, divided by its width. From a particle of the
    same start and noise in a system twice as large a particle has the root mean square `distance`, which falls as
    $n^{-1/2}$ (`distance_exponent`): doubling on, the distance $W_2$ of the distribution of a particle from its limit
    is at most $1/(1 - 2^{-1/2})$ times as large.

    The stationary distributions are $\propto e^{-(V + c (x - m)^2/2)/T}$ with a mean m that is their own:
    `fixed_points` has all of them. In a symmetric potential m = 0 is one; it is stable if $c\,\mathrm{Var} < T$ in it,
    that is above the critical temperature, which `thresholds` along `temperature` names `transition`.

    The equation is solved by positive, conservative finite volumes and exponential steps in time, on three grids that
    are extrapolated; `<name>_error` is what the last extrapolation changed. The system integrates all particles by
    a method of weak order 2 with steps that shrink as $n^{-1/2}$.

    Raises `NoLimit` if the potential is not confining.
    """

    potential: Potential = field(DoubleWell(), "potential V(x), or a function of x")
    coupling: float = field(1.0, "strength c of the attraction to the mean", at_least=0)
    temperature: float = field(0.6, "temperature T", above=0, unit="energy")
    start: Normal = field(Normal(mean=1.0, variance=0.1), "distribution of the particles at the start")
    times: tuple[float, ...] = field((0.25, 0.5, 1.0, 2.0), "times, increasing", at_least=0, axis="time")
    edges: tuple[float, ...] = field((-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0), "edges of the density's cells")

    defaults = Defaults(size="particles", sizes=(20, 80, 320), seeds=40000, block=400)
    references = References(
        source=DAWSON + "; " + DESAI + "; " + SZNITMAN,
        status="proved",
        bibtex="""@article{Dawson1983,
  author = {Dawson, Donald A.},
  title = {Critical dynamics and fluctuations for a mean-field model of cooperative behavior},
  journal = {Journal of Statistical Physics},
  volume = {31}, pages = {29--85}, year = {1983}
}
@article{DesaiZwanzig1978,
  author = {Desai, Rashmi C. and Zwanzig, Robert},
  title = {Statistical mechanics of a nonlinear stochastic model},
  journal = {Journal of Statistical Physics},
  volume = {19}, pages = {1--24}, year = {1978}
}
@incollection{Sznitman1991,
  author = {Sznitman, Alain-Sol},
  title = {Topics in propagation of chaos},
  booktitle = {{\\'E}cole d'{\\'E}t{\\'e} de Probabilit{\\'e}s de Saint-Flour {XIX}},
  series = {Lecture Notes in Mathematics}, volume = {1464},
  pages = {165--251}, publisher = {Springer}, year = {1991}
}""",
    )
    observables = {
        "mean": Observable("m", "mean position", dims=("time",), scale=1.0),
        "variance": Observable("v", "variance of the position", dims=("time",)),
        "density": Observable(r"\rho", "probability of a cell over its width", dims=("time", "position")),
        "fluctuation": Observable(
            r"n \mathrm{Var}\,\bar X", "n times the variance of the mean", dims=("time",), fluctuation_of="mean"
        ),
        "distance": Observable(
            "W_2", "distance from the same in a system twice as large", dims=("time",), scale=1.0, bias=0.5
        ),
        "distance_exponent": Observable(
            "b", "exponent of the distance over n", dims=("time",), exponent_of="distance", scale=0.5
        ),
    }
    landmarks = (
        Landmark(dict(coupling=0.5), "transition", 0.26450488, 1e-8, DESAI, along="temperature"),
        Landmark(dict(coupling=1.0), "transition", 0.45694658, 1e-8, DESAI, along="temperature"),
        Landmark(dict(coupling=2.0), "transition", 0.81578659, 1e-8, DESAI, along="temperature"),
        Landmark(dict(coupling=4.0), "transition", 1.50541274, 1e-8, DESAI, along="temperature"),
        Landmark(
            dict(potential=Quadratic(1.0), coupling=2.0, temperature=0.5, start=Normal(1.0, 0.0), times=(1.0,)),
            "fluctuation",
            0.5 * (1 - np.exp(-2.0)),
            1e-4,
            "the mean is an Ornstein-Uhlenbeck process that knows of no coupling",
            at=(0,),
        ),
    )

    def check(self) -> None:
        self._basin()
        steps, count = self._work()
        solved = count * sum(parts for (parts,) in LEVELS[:3])
        if solved <= MOST_SOLVED:
            return
        fewer = "fewer `times`"
        if steps >= 2 * len(self.times):
            pace = self._pace()
            weaker = "a smaller `coupling`" if pace * self.coupling > FAST / 2 else "a potential with less curvature"
            fewer = f"`times` up to {max(self.times) * MOST_SOLVED / solved:.3g}" + f", or {weaker}" * (pace < 1)
        raise StatementError(
            f"The flow of {self.short()} to the time {max(self.times):g} takes {steps} steps on the coarsest grid, and "
            f"{solved} exponentials of its generator on three, more than {MOST_SOLVED}: take {fewer}."
        )

    def valid(self) -> str | None:
        if not self._symmetric():
            return None
        critical = self.thresholds("temperature").get("transition", 0.0)
        if abs(self.temperature - critical) < 0.05 * critical:
            return (
                f"near the critical temperature {critical:.6g} relaxation is slow, and fluctuations grow until they "
                "are not normal; the limit is reached only for n much larger than 1 / (temperature / critical - 1)**2"
            )
        return None

    def predict(self) -> dict[str, Any]:
        from ...numerics.drift_diffusion import refined

        affordable = self._work()[1] * sum(parts for (parts,) in LEVELS) <= MOST_TO_REFINE
        values: dict[str, Any] = dict(refined(self._on_grid, LEVELS if affordable else LEVELS[:3]))
        return values | {"distance": 0 * values["mean"], "distance_exponent": np.full(len(self.times), -0.5)}

    def _basin(self, temperature: float | None = None) -> tuple[float, float]:
        temperature = self.temperature if temperature is None else temperature
        return self.potential.confining(temperature, "`potential` of McKeanVlasov")

    def _pace(self) -> float:
        """The share of a step of time that the fastest relaxation allows, of the coupling or within a well."""
        low, high = self.potential.basin(self.temperature, height=2.0)  # type: ignore[misc]
        well = np.linspace(low, high, 201)
        fastest = self.coupling + float(np.abs(self.potential.curvature(well)).max())
        return min(1.0, FAST / fastest)

    def _work(self) -> tuple[int, int]:
        """Steps to the last time on the coarsest grid, and exponentials: two forth in each, one back from each time."""
        ends = np.unique(np.append(0.0, self.times))
        steps = np.append(0.0, np.cumsum(np.ceil(np.diff(ends) / (STEP * self._pace()) - 1e-9)))
        return int(steps[-1]), int(2 * steps[-1] + steps[np.searchsorted(ends, self.times)].sum())

    def _on_grid(self, parts: int) -> dict[str, np.ndarray]:
        from ...numerics.drift_diffusion import covering, densities_from, hats, points_around
        from ...numerics.self_consistent import Problem, flow, fluctuation

        mean, deviation = self.start.mean, float(np.sqrt(self.start.variance))
        whole = self._basin(), (mean, deviation), self.temperature, max(self.times)
        low, high = covering(self.potential.values, *whole)
        x = points_around(mean, low, high, CELLS, parts)
        problem = Problem(x, self.potential.values(x), self.temperature, self.coupling)
        path = flow(problem, hats(x, mean, deviation), self.times, STEP * self._pace(), parts)
        rows: dict[str, list[Any]] = {name: [] for name in ("mean", "variance", "density", "fluctuation")}
        for t in self.times:
            mass = path.masses[path.place(t)]
            rows["mean"].append(mass @ x)
            variance = mass @ (x - mass @ x) ** 2 if t > 0 else deviation**2
            rows["variance"].append(variance)
            rows["density"].append(densities_from((mean, deviation), t, x, mass, np.array(self.edges)))
            rows["fluctuation"].append(fluctuation(problem, path, t) if t > 0 else variance)
        return {k: np.array(v) for k, v in rows.items()}

    def _gibbs(self, mean: ArrayLike, temperature: float) -> tuple[Any, Any, Any]:
        """Mean, variance and -F/T of the density proportional to exp(-(V + c (x - mean)**2 / 2) / T), for each mean."""
        x, h = np.linspace(*self._basin(temperature), 4001, retstep=True)
        v = self.potential.values(x) + self.coupling * (x - np.asarray(mean, float)[..., None]) ** 2 / 2
        top = v.min(axis=-1, keepdims=True)
        weight = np.exp(-(v - top) / temperature)
        total = weight.sum(axis=-1)
        first = weight @ x / total
        return first, weight @ x**2 / total - first**2, np.log(total * h) - top[..., 0] / temperature

    def fixed_points(self) -> list[FixedPoint]:
        """All stationary distributions, by mean; `free_entropy` is minus the free energy over the temperature."""
        from scipy.optimize import brentq

        def excess(m: ArrayLike) -> Any:
            return self._gibbs(m, self.temperature)[0] - m

        low, high = self._basin()
        grid = np.linspace(low, high, 402)  # an even number: a symmetric density has its mean between two
        signs = np.sign(np.concatenate([excess(part) for part in np.array_split(grid, 8)]))
        solutions = []
        for i in np.flatnonzero(signs[1:] * signs[:-1] < 0):
            m = float(brentq(excess, grid[i], grid[i + 1], xtol=1e-14))
            _, variance, entropy = self._gibbs(m, self.temperature)
            stable = self.coupling * float(variance) < self.temperature
            solutions.append(FixedPoint({"overlap": m, "variance": float(variance)}, float(entropy), stable))
        return solutions

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `temperature`, in a symmetric potential: `transition`, below which the mean 0 is unstable, if ever."""
        from scipy.optimize import brentq

        if along != "temperature" or not self._symmetric():
            raise StatementError(
                f"McKeanVlasov has no known transition along {along!r}; in a symmetric potential there is one along "
                "'temperature'."
            )

        def excess(log_temperature: float) -> float:
            temperature = float(np.exp(log_temperature))
            return float(self.coupling * self._gibbs(0.0, temperature)[1] / temperature - 1)

        grid = np.log(np.geomspace(0.01, 100.0, 41))
        values = np.array([excess(t) for t in grid])
        below = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
        if not len(below):
            return {}
        return {"transition": float(np.exp(brentq(excess, grid[below[-1]], grid[below[-1] + 1], xtol=1e-14)))}

    def _symmetric(self) -> bool:
        x = np.linspace(0.0, 4.0, 97)
        v, mirrored = self.potential.values(x), self.potential.values(-x)
        return bool(np.allclose(v, mirrored, rtol=1e-12, atol=1e-12))

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        from ...algorithms.particles.langevin import histogram, langevin

        def centre(y: jax.Array) -> Any:
            """Two systems pulled to their own means, and the same particles to the mean of all."""
            return jnp.stack([y[0].mean(axis=-1, keepdims=True), y[1].mean(keepdims=True) + jnp.zeros((2, 1))])

        first, second = jax.random.split(key)
        x = self.start.mean + jnp.sqrt(self.start.variance) * jax.random.normal(first, (2, n))
        all_paths = langevin(
            self.potential, jnp.stack([x, x]), self.temperature, self.times, 0.5 / n**0.5, second, self.coupling, centre
        )
        paths = all_paths[:, 0, 0]
        return {
            "mean": paths.mean(axis=1),
            "variance": paths.var(axis=1, ddof=1),
            "density": histogram(paths, self.edges),
            "distance": jnp.sqrt(((all_paths[:, 0] - all_paths[:, 1]) ** 2).mean(axis=(1, 2))),
        }
