"""Multi-index models against Bessel functions, cells of sampled labels, the start of the curves, and wrong laws."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import kv

from asymptopia import StatementError, confront, thresholds
from asymptopia.algorithms.checks import NotSolved
from asymptopia.laws.inference.multi_index import (
    Abs,
    Bump,
    Door,
    Hermite,
    Monomial,
    MultiIndex,
    Norm,
    Product,
    SignProduct,
    Square,
    experiment,
)
from asymptopia.laws.inference.multi_index.experiment import _permuted, _rotated, _score_of_norm, _score_of_parity
from asymptopia.laws.inference.multi_index.theory import _parity_curve, norm_curve


def recovery(link, **fields):
    return thresholds(MultiIndex(link=link, **fields), along="alpha")["weak_recovery"]


def test_a_product_of_two_by_bessel_functions():
    """y = z1 z2 has the density K0(|y|) / pi, and E[z1^2 | y] = |y| K1 / K0."""

    def integrand(y):
        return 2 / math.pi * kv(0, y) * (y * kv(1, y) / kv(0, y) - 1) ** 2

    square = quad(integrand, 0, 1)[0] + quad(integrand, 1, 40)[0]
    assert recovery(Product(2)) == pytest.approx(1 / (1 + square), rel=1e-7)
    assert recovery(Monomial((1, 1))) == pytest.approx(recovery(Product(2)), rel=1e-12)


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_products_with_noise(noise):
    """Given the other fields' product t, y = z t + noise is normal: E[z_1^2 | y] is a mean over z_1 and z_2."""
    z, y = np.linspace(-7, 7, 141), np.linspace(0, 60, 401)
    w = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    spread = np.outer(z, z) ** 2 + noise
    density = np.exp(-(y[:, None, None] ** 2) / 2 / spread) / np.sqrt(spread)
    p, second = density @ w @ w, density @ w @ (w * z**2)
    share = p / p.sum()
    share[1:] *= 2
    share /= share.sum()
    assert recovery(Product(3), noise=noise) == pytest.approx(1 / (share @ (second / p - 1) ** 2), rel=1e-5)


def test_noise_that_vanishes_and_noise_beside_steep_links():
    assert recovery(Product(3), noise=1e-4) == pytest.approx(recovery(Product(3)), rel=5e-3)
    assert recovery(Monomial((2, 1)), noise=1.0) == 0
    assert recovery(Norm(3), noise=1e-3) == pytest.approx(1.5, rel=2e-3)
    assert recovery(Norm(1), noise=0.5) == pytest.approx(recovery(Square(), noise=0.5), rel=1e-9)
    assert recovery(lambda z: z[..., 0] ** 2, noise=0.5) == pytest.approx(recovery(Square(), noise=0.5), rel=1e-9)
    with pytest.raises(StatementError, match="too small"):
        recovery(Hermite(6), noise=1e-5)
    with pytest.raises(StatementError, match="too small"):
        recovery(Product(4), noise=1e-9)


def test_a_norm_of_two_with_little_noise_and_even_links():
    assert recovery(Norm(2), noise=1e-2) == pytest.approx(1.0, rel=5e-3)
    for link in (Square(), Abs(), Hermite(2)):
        assert recovery(link) == pytest.approx(0.5, abs=1e-8)
    assert recovery(Square(), noise=1e-3) > 0.5


def test_a_door_in_closed_form_and_flips():
    width = 0.8
    chance = math.erfc(width / math.sqrt(2))
    moment = 2 * width * math.exp(-(width**2) / 2) / math.sqrt(2 * math.pi)  # E (z^2 - 1) 1(|z| > width)
    square = moment**2 * (1 / chance + 1 / (1 - chance))
    assert recovery(Door(width)) == pytest.approx(1 / square, rel=1e-8)
    flipped = 0.8**2 * moment**2
    flipped *= 1 / (0.8 * chance + 0.1) + 1 / (0.8 * (1 - chance) + 0.1)
    assert recovery(Door(width), flip=0.1) == pytest.approx(1 / flipped, rel=1e-8)


def test_functions_of_your_own():
    def product(z):
        return z[..., 0] * z[..., 1]

    def odd(z):
        return z[..., 0] ** 3

    product.size = 2
    assert recovery(product) == pytest.approx(recovery(Product(2)), rel=2e-2)
    assert recovery(odd) == 0 and recovery(Bump()) == math.inf and recovery(SignProduct(3)) == math.inf
    limit = MultiIndex(link=odd).limit()
    assert float(limit["information_exponent"]) == 1 and np.isnan(limit["overlap"]).all()
    assert "not computed" in MultiIndex(link=odd).valid()


def test_labels_of_few_values_of_your_own():
    """All fields of a label are seen together: a parity is one, and a plateau beside a slope too."""

    def parity(z):
        return np.sign(z[..., 0] * z[..., 1])

    def rectified(z):
        return np.maximum(z[..., 0] * z[..., 1], 0.0)

    parity.size = rectified.size = 2
    assert recovery(parity) == pytest.approx(recovery(SignProduct(2)), rel=1e-3)
    # given y > 0 as for the product, given y = 0 the mean of what is left, z_1 z_2 < 0: E[z_1 z_2 | 0] = -2 / pi

    def half(y, square):
        return kv(0, y) / math.pi * square(y)

    a = quad(half, 0, 40, args=(lambda y: (y * kv(1, y) / kv(0, y) - 1) ** 2,))[0]
    c = quad(half, 0, 40, args=(lambda y: y**2,))[0]
    ac = quad(half, 0, 40, args=(lambda y: y * (y * kv(1, y) / kv(0, y) - 1),))[0]
    # along M = 1 and M = the exchange, which G = a 1 + y (exchange) mixes
    F = np.array([[a + c + 2 / math.pi**2, 2 * ac], [2 * ac, a + c + 2 / math.pi**2]])
    assert recovery(rectified) == pytest.approx(1 / np.linalg.eigvalsh(F)[-1], rel=1e-2)


@pytest.mark.parametrize("p", [1, 2, 4])
def test_curves_begin_at_weak_recovery(p):
    assert norm_curve(1e-4, p) == pytest.approx(p / 2, rel=2e-3)
    assert _parity_curve(1e-6, 0.1) == pytest.approx(recovery(SignProduct(2), flip=0.1), rel=1e-4)


def test_scores_are_those_of_samples():
    rng, v = np.random.default_rng(0), 0.4
    omega = np.array([[0.5, -0.3]])
    z = omega + np.sqrt(v) * rng.standard_normal((2_000_000, 2))
    near = np.abs(np.sum(z**2, axis=1) - 1.1) < 0.02
    mean = (z[near].mean(axis=0) - omega[0]) / v
    np.testing.assert_allclose(_score_of_norm(np.array([1.1]), omega, v, 0.0)[0][0], mean, atol=0.02)
    right = z[:, 0] * z[:, 1] > 0
    weight = np.where(right, 0.9, 0.1)
    mean = (weight @ (z - omega)) / weight.sum() / v
    np.testing.assert_allclose(_score_of_parity(np.array([1.0]), omega, v, 0.1)[0][0], mean, atol=0.01)


@pytest.mark.parametrize(("score", "y"), [(_score_of_norm, 1.1), (_score_of_parity, -1.0)])
def test_slopes_are_those_of_the_scores(score, y):
    y, omega, v, step = np.array([y]), np.array([[0.5, -0.3]]), 0.4, 1e-5
    moves = step * np.eye(2)[:, None]
    differences = [(score(y, omega + m, v, 0.0)[0] - score(y, omega - m, v, 0.0)[0])[0] for m in moves]
    slopes = np.diag(differences) / (2 * step)
    assert score(y, omega, v, 0.0)[1] == pytest.approx(slopes.mean(), rel=1e-6)


def test_message_passing_leaves_the_start_in_small_systems():
    law = MultiIndex()
    overlaps = np.trace(law.experiment(sizes=(50,), seeds=40)["overlap"], axis1=-2, axis2=-1) / 2
    assert np.min(overlaps) > 0.8  # taking the score's mean square for its slope left one run in twenty near 1/2


def test_message_passing_settles_where_samples_are_many():
    law = MultiIndex(link=SignProduct(size=2), alpha=30.0)
    overlaps = np.trace(law.experiment(sizes=(100,), seeds=4)["overlap"], axis1=-2, axis2=-1) / 2
    assert np.min(overlaps) > 0.95  # after 400 iterations two of the four were near 0.8


def test_overlaps_are_aligned():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    np.testing.assert_allclose(_rotated(turn @ np.diag([0.7, 0.7])), 0.7 * np.eye(2), atol=1e-12)
    np.testing.assert_allclose(_permuted(np.array([[0.1, -0.9], [-0.8, 0.0]])), [[0.8, 0.0], [-0.1, 0.9]], atol=1e-12)


def test_statements_are_checked():
    with pytest.raises(StatementError, match="flip"):
        MultiIndex(link=SignProduct(2), noise=1.0).limit()
    with pytest.raises(StatementError, match="noise"):
        MultiIndex(link=Norm(2), flip=0.1).limit()
    with pytest.raises(StatementError, match="'alpha'"):
        thresholds(MultiIndex(), along="noise")
    with pytest.raises(StatementError, match="powers"):
        Monomial((1, 0))


class TwiceTheLabels(MultiIndex):
    """As if labels came in pairs."""

    def predict(self):
        return MultiIndex(alpha=self.alpha / 2, link=self.link).predict()


class Mixed(MultiIndex):
    """Each estimate sees both directions alike."""

    def predict(self):
        prediction = super().predict()
        return prediction | {"overlap": prediction["overlap"][0, 0] * np.full((2, 2), 0.5)}


def test_messages_that_oscillate_settle_with_more_damping_or_raise(monkeypatch):
    """Eight systems below and above recovery, of which four oscillate with little damping: overlaps 0 or large."""
    law = MultiIndex(link=Square(), alpha=1.0)
    overlaps = law.realized(100, range(8))["overlap"].ravel()
    assert overlaps.max() > 0.5
    monkeypatch.setattr("asymptopia.laws.inference.multi_index.experiment.ROUTES", ((0.4, False),))
    with pytest.raises(NotSolved, match="did not settle in dimension 100"):
        law.realized(100, range(8))


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = MultiIndex(alpha=9.0)
    experiment = law.experiment(sizes=(80, 160), seeds=60)
    assert confront(law, experiment)["overlap"].verdict != "disagrees"
    for wrong in (TwiceTheLabels(alpha=9.0), Mixed(alpha=9.0)):
        assert confront(wrong, experiment).verdict == "disagrees"
    law = MultiIndex(alpha=6.0, link=Norm(2))
    assert float(law.limit()["overlap"][0, 0]) == 1 and "may not converge" in law.valid()


@pytest.mark.parametrize(("swing", "slope"), [(4e-4, -1.0), (0.0, 0.5)], ids=["hidden by damping", "bounded"])
def test_only_solutions_of_the_equations_settle(monkeypatch, swing, slope):
    """Not a swing that damping makes small, nor a state in which labels would widen the prior."""
    scores = itertools.cycle(1 + swing * np.array([[[1.0], [-1.0]], [[-1.0], [1.0]]]))

    def score(y, omega, v, flip):
        return next(scores), slope

    monkeypatch.setattr(experiment, "_score_of_norm", score)
    law = MultiIndex(link=Square(), alpha=1.0)
    assert experiment._damped(np.eye(2), np.ones(2), np.ones((2, 1)), law, 0.8, False)[1] > experiment.SETTLED
