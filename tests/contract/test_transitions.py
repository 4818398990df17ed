"""Transitions of a Landau theory, which are known in closed form."""

import numpy as np
import pytest

from asymptopia.contract.transitions import FixedPoint, State, transitions


def landau(a, b=1.0):
    """Stationary points of a m**2 + b m**4 - m**6, which equilibrium maximises, by the overlap s = m**2."""
    solutions = [(0.0, a < 0)]
    root = b**2 + 3 * a
    for sign in (-1, 1) if root >= 0 else ():
        s = (b + sign * np.sqrt(root)) / 3
        if s > 0:
            solutions.append((s, sign > 0))
    return [FixedPoint({"overlap": s}, a * s + b * s**2 - s**3, stable) for s, stable in solutions]


def along(b):
    return transitions(lambda values: [landau(a, b) for a in values], np.linspace(-1.03, 1.01, 14))


def test_first_order():
    path = along(1.0)
    assert path["informative_spinodal"] == pytest.approx(-1 / 3, rel=1e-8)
    assert path["information_theoretic"] == pytest.approx(-1 / 4, rel=1e-8)
    assert path["algorithmic"] == pytest.approx(0, abs=1e-8)
    assert path["weak_recovery"] == pytest.approx(0, abs=1e-8)
    assert len(path) == 4


def test_a_region_of_several_states_between_two_neighbours_is_found():
    path = along(0.2)
    assert path["informative_spinodal"] == pytest.approx(-(0.2**2) / 3, rel=1e-6)
    assert path["information_theoretic"] == pytest.approx(-(0.2**2) / 4, rel=1e-6)


def test_second_order():
    path = along(-1.0)
    assert list(path) == ["weak_recovery"] and path["weak_recovery"] == pytest.approx(0, abs=1e-8)


def test_transitions_met_twice_are_numbered():
    changes = transitions(lambda values: [landau(a**2 - 0.5) for a in values], np.linspace(-1.03, 1.0, 40))
    expected = np.sqrt(0.25)
    assert changes["information_theoretic"] == pytest.approx(-expected, rel=1e-8)
    assert changes["information_theoretic_2"] == pytest.approx(expected, rel=1e-8)


def test_a_state_needs_a_stable_point():
    with pytest.raises(ArithmeticError, match="stable"):
        State.of([FixedPoint({"overlap": 0.1}, 0.0, stable=False)])
