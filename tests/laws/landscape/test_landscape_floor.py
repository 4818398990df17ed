"""Where gradient descent comes to rest: minima, by another descent; the floor; and wrong laws."""

import math

import numpy as np
import pytest

from asymptopia import confront
from asymptopia.algorithms.landscape.critical_points import come_to_rest, derivatives, symmetric_couplings
from asymptopia.contract.batching import realize_block
from asymptopia.contract.record import StatementError
from asymptopia.laws.landscape.landscape_floor import LandscapeFloor


def started(n, p, count, seed, single=False):
    rng = np.random.default_rng(seed)
    J, S = symmetric_couplings(n, p, rng, single=single), rng.standard_normal((count, n))
    return J, S * np.sqrt(n) / np.linalg.norm(S, axis=1)[:, None]


@pytest.mark.parametrize("p", [3, 4])
def test_descents_end_at_minima_below_their_starts(p):
    J, S = started(14, p, 12, 0)
    energies, softest, rest = come_to_rest(J, S, tolerance=1e-8)
    again, gradient, hessians = derivatives(J, rest)
    np.testing.assert_allclose(energies, again, atol=1e-14)
    assert np.abs(gradient).max() < 1e-6 and (energies < derivatives(J, S)[0]).all()
    for value, hessian, s in zip(softest, hessians, rest, strict=True):
        tangent = np.linalg.svd(s[None])[2][1:]
        assert value == pytest.approx(np.linalg.eigvalsh(tangent @ hessian @ tangent.T)[0], abs=1e-10) and value > 0


def test_a_saddle_is_left():
    """On x^3 + y^3 + z^3 minima are (1, 1, 1) and the poles; descent from its saddle (0, 1, 1) must not end there."""
    J = np.zeros((3, 3, 3))
    J[range(3), range(3), range(3)] = -1.0
    saddle = math.sqrt(3) * np.array([[0.0, 1.0, 1.0]]) / math.sqrt(2)
    assert np.abs(derivatives(J, saddle)[1]).max() < 1e-12
    energies, softest, _ = come_to_rest(J, saddle, tolerance=1e-9)
    assert energies[0] < derivatives(J, saddle)[0][0] - 0.1 and softest[0] > 0


def test_single_precision_changes_little_and_too_few_steps_are_said():
    J, S = started(30, 3, 4, 1)
    double, single = (come_to_rest(J.astype(d), S, tolerance=2e-3)[0] for d in (np.float64, np.float32))
    np.testing.assert_allclose(double, single, atol=1e-4)
    assert symmetric_couplings(4, 3, np.random.default_rng(0), single=True).dtype == np.float32
    with pytest.raises(StatementError, match="come to rest"):
        come_to_rest(J, S, tolerance=1e-9, steps=10)


def test_a_tolerance_ten_times_smaller_changes_a_small_share_of_the_distance_to_the_floor():
    n = 40
    J, S = started(n, 3, 8, 2)
    loose, tight = (come_to_rest(J, S, tolerance=c * n ** (-2 / 3))[0] for c in (0.02, 0.002))
    floor = float(LandscapeFloor().limit()["floor_energy"])
    assert np.median(np.abs(loose - tight)) < 0.01 * (loose.mean() - floor)


def test_the_floor_is_where_the_edge_of_the_hessian_is_zero():
    for p in (3, 5, 9):
        floor = float(LandscapeFloor(p=p).limit()["floor_energy"])
        assert -p * floor - math.sqrt(2 * p * (p - 1)) == pytest.approx(0, abs=1e-13)


def test_energies_lie_above_the_floor_at_sizes_like_these():
    realisations = realize_block(LandscapeFloor(), 25, tuple(range(20)))
    floor = float(LandscapeFloor().limit()["floor_energy"])
    assert 0.05 < realisations["floor_energy"].mean() / floor * -1 + 1 < 0.17
    assert (realisations["spread"] > 0).all()


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(LandscapeFloor):
        """Descent reaches below the ground state."""

        def predict(self):
            return super().predict() | {"floor_energy": 1.2 * -1.65699836 / math.sqrt(2)}

    sizes = (20, 36, 64)
    experiment = LandscapeFloor().experiment(sizes, 120)
    right, wrong = (confront(law, experiment) for law in (LandscapeFloor(), Wrong()))
    assert {right[k].verdict for k in ("floor_energy", "spread")} <= {"agrees", "inconclusive"}
    assert wrong["floor_energy"].verdict == "disagrees"
    slope = np.polyfit(np.log(sizes), np.log(right["spread"].by_size["value"]), 1)[0]
    assert abs(slope - float(right.limit["spread_rate"])) < 0.2
