"""Dynamics on the sphere: the law of its energy, its conservation laws, its exact cases, and what it refuses."""

import jax
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.sphere import langevin as spherical
from asymptopia.algorithms.sphere.langevin import spherical_langevin
from asymptopia.contract.batching import seed_keys


def runs(n, count, *arguments, **settings):
    measured = [spherical_langevin(n, key, *arguments, **settings) for key in seed_keys(n, range(count))]
    return {name: np.stack([r[name] for r in measured]) for name in measured[0]}


@pytest.mark.parametrize("block", [3, 48])
def test_the_energy_has_the_covariance_of_the_statement(monkeypatch, block):
    """Exactly: the energy is linear in independent normal couplings."""
    monkeypatch.setattr(spherical, "BLOCK", block)
    n, f = 7, (0, 0, 0.3, 0.5)
    couplings = [[np.zeros(shape) for *_, shape in spherical._blocks(n, p)] for p in (2, 3)]
    states = np.sqrt(n) * np.linalg.qr(np.random.default_rng(0).normal(size=(n, 2)))[0].T
    s, other = states[0], 0.6 * states[0] + 0.8 * states[1]
    slope = jax.grad(spherical._random_energy)
    here, there = (jax.tree.leaves(slope(couplings, f, jax.numpy.asarray(x))) for x in (s, other))
    for a, b, q in ((here, here, 1.0), (there, there, 1.0), (here, there, 0.6)):
        covariance = sum(float((x * y).sum()) for x, y in zip(a, b, strict=True))
        assert covariance == pytest.approx(n * (0.3 * q**2 + 0.5 * q**3), rel=1e-12)


def test_the_blocks_hold_a_third_of_the_couplings():
    held = sum(np.prod(shape) for *_, shape in spherical._blocks(1000, 3))
    assert 1 / 3 < held / 1000**3 < 0.42


def test_the_sphere_is_kept_and_the_gradient_flow_descends():
    path = runs(20, 5, (0, 0, 0, 0.5), 0.0, (0.0, 0.5, 1.0, 5.0, 20.0))
    np.testing.assert_allclose(np.einsum("rtt->rt", path["correlation"]), 1, atol=1e-12)
    assert (np.diff(path["energy"], axis=1) < 1e-9).all()
    np.testing.assert_allclose(path["overlap"], path["correlation"][:, :, 0], atol=1e-12)


def test_without_energy_it_is_brownian_motion():
    n, times, temperature = 6, np.array([0.2, 0.5, 1.0]), 0.8
    overlap = runs(n, 400, (0, 0, 1e-18), temperature, times, step=0.1)["overlap"]
    exact = np.exp(-temperature * times * (n - 1) / n)
    assert (np.abs(overlap.mean(axis=0) - exact) < 4 * overlap.std(axis=0) / np.sqrt(400)).all()


def test_equilibrium_is_kept_at_every_size():
    """A planted signal of strength 1/T at which the dynamics starts is a sample of equilibrium, exactly."""
    n, temperature, count = 12, 0.8, 400
    energy = runs(n, count, (0, 0, 0.1, 0.5), temperature, (0.0, 1.5), signal=1 / temperature, step=0.05)["energy"]
    change = energy[:, 1] - energy[:, 0]
    assert abs(change.mean()) < 3.5 * change.std() / np.sqrt(count)
    assert abs(energy[:, 0].mean() + 0.6 / temperature) < 3.5 * energy[:, 0].std() / np.sqrt(count)


def test_the_step_falls_with_the_size_and_with_the_curvature():
    assert spherical.time_step(400, (0, 0, 0.5), 0.5, 0.0) == pytest.approx(
        spherical.time_step(100, (0, 0, 0.5), 0.5, 0.0) / 2
    )
    assert spherical.time_step(32, (0, 0, 50.0), 0.0, 0.0) < spherical.time_step(32, (0, 0, 0.5), 0.0, 0.0) / 9


def test_couplings_that_do_not_fit_are_refused_with_a_size_that_does(monkeypatch):
    monkeypatch.setattr(spherical, "available", lambda: 1e9)
    with pytest.raises(StatementError, match="The couplings of 5000 spins need .* GB, but 1 are available; 601 spins"):
        spherical_langevin(5000, jax.random.key(0), (0, 0, 0, 0.5), 0.5, (1.0,))


def test_what_would_take_hours_is_refused_before_work():
    with pytest.raises(StatementError, match="earlier times, a weaker signal, or fewer spins"):
        spherical_langevin(24, jax.random.key(0), (0.0, 0.0, 0.0, 0.5), 0.5, (1e9,))
