"""Parisi's functional against closed forms, reference values, and differences."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from asymptopia.laws.spins.sherrington_kirkpatrick.theory.parisi import parisi
from asymptopia.numerics.gaussian import expectation

OTHER = json.loads((Path(__file__).parents[2] / "reference" / "other.json").read_text())
FREE = {int(r["id"].split(".")[-1]): r for r in OTHER if r["id"].startswith("F_parisi.sk.kfree.")}
CASES = [
    (0.0, 0.0, [0.0, 0.5, 1.0], [0.5, 1.5]),
    (0.0, 0.3, [0.2, 0.5, 1.0], [0.5, 1.5]),
    (0.5, 0.3, [0.2, 0.5, 0.6], [0.5, 1.5]),
    (0.1, 0.3, [0.2, 0.5, 0.9], [0.5, 1.5]),
    (0.1, 0.0, [0.0, 0.5, 0.55, 0.56], [0.5, 1.5, 1.6]),
]


@pytest.mark.parametrize(("T", "h", "t", "gamma"), CASES)
def test_the_derivatives_are_those_of_the_value(T, h, t, gamma):
    t, gamma = np.array(t), np.array(gamma)
    functional, d = parisi(t, gamma, T, h), 1e-5

    def difference(t_step, gamma_step, T_step=0.0, h_step=0.0):
        up = parisi(t + d * t_step, gamma + d * gamma_step, T + d * T_step, h + d * h_step)
        down = parisi(t - d * t_step, gamma - d * gamma_step, T - d * T_step, h - d * h_step)
        return (up.free_energy - down.free_energy) / (2 * d)

    for i in range(len(gamma)):
        assert difference(0.0, np.eye(len(gamma))[i]) == pytest.approx(functional.by_gamma[i], abs=1e-7)
    for i in np.flatnonzero((t > 0) & (t < 1)):
        assert difference(np.eye(len(t))[i], 0.0) == pytest.approx(functional.by_t[i], abs=1e-7)
    if h:
        assert -difference(0.0, 0.0, h_step=1.0) == pytest.approx(functional.magnetisation, abs=1e-7)
    if T:
        assert -difference(0.0, 0.0, T_step=1.0) == pytest.approx(functional.entropy, abs=2e-7)


@pytest.mark.parametrize(("T", "h"), [(0.0, 0.4), (0.02, 0.4), (0.5, 0.4), (1.5, 0.4)])
def test_one_step_is_two_gaussian_means(T, h):
    t, gamma = np.array([0.3, 1.0 if T == 0 else 0.8]), np.array([0.6])

    def terminal(x):
        return np.abs(x) + T * np.log1p(np.exp(-2 * np.abs(x) / T)) if T else np.abs(x)

    def inner(x):
        breaks = [0.0, *(sign * c * T for sign in (1, -1) for c in (1, 4, 18))]
        means = [expectation(lambda y: np.exp(gamma[0] * terminal(y)), v, t[1] - t[0], breaks) for v in x]
        return np.log(means) / gamma[0]

    rest = (1 - t[1]) / T if T else 0.0
    linear = (gamma[0] * (t[1] ** 2 - t[0] ** 2) + rest * (1 + t[1])) / 4
    assert parisi(t, gamma, T, h).free_energy == pytest.approx(
        -expectation(inner, h, t[0]) - rest / 2 + linear, abs=1e-9
    )


@pytest.mark.parametrize("k", [1, 2, 3, 4, 6])
def test_free_levels_at_zero_temperature(k):
    def unpack(x):
        lengths = np.exp(np.append(x[: k - 1], 0.0))
        t = np.append(0.0, np.cumsum(lengths) / lengths.sum())
        t[-1] = 1.0
        return t, np.exp(x[k - 1 :])

    def minus(x):
        t, gamma = unpack(x)
        minimum = parisi(t, gamma, 0.0)
        moves = np.diff(t)[:-1, None] * ((np.arange(k - 1)[:, None] <= np.arange(k - 1)) - t[1:-1])
        return -minimum.free_energy, -np.append(moves @ minimum.by_t[1:-1], minimum.by_gamma * gamma)

    y = np.linspace(1, 0, k + 1)
    middle = (y[1:] + y[:-1]) / 2
    start = np.append(np.log(-np.diff(y**2))[:-1] - np.log(y[-2] ** 2), np.log((1 - middle**2) / middle))
    minimum = minimize(minus, start, jac=True, method="BFGS", options={"gtol": 1e-7})
    row = FREE[k]
    assert -minimum.fun == pytest.approx(row["value"], abs=max(row["abs_error"], 1e-9))


def test_what_is_no_step_function_is_refused():
    for t, gamma, T in (
        ([0.5, 0.4], [1.0], 0.5),
        ([0.1, 0.4], [-1.0], 0.5),
        ([0.1, 0.4, 0.5], [1.0], 0.5),
        ([0.1, 0.9], [1.0], 0.0),
    ):
        with pytest.raises(ValueError, match="must"):
            parisi(np.array(t), np.array(gamma), T)
    with pytest.raises(ValueError, match="In an external field"):
        parisi(np.array([0.0, 0.9]), np.array([1.0]), 0.5, 0.1)


def test_the_heat_equation_at_a_vanishing_level():
    """As gamma goes to 0, u(0, h) is the mean of the terminal function."""
    t, gamma = np.array([0.0, 0.5]), np.array([1e-4])
    mean = expectation(lambda x: 0.5 * np.log(2 * np.cosh(2 * x)), 0.0, 0.5)
    f = parisi(t, gamma, 0.5).free_energy
    assert f == pytest.approx(-mean - 0.5 + (1 - 0.25) / 2 + 1e-4 * (0.25 / 4 - 0.05), abs=1e-5)
    assert math.isfinite(f)
