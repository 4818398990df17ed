"""Multispin coding against exact sums on small lattices, known limits, and the independence of its copies."""

import itertools
import math

import numpy as np
import pytest

from asymptopia.algorithms.spins import multispin
from asymptopia.algorithms.spins.multispin import pack, unpack
from asymptopia.contract.record import StatementError


def energies_of(J, spins):
    """H / n of configurations (..., *shape)."""
    axes = range(-len(J), 0)
    return -sum(np.mean(J[a] * spins * np.roll(spins, -1, a), axis=tuple(axes)) for a in axes)


def exact(J, temperature):
    """Mean energy, its square, and mean squared magnetisation and overlap."""
    shape = J.shape[1:]
    n = math.prod(shape)
    S = np.array(list(itertools.product([-1, 1], repeat=n))).reshape(-1, *shape)
    e = energies_of(J, S)
    w = np.exp(-n * (e - e.min()) / temperature)
    w /= w.sum()
    flat = S.reshape(-1, n)
    pairs = np.einsum("a,ai,aj->ij", w, flat, flat)
    return w @ e, w @ e**2, pairs.mean(), np.mean(pairs**2)


@pytest.mark.parametrize(("shape", "temperature"), [((3, 3), 1.5), ((2, 4), 1.0), ((2, 2, 3), 2.5)])
def test_means_are_those_of_the_exact_sum(shape, temperature):
    rng = np.random.default_rng(1)
    J = rng.choice([-1, 1], size=(len(shape), *shape))
    run = multispin(J, temperature, 1200, rng, every=4)
    computed = [run.energies, run.energies**2, run.magnetisations**2, run.overlaps**2]
    truth = exact(J, temperature)
    for name, values, value in zip(("e", "e**2", "m**2", "q**2"), computed, truth, strict=True):
        copies = values.mean(axis=0)
        error = copies.std(ddof=1) / math.sqrt(len(copies))
        assert abs(copies.mean() - value) < 4 * error, name
        assert error < 0.01


def test_every_sample_has_its_own_couplings():
    rng = np.random.default_rng(2)
    J = rng.choice([-1, 1], size=(8, 2, 3, 3))
    run = multispin(J, 1.5, 1500, rng, every=5)
    values = run.energies.mean(axis=0).reshape(-1, 8)
    z = (values.mean(axis=0) - [exact(j, 1.5)[0] for j in J]) / (values.std(axis=0, ddof=1) / math.sqrt(len(values)))
    assert np.abs(z).max() < 3.5
    assert np.ptp([exact(j, 1.5)[0] for j in J]) > 0.1


def test_what_is_measured_is_read_off_the_spins():
    rng = np.random.default_rng(3)
    J = rng.choice([-1, 1], size=(2, 3, 4, 2, 3))
    run = multispin(J, 3.0, 7, rng, burn=2, every=5)
    assert run.spins.shape == (1024, 4, 2, 3) and set(np.unique(run.spins)) == {-1, 1}
    for sample in (0, 1):
        np.testing.assert_allclose(
            run.energies[-1, sample::2], energies_of(J[sample], run.spins[sample::2]), atol=1e-14
        )
    np.testing.assert_allclose(run.magnetisations[-1], run.spins.mean(axis=(1, 2, 3)), atol=1e-14)
    both = run.spins[:512] * run.spins[512:]
    np.testing.assert_allclose(run.overlaps[-1], both.mean(axis=(1, 2, 3)), atol=1e-14)


def test_copies_of_one_lattice_are_independent():
    """With a random number in common they would coalesce at a high temperature, and all overlaps be one."""
    rng = np.random.default_rng(4)
    J = rng.choice([-1, 1], size=(2, 12, 12))
    run = multispin(J, 3.0, 300, rng, every=3)
    together = run.energies.mean(axis=1).var(ddof=1) * 1024 / run.energies.var(axis=0, ddof=1).mean()
    assert 0.6 < together < 1.6
    assert abs(run.overlaps.mean()) < 0.01


def test_the_ferromagnet_has_the_energy_of_the_exact_solution():
    """Onsager's energy at T = 3, -0.817278; a lattice of 32 x 32 has it to 1e-5 or so."""
    run = multispin(np.ones((2, 32, 32), int), 3.0, 600, np.random.default_rng(5))
    copies = run.energies.mean(axis=0)
    kappa = 2 * math.sinh(2 / 3) / math.cosh(2 / 3) ** 2
    angle = (np.arange(4000) + 0.5) * math.pi / 8000
    elliptic = np.mean(1 / np.sqrt(1 - (kappa * np.sin(angle)) ** 2)) * math.pi / 2
    onsager = -1 / math.tanh(2 / 3) * (1 + 2 / math.pi * (2 * math.tanh(2 / 3) ** 2 - 1) * elliptic)
    assert abs(copies.mean() - onsager) < 4 * copies.std(ddof=1) / 32
    assert copies.std(ddof=1) / 32 < 5e-4


def test_words_are_bits_and_seeds_repeat():
    bits = np.random.default_rng(6).integers(0, 2, (1024, 5))
    np.testing.assert_array_equal(unpack(pack(bits)).T, bits)
    J = np.ones((2, 4, 4), int)
    a, b, c = (multispin(J, 2.0, 20, np.random.default_rng(s)) for s in (7, 7, 8))
    np.testing.assert_array_equal(a.spins, b.spins)
    assert (a.spins != c.spins).any() and (a.energies == b.energies).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(couplings=np.ones((2, 4))), r"\(d, \*shape\) or .* but has shape \(2, 4\)"),
        (dict(couplings=np.ones((2, 2, 1, 4))), "at least 2 sites"),
        (dict(couplings=np.ones((5, 2, 4, 4))), "must divide 1024, but are 5"),
        (dict(couplings=np.zeros((2, 4, 4))), "must be -1 or 1, but one is 0"),
        (dict(couplings=np.full((2, 4, 4), np.nan)), "must be -1 or 1, but one is nan"),
        (dict(temperature=0.0), "`temperature` must be positive"),
        (dict(sweeps=5), "`sweeps` must be at least `burn`"),
    ],
)
def test_bad_input_is_refused(changed, message):
    with pytest.raises(StatementError, match=message):
        multispin(
            **(dict(couplings=np.ones((2, 4, 4)), temperature=1.0, sweeps=50) | changed), rng=np.random.default_rng(0)
        )
