"""Event chains of rotors and of a scalar field: small graphs against their exact averages, and bad input."""

import numpy as np
import pytest
from scipy.special import iv

from asymptopia import StatementError
from asymptopia.algorithms.samplers.spin_chains import field_chains, ring, rotor_chains


def _agrees(values, exact):
    """Whether the mean of a correlated series is within four errors, these from the means of a hundred parts."""
    parts = np.array_split(values, 100)
    means = np.array([p.mean() for p in parts])
    return abs(means.mean() - exact) < 4 * means.std() / 10


def test_three_rotors_have_the_energy_of_their_partition_function():
    coupling, k = 1.3, np.arange(-40, 41)
    exact = (iv(k, coupling) ** 2 * (iv(k + 1, coupling) + iv(k - 1, coupling)) / 2).sum() / (
        iv(k, coupling) ** 3
    ).sum()
    chains = rotor_chains(np.zeros(3), ring(3), 100_000, 3.0, np.random.default_rng(0), coupling=coupling, count=20_000)
    apart = chains.snapshots - np.roll(chains.snapshots, 1, axis=1)
    assert _agrees(np.cos(apart).mean(axis=1), exact)
    # an active rotor has two pairs, each of which stops it at the mean uphill slope
    expected = coupling * np.abs(np.sin(apart)).mean()
    assert chains.turning_rate == pytest.approx(expected, rel=0.02)


def test_a_rotor_in_a_field_follows_von_mises():
    chains = rotor_chains(
        np.zeros(1), np.empty((0, 2), int), 50_000, 3.0, np.random.default_rng(1), field=0.9, count=10_000
    )
    assert _agrees(np.cos(chains.snapshots[:, 0]), iv(1, 0.9) / iv(0, 0.9))
    assert _agrees(np.sin(chains.snapshots[:, 0]), 0.0)


@pytest.mark.parametrize(
    ("quadratic", "quartic", "coupling"), [(1.0, 0.0, 2.0), (-2.0, 1.5, 0.7), (-4.0, 1.0, 0.3), (0.0, 2.0, 1.0)]
)
def test_two_values_of_a_field_have_the_averages_of_quadrature(quadratic, quartic, coupling):
    x = np.linspace(-9, 9, 1201)
    well = quadratic * x**2 / 2 + quartic * x**4 / 4
    weight = np.exp(-well[:, None] - well - coupling * np.subtract.outer(x, x) ** 2 / 2)
    weight /= weight.sum()
    terms = dict(coupling=coupling, quadratic=quadratic, quartic=quartic)
    pair = np.array([[0, 1]])
    chains = field_chains(np.zeros(2), pair, 100_000, 4.0, np.random.default_rng(2), **terms, count=20_000)
    y, z = chains.snapshots.T
    assert _agrees(y, 0.0)
    assert _agrees(y**2, (weight.sum(axis=1) * x**2).sum())
    assert _agrees(y * z, x @ weight @ x)
    assert _agrees(y**4, (weight.sum(axis=1) * x**4).sum())


def test_rotors_on_a_lattice_have_the_energy_of_metropolis_sampling():
    sites = np.arange(16).reshape(4, 4)
    edges = np.concatenate([np.stack([sites.ravel(), np.roll(sites, -1, axis).ravel()], 1) for axis in (0, 1)])
    chains = rotor_chains(np.zeros(16), edges, 20_000, 16.0, np.random.default_rng(3), coupling=0.8, count=10_000)
    energy = np.cos(chains.snapshots[:, edges[:, 0]] - chains.snapshots[:, edges[:, 1]]).mean(axis=1)
    rng, angles, others = np.random.default_rng(4), np.zeros((500, 16)), []
    neighbours = np.stack([np.roll(sites, s, axis).ravel() for s in (1, -1) for axis in (0, 1)], axis=1)
    for sweep in range(300):
        for i in range(16):
            proposed = angles[:, i] + rng.uniform(-2.5, 2.5, 500)
            beside = angles[:, neighbours[i]]
            gain = (np.cos(proposed[:, None] - beside) - np.cos(angles[:, i, None] - beside)).sum(axis=1)
            angles[:, i] = np.where(np.log(rng.random(500)) < 0.8 * gain, proposed, angles[:, i])
        if sweep >= 100 and sweep % 10 == 0:
            others.append(np.cos(angles[:, edges[:, 0]] - angles[:, edges[:, 1]]).mean(axis=1))
    chain_means = np.mean(others, axis=0)
    parts = energy.reshape(100, -1).mean(axis=1)
    error = np.hypot(chain_means.std() / 500**0.5, parts.std() / 10)
    assert abs(energy.mean() - chain_means.mean()) < 4 * error < 0.02


@pytest.mark.parametrize("strength", [1e-17, 1e-25, 1e-310])
def test_energies_too_weak_to_stop_a_rotor_do_not(strength):
    rng = np.random.default_rng(5)
    chains = rotor_chains(np.zeros(3), ring(3), 200, 2.0, rng, coupling=strength, field=strength)
    assert chains.events == 0 and 200 < chains.displacement < 600
    assert ((chains.configuration >= 0) & (chains.configuration < 2 * np.pi)).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda rng: rotor_chains([0.0, np.nan], [[0, 1]], 1, 1.0, rng), "start"),
        (lambda rng: rotor_chains([0.0, 1.0], [[0, 2]], 1, 1.0, rng), "between 0 and 1"),
        (lambda rng: rotor_chains([0.0, 1.0], [[0, 0]], 1, 1.0, rng), "two different sites"),
        (lambda rng: rotor_chains([0.0, 1.0], [[0.0, 1.0]], 1, 1.0, rng), "whole numbers"),
        (lambda rng: rotor_chains([0.0, 1.0], [[0, 1]], 1, 0.0, rng), "length"),
        (lambda rng: rotor_chains([0.0, 1.0], [[0, 1]], 1, 1.0, rng, count=2), "chains"),
        (lambda rng: rotor_chains([0.0, 1.0], [[0, 1]], 1, 1.0, rng, coupling=-1.0), "coupling"),
        (lambda rng: field_chains([0.0, 1.0], [[0, 1]], 1, 1.0, rng, quadratic=-1.0), "quadratic"),
        (lambda rng: field_chains([0.0, 1.0], [[0, 1]], 1, 1.0, rng, quartic=np.inf), "quartic"),
        (lambda rng: ring(2), "3 sites"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(StatementError, match=said):
        call(np.random.default_rng(0))
