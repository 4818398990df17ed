"""Every sampler leaves its target invariant, one with a wrong acceptance ratio does not, and calibration agrees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from asymptopia.algorithms.samplers import (
    SamplingAlgorithm,
    hmc,
    infinite_swapping,
    mala,
    nuts,
    parallel_tempering,
    random_walk,
    run,
    sghmc,
    sgld,
    ula,
)
from asymptopia.algorithms.samplers.barker import barker_proposal
from asymptopia.algorithms.samplers.calibration import Model, calibration_ranks
from asymptopia.algorithms.samplers.interface import moved

LEVEL = 0.01


def narrowest(target):
    """The smallest standard deviation of the target in any direction."""
    return float(np.sqrt(np.linalg.eigvalsh(target.covariance).min()))


def walk_size(target):
    return 2.4 * narrowest(target) / target.dimension**0.5


def walks(target):
    return lambda density, T: random_walk(density, walk_size(target) * T**0.5)


LADDER = (1.0, 1.5, 2.2)
SAMPLERS = {
    "random walk": lambda t: random_walk(t.logdensity, walk_size(t)),
    "mala": lambda t: mala(t.logdensity, 0.6 * narrowest(t) ** 2 / t.dimension ** (1 / 3)),
    "barker": lambda t: barker_proposal(t.logdensity, 1.5 * narrowest(t) / t.dimension ** (1 / 6)),
    "hmc": lambda t: hmc(t.logdensity, 1.2 * narrowest(t) / t.dimension**0.25, 4),
    "nuts": lambda t: nuts(t.logdensity, narrowest(t) / t.dimension**0.25),
    "tempering": lambda t: parallel_tempering(t.logdensity, walks(t), LADDER, 0.7),
    "infinite swapping": lambda t: infinite_swapping(t.logdensity, walks(t), LADDER),
    "partial infinite swapping": lambda t: infinite_swapping(t.logdensity, walks(t), LADDER, block=2),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_leaves_its_target_invariant(name, target, invariance):
    burn_in = 400 if "tempering" in name or "swapping" in name else 0  # the hot replicas start cold
    assert invariance(target, SAMPLERS[name](target), 50 if name == "nuts" else 200, burn_in) > LEVEL


def tampered(wrong):
    """Random-walk Metropolis with a log-ratio that has been tampered with."""

    def make(target):
        right = random_walk(target.logdensity, walk_size(target))

        def step(key, state):
            draw, coin = jax.random.split(key)
            position = state.position + walk_size(target) * jax.random.normal(draw, state.position.shape)
            new = state._replace(position=position, logdensity=target.logdensity(position))
            return moved(coin, wrong(new.logdensity - state.logdensity), state, new)

        return SamplingAlgorithm(right.init, step)

    return make


def mala_without_its_correction(target):
    right = mala(target.logdensity, h := 0.6 * narrowest(target) ** 2 / target.dimension ** (1 / 3))

    def step(key, state):
        draw, coin = jax.random.split(key)
        noise = jax.random.normal(draw, state.position.shape)
        new = right.init(state.position + h * state.logdensity_grad + (2 * h) ** 0.5 * noise)
        return moved(coin, new.logdensity - state.logdensity, state, new)

    return SamplingAlgorithm(right.init, step)


def barker_without_its_correction(target):
    right = barker_proposal(target.logdensity, h := 1.5 * narrowest(target) / target.dimension ** (1 / 6))

    def step(key, state):
        draw, side, coin = jax.random.split(key, 3)
        size = h * jax.random.normal(draw, state.position.shape)
        upwards = jax.random.uniform(side, size.shape) < jax.nn.sigmoid(size * state.logdensity_grad)
        new = right.init(state.position + jnp.where(upwards, size, -size))
        return moved(coin, new.logdensity - state.logdensity, state, new)

    return SamplingAlgorithm(right.init, step)


WRONG = {
    "no reverse sign": barker_without_its_correction,
    "ratio to a power": tampered(lambda log_ratio: 0.7 * log_ratio),
    "ratio times a constant": tampered(lambda log_ratio: jnp.where(log_ratio < 0, log_ratio + 0.5, log_ratio)),
    "half the ratio kept": tampered(lambda log_ratio: jnp.log(0.5 + 0.5 * jnp.exp(log_ratio))),
    "no reverse proposal": mala_without_its_correction,
    "temperatures of a cold ladder": lambda t: parallel_tempering(t.logdensity, walks(t), (0.9, 1.5, 2.2), 0.7),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_acceptance_ratio_is_caught(name, targets, invariance):
    assert invariance(targets["mixture"], WRONG[name](targets["mixture"]), steps=200) < LEVEL


def test_what_is_right_among_them_is_not(targets, invariance):
    """The same code as the wrong ones, with the ratio as it should be."""
    assert invariance(targets["mixture"], tampered(lambda log_ratio: log_ratio)(targets["mixture"])) > LEVEL


@pytest.mark.parametrize(
    ("sampler", "variance"),
    [
        (ula(lambda x: -2 * jnp.sum(x**2) / 2, 0.3), 1 / (2 * (1 - 0.3))),
        (sgld(lambda key, x: -x + 3.0 * jax.random.normal(key, x.shape), 0.1), (0.2 + 0.01 * 9) / (1 - 0.9**2)),
        (sghmc(lambda key, x: -2 * x, 0.5, 1.0), 0.5),
    ],
    ids=["ula", "sgld", "sghmc"],
)
def test_without_rejections_the_bias_is_the_known_one(sampler, variance):
    runs = run(jax.random.key(3), sampler, jnp.zeros((200, 5)), 500, burn_in=100, keep=second_moment)
    means = np.asarray(runs.draws).mean(axis=1)
    assert abs(means.mean() - variance) < 3.3 * means.std(ddof=1) / 200**0.5
    assert means.std(ddof=1) / 200**0.5 < 0.01 * variance


def second_moment(state, info):
    return jnp.mean(state.position**2)


def conjugate(noise=0.5):
    """A normal mean and three noisy observations of it in two dimensions."""
    return Model(
        lambda key: jax.random.normal(key, (2,)),
        lambda key, mean: mean + noise * jax.random.normal(key, (3, 2)),
        lambda mean, data: -jnp.sum(mean**2) / 2 - jnp.sum((data - mean) ** 2) / (2 * noise**2),
    )


def first_and_product(x):
    return jnp.stack([x[0], x[0] * x[1]])


def uniformity(sampler, thin):
    ranks = calibration_ranks(jax.random.key(5), conjugate(), sampler, first_and_product, 400, draws=7, thin=thin)
    counts = [np.bincount(ranks[:, k].astype(int), minlength=8) for k in range(2)]
    return 2 * min(stats.chisquare(c).pvalue for c in counts)


def test_simulation_based_calibration():
    assert uniformity(lambda posterior: random_walk(posterior, 0.5), 2) > LEVEL
    assert uniformity(lambda posterior: hmc(posterior, 0.2, 3), 2) > LEVEL
    assert uniformity(lambda posterior: random_walk(lambda x: 0.4 * posterior(x), 0.5), 10) < LEVEL


def test_barkers_proposal_bears_steps_at_which_mala_stands_still():
    """One coordinate a hundred times narrower than the other: at a step for the wide one, MALA accepts nothing."""

    def logdensity(x):
        return -(x[0] ** 2) / 2 - (100 * x[1]) ** 2 / 2

    def accepted(sampler):
        start = jnp.array([[0.0, 0.01]] * 20)
        rates = run(jax.random.key(0), sampler, start, 200, keep=lambda state, info: info.acceptance_rate)
        return float(rates.draws.mean())

    assert accepted(mala(logdensity, 0.05)) < 1e-3
    assert accepted(barker_proposal(logdensity, 0.05)) > 0.1
