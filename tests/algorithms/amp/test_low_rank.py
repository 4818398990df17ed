"""Low-rank message passing: state evolution iteration by iteration, a stationary free entropy, and what it refuses."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms import NotSolved
from asymptopia.algorithms.amp.low_rank import low_rank_amp
from asymptopia.parts.prior import Gaussian, Prior, Rademacher, SparseRademacher
from asymptopia.theory.scalar import coordinate


def spiked(prior, n, snr, seed, rows=None, m=None):
    rng = np.random.default_rng(seed)
    x = prior.sample(n, rng)
    u = x if rows is None else rows.sample(m, rng)
    W = rng.standard_normal((len(u), n))
    W = (W + W.T) / np.sqrt(2) if rows is None else W
    return np.sqrt(snr / n) * np.outer(u, x) + W, x, u


@pytest.mark.parametrize("rows", [None, Gaussian()], ids=["symmetric", "rectangular"])
def test_each_iteration_is_one_of_state_evolution(rows):
    """From an estimate as if seen at signal-to-noise ratio A = 0.2."""
    prior, n, snr, steps, A, aspect = Rademacher(), 500, 2.0, 6, 0.2, 1.5
    expected = [float(coordinate(prior, A).overlap[0])]
    for _ in range(steps):
        A = snr * expected[-1]
        A = A if rows is None else snr * aspect * float(coordinate(rows, A).overlap[0])
        expected.append(float(coordinate(prior, A).overlap[0]))
    runs = []
    for seed in range(40):
        Y, x, _ = spiked(prior, n, snr, seed, rows, int(aspect * n))
        noise = np.random.default_rng(1000 + seed).standard_normal(n)
        start, _ = prior.posterior(0.2, 0.2 * x + np.sqrt(0.2) * noise)
        seen = []
        low_rank_amp(
            Y, prior, snr, rows=rows, start=start, iterations=steps, damping=0.0,
            watch=lambda _, means, seen=seen, x=x: seen.append((means @ x / n, means @ means / n)),
        )  # fmt: skip
        runs.append(seen)
    mean, error = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1) / np.sqrt(40)
    finite = 5 / n  # the correction at this size is of order 1/n
    assert (np.abs(mean - np.array(expected)[:, None]) < 4 * error + finite).all()
    assert expected[-1] > 2 * expected[0] and error.max() < 0.02


@pytest.mark.parametrize("rows", [None, SparseRademacher(rho=0.5)], ids=["symmetric", "rectangular"])
def test_the_free_entropy_has_the_matrix_of_estimates_as_its_slope(rows):
    """It is stationary in the estimates, so its slope in Y is sqrt(snr/N) u x^T / N (half of it, symmetric)."""
    prior, n, snr, h = SparseRademacher(rho=0.5), 60, 5.0, 1e-4
    Y, x, _ = spiked(prior, n, snr, 0, rows, 40)
    change = np.random.default_rng(9).standard_normal(Y.shape)
    change = change + change.T if rows is None else change
    estimate = low_rank_amp(Y, prior, snr, rows=rows, start=x, tolerance=1e-13).require()
    up, down = (low_rank_amp(Y + s * h * change, prior, snr, rows=rows, start=x, tolerance=1e-13) for s in (1, -1))
    left, half = (estimate.x.means, 0.5) if estimate.u is None else (estimate.u.means, 1.0)
    expected = half * np.sqrt(snr / n) * (left @ change @ estimate.x.means) / n
    assert (up.free_entropy - down.free_entropy) / (2 * h) == pytest.approx(expected, rel=1e-5)


def test_a_symmetric_signal_is_found_from_nothing_up_to_its_sign():
    Y, x, _ = spiked(Rademacher(), 400, 6.0, 1)
    estimate = low_rank_amp(Y, Rademacher(), 6.0).require()
    assert abs(estimate.x.means @ x) / 400 > 0.95 and estimate.u is None
    assert estimate.iterations == len(estimate.history) and estimate.history[-1, 1] <= 1e-7 and estimate.damping == 0
    again = low_rank_amp(Y.astype(np.float32), Rademacher(), 6.0, tolerance=1e-5)
    assert abs(again.x.means @ x) / 400 == pytest.approx(abs(estimate.x.means @ x) / 400, abs=1e-4)


def test_nothing_is_found_where_there_is_nothing():
    Y, _, _ = spiked(Rademacher(), 400, 0.3, 2)
    estimate = low_rank_amp(Y, Rademacher(), 0.3).require()
    assert np.abs(estimate.x.means).max() < 1e-4 and estimate.free_entropy == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 33])
def test_where_the_spike_is_lost_in_a_small_matrix_damping_of_both_factors_settles(seed):
    """Undamped, the estimates wander; damped in the columns alone, they change sign for ever."""
    Y, _, _ = spiked(Rademacher(), 100, 2.0, seed, Gaussian(), 50)
    assert np.linalg.svd(Y, compute_uv=False)[0] ** 2 / 100 < 3  # its limit, at which the fixed points leave zero
    common = dict(rows=Gaussian(), start=0.5 * np.sign(Y[0]), iterations=1000)
    assert not low_rank_amp(Y, Rademacher(), 2.0, damping=0.0, **common).converged
    estimate = low_rank_amp(Y, Rademacher(), 2.0, **common).require()
    assert estimate.damping == 0.5 and np.abs(estimate.x.means).max() < 1e-4


def test_damping_moves_no_fixed_point():
    Y, _, _ = spiked(Rademacher(), 200, 6.0, 0, Gaussian(), 100)
    plain, damped = (low_rank_amp(Y, Rademacher(), 6.0, rows=Gaussian(), damping=d).require() for d in (0.0, 0.5))
    apart = damped.x.means - np.sign(damped.x.means @ plain.x.means) * plain.x.means
    assert np.abs(plain.x.means).mean() > 0.5 and np.abs(apart).max() < 1e-5


class Broken(Prior):
    """A posterior that is not a number."""

    def posterior(self, A, B):
        return np.full(np.shape(B), np.nan), np.ones(np.shape(B))


def test_failures_are_said():
    Y, _, _ = spiked(Gaussian(), 50, 2.0, 0)
    estimate = low_rank_amp(Y, Gaussian(), 2.0, iterations=2)
    assert not estimate.converged
    with pytest.raises(NotSolved, match="still changes"):
        estimate.require()
    with pytest.raises(NotSolved, match="diverged in iteration 1"):
        low_rank_amp(Y, Broken(), 2.0, start=np.ones(50))


@pytest.mark.parametrize(
    ("Y", "options", "message"),
    [
        (np.ones((2, 3)), {}, "symmetric"),
        (np.array([[0.0, 1.0], [2.0, 0.0]]), {}, "symmetric"),
        (np.ones(3), {}, "matrix"),
        (np.full((2, 2), np.nan), {}, "finite"),
        (np.ones((2, 2)), dict(snr=-1.0), "`snr`"),
        (np.ones((2, 2)), dict(start=np.ones(3)), "`start`"),
        (np.ones((2, 2)), dict(damping=1.0), "`damping`"),
    ],
)
def test_bad_input_is_refused(Y, options, message):
    arguments = dict(prior=Rademacher(), snr=1.0) | options
    with pytest.raises(StatementError, match=message):
        low_rank_amp(Y, **arguments)
