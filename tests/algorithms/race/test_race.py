"""The race is fair, tells what each step costs, and outlives those who diverge."""

import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.optimisers import Network, from_optax, run
from asymptopia.algorithms.race import Budget, Task, Tuned, batches, digits, lbfgs, race, summary, teacher
from asymptopia.parts.activation import Tanh
from asymptopia.parts.loss import Square

TASK = teacher(samples=40, hidden=(3,))
BUDGET = Budget(gradients=20, seconds=0.005, points=5)


@pytest.fixture(scope="module")
def records():
    mine = {
        "descent": lambda task: optax.sgd(0.1),
        "tuned": Tuned(lambda task, rate: optax.sgd(rate), (1e-6, 0.1, 1e4)),
        "grown": Tuned(lambda task, rate: optax.sgd(rate), (0.001, 0.01)),
        "wild": lambda task: optax.sgd(1e6),
        "lost": lambda task: optax.scale(jnp.nan),
        "MM, layers": "MM, layers",
        "half": lambda task: batches(optax.sgd(0.1), task, 20),
    }
    return race(TASK, mine, BUDGET, seeds=(3, 5, 6), tuning_seeds=1)


def test_a_point_of_a_curve_is_what_was_paid_for_by_then(records):
    own = from_optax(optax.sgd(0.1), TASK.objective)
    for i, spent in enumerate(BUDGET.spent_gradients()):
        steps = math.floor(spent + 1e-6)
        end = run(own, TASK.start(3), steps)[0]
        here = records.sel(optimiser="descent", seed=3).isel(gradient_equivalents=i)
        assert float(here["loss"]) == pytest.approx(float(TASK.objective(end)), rel=1e-5)
        assert float(here["accuracy"]) == pytest.approx(float(TASK.accuracy(end)), rel=1e-4)
    steps = np.floor(BUDGET.spent_gradients() / TASK.network.depth + 1e-6)
    falls = np.diff(records["loss"].sel(optimiser="MM, layers").values, axis=-1)
    assert ((falls < 0) == (np.diff(steps) > 0)).all() and (falls <= 0).all()


def test_the_best_rate_is_found_and_runs_as_if_it_had_been_given(records):
    assert float(records["rate"].sel(optimiser="tuned")) == 0.1
    assert float(records["rate"].sel(optimiser="grown")) in (0.1, 1.0)
    assert np.isnan(records["rate"].sel(optimiser="descent"))
    np.testing.assert_allclose(
        records["loss"].sel(optimiser="tuned"), records["loss"].sel(optimiser="descent"), rtol=1e-5
    )


def test_who_diverges_loses_and_the_others_go_on(records):
    rows = summary(records)
    names = [row["optimiser"] for row in rows]
    assert set(names[-2:]) == {"wild", "lost"} and names[:2] == ["grown", "MM, layers"]
    lost = records.sel(optimiser="lost")
    assert int(lost["diverged"]) == 3 and np.isinf(lost["loss"]).all() and (lost["accuracy"] == 0).all()
    assert rows[-1]["loss"][0] > 1e3 and rows[0]["diverged"] == 0
    assert not records["loss"].isnull().any() and not records["loss_in_time"].isnull().any()


def test_quartiles_are_those_of_the_seeds(records):
    row = next(r for r in summary(records) if r["optimiser"] == "half")
    ends = np.sort(records["loss"].sel(optimiser="half").values[:, -1])
    assert row["loss"] == pytest.approx((ends[1], ends[:2].mean(), ends[1:].mean()))
    assert len(np.unique(ends)) == 3


def test_the_line_search_pays_for_every_point_that_it_tries():
    calls = []

    def objective(x):
        jax.debug.callback(lambda: calls.append(1))
        return jnp.sum(x**4) + jnp.sum((x - 1) ** 2) + jnp.prod(x)

    told = run(lbfgs(SimpleNamespace(objective=objective)), jnp.asarray([3.0, -2.0, 0.5]), 6)[1]
    jax.effects_barrier()
    assert float(told.work.sum()) == len(calls) > 6


def test_accuracy_is_the_share_explained_or_right():
    network = Network((2, 1), Tanh(), Square(), bias=False)
    X = np.eye(2)
    task = Task("line", network, X, np.array([1.0, -1.0]), X, np.array([1.0, -1.0]))
    assert float(task.accuracy((jnp.asarray([[1.0], [-1.0]]),))) == 1
    assert float(task.accuracy((jnp.zeros((2, 1)),))) == 0
    few = digits(samples=50, hidden=(4,))
    blind = tuple(jnp.zeros_like(W) for W in few.start(0))
    assert float(few.accuracy(blind)) == pytest.approx(np.mean(np.asarray(few.test_y) == 0))


def test_bad_input_is_named():
    with pytest.raises(StatementError, match=r"no optimiser 'Adm'.*Did you mean .*'Adam'"):
        race(TASK, ["Adm"], BUDGET)
    with pytest.raises(StatementError, match="`gradients` must be finite and > 0, but is -3"):
        Budget(gradients=-3)
    with pytest.raises(StatementError, match="`seconds` must be finite and > 0, but is nan"):
        Budget(seconds=math.nan)
    with pytest.raises(StatementError, match="`points` must be a whole number >= 2, but is 1"):
        Budget(points=1)
    with pytest.raises(StatementError, match="`seeds` must be one or more different whole numbers"):
        race(TASK, ["Adam"], BUDGET, seeds=(1, 1))
    with pytest.raises(StatementError, match="`rates` must be one or more finite numbers > 0"):
        Tuned(lambda task, rate: optax.sgd(rate), (0.1, -1.0))
    with pytest.raises(StatementError, match="'mine' must be a function of a task or `Tuned`, but is 3"):
        race(TASK, {"mine": 3}, BUDGET)
    with pytest.raises(StatementError, match="'mine' must return a Solver or an optax transformation"):
        race(TASK, {"mine": lambda task: 0.1}, BUDGET)
    with pytest.raises(StatementError, match="`X` must be finite, but has 1 entries that are not"):
        X = np.asarray(TASK.X).copy()
        X[0, 0] = np.nan
        Task("holes", TASK.network, X, TASK.y, TASK.X, TASK.y)
    with pytest.raises(StatementError, match="'free' must cost more than 0, but costs 0"):
        race(TASK, {"free": lambda task: from_optax(optax.sgd(0.1), task.objective, work=0.0)}, BUDGET, seeds=1)
