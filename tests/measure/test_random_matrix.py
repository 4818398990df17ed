"""Marchenko and Pastur's law is found where it is, with its outliers, and not where it is not."""

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from asymptopia.measure.random_matrix import covariance_law
from asymptopia.measure.spectra import quadrature


def covariance(n, p, spikes=(), variance=1.0, seed=0):
    rng = np.random.default_rng(seed)
    scales = np.sqrt(variance) * np.r_[np.sqrt(spikes), np.ones(p - len(spikes))]
    X = rng.standard_normal((n, p)) * scales
    return X.T @ X / n


def found(matrix, count=4):
    return covariance_law(quadrature(aslinearoperator(matrix), probes=40), np.linalg.eigvalsh(matrix)[-count:])


@pytest.mark.parametrize(("n", "p", "variance"), [(2000, 600, 1.0), (300, 600, 7.0), (900, 300, 1e-9)])
def test_it_is_found_in_noise(n, p, variance):
    law = found(covariance(n, p, variance=variance))
    assert law.ratio == pytest.approx(p / n, rel=0.03)
    assert law.variance == pytest.approx(variance, rel=0.01)
    assert len(law.outliers) == 0


def test_outliers_belong_to_directions():
    """An eigenvalue of its own fluctuates by about t sqrt(2 / n) for a direction of variance t."""
    law = found(covariance(2000, 400, spikes=(6.0, 20.0)))
    assert law.ratio == pytest.approx(0.2, rel=0.03)
    np.testing.assert_allclose(law.population, [6.0, 20.0], rtol=4 * np.sqrt(2 / 2000))


def test_a_weak_direction_is_not_seen():
    assert len(found(covariance(1000, 400, spikes=(1.4,))).outliers) == 0


def test_it_is_not_found_elsewhere():
    rng = np.random.default_rng(0)
    wigner = rng.standard_normal((400, 400))
    wigner = (wigner + wigner.T) / np.sqrt(800)
    powers = np.diag(np.arange(1, 501) ** -1.0)
    two = np.diag(np.repeat([1.0, 4.0], 200))
    for matrix in (wigner, wigner @ wigner @ wigner @ wigner, powers, two, -covariance(900, 300)):
        assert found(matrix) is None
