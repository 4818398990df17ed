"""The game of players drawn to their mean: closed forms, the game of n players solved otherwise, and wrong laws."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from asymptopia import StatementError, confront
from asymptopia.contract.record import NoLimit
from asymptopia.laws.mean_field.mean_field_game import MeanFieldGame, _clock

STATEMENTS = [
    MeanFieldGame(),
    *(MeanFieldGame(**fields) for fields in MeanFieldGame.exercises),
    MeanFieldGame(terminal=1e3, penalty=30.0),
    MeanFieldGame(reversion=0.0, incentive=0.5, penalty=0.25, terminal=0.1),
    MeanFieldGame(reversion=0.0, incentive=0.0, penalty=0.0, times=(0.0, 0.5)),
]


def expected(law, n):
    """The means of the observables of n players: the moments of the exact steps of the experiment."""
    clock, states, cost = _clock(law, n), {}, 0.0
    own = law.volatility**2 * (1 - law.correlation**2)
    spread, mean = law.start * (1 - 1 / n), 0.0
    for i, time in enumerate(clock.time):
        spread = clock.decay[i] ** 2 * spread + own * clock.noise[i] ** 2 * (1 - 1 / n)
        mean += clock.step[i] * (own / n + (law.volatility * law.correlation) ** 2)
        k = clock.feedback[i]
        cost += clock.weight[i] * spread * (k**2 / 2 - law.incentive * k + law.penalty / 2)
        states[time] = spread, mean, k
    rows = np.array([states[t] for t in law.times]).T
    return {
        **dict(zip(("spread", "mean_variation", "feedback"), rows, strict=True)),
        "cost": cost + law.terminal / 2 * spread,
    }


@pytest.mark.parametrize("law", STATEMENTS, ids=range(len(STATEMENTS)))
def test_the_limit_is_the_game_of_very_many_players_with_corrections_of_one_over_n(law):
    limit, many = law.limit(), expected(law, 10**8)
    near, nearer = expected(law, 10**4), expected(law, 2 * 10**4)
    for name in law.observables:
        np.testing.assert_allclose(many[name], limit[name], rtol=2e-6, atol=1e-9)
        gap = near[name] - limit[name]
        np.testing.assert_allclose(2 * (nearer[name] - limit[name]), gap, rtol=0.01, atol=1e-6 * law.horizon)


@pytest.mark.parametrize("law", STATEMENTS[:4], ids=range(4))
def test_the_value_of_n_players_is_the_cost_that_they_pay(law):
    """The value (1 - 1/n) (eta v + sigma**2 (1 - rho**2) int eta) / 2 by its own equation, for five players."""
    a, q, n = law.reversion, law.incentive, 5

    def slope(_, state):
        eta = state[0]
        return law.penalty - q**2 - 2 * (a + q) * eta - (1 - 1 / n**2) * eta**2, eta

    path = solve_ivp(slope, (0, law.horizon), (law.terminal, 0.0), method="Radau", rtol=1e-9, atol=1e-11)
    eta, integral = path.y[:, -1]
    value = (1 - 1 / n) / 2 * (eta * law.start + law.volatility**2 * (1 - law.correlation**2) * integral)
    assert expected(law, n)["cost"] == pytest.approx(value, rel=3e-7)


def best_answer(law, n):
    """The gains (n,) of player 0 at time 0, by the matrix Riccati equation of its control problem.

    The others play the feedback of the equilibrium; state x in R^n, value x P x / 2.
    """
    centre = np.full((n, n), 1 / n) - np.eye(n)
    clock = _clock(law, n)
    distance, own = centre[0], np.eye(n)[0]

    def slope(tau, flat):
        P = flat.reshape(n, n)
        k = np.interp(law.horizon - tau, clock.time, clock.feedback)
        drift = (law.reversion + k) * centre
        drift[0] = law.reversion * distance
        gain = law.incentive * distance - P @ own
        now = drift.T @ P + P @ drift + law.penalty * np.outer(distance, distance) - np.outer(gain, gain)
        return now.ravel()

    start = law.terminal * np.outer(distance, distance)
    path = solve_ivp(slope, (0, law.horizon), start.ravel(), rtol=1e-7, atol=1e-9, max_step=0.02)
    return law.incentive * distance - path.y[:, -1].reshape(n, n) @ own, clock.feedback[0] * distance


@pytest.mark.parametrize("n", [2, 4])
def test_no_player_gains_by_another_control_of_any_linear_form(n):
    law = MeanFieldGame(incentive=1.0, penalty=5.0, times=tuple(np.linspace(0, 1, 101)))
    answer, played = best_answer(law, n)
    np.testing.assert_allclose(answer, played, atol=2e-4)


def test_simulated_states_have_the_moments_of_the_exact_steps():
    law, n = MeanFieldGame(correlation=-0.6, start=1.0), 4
    experiment, exact = law.experiment(sizes=(n,), seeds=4000).isel(size=0), expected(law, n)
    for name in ("spread", "mean_variation", "cost"):
        error = experiment[name].std("seed") / 4000**0.5
        assert (np.abs(experiment[name].mean("seed") - exact[name]) < 4 * error).all()


def test_statements_without_a_game_are_refused():
    with pytest.raises(NoLimit, match="convex"):
        MeanFieldGame(incentive=2.0, penalty=1.0).limit()
    with pytest.raises(StatementError, match="horizon"):
        MeanFieldGame(horizon=0.5)


class OpenToNoOne(MeanFieldGame):
    """The feedback without the incentive."""

    def predict(self):
        return MeanFieldGame.predict(self.replace(incentive=0.0))


class LouderPlayers(MeanFieldGame):
    """Noise of the players that is not reduced by what they share."""

    def predict(self):
        return MeanFieldGame.predict(self.replace(volatility=self.volatility * 1.15))


class SquareRoot(MeanFieldGame):
    """The common noise counted by its correlation, not the square."""

    def predict(self):
        return MeanFieldGame.predict(self) | {"mean_variation": 0.5 * np.array(self.times)}


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    experiment = MeanFieldGame().experiment(sizes=(20, 40, 80), seeds=1000)
    assert confront(MeanFieldGame(), experiment).verdict != "disagrees"
    for wrong in (OpenToNoOne(), LouderPlayers(), SquareRoot()):
        assert confront(wrong, experiment).verdict == "disagrees"
