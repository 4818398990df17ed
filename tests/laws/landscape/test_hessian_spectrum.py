"""Spectra of least squares: against stochastic Lanczos on a loss, descent at its stable rate, and wrong laws."""

import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import NoLimit, confront, thresholds
from asymptopia.laws.landscape.hessian_spectrum import HessianSpectrum
from asymptopia.measure.operators import hessian
from asymptopia.measure.spectra import quadrature
from asymptopia.numerics.sample_covariance import SampleCovariance
from asymptopia.parts.activation import Identity, PolynomialUnit, Power, Relu

RUN = dict(sizes=(50, 100, 200), seeds=60)


@pytest.mark.parametrize(("alpha", "spike"), [(1.0, 2.0), (0.5, 0.0)])
def test_stochastic_lanczos_on_a_loss_of_2000_parameters_sees_it(alpha, spike):
    """Counted by the intervals of the distribution, between the ends of the law's bins."""
    law, d = HessianSpectrum(alpha=alpha, spike=spike, bins=10, ridge=0.1), 2000
    rng = np.random.default_rng(0)
    X = rng.standard_normal((round(alpha * d), d))
    X[:, 0] *= (1 + spike) ** 0.5
    y = rng.standard_normal(len(X))
    operator = hessian(lambda w: jnp.mean((y - X @ w) ** 2) / 2 + 0.05 * w @ w, jnp.zeros(d))
    seen, limit = quadrature(operator, probes=4, order=30), law.limit()
    width = float(np.diff(limit["bin"].values)[0])
    ends = limit["bin"].values + width / 2
    share, error = seen.distribution(ends[:-1])
    np.testing.assert_allclose(share, np.cumsum(limit["density"].values)[:-1] * width, atol=0.02 + 4 * error.max())
    assert seen.ends()[1] == pytest.approx(float(limit["sharpness"]), rel=0.04)
    low = seen.interval(lambda x: x)
    assert low[0] < 1.1 + spike / d + 0.01 and low[1] > 1.1 - 0.01


def test_descent_is_stable_below_the_stable_rate_and_not_above():
    law, d = HessianSpectrum(), 400
    rng = np.random.default_rng(1)
    X = rng.standard_normal((2 * d, d))
    X[:, 0] *= (1 + law.spike) ** 0.5
    critical = float(law.limit()["stable_rate"])
    grown = []
    for rate in (0.85 * critical, 1.15 * critical):
        w = rng.standard_normal(d)
        for _ in range(200):
            w = w - rate * X.T @ (X @ w) / len(X)
        grown.append(np.linalg.norm(w))
    assert grown[0] < 20 and grown[1] > 1e6


def test_the_ridge_shifts_and_few_samples_leave_a_mass():
    plain, shifted = (HessianSpectrum(alpha=0.5, ridge=r).limit() for r in (0.0, 0.7))
    np.testing.assert_allclose(plain["density"], shifted["density"], atol=1e-12)
    for name in ("lower_edge", "upper_edge", "sharpness"):
        assert float(shifted[name] - plain[name]) == pytest.approx(0.7, abs=1e-12)
    width = float(np.diff(plain["bin"].values)[0])
    assert float(plain["density"][0]) * width > 0.5 and float(plain["density"].sum()) * width == pytest.approx(1)


def test_many_random_features_of_many_samples_have_their_covariance():
    """For alpha to infinity the density is that of mu1^2 s + mu_star^2, s of Marchenko and Pastur."""
    law = HessianSpectrum(spike=0.0, alpha=1e6, features=0.25, activation=Relu())
    mu1, star = 0.5, 0.5 - 0.25 - 1 / (2 * np.pi)
    limit = law.limit()
    assert float(limit["upper_edge"]) == pytest.approx(star + mu1**2 * 2.25, rel=5e-3)
    assert float(limit["lower_edge"]) == pytest.approx(star + mu1**2 * 0.25, rel=5e-3)


def test_bad_statements_are_refused_and_transitions_known():
    with pytest.raises(NoLimit, match="spike"):
        HessianSpectrum(features=1.0).limit()
    assert thresholds(HessianSpectrum(alpha=4.0), "spike") == {"separation": 0.5}
    assert thresholds(HessianSpectrum(spike=2.0), "alpha") == {"separation": 0.25}
    assert "separation" in HessianSpectrum(spike=0.75).valid() and HessianSpectrum(spike=0.3).valid() is None


@pytest.mark.parametrize(
    "law",
    [HessianSpectrum(), HessianSpectrum(spike=0.3), HessianSpectrum(spike=0.0, features=1.5, ridge=0.1)],
    ids=repr,
)
def test_the_experiment_agrees(law):
    found = confront(law, **RUN)
    names = ("density", "lower_edge", "upper_edge", "outlier", "sharpness")
    assert not [k for k in names if found[k].verdict == "disagrees"]
    assert "disagrees" not in (found["upper_edge"].verdict, found["lower_edge"].verdict)


def test_wrong_laws_are_refuted():
    class Wrong(HessianSpectrum):
        """The population's eigenvalues instead of the samples'."""

        def predict(self):
            return super().predict() | {"outlier": 1 + self.spike, "upper_edge": 1.0 + 1 / self.alpha}

    found = confront(Wrong(), **RUN)
    assert found["outlier"].verdict == found["upper_edge"].verdict == "disagrees"


@pytest.mark.parametrize(("alpha", "features"), [(4.0, 4.0), (2.0, 1.0), (0.5, 1.0)])
def test_the_lengths_of_inputs_and_weights_add_a_strong_direction_to_even_features(alpha, features):
    """z^2 - 1 has no linear part: variance 2 and a matrix of rank one of strength t in units of it."""
    limit = HessianSpectrum(alpha=alpha, spike=0.0, features=features, activation=Power(degree=2)).limit()
    t, gamma = features, features / alpha
    edge = 2 * (1 + gamma**0.5) ** 2
    right = 2 * (1 + t) * (gamma + t) / t if t > gamma**0.5 else edge
    assert float(limit["sharpness"]) == pytest.approx(right, rel=1e-10)
    assert float(limit["upper_edge"]) == pytest.approx(edge, rel=1e-10)
    weak = PolynomialUnit(coefficients=(0.0, 0.1, 1.0))
    assert float(HessianSpectrum(alpha=4.0, spike=0.0, features=4.0, activation=weak).limit()["outlier"]) == (
        pytest.approx(12.5, rel=3e-3)
    )


def test_a_strong_second_coefficient_is_seen_in_one_large_system():
    """The mean of the two largest eigenvalues, which has the smaller correction."""
    law, d = HessianSpectrum(alpha=2.0, spike=0.0, features=4.0, activation=Power(degree=2)), 300
    rng = np.random.default_rng(4)
    X, F = rng.standard_normal((2 * d, d)), rng.standard_normal((4 * d, d))
    values = np.linalg.svd((X @ F.T / d**0.5) ** 2 - 1, compute_uv=False)[:3] ** 2 / (2 * d)
    assert values[:2].mean() == pytest.approx(float(law.limit()["outlier"]), rel=0.1)
    assert values[2] == pytest.approx(float(law.limit()["upper_edge"]), rel=0.1)


@pytest.mark.parametrize(("alpha", "features"), [(2.0, 2.0), (0.5, 3.0), (4.0, 0.5)])
def test_linear_features_have_the_product_of_two_wishart_matrices(alpha, features):
    """More features than dimensions leave eigenvalues at 0, which are no edge."""
    law, d = HessianSpectrum(alpha=alpha, spike=0.0, features=features, activation=Identity()), 300
    rng = np.random.default_rng(5)
    X, F = rng.standard_normal((round(alpha * d), d)), rng.standard_normal((round(features * d), d))
    seen = np.linalg.svd(X @ F.T / (d * len(X)) ** 0.5, compute_uv=False) ** 2
    seen, limit = seen[seen > 1e-9], law.limit()
    assert np.median(seen) > float(limit["lower_edge"]) > 0
    assert seen.max() == pytest.approx(float(limit["upper_edge"]), rel=0.1)
    if features > 1 > alpha:  # the edge by Silverstein's equation with the eigenvalues of one large matrix
        tau = np.linalg.svd(rng.standard_normal((3000, 1000)) / 1000**0.5, compute_uv=False) ** 2
        m = np.linspace(0.3, 3, 1000)[:, None]
        edge = (-1 / m[:, 0] + (tau / (1 + tau * m)).mean(axis=1) / alpha).max()
        assert edge == pytest.approx(float(limit["lower_edge"]), rel=3e-3)
    width = float(np.diff(limit["bin"].values)[0])
    assert float(limit["density"].sum()) * width == pytest.approx(1, abs=1e-4)
    share = 1 - len(seen) / len(F)
    assert float(limit["density"][0]) * width >= share - 1e-9


def test_extreme_populations_have_edges():
    rng = np.random.default_rng(0)
    for _ in range(300):
        gamma, floor, slope, inner = 10 ** rng.uniform((-4, -6, -6, -4), (4, 3, 3, 4)) * (1, *(rng.random(3) > 0.1))
        if floor + slope:
            low, high = SampleCovariance(gamma, floor, slope, inner).edges()
            assert 0 <= low <= high < np.inf
