"""Paths on Gaussians: event times against quadrature, exact integrals, invariance over 100 runs, and bad input."""

import numpy as np
import pytest
from scipy import integrate, stats

from asymptopia import StatementError
from asymptopia.algorithms.samplers import gaussian_kernels as kernels
from asymptopia.algorithms.samplers.gaussian_paths import (
    gaussian_boomerang,
    gaussian_bouncy_particle,
    gaussian_zig_zag,
)

SAMPLERS = (gaussian_zig_zag, gaussian_bouncy_particle, gaussian_boomerang)
RUNS, LEVEL = 100, 0.01


@pytest.mark.parametrize("a", [-1.5, 0.0, 0.7])
@pytest.mark.parametrize("b", [-0.4, 0.0, 1.3])
def test_event_times_invert_the_integral_of_the_rate(a, b):
    for energy in (0.1, 1.0, 7.0):
        for time, rate in (
            (kernels.ramp_time(a, b, energy), lambda s: max(0.0, a + b * s)),
            (kernels.wave_time(a, b, energy), lambda s: max(0.0, a * np.cos(2 * s) + b * np.sin(2 * s))),
        ):
            if np.isfinite(time):
                t = np.linspace(0, time, 200_001)
                total = integrate.trapezoid([rate(s) for s in t[::20]], t[::20])
                assert total == pytest.approx(energy, rel=1e-3)
            else:
                assert b <= 0 and (a <= 0 or -(a**2) / (2 * b or -1e-300) < energy)


def correlated(d, rng):
    """A precision with eigenvalues from 0.5 to 5 in random directions."""
    q, _ = np.linalg.qr(rng.standard_normal((d, d)))
    matrix = (q * np.geomspace(0.5, 5, d)) @ q.T
    return (matrix + matrix.T) / 2


@pytest.mark.parametrize("sample", SAMPLERS, ids=lambda f: f.__name__)
def test_averages_are_integrals_along_the_path(sample):
    rng = np.random.default_rng(3)
    times = np.linspace(0, 10, 20_001)
    path = sample(correlated(3, rng), rng.standard_normal(3), 10.0, rng, times=times)
    assert path.mean == pytest.approx(integrate.trapezoid(path.positions, times, axis=0) / 10, abs=1e-5)
    assert path.second_moment == pytest.approx(integrate.trapezoid(path.positions**2, times, axis=0) / 10, abs=1e-5)
    assert path.events > 1 and path.events + path.refreshments > 5


def p_values(sample, precision, kernel_precision, length, seed):
    """Of path averages, moments of the last positions and their ranks, over runs that start at exact draws."""
    rng = np.random.default_rng(seed)
    covariance = np.linalg.inv(precision)
    root = np.linalg.cholesky(covariance)
    d = len(root)
    rows, last = [], []
    for _ in range(RUNS):
        path = sample(kernel_precision, root @ rng.standard_normal(d), length, rng, times=(length,))
        rows.append(np.r_[path.mean, path.second_moment])
        last.append(path.positions[0])
    rows, last = np.array(rows), np.array(last)
    exact = np.r_[np.zeros(d), np.diag(covariance)]
    z = (rows.mean(axis=0) - exact) / (rows.std(axis=0, ddof=1) / RUNS**0.5)
    energy = np.einsum("ri,ij,rj->r", last, precision, last)
    scaled = last / np.diag(covariance) ** 0.5
    ranks = [stats.kstest(scaled[:, i], "norm").pvalue for i in range(d)] + [stats.kstest(energy, "chi2", (d,)).pvalue]
    return np.r_[2 * stats.t.sf(np.abs(z), RUNS - 1), ranks]


@pytest.mark.parametrize("d", [1, 5, 100])
@pytest.mark.parametrize("sample", SAMPLERS, ids=lambda f: f.__name__)
def test_the_normal_law_is_invariant(sample, d):
    precision = correlated(d, np.random.default_rng(d))
    p = p_values(sample, precision, precision, 100.0, seed=d)  # long enough for nearly normal averages
    assert len(p) * p.min() > LEVEL


@pytest.mark.parametrize("sample", SAMPLERS, ids=lambda f: f.__name__)
def test_a_precision_that_is_not_quite_the_targets_is_caught(sample):
    precision = correlated(5, np.random.default_rng(5))
    p = p_values(sample, precision, precision + 0.1 * np.diag(np.diag(precision)), 60.0, seed=5)
    assert len(p) * p.min() < LEVEL


@pytest.mark.parametrize("sample", SAMPLERS, ids=lambda f: f.__name__)
def test_a_diagonal_may_be_given_as_one(sample):
    values = np.array([0.5, 1.0, 4.0])
    one = sample(values, np.ones(3), 50.0, np.random.default_rng(0), times=(20.0, 50.0))
    other = sample(np.diag(values), np.ones(3), 50.0, np.random.default_rng(0), times=(20.0, 50.0))
    np.testing.assert_allclose(one.positions, other.positions, rtol=1e-9)
    assert one.events == other.events


@pytest.mark.parametrize("refreshment", [0.0, 0.5])
def test_zig_zags_asymptotic_variance_in_one_dimension(refreshment):
    rng = np.random.default_rng(2)
    paths = [gaussian_zig_zag([1.0], rng.standard_normal(1), 400.0, rng, refreshment=refreshment) for _ in range(2000)]
    means = np.array([p.mean[0] for p in paths])
    # relative error of a variance (2/2000)**(1/2); at T = 400 the correction is about 1e-3
    expected = 2 * (2 / np.pi) ** 0.5 + 4 * refreshment
    assert 400 * means.var() == pytest.approx(expected, rel=4 * (2 / 2000) ** 0.5)
    turns = np.array([p.refreshments for p in paths])
    assert abs(turns.mean() - 400 * refreshment) <= 4 * (400 * refreshment / 2000) ** 0.5


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (([1.0, -1.0], [0.0, 0.0], 1.0), {}, "positive definite"),
        ((np.diag([1.0, 0.0]), [0.0, 0.0], 1.0), {}, "smallest eigenvalue is 0"),
        (([[1.0, 2.0], [0.0, 1.0]], [0.0, 0.0], 1.0), {}, "symmetric"),
        (([1.0, np.nan], [0.0, 0.0], 1.0), {}, "finite"),
        (([1.0], [np.nan], 1.0), {}, "start"),
        (([1.0], [0.0], -1.0), {}, "length"),
        (([1.0], [0.0], 1.0), {"refreshment": -0.5}, "refreshment"),
        (([1.0], [0.0], 1.0), {"times": (2.0,)}, "times"),
    ],
)
@pytest.mark.parametrize("sample", SAMPLERS, ids=lambda f: f.__name__)
def test_bad_input_is_named(sample, arguments, options, said):
    with pytest.raises(StatementError, match=said):
        sample(*arguments, np.random.default_rng(0), **options)


def test_the_references_variances_are_checked():
    with pytest.raises(StatementError, match="variances"):
        gaussian_boomerang([1.0], [0.0], 1.0, np.random.default_rng(0), variances=[-1.0])
