"""Targets with known laws, and the test that every sampler passes: does it leave its target invariant?

Each of 100 runs starts at an exact draw of the target. A sampler that leaves the target invariant then has exactly
that law after any number of steps: means over a run have the exact moments as expectation (z-scores over runs), and
the last state of a run has a uniform rank among exact draws. All p-values together are tested at level 0.01.
"""

import dataclasses
from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from asymptopia.algorithms.samplers import check_states

RUNS, FRESH = 100, 99
QUICK = {"xla_backend_optimization_level": 0}  # most of a test's time is compilation


@dataclasses.dataclass(frozen=True)
class Target:
    """A density with exact draws. `functions` maps a position to numbers of the expectations `moments`.

    covariance: of the target, for samplers that need a scale; dimension: of a position.
    """

    name: str
    logdensity: Callable
    draw: Callable
    functions: Callable
    moments: np.ndarray
    covariance: np.ndarray

    @property
    def dimension(self):
        return len(self.covariance)


def gaussian(d):
    """Scales from 1 to 2 and mean 1; first, second and fourth moments, and the mean energy."""
    scales, mean = np.linspace(1.0, 2.0, d), np.ones(d)

    def z(x):
        return (x - mean) / scales

    return Target(
        f"gaussian-{d}",
        lambda x: -jnp.sum(z(x) ** 2) / 2,
        lambda key: mean + scales * jax.random.normal(key, (d,)),
        lambda x: jnp.stack([z(x)[0], z(x)[-1], z(x)[0] ** 2, z(x)[-1] ** 4, jnp.mean(z(x) ** 2)]),
        np.array([0, 0, 1, 3, 1.0]),
        np.diag(scales**2),
    )


def correlated(d=8, rho=0.9):
    """All pairs of coordinates have this correlation: condition number 1 + d rho/(1 - rho)."""
    covariance = np.full((d, d), rho) + (1 - rho) * np.eye(d)
    precision, root = np.linalg.inv(covariance), np.linalg.cholesky(covariance)
    return Target(
        "correlated",
        lambda x: -x @ precision @ x / 2,
        lambda key: root @ jax.random.normal(key, (d,)),
        lambda x: jnp.stack([x[0], x[0] ** 2, x[0] * x[1], jnp.mean(x), x @ precision @ x / d]),
        np.array([0, 1, rho, 0, 1.0]),
        covariance,
    )


def mixture(separation=2.0, share=0.3):
    """Two normal distributions in the plane, of unequal weights and widths, that overlap."""
    centre, widths = np.array([separation, 0.0]), (1.0, 0.6)

    def logdensity(x):
        squares = (jnp.sum((x - centre) ** 2) / widths[0] ** 2, jnp.sum((x + centre) ** 2) / widths[1] ** 2)
        weights = np.log([share / widths[0] ** 2, (1 - share) / widths[1] ** 2])
        return jnp.logaddexp(weights[0] - squares[0] / 2, weights[1] - squares[1] / 2)

    def draw(key):
        which, noise = jax.random.split(key)
        first = jax.random.bernoulli(which, share)
        z = jax.random.normal(noise, (2,))
        return jnp.where(first, centre + widths[0] * z, -centre + widths[1] * z)

    second = separation**2 + share * widths[0] ** 2 + (1 - share) * widths[1] ** 2
    above = share * stats.norm.cdf(separation / widths[0]) + (1 - share) * stats.norm.cdf(-separation / widths[1])
    return Target(
        "mixture",
        logdensity,
        draw,
        lambda x: jnp.stack([x[0], x[0] ** 2, x[1] ** 2, (x[0] > 0) * 1.0]),
        np.array([(2 * share - 1) * separation, second, share * widths[0] ** 2 + (1 - share) * widths[1] ** 2, above]),
        np.diag([second - ((2 * share - 1) * separation) ** 2, second - separation**2]),
    )


TARGETS = (gaussian(1), gaussian(100), correlated(), mixture())


@pytest.fixture(params=TARGETS, ids=lambda t: t.name)
def target(request):
    """Each of the targets."""
    return request.param


@pytest.fixture(scope="session")
def targets():
    """The targets by name."""
    return {t.name: t for t in TARGETS}


@cache
def exact_draws(draw, functions, seed):
    """Where the runs start, and what the functions are at exact draws for each: the same for all samplers."""
    starting, _, drawing = jax.random.split(jax.random.key(seed), 3)

    @partial(jax.jit, compiler_options=QUICK)
    def drawn(starting, drawing):
        starts = jax.vmap(draw)(jax.random.split(starting, RUNS))
        fresh = jax.vmap(jax.vmap(lambda k: functions(draw(k))))(jax.random.split(drawing, (RUNS, FRESH)))
        return starts, fresh

    starts, fresh = drawn(starting, drawing)
    return starts, np.asarray(fresh)


def p_values(target, sampler, steps, burn_in=0, seed=0):
    """Moments and ranks: two p-values for each function of the target."""
    going = jax.random.split(jax.random.key(seed), 3)[1]
    starts, fresh = exact_draws(target.draw, target.functions, seed)

    @partial(jax.jit, compiler_options=QUICK)
    def everything(going, starts):
        states, values = jax.vmap(chain)(jax.random.split(going, RUNS), starts)
        return states, values[:, burn_in:]

    def chain(key, start):
        def step(state, key):
            state, _ = sampler.step(key, state)
            return state, target.functions(state.position)

        return jax.lax.scan(step, sampler.init(start), jax.random.split(key, burn_in + steps))

    states, values = everything(going, starts)
    check_states(states)
    values = np.asarray(values)
    means = values.mean(axis=1)
    z = (means.mean(axis=0) - target.moments) / (means.std(axis=0, ddof=1) / RUNS**0.5)
    last = values[:, -1][:, None]
    below, equal = (fresh < last).sum(axis=1), (fresh == last).sum(axis=1)
    places = (below + np.random.default_rng(seed).random(below.shape) * (equal + 1)) / (FRESH + 1)
    uniform = [stats.kstest(places[:, k], "uniform").pvalue for k in range(places.shape[1])]
    return np.concatenate([2 * stats.t.sf(np.abs(z), RUNS - 1), uniform])


@pytest.fixture(scope="session")
def invariance():
    """`invariance(target, sampler, steps)`: the least p-value times their number; above 0.01 the sampler passes.

    `burn_in` is for samplers that hold more than a position, which does not start in equilibrium.
    """

    def least(target, sampler, steps=200, burn_in=0, seed=0):
        p = p_values(target, sampler, steps, burn_in, seed)
        return float(min(1.0, len(p) * p.min()))

    return least
