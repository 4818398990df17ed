"""Marchenko and Pastur's law is found where it is, with its outliers, and not where it is not."""

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from asymptopia.measure.random_matrix import covariance_law, fitted_law
from asymptopia.measure.spectra import Quadrature, quadrature, whole_spectrum


def covariance(n, p, spikes=(), variance=1.0, seed=0):
    rng = np.random.default_rng(seed)
    scales = np.sqrt(variance) * np.r_[np.sqrt(spikes), np.ones(p - len(spikes))]
    X = rng.standard_normal((n, p)) * scales
    return X.T @ X / n


def bulk_of(matrix, count=4, probes=40):
    return covariance_law(quadrature(aslinearoperator(matrix), probes), np.linalg.eigvalsh(matrix)[-count:])


@pytest.mark.parametrize(("n", "p", "variance"), [(2000, 600, 1.0), (300, 600, 7.0), (900, 300, 1e-9)])
def test_it_is_found_in_noise(n, p, variance):
    law = bulk_of(covariance(n, p, variance=variance))
    assert law.ratio == pytest.approx(p / n, rel=0.03)
    assert law.variance == pytest.approx(variance, rel=0.01)
    assert len(law.outliers) == 0


def test_outliers_belong_to_directions():
    """An eigenvalue of its own fluctuates by about t sqrt(2 / n) for a direction of variance t."""
    law = bulk_of(covariance(2000, 400, spikes=(6.0, 20.0)))
    assert law.ratio == pytest.approx(0.2, rel=0.03)
    np.testing.assert_allclose(law.population, [6.0, 20.0], rtol=4 * np.sqrt(2 / 2000))


def test_a_weak_direction_is_not_seen():
    assert len(bulk_of(covariance(1000, 400, spikes=(1.4,))).outliers) == 0


def test_it_is_not_found_elsewhere():
    rng = np.random.default_rng(0)
    wigner = rng.standard_normal((400, 400))
    wigner = (wigner + wigner.T) / np.sqrt(800)
    powers = np.diag(np.arange(1, 501) ** -1.0)
    two = np.diag(np.repeat([1.0, 4.0], 200))
    for matrix in (wigner, wigner @ wigner @ wigner @ wigner, powers, two, -covariance(900, 300)):
        assert bulk_of(matrix, probes=6) is None


RNG = np.random.default_rng(7)
NOISE = {
    "square": covariance(200, 200, seed=1),
    "thin": covariance(2000, 100, seed=2),
    "rank deficient": covariance(50, 400, seed=3),
    "small": covariance(60, 40, seed=4),
    "spiked": covariance(600, 200, spikes=(6.0, 20.0), seed=5),
    "signs": np.cov(RNG.choice([-1.0, 1.0], (300, 150)), rowvar=False, ddof=0),
    "heavy tails": np.cov(RNG.laplace(size=(300, 150)), rowvar=False, ddof=0),
    "tiny": covariance(300, 100, variance=1e-20, seed=6),
}
OTHER = {
    "exponential": np.exp(-np.arange(200) / 20.0),
    "uniform": np.linspace(1, 2, 200),
    "two values": np.repeat([1.0, 3.0], 100),
    "six decades": np.logspace(-6, 0, 500),
    "low rank": np.r_[np.zeros(390), np.linspace(1, 10, 10)],
    "repeated": np.r_[np.full(390, 1e-3), [5.0] * 5, [7.0] * 4, 9.0],
    "shifted semicircle": 2.5 + 2 * np.cos(np.linspace(0, np.pi, 200)),
    "identity": np.ones(100),
    "many variances": np.linalg.eigvalsh(covariance(400, 200, spikes=np.linspace(0.3, 2, 200), seed=8)),
}


@pytest.mark.parametrize("name", NOISE)
def test_the_spectrum_of_noise_is_noise(name):
    seen = whole_spectrum(aslinearoperator(NOISE[name]))
    law = covariance_law(seen, np.sort(seen.eigenvalues[0])[-10:])
    assert law is not None and law.p_value > 0.005
    least, most = law.outlier_count
    assert least <= len(law.outliers) <= most and least == 2 * (name == "spiked")


@pytest.mark.parametrize("name", OTHER)
def test_other_spectra_are_not_noise(name):
    values = np.sort(OTHER[name])
    seen = Quadrature(values[None], np.full((1, len(values)), 1 / len(values)), len(values))
    assert covariance_law(seen, values[-10:]) is None


def test_the_level_is_kept():
    """The p-value of noise is uniform: 10 % of noise has less than 0.1."""
    low = 0
    for seed in range(100):
        seen = whole_spectrum(aslinearoperator(covariance(60, 40, seed=1000 + seed)))
        low += fitted_law(seen, np.sort(seen.eigenvalues[0])[-5:], seed).p_value <= 0.1
    assert abs(low / 100 - 0.1) < 3 * np.sqrt(0.1 * 0.9 / 100)
