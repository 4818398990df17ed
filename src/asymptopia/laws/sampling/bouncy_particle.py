"""The bouncy particle sampler in high dimension: fast coordinates, and a slow energy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

SCALING = "Deligiannidis, Paulin, Bouchard-Côté and Doucet, Ann. Appl. Probab. 31 (2021) 2612, theorem 2"
ENERGY = "Bierkens, Kamatani and Roberts, Ann. Appl. Probab. 32 (2022) 3361"
OSCILLATOR = "damped oscillator in closed form; " + SCALING


def _landmarks() -> tuple[Landmark, ...]:
    w = 3**0.5 / 2
    at_one = float(np.exp(-0.5) * (np.cos(w) + np.sin(w) / (2 * w)))
    return (
        Landmark(dict(times=(1.0,)), "autocovariance", at_one, 1e-12, OSCILLATOR, at=(0,)),
        Landmark(dict(refreshment=2.0, times=(1.0,)), "autocovariance", 2 * np.exp(-1.0), 1e-7, OSCILLATOR, at=(0,)),
        Landmark(dict(refreshment=0.5), "asymptotic_variance", 1.0, 1e-12, OSCILLATOR),
        Landmark({}, "turning_rate", 0.3989422804014327, 1e-12, "E max(0, z) of a normal z"),
    )


class BouncyParticle(Law):
    r"""The bouncy particle sampler on a normal distribution in many dimensions.

    In n dimensions the target is $N(0, I)$, and so is the distribution of the velocities; $x$ moves along $v$, the
    reflection $v \to v - 2 x (v \cdot x)/|x|^2$ happens at the rate $\max(0, v \cdot x)$, and a new velocity is drawn
    at the rate r = `refreshment`. As $n \to \infty$ there are $\sqrt{n / 2\pi}$ bounces a unit of time, each of which
    turns a coordinate by little: a coordinate follows randomised Hamiltonian dynamics

    $$\dot x = v, \qquad \dot v = -x, \qquad v \sim N(0, 1)\ \text{anew at rate}\ r ,$$

    so that its `autocovariance` $c(t) = E\,x(0) x(t)$ solves $c'' + r c' + c = 0$, and `squared_autocovariance`, of
    $(x^2 - 1)/\sqrt 2$, a linear equation of third order. A path has the length n in time. n times the variance of the
    average of a coordinate along it tends to $2 r$.

    The energy is slow: only a new velocity changes the distance of the line of motion from the centre, by little, and
    $|x|^2/n$ relaxes from 2, where another path starts, as $1 + e^{-r \tau}$ in the time $\tau n$; zig-zag, whose
    coordinates are independent, has no such mode. It belongs to every square, so that n times the variance of the
    average of $x_1^2$ tends to $2r + 4/r + 4 (r - 1 + e^{-r}) / r^2$, the last term of which it would not have, were
    the path of a length that does not grow.

    Corrections fall as 1/n, but as $n^{-1/2}$ for what involves the energy: a new velocity may come before the motion
    along a line has settled, which takes a time of $n^{-1/2}$. The system is followed exactly from event to event, in
    closed form; the other path starts at $N(0, I)$. The path is in equilibrium, so that means are 0 and second moments
    1, and its variances are averages over coordinates too.
    """

    refreshment: float = field(1.0, "rate at which the velocity is drawn anew", above=0, unit="1/time")
    times: tuple[float, ...] = field(
        (0.5, 1.0, 2.0, 4.0), "lags of the autocovariances, increasing", unit="time", at_least=0, axis="time"
    )
    stages: tuple[float, ...] = field(
        (0.25, 0.5, 1.0), "times over n at which the energy is read, increasing", at_least=0, axis="stage"
    )

    defaults = Defaults(size="dimension", sizes=(50, 100, 200, 400), seeds=2000, block=200)
    references = References(
        source=SCALING + "; " + ENERGY,
        status="proved for a coordinate; the energy by averaging over the fast motion along a line, here",
        bibtex=r"""@article{DeligiannidisEtAl2021,
  author = {Deligiannidis, George and Paulin, Daniel and Bouchard-C{\^o}t{\'e}, Alexandre and Doucet, Arnaud},
  title = {Randomized {H}amiltonian {M}onte {C}arlo as scaling limit of the bouncy particle sampler
           and dimension-free convergence rates},
  journal = {The Annals of Applied Probability}, volume = {31}, pages = {2612--2662}, year = {2021}
}
@article{BierkensKamataniRoberts2022,
  author = {Bierkens, Joris and Kamatani, Kengo and Roberts, Gareth O.},
  title = {High-dimensional scaling limits of piecewise deterministic sampling algorithms},
  journal = {The Annals of Applied Probability}, volume = {32}, pages = {3361--3407}, year = {2022}
}""",
    )
    observables = {
        "mean": Observable("m", "average of the coordinates along the path", scale=1.0),
        "second_moment": Observable("m_2", "average of their squares"),
        "turning_rate": Observable(r"\lambda / \sqrt n", "bounces a unit of time, over the root of the dimension"),
        "autocovariance": Observable("c", "autocovariance of a coordinate", dims=("time",)),
        "squared_autocovariance": Observable("c_2", "autocorrelation of its square", dims=("time",)),
        "energy": Observable("e", "squared distance from the centre over n, from 2", dims=("stage",), bias=0.5),
        "asymptotic_variance": Observable(
            r"\sigma^2", "path length times the mean square of a coordinate's average", resolution=0.1, unit="time"
        ),
        "second_moment_variance": Observable(
            r"\sigma_2^2",
            "path length times the mean squared deviation of the second moment from 1",
            bias=0.5,
            resolution=0.1,
        ),
    }
    exercises = (dict(refreshment=0.6),)
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        from scipy.linalg import expm

        r = float(self.refreshment)
        linear = np.array([[0.0, 1.0], [-1.0, -r]])  # of E x x_t, E x v_t
        squares = np.array([[0.0, 2.0, 0.0], [-1.0, -r, 1.0], [0.0, -2.0, -r]])  # of x_t**2 - 1, x_t v_t, v_t**2 - 1
        return {
            "mean": 0.0,
            "second_moment": 1.0,
            "turning_rate": 1 / (2 * np.pi) ** 0.5,
            "autocovariance": np.array([expm(t * linear)[0, 0] for t in self.times]),
            "squared_autocovariance": np.array([expm(t * squares)[0, 0] for t in self.times]),
            "energy": 1 + np.exp(-r * np.array(self.stages)),
            "asymptotic_variance": 2 * r,
            "second_moment_variance": 2 * r + 4 / r + 4 * (r + np.expm1(-r)) / r**2,
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.samplers.gaussian_paths import gaussian_bouncy_particle

        rng = generator(key)
        lags = np.array((0.0, *self.times))
        blocks = max(1, int(n / lags[-1]))
        times = (lags[-1] * np.arange(blocks)[:, None] + lags).ravel()
        length = max(float(n), times[-1])
        ones = np.ones(n)
        path = gaussian_bouncy_particle(
            ones, rng.standard_normal(n), length, rng, times=times, refreshment=self.refreshment
        )
        x = path.positions.reshape(blocks, len(lags), n)
        squares = (x**2 - 1) / 2**0.5
        far = 2**0.5 * rng.standard_normal(n)
        until = n * np.array(self.stages)
        slow = gaussian_bouncy_particle(ones, far, until[-1], rng, times=until, refreshment=self.refreshment)
        return {
            "mean": path.mean.mean(),
            "second_moment": path.second_moment.mean(),
            "asymptotic_variance": length * (path.mean**2).mean(),
            "second_moment_variance": length * ((path.second_moment - 1) ** 2).mean(),
            "turning_rate": path.events / length / n**0.5,
            "autocovariance": (x[:, 1:] * x[:, :1]).mean(axis=(0, 2)),
            "squared_autocovariance": (squares[:, 1:] * squares[:, :1]).mean(axis=(0, 2)),
            "energy": (slow.positions**2).mean(axis=1),
        }

    def valid(self) -> str | None:
        if self.refreshment > 4:
            return "refreshments must be rare among the bounces: `refreshment` must be far below n**(1/2)"
        return None
