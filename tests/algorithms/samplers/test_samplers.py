"""The interface, blackjax's own algorithms within it, diagnostics against closed forms, and what is refused."""

from typing import NamedTuple

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.special import betainc

from asymptopia import StatementError
from asymptopia.algorithms.samplers import (
    SamplingAlgorithm,
    check_target,
    expectation,
    glauber_flips,
    hmc,
    infinite_swapping,
    logistic_posterior,
    mala,
    metropolis_flips,
    minibatch,
    nuts,
    parallel_tempering,
    random_walk,
    run,
    sghmc,
    sgld,
    temperature_ladder,
    ula,
)
from asymptopia.algorithms.samplers.diagnostics import (
    asymptotic_variance,
    effective_sample_size,
    r_hat,
    round_trips,
    spectral_variance,
)
from asymptopia.algorithms.samplers.infinite_swapping import assignment, partition
from asymptopia.algorithms.samplers.tempering import swap_neighbours


def normal(x):
    return -jnp.sum(x**2) / 2


def walk(target, T):
    return random_walk(target, 1.5 * T**0.5)


def test_blackjax_runs_ours_and_ours_runs_blackjax():
    start = jnp.zeros(2)
    ours = parallel_tempering(normal, walk, (1.0, 2.0))
    assert isinstance(ours, SamplingAlgorithm) and isinstance(ours, blackjax.SamplingAlgorithm)
    state, (states, info) = blackjax.util.run_inference_algorithm(jax.random.key(0), ours, 8, initial_position=start)
    assert states.position.shape == (8, 2) and info.acceptance_rate.shape == (8, 2)
    assert (state.position == states.position[-1]).all()
    theirs = run(jax.random.key(0), blackjax.barker(normal, 1.0), jnp.zeros((3, 2)), 20, burn_in=3, thin=2)
    assert theirs.draws.shape == (3, 10, 2)


def not_a_number(x):
    return jnp.where(x[0] > 1, jnp.nan, normal(x))


@pytest.mark.parametrize(
    "make",
    [
        lambda f: random_walk(f, 1.0),
        lambda f: mala(f, 0.5),
        lambda f: hmc(f, 0.5, 5),
        lambda f: parallel_tempering(f, walk, (1.0, 2.0)),
    ],
    ids=["random walk", "mala", "hmc", "tempering"],
)
def test_nan_is_an_error_that_names_the_state(make):
    with pytest.raises(StatementError, match=r"is nan at the state \([0-9.]+, -?[0-9.e-]+\) of chain"):
        run(jax.random.key(0), make(not_a_number), jnp.zeros((5, 2)), 200)


@pytest.mark.parametrize(
    ("density", "words"),
    [
        (lambda x: 0.0 * jnp.sum(x), "cannot be normalised"),
        (lambda x: -jnp.log1p(jnp.sum(x**2)), "cannot be normalised"),  # normalisable in one dimension only
        (lambda x: -(x[0] ** 2), r"along \(0, 1\)"),
        (lambda x: -x, "must be one number"),
        (lambda x: jnp.log(x[0] - 1), "must be finite where a chain starts"),
    ],
    ids=["flat", "heavy tails", "one direction", "vector", "nan at the start"],
)
def test_what_is_not_a_density(density, words):
    with pytest.raises(StatementError, match=words):
        random_walk(density, 1.0).init(jnp.zeros(2))


def test_heavy_tails_that_can_be_normalised_are_not_refused():
    check_target(lambda x: -1.2 * jnp.log1p(jnp.sum(x**2)), jnp.zeros(2))
    with pytest.raises(StatementError, match="cannot be normalised"):
        parallel_tempering(lambda x: -1.2 * jnp.log1p(jnp.sum(x**2)), walk, (1.0, 1.5)).init(jnp.zeros(2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: parallel_tempering(normal, walk, (1.0,)), "two or more"),
        (lambda: infinite_swapping(normal, walk, (2.0, 1.0)), "ascending"),
        (lambda: parallel_tempering(normal, walk, (1.0, 2.0), rate=np.inf), "infinite_swapping"),
        (lambda: infinite_swapping(normal, walk, np.arange(1.0, 10.0)), "partial infinite swapping"),
        (lambda: infinite_swapping(normal, walk, (1.0, 2.0), block=1), "`block`"),
        (lambda: run(jax.random.key(0), random_walk(normal, 1.0), jnp.zeros(()), 5), "leading axis"),
        (lambda: run(jax.random.key(0), random_walk(normal, 1.0), jnp.zeros((2, 2)), 0), "`steps`"),
        (lambda: run(jax.random.key(0), ula(normal, 2.5), jnp.zeros((2, 2)), 2000), "ran away"),
        (lambda: metropolis_flips(normal).init(jnp.zeros(3)), "Spins"),
        (lambda: temperature_ladder(None, normal, walk, None, 0.5), "ascending"),
        (lambda: asymptotic_variance(np.zeros((1, 3))), "`draws`"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(StatementError, match=words):
        call()


@pytest.mark.parametrize("rule", [glauber_flips, metropolis_flips])
def test_flips_of_a_small_magnet(rule):
    """All 2^5 states of a ring in a field, against enumeration."""
    beta, h = 0.4, 0.3

    def energy(s):
        return beta * jnp.sum(s * jnp.roll(s, 1)) + beta * h * jnp.sum(s)

    states = np.array(np.meshgrid(*[[-1.0, 1.0]] * 5)).reshape(5, -1).T
    weights = np.exp([float(energy(s)) for s in states])
    exact = weights @ states.mean(axis=1) / weights.sum()
    runs = run(jax.random.key(1), rule(energy, flips=5), jnp.ones((100, 5)), 300, burn_in=30, keep=magnetisation)
    means = np.asarray(runs.draws).mean(axis=1)
    assert abs(means.mean() - exact) < 3.3 * means.std(ddof=1) / 10 and means.std(ddof=1) < 0.1


def magnetisation(state, info):
    return jnp.mean(state.position)


def test_acceptance_of_swaps_between_gaussians():
    """2 I_{r/(1+r)}(d/2, d/2) with r the ratio of the temperatures; .2896912 at d = 10, r = 1/2."""
    d, r, count = 10, 0.5, 200_000
    exact = 2 * betainc(d / 2, d / 2, r / (1 + r))
    assert exact == pytest.approx(0.2896912, abs=5e-7)
    energies = np.random.default_rng(0).chisquare(d, (count, 2)) / 2 * np.array([1, 1 / r])

    def chance(values):
        return swap_neighbours(jax.random.key(0), values, np.array([1.0, r]), jnp.arange(2), 0)[2][0]

    computed = np.asarray(jax.vmap(chance)(-energies))
    assert abs(computed.mean() - exact) < 4 * computed.std() / count**0.5


def test_assignments_have_the_probabilities_of_their_definition():
    values, beta = np.array([0.3, -1.0, 0.8]), np.array([1.0, 0.5, 0.2])
    import itertools

    orders = list(itertools.permutations(range(3)))
    weights = np.array([np.exp(values[list(o)] @ beta) for o in orders])
    weights /= weights.sum()
    exact = sum(w * np.eye(3)[list(o)] for w, o in zip(weights, orders, strict=True))
    keys = jax.random.split(jax.random.key(0), 20_000)
    drawn, marginal = jax.vmap(lambda k: assignment(k, values, beta))(keys)
    np.testing.assert_allclose(marginal[0], exact, atol=1e-12)
    mean = np.eye(3)[np.asarray(drawn)].mean(axis=0)
    assert np.all(abs(mean - exact) < 4.5 * np.sqrt(exact * (1 - exact) / 20_000))


def test_partitions_overlap_and_cover():
    assert partition(6, None, False) == [[0, 1, 2, 3, 4, 5]]
    assert partition(6, 3, False) == [[0, 1, 2], [3, 4, 5]] and partition(6, 3, True) == [[0, 1], [2, 3, 4], [5]]


def autoregression(rho, shape, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(shape) * (1 - rho**2) ** 0.5
    x = np.empty(shape)
    x[:, 0] = rng.standard_normal(shape[0])
    for t in range(1, shape[1]):
        x[:, t] = rho * x[:, t - 1] + noise[:, t]
    return x


def test_the_asymptotic_variance_of_an_autoregression():
    """(1 + rho)/(1 - rho), within its stated error, which is that of its spread."""
    rho, exact = 0.8, 9.0
    for estimate in (lambda x: asymptotic_variance(x, 8), spectral_variance):
        measured = [estimate(autoregression(rho, (20, 4000), seed)) for seed in range(12)]
        values, errors = np.array(measured).T
        assert abs(values.mean() - exact) < 0.03 * exact + 4 * values.std(ddof=1) / 12**0.5
        assert 0.5 < values.std(ddof=1) / errors.mean() < 1.8
    draws = autoregression(rho, (20, 4000))
    assert effective_sample_size(draws) == pytest.approx(80_000 / exact, rel=0.15)
    assert r_hat(draws) < 1.01 < 1.1 < r_hat(draws + np.arange(20)[:, None])


def test_round_trips_are_counted():
    path = np.array([[0, 1, 2], [1, 0, 2], [1, 2, 0], [1, 0, 2], [0, 1, 2], [0, 1, 2], [2, 1, 0], [0, 1, 2]])
    assert round_trips(path[None]) == [2 + 0]


def two_wells(x):
    return jnp.logaddexp(-jnp.sum((x - 4) ** 2) / 2 + jnp.log(0.25), -jnp.sum((x + 4) ** 2) / 2 + jnp.log(0.75))


def test_a_ladder_is_found_and_crosses_a_barrier():
    starts = jnp.full((16, 2), 4.0)
    ladder = temperature_ladder(jax.random.key(0), two_wells, walk, starts, 30.0, rounds=3)
    assert ladder.temperatures[0] == 1 and ladder.temperatures[-1] == 30
    assert min(ladder.acceptance) > 0.35 and np.ptp(ladder.acceptance) < 0.25
    sampler = infinite_swapping(two_wells, walk, ladder.temperatures)
    result = run(jax.random.key(1), sampler, jnp.full((60, 2), 4.0), 1500, burn_in=500, keep=in_the_right_well)
    means = np.asarray(result.draws).mean(axis=1)
    assert abs(means.mean() - 0.25) < 3.3 * means.std(ddof=1) / 60**0.5 and means.std(ddof=1) < 0.2
    alone = run(jax.random.key(1), walk(two_wells, 1.0), starts, 1500, keep=right)
    assert np.asarray(alone.draws).mean() > 0.9


in_the_right_well = expectation(lambda x: (x[0] > 0) * 1.0)


def right(state, info):
    return (state.position[0] > 0) * 1.0


def test_nuts_and_hmc_are_blackjax_s():
    start = jnp.ones((2, 2))
    for ours, theirs in (
        (nuts(normal, 0.5), blackjax.nuts(normal, 0.5, jnp.ones(2))),
        (hmc(normal, 0.5, 3), blackjax.hmc(normal, 0.5, jnp.ones(2), 3)),
    ):
        a, b = (run(jax.random.key(2), s, start, 5).draws for s in (ours, theirs))
        np.testing.assert_array_equal(a, b)


def test_the_fast_logistic_posterior_is_the_logistic_posterior():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((37, 4)), rng.choice([-1.0, 1.0], 37)
    fast = logistic_posterior(X, y, ridge=0.7)

    def plain(w):
        return jnp.sum(jax.nn.log_sigmoid(y * (X @ w))) - 0.35 * w @ w

    for w in (rng.standard_normal(4), 300 * rng.standard_normal(4), np.zeros(4)):
        for a, b in zip(jax.value_and_grad(fast)(w), jax.value_and_grad(plain)(w), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda f: ula(f, 0.05),
        lambda f: sgld(lambda key, x: jax.grad(f)(x), 0.05, logdensity=f),
        lambda f: sghmc(minibatch(f, lambda x, s: 0.0 * s * x[0], jnp.ones(4), 2), 0.1, 1.0),
    ],
)
def test_samplers_without_rejections_stop_at_the_edge_of_the_density(make):
    """On x > 0 they walked out without notice."""

    def exponential(x):
        return jnp.where(x[0] > 0, -x[0], -jnp.inf)

    with pytest.raises(StatementError, match=r"A step left the set.*`constraints`"):
        run(jax.random.key(0), make(exponential), jnp.full((10, 1), 0.5), 300)


class Counted(NamedTuple):
    position: jax.Array
    drawn: jax.Array


def test_burn_in_and_thinning_are_steps_with_keys_of_their_own():
    counting = SamplingAlgorithm(
        lambda x: Counted(x, jnp.zeros(())), lambda key, s: (Counted(s.position + 1, jax.random.uniform(key)), None)
    )
    chains = run(jax.random.key(3), counting, jnp.zeros(2), 7, burn_in=3, thin=2, keep=lambda state, _: state)
    assert_array_equal(chains.draws.position, [[5, 7, 9]] * 2)
    for own, drawn in zip(jax.random.split(jax.random.key(3), 2), chains.draws.drawn, strict=True):
        blocks = jax.random.split(jax.random.split(own)[1], 3)
        assert_array_equal(drawn, [jax.random.uniform(jax.random.split(k, 2)[0]) for k in blocks])
    with pytest.raises(StatementError, match="`thin` must be at most"):
        run(jax.random.key(3), counting, jnp.zeros(2), 3, thin=4)
