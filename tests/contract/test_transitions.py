"""Transitions of a Landau theory, which are known in closed form."""

import numpy as np
import pytest

from asymptopia.contract.transitions import FixedPoint, State, transitions


def landau(a, b=1.0):
    """Stationary points of a m**2 + b m**4 - m**6, which equilibrium maximises, by the overlap s = m**2."""
    found = [(0.0, a < 0)]
    root = b**2 + 3 * a
    for sign in (-1, 1) if root >= 0 else ():
        s = (b + sign * np.sqrt(root)) / 3
        if s > 0:
            found.append((s, sign > 0))
    return [FixedPoint({"overlap": s}, a * s + b * s**2 - s**3, stable) for s, stable in found]


def along(b):
    return transitions(lambda values: [landau(a, b) for a in values], np.linspace(-1.03, 1.01, 14))


def test_first_order():
    found = along(1.0)
    assert found["informative_spinodal"] == pytest.approx(-1 / 3, rel=1e-8)
    assert found["information_theoretic"] == pytest.approx(-1 / 4, rel=1e-8)
    assert found["algorithmic"] == pytest.approx(0, abs=1e-8)
    assert found["weak_recovery"] == pytest.approx(0, abs=1e-8)
    assert len(found) == 4


def test_a_region_of_several_states_between_two_neighbours_is_found():
    found = along(0.2)
    assert found["informative_spinodal"] == pytest.approx(-(0.2**2) / 3, rel=1e-6)
    assert found["information_theoretic"] == pytest.approx(-(0.2**2) / 4, rel=1e-6)


def test_second_order():
    found = along(-1.0)
    assert list(found) == ["weak_recovery"] and found["weak_recovery"] == pytest.approx(0, abs=1e-8)


def test_transitions_met_twice_are_numbered():
    found = transitions(lambda values: [landau(a**2 - 0.5) for a in values], np.linspace(-1.03, 1.0, 40))
    expected = np.sqrt(0.25)
    assert found["information_theoretic"] == pytest.approx(-expected, rel=1e-8)
    assert found["information_theoretic_2"] == pytest.approx(expected, rel=1e-8)


def test_a_state_needs_a_stable_point():
    with pytest.raises(ArithmeticError, match="stable"):
        State.of([FixedPoint({"overlap": 0.1}, 0.0, stable=False)])
