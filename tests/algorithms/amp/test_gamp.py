"""Message passing on given arrays: exact where it must be, on the whole product of priors and channels."""

import itertools

import numpy as np
import pytest

from asymptopia.algorithms import NotSolved
from asymptopia.algorithms.amp import SoftThreshold, gamp, iterates, spectral, vamp
from asymptopia.algorithms.erm.fit import fit
from asymptopia.contract.record import StatementError
from asymptopia.laws.inference.amp.theory import at_start, bayes
from asymptopia.parts.channel import Abs, Channel, Door, Linear, Logit, Probit, ReLU, Sign
from asymptopia.parts.loss import Square
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Prior, Rademacher, SparseRademacher

PRIORS = (Gaussian(), Rademacher(), GaussBernoulli(rho=0.3), SparseRademacher(rho=0.3), Laplace())
CHANNELS = (*(Linear(noise=0.3), Sign(), Sign(flip=0.1), Logit(scale=2.0), Probit(noise=0.3), Abs(), ReLU(), Door()),)


def problem(prior, channel, alpha, d, seed=0, condition=None):
    rng = np.random.default_rng(seed)
    n = round(alpha * d)
    X = rng.standard_normal((n, d)) / np.sqrt(d)
    if condition:
        U, _, V = np.linalg.svd(X, full_matrices=False)
        X = U * condition ** -np.linspace(0, 1, min(n, d)) @ V
        X /= np.sqrt(np.mean(X**2) * d)
    w = prior.sample(d, rng)
    return X, channel.sample(X @ w, rng), w


class Pair(Prior):
    """+1 with probability 0.7, else -0.5: a user's own, known by its log-partition alone."""

    def sample(self, size, rng):
        return np.where(rng.random(size) < 0.7, 1.0, -0.5)

    def log_partition(self, A, B):
        import jax.numpy as jnp

        return jnp.logaddexp(jnp.log(0.7) + B - A / 2, jnp.log(0.3) - B / 2 - A / 8)


class Mine(Channel):
    """The sign of the field in noise of variance 0.3: a user's own, known by its log-partition alone."""

    def sample(self, z, rng):
        return np.where(z + np.sqrt(0.3) * rng.standard_normal(np.shape(z)) >= 0, 1.0, -1.0)

    def log_partition(self, y, mean, variance):
        import jax.numpy as jnp
        from jax.scipy.special import log_ndtr

        return log_ndtr(y * mean / jnp.sqrt(variance + 0.3))


@pytest.mark.parametrize(
    ("prior", "channel"), [*itertools.product(PRIORS, CHANNELS), (Pair(), Sign()), (Gaussian(), Mine())], ids=repr
)
def test_every_prior_and_channel_follow_state_evolution(prior, channel):
    d, seeds, steps, alpha, snr = 300, 12, 6, 1.5, 0.5
    measured = np.empty((seeds, steps))
    for seed in range(seeds):
        X, y, w = problem(prior, channel, alpha, d, seed)
        rng = np.random.default_rng(100 + seed)
        start = prior.posterior(snr, snr * w + np.sqrt(snr) * rng.standard_normal(d))
        path = itertools.islice(iterates(X, y, prior, channel, start=start), steps)
        measured[seed] = [now.means @ w / d for now in path]
    theory = np.array([k.overlap for k in bayes(prior, channel, alpha, snr, steps)])
    error = measured.std(axis=0, ddof=1) / np.sqrt(seeds)
    finite_size = 5 * prior.second_moment / d
    assert np.all(np.abs(measured.mean(axis=0) - theory) < 4 * error + finite_size)
    moved = abs(theory[0] - at_start(prior, snr).overlap) + abs(theory[-1] - theory[0])
    assert moved > 2 * finite_size, "there is something to follow"


def test_a_gaussian_prior_and_noise_give_ridge_regression():
    for alpha, condition in ((0.6, None), (2.0, None), (1.5, 100.0)):
        X, y, _ = problem(Gaussian(), Linear(noise=0.2), alpha, 200, 1, condition)
        exact = np.linalg.solve(X.T @ X + 0.2 * np.eye(200), X.T @ y)
        estimate = gamp(X, y, Gaussian(), Linear(noise=0.2), tolerance=1e-9)
        np.testing.assert_allclose(estimate.means, exact, atol=1e-7)
        assert estimate.method.startswith("vamp" if condition else "gamp")
        spread = np.linalg.inv(X.T @ X / 0.2 + np.eye(200)).trace() / 200
        assert abs(estimate.variances.mean() / spread - 1) < (1e-6 if condition else 0.03)


def test_an_enumerated_posterior_of_spins():
    d, errors = 12, []
    states = np.array(list(itertools.product((-1.0, 1.0), repeat=d)))
    for seed in range(20):
        X, y, _ = problem(Rademacher(), Sign(flip=0.2), 2.0, d, seed)
        weight = np.where(np.sign(states @ X.T) == y, 0.8, 0.2).prod(axis=1)
        exact = weight @ states / weight.sum()
        errors.append(np.mean((gamp(X, y, Rademacher(), Sign(flip=0.2)).means - exact) ** 2))
    assert np.mean(errors) < 0.05


def test_the_soft_threshold_solves_the_lasso():
    X, y, w = problem(GaussBernoulli(), Linear(noise=0.01), 0.6, 300)
    estimate = gamp(X, y, SoftThreshold(l1=0.1), Linear(noise=1.0), start=(0.0, 0.2), tolerance=1e-10)
    np.testing.assert_allclose(estimate.means, fit(X, y, Square(), l1=0.1, tolerance=1e-11).w, atol=1e-5)
    X, y = X[:, w >= 0], X[:, w >= 0] @ w[w >= 0]
    estimate = gamp(X, y, SoftThreshold(l1=0.1, nonnegative=True), Linear(noise=1.0), start=(0.0, 0.2), tolerance=1e-9)
    slope = X.T @ (X @ estimate.means - y) + 0.1
    assert estimate.means.min() >= 0 and slope.min() > -1e-6 and np.abs(slope * estimate.means).max() < 1e-6


def test_scale_and_precision_of_the_matrix_do_not_matter():
    X, y, _ = problem(Gaussian(), Sign(), 2.0, 300)
    one, scaled = gamp(X, y, Gaussian(), Sign()), gamp(50 * X, y, Gaussian(), Sign())
    np.testing.assert_allclose(scaled.means, one.means, atol=1e-5)
    single = gamp(X.astype(np.float32), y, Gaussian(), Sign())
    np.testing.assert_allclose(single.means, one.means, atol=2e-4)


def test_variances_one_by_one_matter_where_rows_and_columns_differ():
    rng = np.random.default_rng(3)
    X, _, w = problem(GaussBernoulli(), Linear(noise=0.01), 0.8, 500)
    X = X * np.exp(rng.normal(size=(len(X), 1))) * np.exp(0.7 * rng.normal(size=500))
    y = X @ w + 0.1 * rng.standard_normal(len(X))
    full = gamp(X, y, GaussBernoulli(), Linear(noise=0.01), full_variances=True)
    assert full.method == "gamp"
    assert 0.5 < np.mean((full.means - w) ** 2) / full.variances.mean() < 2
    with pytest.raises(NotSolved, match="diverged"):
        gamp(X, y, GaussBernoulli(), Linear(noise=0.01), damping=0.0)


@pytest.mark.parametrize("channel", (Linear(), Sign(), Abs(), ReLU()), ids=repr)
def test_perfect_recovery_is_kept(channel):
    X, y, w = problem(Rademacher(), channel, 3.0, 300)
    start = Rademacher().posterior(1.0, w + np.random.default_rng(1).standard_normal(300))
    for precision in (np.float32, np.float64):
        path = list(itertools.islice(iterates(X.astype(precision), y, Rademacher(), channel, start=start), 40))
        assert all(np.all(np.isfinite(now.means)) and now.means @ w / 300 > 0.999 for now in path[15:])


@pytest.mark.parametrize("prior", (Gaussian(), GaussBernoulli()), ids=repr)
def test_phase_is_retrieved_from_the_spectral_start(prior):
    X, y, w = problem(prior, Abs(), 2.0, 500)
    means, variances, memory = spectral(X, y, Abs(), float(prior.second_moment))
    assert abs(means @ w) / np.linalg.norm(means) / np.linalg.norm(w) > 0.4
    assert memory.shape == y.shape and variances.shape == means.shape
    estimate = gamp(X, y, prior, Abs())
    assert min(np.mean((estimate.means - s * w) ** 2) for s in (1, -1)) < 1e-8


@pytest.mark.parametrize(
    ("prior", "channel"),
    [
        (Laplace(), Linear()),
        (Gaussian(), Abs()),
        (GaussBernoulli(), Sign(flip=0.1)),
        (Rademacher(), Probit(noise=0.2)),
        (Laplace(), Logit(scale=4.0)),
    ],
    ids=repr,
)
def test_ill_conditioned_matrices_are_left_to_vector_message_passing(prior, channel):
    ratio = []
    for seed in range(4):
        X, y, w = problem(prior, channel, 2.2, 300, seed, 100.0)
        estimate = gamp(X, y, prior, channel)
        assert estimate.method.startswith("vamp") and estimate.residuals[-1] < 1e-6
        error = min(np.mean((estimate.means - s * w) ** 2) for s in ((1, -1) if channel == Abs() else (1,)))
        ratio.append((error + 1e-9) / (estimate.variances.mean() + 1e-9))
    assert 0.7 < np.mean(ratio) < 1.4, "the estimate knows its error"


def test_vector_and_generalised_message_passing_agree_on_independent_entries():
    for channel in (Linear(noise=0.1), Logit(scale=3.0)):
        X, y, _ = problem(GaussBernoulli(), channel, 1.5, 400)
        one, other = (f(X, y, GaussBernoulli(), channel) for f in (gamp, vamp))
        assert np.mean((one.means - other.means) ** 2) < 0.02 * one.variances.mean()


def test_damping_leads_to_the_same_fixed_point_and_the_residual_is_undamped():
    X, y, _ = problem(Gaussian(), Logit(), 2.0, 200)
    seen = []
    plain = gamp(X, y, Gaussian(), Logit(), callback=lambda k, means, variances: seen.append((k, means)))
    damped = gamp(X, y, Gaussian(), Logit(), damping=0.6)
    np.testing.assert_allclose(damped.means, plain.means, atol=1e-5)
    assert [k for k, _ in seen] == list(range(1, plain.iterations + 1)) and seen[-1][1] is plain.means
    one, two = itertools.islice(iterates(X, y, Gaussian(), Logit(), damping=0.6), 2)
    assert two.residual > 2 * np.sqrt(np.mean((two.means - one.means) ** 2))


def test_what_does_not_settle_raises_and_is_never_nan():
    X, y, _ = problem(Laplace(), Linear(), 1.5, 200, 0, 100.0)
    with pytest.raises(NotSolved, match=r"diverged at iteration \d+.*Use damping"):
        for now in itertools.islice(iterates(X, y, Laplace(), Linear()), 100):
            assert np.all(np.isfinite(now.means)) and np.all(np.isfinite(now.variances))
    X, y, _ = problem(Gaussian(), Sign(), 2.0, 200)
    with pytest.raises(NotSolved, match="did not settle in 3 iterations"):
        gamp(X, y, Gaussian(), Sign(), iterations=3, damping=0.0)


def test_bad_input_is_refused():
    X, y = np.ones((4, 3)), np.ones(4)
    with pytest.raises(StatementError, match="`X` must have shape"):
        gamp(y, y, Gaussian(), Sign())
    with pytest.raises(StatementError, match=r"`y` must have shape \(4,\)"):
        gamp(X, np.ones(5), Gaussian(), Sign())
    with pytest.raises(StatementError, match="has 1 entries that are not"):
        gamp(X, np.array([1.0, np.nan, 1.0, 1.0]), Gaussian(), Sign())
    with pytest.raises(StatementError, match="`X` must be finite, but has 12"):
        gamp(np.inf * X, y, Gaussian(), Sign())
    with pytest.raises(StatementError, match="must not be zero"):
        vamp(0 * X, y, Gaussian(), Sign())
    with pytest.raises(StatementError, match="`damping` must be >= 0 and < 1, but is 1"):
        gamp(X, y, Gaussian(), Sign(), damping=1.0)
    with pytest.raises(StatementError, match="`iterations` must be >= 1"):
        gamp(X, y, Gaussian(), Sign(), iterations=0)
    with pytest.raises(StatementError, match="variances to start from must be >= 0"):
        gamp(X, y, Gaussian(), Sign(), start=(0.0, -1.0))
    with pytest.raises(StatementError, match="means to start from"):
        gamp(X, y, Gaussian(), Sign(), start=(np.ones(2), 1.0))
