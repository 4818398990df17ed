"""Langevin dynamics of independent particles: the density in time, and the slowest rate of relaxation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key
from ...parts.potential import DoubleWell, Normal, Potential, Quadratic
from .common import CellDensity

RISKEN = "Risken, The Fokker-Planck Equation (1989), equation 5.28"
GENERATOR = "spectral gap of the generator by another discretisation, to 12 digits"
STURM = "von Renesse and Sturm, Comm. Pure Appl. Math. 58 (2005) 923, corollary 1.4"
KRAMERS = "Risken (1989), equation 5.109: the mean time of passage in closed form, by nested quadrature"
BOVIER = "Bovier, Gayrard and Klein, J. Eur. Math. Soc. 7 (2005) 69, theorem 1.2"
LEVELS = ((256,), (512,), (1024,), (2048,))


class FokkerPlanck(CellDensity, Law):
    r"""Independent particles in a potential under thermal noise: overdamped Langevin dynamics.

    n independent particles start from `start` and obey

    $$dX = -V'(X)\,dt + \sqrt{2 T}\,dW .$$

    As $n \to \infty$ their empirical distribution tends to the solution of

    $$\partial_t \rho = \partial_x (V' \rho + T\,\partial_x \rho), \qquad \rho_\infty \propto e^{-V/T},$$

    with fluctuations of the mean of the particles of variance $\mathrm{Var}(X_t)/n$. `density` is the probability of
    each cell between neighbouring `edges`, divided by its width. The slowest rate at which the distribution relaxes is
    the `spectral_gap` of the generator; `eyring_kramers` is its asymptotic value for low temperature, $\sqrt{V''(m)
    |V''(s)|}\, e^{-(V(s) - V(m))/T} / 2\pi$ summed over the two minima m on either side of the barrier s, and nan if
    the potential has not two minima.

    `exited` is the share of particles that have passed the point `exit_at` at least once, and `exit_time` the mean time
    until they do, for low temperature and a barrier in between of the order $e^{(V(s) - V(m))/T}$.

    Particles from another start, `other`, that are driven by the same noise approach them: `distance` is the distance
    $W_2$ of the two distributions. Relative to that at the start it is at most $e^{-\lambda t}$ with $\lambda$ the
    least second derivative of V, and so it is in every realisation (`contraction`).

    The equation is solved by conservative, positive finite volumes and exact exponentials of their generator, on three
    grids that are extrapolated; `<name>_error` is what the last extrapolation changed.

    The system integrates all trajectories by a method of weak order 2 with steps that shrink as $n^{-1/2}$, and faster
    where the potential is steep: its bias is of order 1/n, and $n^{-1/2}$ for passages, which are drawn within a step.

    Raises `NoLimit` if the potential is not confining.
    """

    potential: Potential = field(DoubleWell(), "potential V(x), or a function of x")
    temperature: float = field(0.25, "temperature T", above=0, unit="energy")
    start: Normal = field(Normal(mean=-1.0, variance=0.1), "distribution of the particles at the start")
    times: tuple[float, ...] = field((0.25, 1.0, 4.0), "times, increasing", at_least=0, axis="time")
    exit_at: float = field(0.0, "point whose first passage is an exit")
    other: Normal = field(Normal(mean=1.0, variance=0.2), "distribution of other particles, driven by the same noise")
    edges: tuple[float, ...] = field((-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0), "edges of the density's cells")

    defaults = Defaults(size="particles", sizes=(50, 100, 200), seeds=2400, block=400)
    references = References(
        source=RISKEN + "; " + BOVIER + "; " + STURM,
        status="proved",
        bibtex="""@book{Risken1989,
  author = {Risken, Hannes},
  title = {The Fokker-Planck Equation: Methods of Solution and Applications},
  edition = {2}, publisher = {Springer}, year = {1989}
}
@article{BovierGayrardKlein2005,
  author = {Bovier, Anton and Gayrard, V{\\'e}ronique and Klein, Markus},
  title = {Metastability in reversible diffusion processes {II}: precise asymptotics for small eigenvalues},
  journal = {Journal of the European Mathematical Society},
  volume = {7}, pages = {69--99}, year = {2005}
}
@article{vonRenesseSturm2005,
  author = {von Renesse, Max-K. and Sturm, Karl-Theodor},
  title = {Transport inequalities, gradient estimates, entropy and {Ricci} curvature},
  journal = {Communications on Pure and Applied Mathematics},
  volume = {58}, pages = {923--940}, year = {2005}
}""",
    )
    observables = {
        "mean": Observable("m", "mean position", dims=("time",), scale=1.0),
        "variance": Observable("v", "variance of the position", dims=("time",)),
        "density": Observable(r"\rho", "probability of a cell over its width", dims=("time", "position")),
        "fluctuation": Observable(
            r"n \mathrm{Var}\,m", "n times the variance of the mean", dims=("time",), fluctuation_of="mean"
        ),
        "exited": Observable("P", "share that has passed the point of exit", dims=("time",), scale=1.0, bias=0.5),
        "distance": Observable("W_2", "distance from the distribution of other particles", dims=("time",)),
        "contraction": Observable("W_2(t)/W_2(0)", "its ratio to that at the start", dims=("time",), bound="every"),
        "exit_time": Observable(r"\tau", "mean time of the first passage", unit="time", limit_only=True),
        "spectral_gap": Observable(r"\lambda", "slowest rate of relaxation", unit="1/time", limit_only=True),
        "eyring_kramers": Observable(r"\lambda_{EK}", "its value for low temperature", unit="1/time", limit_only=True),
    }
    exercises = (
        dict(
            temperature=0.4,
            start=Normal(mean=-0.7, variance=0.6),
            times=(0.1, 0.5, 2.0),
            exit_at=1.2,
            other=Normal(mean=0.8, variance=2.5),
        ),
    )
    landmarks = (
        Landmark(dict(temperature=0.1), "spectral_gap", 0.033545287308, 1e-10, GENERATOR),
        Landmark(dict(temperature=0.05), "spectral_gap", 0.002776140636573, 1e-11, GENERATOR),
        Landmark(dict(temperature=0.025), "spectral_gap", 1.958927e-5, 5e-12, GENERATOR),
        Landmark(dict(start=Normal(-1.0, 0.0)), "exit_time", 5.743437068035, 1e-7, KRAMERS),
        Landmark(dict(start=Normal(-1.0, 0.0), temperature=0.05), "exit_time", 361.9037595009, 1e-5, KRAMERS),
        Landmark(dict(potential=Quadratic(stiffness=2.0)), "spectral_gap", 2.0, 1e-7, RISKEN),
        Landmark(
            dict(
                potential=Quadratic(stiffness=2.0),
                temperature=1.0,
                start=Normal(mean=0.0, variance=0.0),
                times=(1.0,),
            ),
            "variance",
            0.4908421805556329,
            1e-8,
            "T (1 - exp(-2 k t)) / k; " + RISKEN,
            at=(0,),
        ),
    )

    def check(self) -> None:
        if self.start == self.other:
            raise NoLimit("`other` of FokkerPlanck must differ from its `start`, but both are equal.")
        self._basin()

    def predict(self) -> dict[str, Any]:
        from ...numerics.drift_diffusion import refined

        values: dict[str, Any] = dict(refined(self._on_grid, LEVELS))
        values["distance"] = np.maximum(values["distance"], 0.0)  # extrapolated, of two that have met
        values["variance"] = np.maximum(values["second"] - values["mean"] ** 2, 0.0)
        values["variance_error"] = values.pop("second_error") + 2 * np.abs(values["mean"]) * values["mean_error"]
        del values["second"]
        return values | {
            "contraction": np.exp(-self._convexity() * np.array(self.times)),
            "fluctuation": values["variance"],
            "fluctuation_error": values["variance_error"],
            "eyring_kramers": self._eyring_kramers(),
        }

    def _basin(self) -> tuple[float, float]:
        return self.potential.confining(self.temperature, "`potential` of FokkerPlanck")

    def _on_grid(self, cells: int) -> dict[str, np.ndarray]:
        """Moments, densities, distance, exits and the gap with this many cells."""
        from ...numerics.drift_diffusion import densities_from, spectral_gap
        from ...numerics.passage import distance, normal_nodes, quantiles

        inside = np.linspace(*self._basin(), cells + 1)
        gap = spectral_gap(self.potential.values(inside), inside[1] - inside[0], self.temperature)
        z = normal_nodes(4 * cells + 1)
        mean, deviation = self.start.mean, float(np.sqrt(self.start.variance))
        far, wide = self.other.mean, float(np.sqrt(self.other.variance))
        (x, masses), (y, others) = self._evolved(self.start, cells), self._evolved(self.other, cells)
        rows: dict[str, list[Any]] = {"mean": [], "second": [], "density": [], "distance": []}
        for t, mass, other in zip(self.times, masses, others, strict=True):
            rows["mean"].append(mass @ x)
            rows["second"].append(mass @ x**2 if t > 0 else mean**2 + deviation**2)
            rows["density"].append(densities_from((mean, deviation), t, x, mass, np.array(self.edges)))
            apart = np.hypot(mean - far, deviation - wide)
            rows["distance"].append(distance(quantiles(x, mass, z), quantiles(y, other, z), z) if t > 0 else apart)
        return {k: np.array(v) for k, v in rows.items()} | self._exits(cells) | {"spectral_gap": np.array(gap)}

    def _evolved(self, start: Normal, cells: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """Points, of which the mean of the start is one on every grid, and the masses at the times."""
        from ...numerics.drift_diffusion import evolved, hats, rates

        x = self._points(start.mean, start, cells)
        up, down = rates(self.potential.values(x), x[1] - x[0], self.temperature)
        begun = hats(x, start.mean, float(np.sqrt(start.variance)))
        return x, evolved(up, down, begun, self.times)

    def _points(self, centre: float, start: Normal, cells: int) -> np.ndarray:
        from ...numerics.drift_diffusion import covering, points_around

        normal = start.mean, float(np.sqrt(start.variance))
        low, high = covering(self.potential.values, self._basin(), normal, self.temperature, max(self.times))
        return points_around(centre, min(low, centre), max(high, centre), LEVELS[0][0], cells // LEVELS[0][0])

    def _exits(self, cells: int) -> dict[str, np.ndarray]:
        from ...numerics.passage import averaging, mean_passage, survival

        x = self._points(self.exit_at, self.start, cells)
        level, v, h = int(np.argmin(np.abs(x - self.exit_at))), self.potential.values(x), float(x[1] - x[0])
        begun = averaging(x, level, self.start.mean, float(np.sqrt(self.start.variance)))
        alive = survival(v, h, self.temperature, level, self.times, begun)
        exited = np.where(np.array(self.times) > 0, 1 - alive, 0.0)
        return {"exit_time": np.array(begun @ mean_passage(v, h, self.temperature, level)), "exited": exited}

    def _convexity(self) -> float:
        """The least second derivative of the potential where the particles come."""
        from scipy.optimize import minimize_scalar

        ends = [self._points(s.mean, s, LEVELS[0][0])[[0, -1]] for s in (self.start, self.other)]
        x = np.linspace(min(e[0] for e in ends), max(e[1] for e in ends), 4001)
        bend = np.asarray(self.potential.curvature(x))
        k = int(np.argmin(bend))
        near = (float(x[max(k - 1, 0)]), float(x[min(k + 1, len(x) - 1)]))
        minimum = minimize_scalar(lambda y: float(self.potential.curvature(np.array(y))), bounds=near, method="bounded")
        return float(min(bend[k], minimum.fun))

    def _eyring_kramers(self) -> float:
        from scipy.optimize import brentq

        def slope(y: float) -> float:
            return float(self.potential.slope(y))

        x = np.linspace(*self._basin(), 2002)
        signs = np.sign(np.asarray(self.potential.slope(x)))
        turns = np.flatnonzero(signs[1:] * signs[:-1] < 0)
        if len(turns) != 3:
            return float("nan")
        a, barrier, b = (brentq(slope, x[i], x[i + 1], xtol=1e-14) for i in turns)
        top, bend = self.potential(barrier), -float(self.potential.curvature(barrier))
        wells = [(self.potential(m), float(self.potential.curvature(m))) for m in (a, b)]
        rates = [np.sqrt(c * bend) / (2 * np.pi) * np.exp(-(top - v) / self.temperature) for v, c in wells]
        return float(sum(rates))

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        from ...algorithms.particles.langevin import histogram, langevin_exits

        first, second = jax.random.split(key)
        z = jax.random.normal(first, (n,))
        x = jnp.stack([law.mean + jnp.sqrt(law.variance) * z for law in (self.start, self.other)])
        both, passed = langevin_exits(
            self.potential, x, self.temperature, self.times, 0.5 / n**0.5, second, self.exit_at
        )
        paths = both[:, 0]
        begun, clouds = jnp.sort(x), jnp.sort(both)
        apart = jnp.sqrt(((clouds[:, 0] - clouds[:, 1]) ** 2).mean(axis=-1))
        return {
            "mean": paths.mean(axis=1),
            "variance": paths.var(axis=1, ddof=1),
            "density": histogram(paths, self.edges),
            "exited": passed[:, 0].mean(axis=1),
            "distance": apart,
            "contraction": apart / jnp.sqrt(((begun[0] - begun[1]) ** 2).mean()),
        }
