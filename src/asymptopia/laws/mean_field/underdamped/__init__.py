"""Langevin dynamics with inertia."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ....contract.record import Record, StatementError, field
from ....parts.potential import DoubleWell, Normal, Potential, Quadratic

if TYPE_CHECKING:
    import jax

RISKEN = "Risken, The Fokker-Planck Equation (1989), chapter 10: Kramers' equation for the harmonic oscillator"
LEIMKUHLER = "Leimkuhler and Matthews, Appl. Math. Res. Express (2013) 34, the harmonic oscillator"
MODES = "Kramers' equation by another spectral method, to 10 digits"


class Integrator(Record):
    """How trajectories are followed in steps; c = exp(-friction step) is what a step of friction leaves."""


class Exact(Integrator):
    """The limit of small steps: the differential equation itself."""


class BAOAB(Integrator):
    """Half a kick, half a drift, friction and noise exactly, half a drift, half a kick."""

    step: float = field(0.5, "step in time", above=0)


class OBABO(Integrator):
    """Half of friction and noise exactly, half a kick, a drift, half a kick, the other half of friction and noise."""

    step: float = field(0.5, "step in time", above=0)


def _landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(dict(friction=0.5), "spectral_gap", 0.25, 1e-12, RISKEN),
        Landmark(dict(friction=2.0), "spectral_gap", 1.0, 1e-12, RISKEN),
        Landmark(dict(potential=Quadratic(0.3)), "optimal", 1.0954451150103321, 1e-10, RISKEN, along="friction"),
    ]
    moving = dict(friction=2.0, times=(1.0,))
    for name, value in (
        ("mean", 1.4715177646857693),
        ("variance", 0.3646647167633873),
        ("velocity_variance", 0.46616617919084685),
        ("covariance", 0.06766764161830635),
    ):
        rows.append(Landmark(moving, name, value, 1e-11, RISKEN, at=(0,)))
    for integrator, position, velocity in ((BAOAB(1.0), 0.5, 0.5), (OBABO(1.0), 1.0, 1.0)):
        fields = dict(potential=Quadratic(2.0), friction=10.0, temperature=1.0, integrator=integrator)
        rows.append(Landmark(fields, "stationary_variance", position, 1e-12, LEIMKUHLER))
        rows.append(Landmark(fields, "stationary_velocity_variance", velocity, 1e-12, LEIMKUHLER))
    for temperature, friction, gap in (
        (0.1, 1.0, 0.0225192119836),
        (0.25, 2.0, 0.0852169553624),
        (0.5, 5.0, 0.0839114327176),
    ):
        fields = dict(potential=DoubleWell(), temperature=temperature, friction=friction)
        rows.append(Landmark(fields, "spectral_gap", gap, 1e-8, MODES))
    return tuple(rows)


class Underdamped(Law):
    r"""Particles with inertia in a potential, slowed by friction and shaken by noise.

    n independent particles of mass 1 start with positions from `start` and velocities $N(0, \tau)$
    (`start_velocity_variance`, by default the temperature), and obey

    $$dX = V\,dt, \qquad dV = -\gamma V\,dt - U'(X)\,dt + \sqrt{2 \gamma T}\,dW .$$

    Limit: n to infinity. Their empirical law tends to the solution of Kramers' equation, $\partial_t p =
    -v\,\partial_x p + U' \partial_v p + \gamma\,\partial_v (v p + T \partial_v p)$. In the potential $k x^2/2$ it
    stays normal, with $S(t) = S_\infty + e^{Mt} (S_0 - S_\infty) e^{M^T t}$, $M = (0, 1; -k, -\gamma)$ and $S_\infty
    = \mathrm{diag}(T/k, T)$. In others it is solved on a grid of positions and velocities, by splitting with spectral
    shifts and extrapolation; `<name>_error` is what the last extrapolation and another grid change. `spectral_gap` is
    the distance of the spectrum of the generator from 0, $\gamma/2 - \mathrm{Re} \sqrt{\gamma^2/4 - k}$ in the
    quadratic potential, largest at the friction `optimal` ($2 \sqrt k$).

    With an `integrator` of finite step h the limit is that of its chain, after round(t / h) steps, in a quadratic
    potential. Its stationary variances are $T/k$ and $T (1 - h^2 k/4)$ for BAOAB, $T/k(1 - h^2 k/4)$ and $T$ for OBABO,
    stable for $h^2 k < 4$.
    """

    potential: Potential = field(Quadratic(stiffness=1.0), "potential U(x), or a function of x")
    friction: float = field(1.0, "friction", above=0, unit="1/time")
    temperature: float = field(0.5, "temperature T", above=0, unit="energy")
    start: Normal = field(Normal(mean=2.0, variance=0.25), "law of the positions at the start")
    start_velocity_variance: float | None = field(None, "variance of the velocities at the start", at_least=0)
    times: tuple[float, ...] = field((0.5, 1.0, 2.0, 4.0), "times, increasing", at_least=0, axis="time")
    integrator: Integrator = field(Exact(), "how trajectories are followed")

    defaults = Defaults(size="particles", sizes=(50, 100, 200), seeds=1200, block=200)
    references = References(
        source=f"{RISKEN}; {LEIMKUHLER}",
        status="proved",
        bibtex="""@book{Risken1989,
  author = {Risken, Hannes},
  title = {The Fokker-Planck Equation: Methods of Solution and Applications},
  edition = {2}, publisher = {Springer}, year = {1989}
}
@article{LeimkuhlerMatthews2013,
  author = {Leimkuhler, Benedict and Matthews, Charles},
  title = {Rational construction of stochastic numerical methods for molecular sampling},
  journal = {Applied Mathematics Research eXpress},
  volume = {2013}, pages = {34--56}, year = {2013}
}""",
    )
    observables = {
        "mean": Observable("m", "mean position", dims=("time",), scale=1.0),
        "variance": Observable("S_{xx}", "variance of the position", dims=("time",)),
        "velocity_variance": Observable("S_{vv}", "variance of the velocity", dims=("time",)),
        "covariance": Observable("S_{xv}", "covariance of position and velocity", dims=("time",), resolution=0.1),
        "spectral_gap": Observable(r"\lambda", "slowest rate of relaxation", unit="1/time", limit_only=True),
        "stationary_variance": Observable("S_{xx}^\\infty", "variance of the position at late times", limit_only=True),
        "stationary_velocity_variance": Observable("S_{vv}^\\infty", "that of the velocity", limit_only=True),
    }
    exercises = (
        dict(friction=0.7, temperature=0.3, start=Normal(mean=-1.0, variance=0.4), start_velocity_variance=0.2),
    )
    landmarks = _landmarks()

    def check(self) -> None:
        quadratic, exact = isinstance(self.potential, Quadratic), isinstance(self.integrator, Exact)
        if not exact and not quadratic:
            raise NoLimit(
                f"An integrator of finite step is solved in a Quadratic potential only, not in {self.potential!r}."
            )
        if not exact and self.integrator.step**2 * self.potential.stiffness >= 4:  # type: ignore[attr-defined]
            raise NoLimit("`step` of the integrator must be < 2 / sqrt(stiffness): beyond, its chain is unstable.")
        if not quadratic and self.potential.basin(self.temperature) is None:
            raise NoLimit(
                "`potential` of Underdamped must be confining, that is rise by 40 temperatures above its minimum on "
                f"both sides within |x| < 2048, but {self.potential!r} does not."
            )

        if not quadratic and (self.start.variance == 0 or self.start_velocity_variance == 0):
            raise NoLimit("The start must have positive variances where the potential is not quadratic.")

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        from ....algorithms.particles.kinetic import Scheme, kinetic

        first, second, third = jax.random.split(key, 3)
        x = self.start.mean + jnp.sqrt(self.start.variance) * jax.random.normal(first, (n,))
        tau = self.temperature if self.start_velocity_variance is None else self.start_velocity_variance
        v = jnp.sqrt(tau) * jax.random.normal(second, (n,))
        if isinstance(self.integrator, Exact):
            scheme = Scheme("BAOAB", 0.5 / n**0.5, adapted=True)
        else:
            scheme = Scheme(type(self.integrator).__name__, self.integrator.step, adapted=False)  # type: ignore[attr-defined]
        x, v = kinetic(self.potential, x, v, self.friction, self.temperature, self.times, scheme, third)
        centred, speeds = x - x.mean(axis=1, keepdims=True), v - v.mean(axis=1, keepdims=True)
        return {
            "mean": x.mean(axis=1),
            "variance": jnp.sum(centred**2, axis=1) / (n - 1),
            "velocity_variance": jnp.sum(speeds**2, axis=1) / (n - 1),
            "covariance": jnp.sum(centred * speeds, axis=1) / (n - 1),
        }

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `friction`: `optimal`, at which the spectral gap is largest."""
        if along != "friction":
            raise StatementError(f"Underdamped has no known transition along {along!r}; there is one along 'friction'.")
        theory: Any = self.in_folder("theory")
        return {"optimal": theory.optimal_friction(self)}
