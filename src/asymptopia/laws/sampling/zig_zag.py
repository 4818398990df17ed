"""The zig-zag process on the line: averages along its path, and how much they fluctuate."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import ArrayLike, Key
from ...parts.potential import Potential, Quadratic

BIERKENS_DUNCAN = "Bierkens and Duncan, Adv. Appl. Probab. 49 (2017) 791, theorem 1.1 and section 5"
PANELS, POINTS = 400, 8
CLOSED = "closed form: 2 E[|x| + 2 gamma] of a normal x, scaled; " + BIERKENS_DUNCAN


def _landmarks() -> tuple[Landmark, ...]:
    root = (2 / np.pi) ** 0.5
    return (
        Landmark({}, "asymptotic_variance", 2 * root, 1e-9, CLOSED),
        Landmark({}, "second_moment_variance", 4 * root, 1e-9, BIERKENS_DUNCAN + ": 2 E|x|**3"),
        Landmark({}, "langevin_variance", 2.0, 1e-9, "Langevin dynamics is an Ornstein-Uhlenbeck process"),
        Landmark({}, "turning_rate", root / 2, 1e-9, "E max(0, x) of a normal x"),
        Landmark(dict(refreshment=0.5), "asymptotic_variance", 2 * root + 2, 1e-9, CLOSED),
        Landmark(dict(temperature=4.0), "asymptotic_variance", 16 * root, 1e-8, CLOSED),
    )


class ZigZag(Law):
    r"""A particle that runs along the line at speed 1 and turns around where the density falls.

    The target is the density proportional to $e^{-U}$ with $U = V/T$. The velocity $v = \pm 1$ changes sign at the rate
    $\max(0, v U'(x)) + \gamma$ with $\gamma$ = `refreshment`. Along a path of length n the averages of x and $x^2$
    tend to the moments of the target, and the number of turns a unit of time to $E|U'|/2 + \gamma$. The variance of
    the average of f, times n, tends to

    $$\sigma^2_f = 2 E[(|U'| + 2 \gamma)\,a^2], \qquad a(x) = e^{U(x)} \int_x^\infty (f - E f)\,e^{-U} ,$$

    and that of Langevin dynamics $dx = -U' dt + \sqrt 2\,dW$ to $2 E[a^2]$, `langevin_variance` for f = x. For a
    target that is a product, each of d coordinates is such a process, whatever d: its fluctuations are O(1) in the
    time.

    The path starts at 0, and is followed from event to event, with exact event times under bounds from derivatives of
    the potential along the path; the averages are exact integrals. Expectations are integrals by Gauss' rule between
    the points where the potential turns.

    Raises `NoLimit` if the potential is not confining.
    """

    potential: Potential = field(Quadratic(), "potential V(x), or a function of x")
    temperature: float = field(1.0, "temperature T", above=0, unit="energy")
    refreshment: float = field(0.0, "rate of turns that ask nothing", at_least=0, unit="1/time")

    defaults = Defaults(size="path length", sizes=(50, 100, 200), seeds=3000, block=1000)
    references = References(
        source=BIERKENS_DUNCAN,
        status="proved",
        bibtex="""@article{BierkensDuncan2017,
  author = {Bierkens, Joris and Duncan, Andrew},
  title = {Limit theorems for the zig-zag process},
  journal = {Advances in Applied Probability},
  volume = {49}, pages = {791--825}, year = {2017}
}""",
    )
    observables = {
        "mean": Observable("m", "average of the position along the path", scale=1.0),
        "second_moment": Observable("m_2", "average of the squared position along the path"),
        "turning_rate": Observable(r"\bar\lambda", "turns a unit of time", unit="1/time"),
        "asymptotic_variance": Observable(
            r"\sigma^2", "path length times the variance of the mean", fluctuation_of="mean", unit="time"
        ),
        "second_moment_variance": Observable(
            r"\sigma_2^2", "path length times the variance of the second moment", fluctuation_of="second_moment"
        ),
        "langevin_variance": Observable(
            r"\sigma^2_L", "the same of the mean, for Langevin dynamics", limit_only=True, unit="time"
        ),
    }
    exercises = (dict(refreshment=0.5, temperature=0.7),)
    landmarks = _landmarks()

    def check(self) -> None:
        self.potential.confining(self.temperature, "`potential` of ZigZag")

    def predict(self) -> dict[str, Any]:
        x, weight, left = self._panels()
        steep = np.abs(np.asarray(self.potential.slope(x.ravel()))).reshape(x.shape) / self.temperature
        energy = self.potential.values(x.ravel()).reshape(x.shape)
        density = np.exp((energy.min() - energy) / self.temperature)
        density /= (weight * density).sum()

        def mean(values: np.ndarray) -> float:
            return float((weight * density * values).sum())

        def poisson(f: np.ndarray) -> np.ndarray:
            """a(x): of what is right of x, whole panels and the rest of its own."""
            excess = (f - mean(f)) * density
            whole = (weight * excess).sum(axis=1)
            beyond = np.r_[np.cumsum(whole[::-1])[-2::-1], 0.0]
            return (beyond[:, None] + whole[:, None] - excess @ left.T * weight.sum(axis=1)[:, None]) / density

        turns = steep + 2 * self.refreshment
        a, b = poisson(x), poisson(x**2)
        return {
            "mean": mean(x),
            "second_moment": mean(x**2),
            "turning_rate": mean(turns) / 2,
            "asymptotic_variance": 2 * mean(turns * a**2),
            "second_moment_variance": 2 * mean(turns * b**2),
            "langevin_variance": 2 * mean(a**2),
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax.numpy as jnp

        from ...algorithms.samplers.thinning import start
        from ...algorithms.samplers.zig_zag import zig_zag

        def logdensity(x: ArrayLike) -> Any:
            return -jnp.sum(self.potential(x)) / self.temperature

        sampler = zig_zag(logdensity, float(n), refreshment=self.refreshment)
        state, path = sampler.step(key, start(jnp.zeros(1)))
        observables = {
            "mean": path.mean[0],
            "second_moment": path.second_moment[0],
            "turning_rate": (path.events + path.refreshments) / n,
        }
        return {k: jnp.where(state.fault == 0, v, jnp.nan) for k, v in observables.items()}

    def valid(self) -> str | None:
        """Between wells that a particle seldom leaves the averages settle only on paths that are much longer."""
        limit = self.predict()
        time = limit["asymptotic_variance"] / (limit["second_moment"] - limit["mean"] ** 2) / 2
        if time > 10:
            return (
                f"the position is correlated over a time of {time:.3g}: much longer paths are needed to see the limit"
            )
        return None

    def _panels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gauss points (panel, point) between the turns of the potential, their weights, and integrals up to each."""
        from scipy.optimize import brentq

        def slope(y: float) -> float:
            return float(self.potential.slope(np.asarray(y)))

        self.check()
        low, high = self.potential.basin(self.temperature)  # type: ignore[misc]
        grid = np.linspace(low, high, 2 * PANELS + 1)
        signs = np.sign(np.asarray(self.potential.slope(grid)))
        turns = [brentq(slope, grid[i], grid[i + 1], xtol=1e-14) for i in np.flatnonzero(signs[1:] * signs[:-1] < 0)]
        edges = np.unique(np.r_[np.linspace(low, high, PANELS + 1), turns])
        t, w = np.polynomial.legendre.leggauss(POINTS)
        t, w = (1 + t) / 2, w / 2
        powers = np.arange(POINTS)
        inverse = np.linalg.inv(np.polynomial.legendre.legvander(2 * t - 1, POINTS - 1))
        rising = np.stack(
            [np.polynomial.legendre.Legendre.basis(k, domain=(0, 1)).integ(lbnd=0)(t) for k in powers], axis=1
        )
        width = np.diff(edges)[:, None]
        return edges[:-1, None] + width * t, width * w, rising @ inverse
