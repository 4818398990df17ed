"""The divergence, its derivatives and its majoriser."""

import numpy as np
import pytest

from asymptopia.algorithms.factorise import Problem, beta_divergence, exponent
from asymptopia.algorithms.factorise.beta_divergence import power_into, row_sums
from asymptopia.algorithms.factorise.nmf_majorisers import majoriser

BETAS = (-1.0, -0.4, 0.0, 0.5, 0.8, 1.0, 1.3, 1.5, 2.0, 2.5, 3.0, 4.0)


def test_known_divergences():
    x, v = np.array([1.0, 4.0]), np.array([2.0, 1.0])
    np.testing.assert_allclose(beta_divergence(x, v, 2), [0.5, 4.5])
    np.testing.assert_allclose(beta_divergence(x, v, 1), [1 - np.log(2), 4 * np.log(4) - 3])
    np.testing.assert_allclose(beta_divergence(x, v, 0), [np.log(2) - 0.5, 3 - np.log(4)])
    np.testing.assert_allclose(beta_divergence(x, v, 3), (x**3 + 2 * v**3 - 3 * x * v**2) / 6)


def test_zeros():
    zero, v = np.zeros(2), np.array([0.5, 2.0])
    for beta in (0.3, 1, 2, 3.5):
        np.testing.assert_allclose(beta_divergence(zero, v, beta), v**beta / beta)
    for beta in (0, -1):
        assert np.isinf(beta_divergence(zero, v, beta)).all()
    assert np.isinf(beta_divergence(v, zero, 0.5)).all() and beta_divergence(0.0, 0.0, 0.5) == 0
    np.testing.assert_allclose(beta_divergence(v, zero, 3), v**3 / 6)


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_continuous_in_beta(beta):
    x, v = np.random.default_rng(0).gamma(2, 1, (2, 50))
    np.testing.assert_allclose(beta_divergence(x, v, beta + 1e-6), beta_divergence(x, v, beta), atol=1e-4)


@pytest.mark.parametrize("beta", BETAS)
def test_scaling_and_slope(beta):
    x, v = np.random.default_rng(0).gamma(2, 1, (2, 50)) + 0.1
    d = beta_divergence(x, v, beta)
    np.testing.assert_allclose(beta_divergence(3 * x, 3 * v, beta), 3**beta * d, rtol=1e-11, atol=1e-12)
    assert (d >= 0).all() and np.allclose(beta_divergence(x, x, beta), 0, atol=1e-14)
    h = 1e-5
    slope = (beta_divergence(x, v + h, beta) - beta_divergence(x, v - h, beta)) / (2 * h)
    np.testing.assert_allclose(slope, v ** (beta - 2) * (v - x), rtol=1e-5, atol=1e-7 * 10 ** abs(beta))


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_over_rows_differ_by_a_term_in_x(beta, weighted):
    rng = np.random.default_rng(1)
    x, v, u = rng.gamma(2, 1, (3, 4, 6)) + 0.1
    s = rng.random((4, 6)) if weighted else None
    spare = np.empty_like(v)
    values = row_sums(x, v, beta, s, spare) - row_sums(x, u, beta, s, spare)
    full = (beta_divergence(x, v, beta) - beta_divergence(x, u, beta)) * (1 if s is None else s)
    np.testing.assert_allclose(values, full.sum(axis=1), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("order", [-3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 2, 0.37])
def test_powers(order):
    v = np.random.default_rng(2).gamma(2, 1, 30)
    np.testing.assert_allclose(power_into(v, order, np.empty_like(v)), v**order, rtol=1e-14)


@pytest.mark.parametrize(("beta", "gamma"), [(-1, 1 / 3), (0, 0.5), (0.5, 2 / 3), (1, 1), (2, 1), (3, 0.5), (4, 1 / 3)])
def test_exponents_of_fevotte_and_idier(beta, gamma):
    assert exponent(beta) == pytest.approx(gamma, rel=1e-15)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("penalties", [((0.0, 0.0), (0.0, 0.0)), ((0.3, 0.2), (0.0, 0.0)), ((0.3, 0.2), (0.5, 0.4))])
def test_the_majoriser_touches_dominates_and_is_minimised(beta, penalties):
    rng = np.random.default_rng(3)
    X, W, Ht = rng.gamma(2, 1, (7, 5)), rng.gamma(1, 1, (7, 3)) + 0.05, rng.gamma(1, 1, (5, 3)) + 0.05
    problem = Problem(X, beta, 3, None, *penalties)
    G = majoriser(problem, (W, Ht), 0)

    def value(A):
        return beta_divergence(X, A @ Ht.T, beta).sum() + problem.penalty(0, A)

    def rise(t):
        return float(G.rise(t.ravel()) @ W.ravel())

    for size in (1e-3, 0.1, 1.0, 3.0):
        for _ in range(20):
            t = np.exp(size * rng.standard_normal(W.shape))
            gap = rise(t) - (value(t * W) - value(W))
            assert gap >= -1e-9 * (1 + abs(rise(t))), "the majoriser dominates"
    h = 1e-6 * rng.standard_normal(W.shape)
    assert rise(1 + h) - rise(1 - h) == pytest.approx(value((1 + h) * W) - value((1 - h) * W), rel=1e-4, abs=1e-12)
    least = G.minimiser()
    slope = G.slope(least.ravel())
    positive = least.ravel() > 0
    np.testing.assert_allclose(slope[positive], 0, atol=1e-9 * np.abs(G.den).max())
    assert (G.slope(np.full(slope.shape, 1e-20))[~positive] >= 0).all()
