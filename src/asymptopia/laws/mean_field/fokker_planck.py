"""Langevin dynamics of independent particles: the density in time, and the slowest rate of relaxation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...law import Landmark, Law, NoLimit, Observable
from ...problem.potential import DoubleWell, Normal, Potential, Quadratic
from ...record import check_increasing, field

RISKEN = "Risken, The Fokker-Planck Equation (1989), equation 5.28"
GENERATOR = "spectral gap of the generator by another discretisation, to 12 digits"
BOVIER = "Bovier, Gayrard and Klein, J. Eur. Math. Soc. 7 (2005) 69, theorem 1.2"
LEVELS = (256, 512, 1024)
WIDE = 9.0


class FokkerPlanck(Law):
    r"""Particles that slide down a potential and are shaken by noise.

    n independent particles start from `start` and obey

    $$dX = -V'(X)\,dt + \sqrt{2 T}\,dW .$$

    As $n \to \infty$ their empirical law tends to the solution of

    $$\partial_t \rho = \partial_x (V' \rho + T\,\partial_x \rho), \qquad \rho_\infty \propto e^{-V/T},$$

    with fluctuations of the mean of the particles of variance $\mathrm{Var}(X_t)/n$. `density` is the probability of
    each cell between neighbouring `edges`, divided by its width. The slowest rate at which the law relaxes is the
    `spectral_gap` of the generator; `eyring_kramers` is its asymptotic value for low temperature,
    $\sqrt{V''(m) |V''(s)|}\, e^{-(V(s) - V(m))/T} / 2\pi$ summed over the two minima m on either side of the barrier
    s, and nan if the potential has not two minima.

    The equation is solved by conservative, positive finite volumes and exact exponentials of their generator, on three
    grids that are extrapolated; `<name>_error` is what the last extrapolation changed.

    The system integrates all trajectories by Heun's method, of weak order 2, with steps that shrink as
    $n^{-1/2}$, and faster where the potential is steep: its bias is of order 1/n.

    Raises `NoLimit` if the potential is not confining.
    """

    potential: Potential = field(DoubleWell(), "potential V(x), or a function of x")
    temperature: float = field(0.25, "temperature T", above=0, unit="energy")
    start: Normal = field(Normal(mean=-1.0, variance=0.1), "law of the particles at the start")
    times: tuple[float, ...] = field((0.25, 1.0, 4.0), "times, increasing")
    edges: tuple[float, ...] = field((-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0), "edges of the density's cells")

    size = "particles"
    sizes = (50, 100, 200)
    seeds = 2400
    block = 400
    source = RISKEN + "; " + BOVIER
    bibtex = """@book{Risken1989,
  author = {Risken, Hannes},
  title = {The Fokker-Planck Equation: Methods of Solution and Applications},
  edition = {2}, publisher = {Springer}, year = {1989}
}
@article{BovierGayrardKlein2005,
  author = {Bovier, Anton and Gayrard, V{\\'e}ronique and Klein, Markus},
  title = {Metastability in reversible diffusion processes {II}: precise asymptotics for small eigenvalues},
  journal = {Journal of the European Mathematical Society},
  volume = {7}, pages = {69--99}, year = {2005}
}"""
    status = "proved"
    observables = {
        "mean": Observable("m", "mean position", dims=("time",), scale=1.0),
        "variance": Observable("v", "variance of the position", dims=("time",)),
        "density": Observable(r"\rho", "probability of a cell over its width", dims=("time", "position")),
        "fluctuation": Observable(
            r"n \mathrm{Var}\,m", "n times the variance of the mean", dims=("time",), fluctuation_of="mean"
        ),
        "spectral_gap": Observable(r"\lambda", "slowest rate of relaxation", unit="1/time", limit_only=True),
        "eyring_kramers": Observable(r"\lambda_{EK}", "its value for low temperature", unit="1/time", limit_only=True),
    }
    landmarks = (
        Landmark(dict(temperature=0.1), "spectral_gap", 0.033545287308, 1e-10, GENERATOR),
        Landmark(dict(temperature=0.05), "spectral_gap", 0.002776140636573, 1e-11, GENERATOR),
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

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self, "times")
        check_increasing(self, "edges", "two or more numbers that increase", at_least=-np.inf, count=2)

    def check(self) -> None:
        if self.potential.basin(self.temperature) is None:
            raise NoLimit(
                "`potential` of FokkerPlanck must be confining, that is rise by 40 temperatures above its minimum on "
                f"both sides within |x| < 2048, but {self.potential!r} does not."
            )

    def predict(self) -> dict[str, Any]:
        from ...numerics.drift_diffusion import romberg

        found = [self._on_grid(cells) for cells in LEVELS]
        values: dict[str, Any] = {}
        for name in found[0]:
            values[name], values[f"{name}_error"] = romberg([f[name] for f in found])
        values["variance"] = values["second"] - values["mean"] ** 2
        values["variance_error"] = values.pop("second_error") + 2 * np.abs(values["mean"]) * values["mean_error"]
        del values["second"]
        return values | {
            "fluctuation": values["variance"],
            "fluctuation_error": values["variance_error"],
            "eyring_kramers": self._eyring_kramers(),
        }

    def _basin(self) -> tuple[float, float]:
        self.check()
        return self.potential.basin(self.temperature)  # type: ignore[return-value]

    def _on_grid(self, cells: int) -> dict[str, np.ndarray]:
        """Moments, densities and the gap with this many cells; the mean of the start is a point of every grid."""
        from ...numerics.drift_diffusion import (
            cell_densities,
            evolve,
            hats,
            normal_densities,
            points_around,
            rates,
            spectral_gap,
        )

        low, high = self._basin()
        inside = np.linspace(low, high, cells + 1)
        gap = spectral_gap(self.potential.values(inside), inside[1] - inside[0], self.temperature)
        mean, deviation = self.start.mean, float(np.sqrt(self.start.variance))
        low, high = min(low, mean - WIDE * deviation), max(high, mean + WIDE * deviation)
        x = points_around(mean, low, high, LEVELS[0], cells // LEVELS[0])
        up, down = rates(self.potential.values(x), x[1] - x[0], self.temperature)
        begun = hats(x, mean, deviation)
        edges = np.array(self.edges)
        rows: dict[str, list[Any]] = {"mean": [], "second": [], "density": []}
        for t in self.times:
            mass = evolve(up, down, begun, t)
            rows["mean"].append(mass @ x)
            rows["second"].append(mass @ x**2 if t > 0 else mean**2 + deviation**2)
            rows["density"].append(
                cell_densities(x, mass, edges) if t > 0 else normal_densities(mean, deviation, edges)
            )
        return {k: np.array(v) for k, v in rows.items()} | {"spectral_gap": np.array(gap)}

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

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        from ...algorithms.langevin import langevin

        first, second = jax.random.split(key)
        x = self.start.mean + jnp.sqrt(self.start.variance) * jax.random.normal(first, (n,))
        paths = langevin(self.potential, x, self.temperature, self.times, 0.5 / n**0.5, second)
        edges = jnp.asarray(self.edges)
        counts = jax.vmap(lambda p: jnp.diff(jnp.searchsorted(jnp.sort(p), edges, side="right")))(paths)
        return {
            "mean": paths.mean(axis=1),
            "variance": paths.var(axis=1, ddof=1),
            "density": counts / n / jnp.diff(edges),
        }

    def coords(self) -> dict[str, Any]:
        edges = np.array(self.edges)
        return {"time": np.array(self.times), "position": (edges[1:] + edges[:-1]) / 2}
