"""`asymptopia check`: a law and its exercises, settled in stages."""

import json

import numpy as np
from click.testing import CliRunner

from asymptopia import Law, Observable, field, generator
from asymptopia.cli import main
from asymptopia.verdict.stages import settle


class Tilted(Law):
    """A mean that is right where `noise` is zero, as by default, and twice `fault` off elsewhere."""

    noise: float = field(0.0, "strength of the noise", at_least=0)
    fault: float = field(0.0, "error of the experiment")
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": 1.0}

    def realize_all(self, n, keys):
        draws = np.array([generator(key).normal() for key in keys])
        return {"x": 1 + 2 * self.fault + self.noise * draws + 1e-3 * draws}


def test_stages_go_on_until_decided_and_keep_the_seeds_they_have():
    lines = []
    found = settle(Tilted(noise=0.3), 60.0, message=lines.append)
    assert found.verdict == "agrees" and lines
    whole = found.statement.experiment(found.experiment["size"].values, found.experiment.sizes["seed"])
    np.testing.assert_array_equal(found.experiment["x"], whole["x"])


def test_no_budget_is_one_look():
    assert settle(Tilted(noise=0.3), 0.0).verdict == "inconclusive"
    assert settle(Tilted(fault=0.1), 0.0).verdict == "disagrees"


MINE = """
from asymptopia import Law, Observable, field, generator


class Mine(Law):
    noise: float = field(0.0, "off by default, and wrong where it is on", at_least=0)
    exercises = (dict(noise=0.5),)
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": 1.0}

    def realize(self, n, key):
        return {"x": 1 + FAULT * self.noise + 0.01 * generator(key).normal()}
"""


def test_a_fault_that_the_default_is_blind_to_ends_with_status_one(tmp_path):
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(MINE.replace("FAULT", "0"))
    wrong.write_text(MINE.replace("FAULT", "1"))
    found = CliRunner().invoke(main, ["check", str(right), "--budget", "5"])
    assert found.exit_code == 0 and "agrees" in found.output
    found = CliRunner().invoke(main, ["check", str(wrong), "--budget", "5", "--json"])
    assert found.exit_code == 1
    verdicts = [c["verdict"] for c in json.loads(found.stdout)["confrontations"]]
    assert verdicts == ["agrees", "disagrees"]


def test_without_a_name_the_exercises_are_listed():
    found = CliRunner().invoke(main, ["check", "--json"])
    assert "SGDDynamics" in json.loads(found.stdout)["exercises"]
    assert CliRunner().invoke(main, ["check", "Nope"]).exit_code == 2
