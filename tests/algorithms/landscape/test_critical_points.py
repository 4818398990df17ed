"""Critical points against derivatives by differences, the exact count on the circle, and the covariance stated."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import gamma

from asymptopia.algorithms.landscape import critical_points as module
from asymptopia.algorithms.landscape.critical_points import critical_points, derivatives, descend, symmetric_couplings
from asymptopia.contract.record import StatementError


def on_sphere(rng, count, n):
    S = rng.standard_normal((count, n))
    return S * np.sqrt(n) / np.linalg.norm(S, axis=1)[:, None]


@pytest.mark.parametrize(("n", "p"), [(4, 3), (2, 6)])
def test_couplings_are_the_mean_over_all_permutations(n, p):
    drawn = np.random.default_rng(1).standard_normal((n,) * p)
    mean = sum(np.transpose(drawn, order) for order in itertools.permutations(range(p))) / math.factorial(p)
    ours = symmetric_couplings(n, p, np.random.default_rng(1))
    np.testing.assert_allclose(ours, -mean * math.sqrt(float(n) ** (1 - p) / 2), atol=1e-14)


@pytest.mark.parametrize("p", [3, 4])
def test_the_energy_has_the_covariance_stated(p):
    n, draws = 4, 4000
    rng = np.random.default_rng(0)
    S = on_sphere(rng, 2, n)
    pairs = np.array([derivatives(symmetric_couplings(n, p, rng), S)[0] * n for _ in range(draws)])
    for i, j in ((0, 0), (0, 1)):
        products = pairs[:, i] * pairs[:, j]
        assert abs(products.mean() - n * (S[i] @ S[j] / n) ** p / 2) < 4 * products.std() / draws**0.5


@pytest.mark.parametrize("p", [3, 4, 5])
def test_gradient_and_hessian_are_those_along_great_circles(p):
    n, h = 5, 1e-3
    rng = np.random.default_rng(1)
    J, s = symmetric_couplings(n, p, rng), on_sphere(rng, 1, n)
    _, gradient, hessian = (v[0] for v in derivatives(J, s))
    assert np.abs(hessian @ s[0]).max() < 1e-12 and abs(gradient @ s[0]) < 1e-12
    v = rng.standard_normal(n)
    v -= (v @ s[0]) / n * s[0]
    v /= np.linalg.norm(v)
    angles = np.array([-h, 0, h]) / np.sqrt(n)
    circle = np.cos(angles)[:, None] * s + np.sqrt(n) * np.sin(angles)[:, None] * v
    e = n * derivatives(J, circle)[0]
    assert (e[2] - e[0]) / (2 * h) == pytest.approx(v @ gradient, abs=1e-5)
    assert (e[2] - 2 * e[1] + e[0]) / h**2 == pytest.approx(v @ hessian @ v, abs=1e-5)


@pytest.mark.parametrize("p", [3, 4, 6])
def test_on_the_circle_their_mean_number_is_exact(p):
    """Kac and Rice for n = 2: 2 sqrt(3 p - 2), from all zeros of the derivative, a trigonometric polynomial."""
    rng = np.random.default_rng(2)
    angles = 2 * np.pi * np.arange(2 * p + 2) / (2 * p + 2)
    S = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    counts = []
    for _ in range(2000):
        e = derivatives(symmetric_couplings(2, p, rng), S)[0]
        waves = np.fft.fftshift(np.fft.fft(e))[1:] / len(e)
        roots = np.roots((waves * np.arange(-p, p + 1))[::-1])
        counts.append(np.sum(np.abs(np.abs(roots) - 1) < 1e-6))
    counts = np.array(counts)
    assert (counts % 2 == 0).all()
    assert abs(counts.mean() - 2 * np.sqrt(3 * p - 2)) < 4 * counts.std() / len(counts) ** 0.5


def test_newton_finds_every_critical_point_on_the_circle():
    rng = np.random.default_rng(3)
    J = symmetric_couplings(2, 3, rng)
    fine = 2 * np.pi * np.arange(2000) / 2000
    circle = np.sqrt(2) * np.stack([np.cos(fine), np.sin(fine)], axis=1)
    e = derivatives(J, circle)[0]
    turning = (e - np.roll(e, 1)) * (np.roll(e, -1) - e) < 0
    energies, spectra = critical_points(J, circle[::50], longest=0.05)
    values = np.unique(np.round(energies, 7))
    assert len(values) == len(np.unique(np.round(e[turning], 4)))
    np.testing.assert_allclose(values, np.sort(e[turning]), atol=1e-4)
    highest = energies > energies.max() - 1e-9
    assert (spectra[highest] < 0).all() and (spectra[energies < energies.min() + 1e-9] > 0).all()


def test_what_is_accepted_is_critical_and_has_its_whole_spectrum():
    rng = np.random.default_rng(4)
    J, S = symmetric_couplings(12, 3, rng), on_sphere(rng, 20, 12)
    energies, spectra = critical_points(J, S)
    assert len(energies) >= 5 and spectra.shape == (len(energies), 11)
    assert (np.diff(spectra, axis=1) >= 0).all()


def test_descent_stops_at_the_energy_and_ascent_too():
    rng = np.random.default_rng(5)
    J, S = symmetric_couplings(20, 3, rng), on_sphere(rng, 10, 20)
    low, high = (derivatives(J, descend(J, S, e))[0] for e in (-0.5, 0.5))
    assert ((low < -0.5) & (low > -0.7)).all() and ((high > 0.5) & (high < 0.7)).all()


def test_couplings_that_do_not_fit_are_refused(monkeypatch):
    monkeypatch.setattr(module, "available", lambda: 1e6)
    with pytest.raises(StatementError, match="34 spins would fit"):
        symmetric_couplings(50, 3, np.random.default_rng(0))


def kac_rice(n, p, draws, rng):
    """The mean number of critical points: the sphere's area, the gradient's density at 0, and E |det| of the Hessian,
    a matrix with entries of variance p (p - 1) / 2n, twice that on the diagonal, less p times the energy.
    """
    G = rng.standard_normal((draws, n - 1, n - 1))
    hessian = (G + G.transpose(0, 2, 1)) * np.sqrt(p * (p - 1) / (4 * n))
    hessian -= p * rng.standard_normal(draws)[:, None, None] / np.sqrt(2 * n) * np.eye(n - 1)
    seen = np.abs(np.linalg.det(hessian))
    factor = 2 * np.pi ** (n / 2) / gamma(n / 2) * n ** ((n - 1) / 2) / (np.pi * p) ** ((n - 1) / 2)
    return factor * seen.mean(), factor * seen.std() / draws**0.5


def enumerated(J, rng, batch):
    """Indices of all critical points, for p odd: energies tell them apart, and each has an opposite.

    Newton's method from new starts, until the characteristic of the sphere is right and a further batch adds none.
    """
    n = J.shape[0]
    energies, index, complete = np.zeros(0), np.zeros(0, int), False
    for _ in range(40):
        points, spectra = critical_points(J, on_sphere(rng, batch, n), longest=0.1)
        below = (spectra < 0).sum(axis=1)
        energies, kept = np.unique(np.round(np.r_[energies, points, -points], 7), return_index=True)
        before, index = len(index), np.r_[index, below, n - 1 - below][kept]
        if complete and len(index) == before:
            return index
        complete = np.sum((-1) ** index) == (2 if n % 2 else 0)
    raise AssertionError("not all critical points were found")


@pytest.mark.parametrize(("n", "batch", "systems"), [(3, 60, 120), (4, 150, 60)])
def test_all_critical_points_are_as_many_as_kac_and_rice_say(n, batch, systems):
    rng = np.random.default_rng(6)
    counts = [len(enumerated(symmetric_couplings(n, 3, rng), rng, batch)) for _ in range(systems)]
    counts = np.array(counts)
    assert (counts % 2 == 0).all() and counts.max() <= 2 * (2**n - 1)
    expected, error = kac_rice(n, 3, 100_000, rng)
    assert abs(counts.mean() - expected) < 4 * np.hypot(error, counts.std() / systems**0.5)
    value, error = kac_rice(2, 5, 100_000, rng)
    assert abs(value - 2 * np.sqrt(13)) < 4 * error
