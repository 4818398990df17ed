"""Loss curves under schedules of the learning rate: each law found in its own curves, and held-out schedules."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from asymptopia import continue_runs
from asymptopia.cli import main
from asymptopia.contract.record import StatementError

STEPS = 20.0 * np.arange(1, 201)
PEAK = 3e-4


def rates(schedule):
    u = STEPS / STEPS[-1]
    shares = {
        "constant": np.ones(len(u)),
        "cosine": 0.1 + 0.45 * (1 + np.cos(np.pi * u)),
        "wsd": np.where(u < 0.8, 1.0, 1 - 4.5 * (u - 0.8)),
    }
    return PEAK * shares[schedule] * np.minimum(STEPS / 100, 1)


def losses(law, lr):
    """The losses step by step, as their papers write them: no code is shared with the fit."""
    S = np.cumsum(lr) * 20
    drops = np.where(STEPS > 100, np.concatenate([[0.0], -np.diff(lr)]), 0.0)
    power = 2.6 + 0.6 * S**-0.4
    if law == "annealing":
        gains = [(drops[: i + 1] * (1 - np.exp(-(STEPS[i] - STEPS[: i + 1]) / 300))).sum() for i in range(len(S))]
        return power - 900 * np.array(gains)
    if law == "multi-power":
        gains = [(drops[: i + 1] * (1 - (1 + (S[i] - S[: i + 1]) / 0.02) ** -0.6)).sum() for i in range(len(S))]
        return power - 900 * np.array(gains)
    noise = [(lr[: i + 1] * 20 * (1 + (S[i] - S[: i + 1]) / 0.02) ** -1.4).sum() for i in range(len(S))]
    return power + 8 * np.array(noise)


def table(law, runs=("constant", "cosine", "wsd"), asked="wsd"):
    parts = []
    for k, name in enumerate(runs):
        lr, noise = rates(name), np.random.default_rng(k).standard_normal(len(STEPS))
        truth = losses(law, lr)
        loss = np.full(len(STEPS), np.nan) if name == asked else truth * np.exp(0.002 * noise)
        parts.append(pd.DataFrame({"run": name, "step": STEPS, "lr": lr, "loss": loss, "truth": truth}))
    return pd.concat(parts)


@pytest.mark.parametrize("law", ["annealing", "multi-power", "functional"])
def test_a_schedule_that_was_not_run_is_predicted(law):
    """From a constant rate and a cosine, the curve that stays and then falls at once.

    Integrated by parts, the functional law is the multi-power one but for a transient: these two are told from others.
    """
    runs = table(law)
    continuation = continue_runs(runs, "step", "loss", "lr", run="run")
    alike = {"annealing": {"annealing"}}.get(law, {"multi-power", "functional"})
    assert sum(f.probability for f in continuation.forms if f.name in alike) > 0.95
    (predicted,) = continuation.predictions
    truth = runs[runs.run == "wsd"].set_index("step").truth[predicted.step].to_numpy()
    assert np.mean((predicted.low <= truth) & (truth <= predicted.high)) > 0.8
    assert predicted.low[-1] < truth[-1] < predicted.high[-1]
    assert predicted.high[-1] - predicted.low[-1] < 0.05
    assert continuation.forms[0].verdict == "disagrees"


def test_a_run_is_continued_from_its_own_curve():
    runs = table("annealing", ("cosine",), asked="")
    runs.loc[runs.step > 3000, "loss"] = np.nan
    continuation = continue_runs(runs, "step", "loss", "lr")
    (predicted,), (check,) = continuation.predictions, continuation.held_out
    assert predicted.step[0] == 3020 and predicted.step[-1] == 4000
    truth = runs.truth.to_numpy()[-1]
    assert predicted.low[-1] < truth < predicted.high[-1]
    assert check.inside <= check.points
    assert json.dumps(continuation.plain()) and "held out" in str(continuation)


def test_a_law_that_does_not_know_the_schedule_misses_and_is_said():
    """Losses that rise where the rate falls are those of no law: the curve held out is missed."""
    runs = table("annealing", asked="wsd")
    cosine = runs.run == "cosine"
    runs.loc[cosine, "loss"] *= np.linspace(1.0, 1.25, cosine.sum())
    continuation = continue_runs(runs, "step", "loss", "lr", run="run")
    assert continuation.verdict == "disagrees" and continuation.widened > 1
    assert "times wider" in continuation.reason


def test_narrow_intervals_are_not_refuted_for_holding_few_points():
    runs = table("annealing", ("constant",), asked="")
    runs.loc[runs.step > 3000, "loss"] = np.nan
    continuation = continue_runs(runs, "step", "loss", "lr", share=0.5)
    (check,) = continuation.held_out
    assert check.inside < 0.6 * check.points
    assert continuation.verdict == "agrees" and continuation.widened == 1


def test_the_command_line_continues_curves(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    table("annealing").drop(columns="truth").to_csv(tmp_path / "curves.csv", index=False)
    arguments = [
        "extrapolate",
        str(tmp_path / "curves.csv"),
        "--x",
        "step",
        "--y",
        "loss",
        "--lr",
        "lr",
        "--run",
        "run",
    ]
    answer = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out"), "--json"])
    assert answer.exit_code == 0, answer.output
    plain = json.loads(answer.stdout)
    assert plain["predictions"][0]["run"] == "wsd" and (tmp_path / "out" / "report.html").exists()
    answer = CliRunner().invoke(main, [*arguments, "--at", "1e5"])
    assert answer.exit_code == 2 and "--at does not go with --lr" in answer.output


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t[t.run != "wsd"], "nothing is to be predicted"),
        (lambda t: t[t.run != "cosine"], "no loss was logged after a change of lr"),
        (lambda t: t.assign(lr=t.lr - 1e-3), "learning rates.* must be >= 0"),
        (lambda t: t.assign(loss=t.loss - 5), "losses.* must be > 0"),
        (lambda t: t.assign(step=1.0), "steps.* must be >= 0 and differ"),
        (lambda t: t.assign(loss=t.loss.where(t.step < 200)), "At least 12 losses"),
        (lambda t: t.drop(columns="lr"), "no column 'lr'"),
        (lambda t: t.assign(loss=t.loss.where(t.step > 60))[t.run != "wsd"], "Every row after warm-up .* has a loss"),
        (lambda t: t[:0], "has no rows"),
        (lambda t: t.assign(run=t.run.where(t.step > 20)), "name the run of every row, but run is empty in 3"),
        (lambda t: t.assign(lr=t.lr.where(t.step < 3900, 1e-3)), "warm-up ends .* at step 3900"),
    ],
)
def test_curves_that_say_nothing_are_refused(change, message):
    with pytest.raises(StatementError, match=message):
        continue_runs(change(table("annealing")), "step", "loss", "lr", run="run")


def test_a_run_that_diverges_is_refused():
    step = np.arange(1.0, 401.0)
    loss = np.where(step <= 300, 3 + 4 * (step / 400) ** 2, np.nan)
    with pytest.raises(StatementError, match="a run that diverges follows no law"):
        continue_runs(pd.DataFrame({"step": step, "loss": loss, "lr": 0.1}), "step", "loss", "lr")
