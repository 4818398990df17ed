"""Replica exchange on the sphere against quadrature on the circle, and an exact identity at every size."""

import numpy as np
import pytest

from asymptopia.algorithms.landscape.critical_points import derivatives, symmetric_couplings
from asymptopia.algorithms.sphere.exchange import spherical_exchange
from asymptopia.contract.batching import generator, seed_keys

pytestmark = pytest.mark.runs_long


def systems(n, p, count):
    keys = seed_keys(n, range(count))
    return np.stack([symmetric_couplings(n, p, generator(key)) for key in keys]), keys


@pytest.mark.parametrize("p", [3, 4])
def test_on_the_circle_gibbs_law_is_sampled(p):
    J, keys = systems(2, p, 40)
    T = 0.4
    averages = spherical_exchange(J, keys, (T, 0.7, 1.2), moves=1500)
    angles = 2 * np.pi * np.arange(400) / 400
    S = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for name in ("energy", "squared_overlap"):
        exact = []
        for system in J:
            e = derivatives(system, S)[0]
            weight = np.exp(-2 * (e - e.min()) / T)
            weight /= weight.sum()
            exact.append(weight @ (e if name == "energy" else (S @ S.T / 2) ** 2 @ weight))
        gap = averages[name] - np.array(exact)
        assert abs(gap.mean()) < 4 * gap.std() / len(gap) ** 0.5
        assert gap.std() < 0.1


def test_the_energy_is_that_of_the_overlaps_at_every_size():
    """Gaussian integration by parts: E e = -(1 - E q**p) / 2T, exactly, for p = 2 with the squared overlap."""
    T, n = 0.8, 6
    J, keys = systems(n, 2, 400)
    averages = spherical_exchange(J, keys, (T,), moves=1500)
    gap = averages["energy"] + (1 - averages["squared_overlap"]) / (2 * T)
    assert abs(gap.mean()) < 4 * gap.std() / len(gap) ** 0.5
    assert 0.6 < averages["accepted"].mean() < 1


def test_temperatures_must_ascend():
    J, keys = systems(3, 3, 2)
    with pytest.raises(ValueError, match="ascending"):
        spherical_exchange(J, keys, (1.0, 0.5))
