"""The verbs that need no experiment, what they print, and what every verb refuses."""

import json
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from command_line import call, succeed, written

from asymptopia.cli import VERBS, main
from asymptopia.contract.catalogue import law_named
from asymptopia.contract.search import entries
from asymptopia.contract.sweep import sweep
from asymptopia.contract.topics import TOPICS
from asymptopia.laws.spins.curie_weiss import CurieWeiss

MINE = '''
from asymptopia import Law, Observable, field
from asymptopia.contract.batching import generator

print("a user's file may print")


class Coins(Law):
    """The mean of n shifted coins."""

    shift: float = field(0.5, "what is added", above=0)
    colour: str = field("red", "no influence", one_of=("red", "blue"))
    size = "coins"
    sizes = (50, 100, 200)
    seeds = 100
    observables = {
        "mean": Observable("m", "mean of the coins", scale=1.0),
        "profile": Observable("p", "mean and half of it", dims=("k",), scale=1.0),
    }

    def predict(self):
        return {"mean": self.shift, "profile": [self.shift, self.shift / 2]}

    def coords(self):
        return {"k": [1, 2]}

    def realize(self, n, key):
        m = self.shift + generator(key).choice([-1, 1], n).mean()
        return {"mean": m, "profile": [m, m / 2]}

    def valid(self):
        return "the shift is large" if self.shift > 5 else None

    def thresholds(self, along):
        return {"finite": 2.0, "never": float("inf")}


def gentle(y, z):
    import jax.numpy as jnp

    return jnp.logaddexp(0.0, -y * z)
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    return written(tmp_path, monkeypatch, MINE)


def refused(*words):
    """The message of a command that must exit with status 2, and print nothing on standard output."""
    result = call(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_list_shows_every_law_by_field_and_filters_by_words():
    lines = succeed("list").stdout.splitlines()
    assert lines.index("spins") < next(i for i, line in enumerate(lines) if line.startswith("  CurieWeiss "))
    assert {e.name for e in entries()} == {line.split()[0] for line in lines if line.startswith("  ")}
    found = succeed("list", "spin").stdout
    assert "  CurieWeiss " in found
    assert "  MaxMargin " not in found
    assert "No law mentions 'zebra'" in refused("list", "zebra")


@pytest.mark.parametrize(
    "words, law",
    [("double descent", "RandomFeatures"), ("ising", "CurieWeiss"), ("ridge", "ERM"),
     ("perceptron threshold", "Capacity"), ("SVM", "MaxMargin"),
     ("optimizers", "TrainingRace"), ("scaling laws", "ScalingPhases"), ("implicit bias", "MaxMargin"),
     ("mup", "FeatureLearning"), ("edge of stability", "CentralFlow"), ("NTK", "WideNetwork"),
     ("information exponent", "MultiIndex"), ("svgd", "SteinParticles"), ("weight decay", "ERM"),
     ("bayesian neural networks", "BayesianNetwork"), ("transformers", "AttentionParticles"),
     ("replica exchange", "Tempering"), ("edge of chaos", "SignalPropagation"), ("gcn", "GraphConvolution"),
     ("batch size", "SGDDynamics"), ("universality", "RandomFeatures"), ("max margin", "MaxMargin"),
     ("compressed sensing", "AMP"), ("spin glasses", "SherringtonKirkpatrick"), ("matrix factorisation", "BetaNMF"),
     ("tensor pca", "SpikedMatrixTensor"), ("gnn", "GraphConvolution")],
)  # fmt: skip
def test_list_knows_what_researchers_call_a_law(words, law):
    assert law in {row["law"] for row in json.loads(succeed("list", *words.split(), "--json").stdout)["laws"]}


def test_every_topic_is_of_a_law():
    assert set(TOPICS) <= {e.name for e in entries()}


def test_a_list_is_what_the_classes_say():
    for entry in entries():
        cls = law_named(entry.name)
        assert entry.summary == cls.summary()
        assert entry.field == cls.__module__.split(".")[2]


def test_a_short_word_is_a_whole_word():
    assert "DiffusionMemorisation" not in succeed("list", "sk").stdout


@pytest.mark.parametrize("columns", [60, 100])
def test_a_list_fits_the_columns(columns, monkeypatch):
    result = CliRunner().invoke(main, ["list"], env={"COLUMNS": str(columns)})
    assert max(map(len, result.stdout.splitlines())) <= columns


def test_a_pipe_has_a_hundred_columns():
    text = CliRunner().invoke(main, ["show", "ERM"], env={"COLUMNS": None}).stdout
    assert 90 <= max(map(len, text.splitlines())) <= 100 + 20  # a docstring is not broken


def test_typos_get_the_three_nearest_names():
    message = refused("show", "Currie")
    assert message.count("'CurieWeiss'") == 1
    assert len(message.splitlines()[-1]) < 120


def test_show_draws_the_limit():
    lines = succeed("show", "CurieWeiss", "--plot").stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.lstrip().startswith("0.9982 ┤"))
    assert lines[start + 12].split() == ["0.2", "beta", "3.2"]
    assert float(lines[start + 11].split()[0]) == pytest.approx(
        float(CurieWeiss(beta=0.2).limit()["magnetisation"]), rel=1e-3
    )


def test_show_as_json():
    found = json.loads(succeed("show", "ERM", "--json").stdout)
    assert found["law"] == "ERM"
    assert {f["name"] for f in found["fields"]} >= {"alpha", "loss", "ridge"}
    assert "log_loss" in {o["name"] for o in found["observables"]}  # an observable of this loss alone


def test_no_transition_is_said(mine):
    path = Path(mine)
    path.write_text(MINE.replace('return {"finite": 2.0, "never": float("inf")}', "return {}"))
    assert "No transition is met along shift." in succeed("thresholds", mine, "--along", "shift").stderr


def test_the_tab_key_completes_laws_and_verbs():
    def completed(*words):
        env = {
            "_ASYMPTOPIA_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        return CliRunner().invoke(main, [], env=env, prog_name="asymptopia").stdout

    assert "thresholds" in completed("asymptopia", "thr")
    assert "CurieWeiss" in completed("asymptopia", "show", "cur")
    assert "CurieWeiss(" in completed("asymptopia", "limit", "Cur")


def test_show_says_what_a_law_needs():
    text = succeed("show", "CurieWeiss").stdout
    for word in ("inverse temperature", "> 0", "susceptibility", "n times the variance of magnetisation", "Landmarks"):
        assert word in text
    assert succeed("show", "CurieWeiss", "--bibtex").stdout.startswith("@article{EllisNewman1978")


def test_show_a_file(mine):
    assert "what is added" in succeed("show", mine).stdout


@pytest.mark.parametrize("verb", ["list", "--help", "show ERM", "run --help"])
def test_first_words_need_nothing_heavy(verb):
    heavy = "{'jax', 'xarray', 'matplotlib', 'sklearn', 'distributed', 'pandas', 'pydantic'}"
    code = (
        "import sys, asymptopia.cli as cli\n"
        f"try: cli.main({verb.split()!r})\nexcept SystemExit as stop: assert stop.code in (None, 0)\n"
        f"print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_limit_as_json_is_the_limit():
    result = succeed("limit", "CurieWeiss(h=0.3)", "--sweep", "beta=0.5:1.5:3", "--sweep", "h=0.1,0.2", "--json")
    answer = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    statement = sweep(CurieWeiss(h=0.3), beta=(0.5, 1.0, 1.5), h=(0.1, 0.2))
    assert answer["statement"] == repr(statement)
    assert answer["coords"] == {"beta": [0.5, 1.0, 1.5], "h": [0.1, 0.2]}
    assert answer["dims"]["magnetisation"] == ["beta", "h"]
    limit = statement.limit()
    for name in limit:
        np.testing.assert_array_equal(answer["values"][name], limit[name].values)


def test_limit_of_one_statement_is_plain_numbers():
    answer = json.loads(succeed("limit", "CurieWeiss(beta=0.5, h=0.0)", "--json").stdout)
    assert answer["values"]["susceptibility"] == pytest.approx(2.0, rel=1e-12)
    assert answer["dims"]["susceptibility"] == []
    assert answer["warnings"] == []


def test_limit_as_a_table():
    text = succeed("limit", "CurieWeiss()", "--sweep", "beta=0.5,1.5").stdout
    expected = sweep(CurieWeiss(), beta=(0.5, 1.5)).limit()["magnetisation"].values
    for value in expected:
        assert f"{value:.6g}" in text
    assert f"{float(CurieWeiss().limit()['free_energy']):.6g}" in succeed("limit", "CurieWeiss()").stdout


def test_warnings_are_on_standard_error_and_in_json(mine):
    result = succeed("limit", mine, "--law", "Coins(shift=6.0)", "--json")
    assert json.loads(result.stdout)["warnings"] == ["the shift is large"]
    assert "warning: the shift is large" in result.stderr
    assert "a user's file may print" in result.stderr


def test_limit_of_a_file_with_an_array(mine):
    answer = json.loads(succeed("limit", mine, "--sweep", "shift=1,2", "--json").stdout)
    assert answer["values"]["profile"] == [[1.0, 0.5], [2.0, 1.0]]
    assert answer["dims"]["profile"] == ["shift", "k"]
    assert answer["coords"]["k"] == [1, 2]
    assert "[0.5, 0.25] over k" in succeed("limit", mine).stdout


def test_what_is_not_finite_is_null_in_json(mine):
    text = succeed("thresholds", mine, "--along", "shift", "--json").stdout
    answer = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert answer == {
        "statement": "Coins(shift=0.5, colour='red')", "along": "shift", "thresholds": {"finite": 2.0, "never": None},
    }  # fmt: skip


def test_thresholds_as_a_table():
    text = succeed("thresholds", "CurieWeiss(h=0.0)", "--along", "beta").stdout
    assert "transition" in text
    assert "CurieWeiss(beta=0.8, h=0.0) along beta" in text


def test_a_function_of_the_user_in_a_statement(mine):
    own = json.loads(succeed("limit", "ERM(loss=gentle)", "--with", mine, "--json").stdout)
    built_in = json.loads(succeed("limit", "ERM(loss=Logistic)", "--json").stdout)
    assert own["statement"] != built_in["statement"]
    assert own["values"]["test_error"] == pytest.approx(built_in["values"]["test_error"], rel=1e-7)


def test_atlas_prints_every_landmark_with_its_deviation():
    rows = json.loads(succeed("atlas", "CurieWeiss", "--json").stdout)["landmarks"]
    assert len(rows) == len(CurieWeiss.landmarks)
    for row, mark in zip(rows, CurieWeiss.landmarks, strict=True):
        assert row["verdict"] == "reproduced"
        assert row["published"] == mark.value
        assert abs(row["ours"] - mark.value) == abs(row["deviation"]) <= mark.tolerance
    assert "Ellis and Newman" in succeed("atlas", "CurieWeiss").stdout


def test_atlas_fails_if_a_value_is_missed(monkeypatch):
    from dataclasses import replace

    wrong = (replace(CurieWeiss.landmarks[0], value=0.6), replace(CurieWeiss.landmarks[1], observable="magnetism"))
    monkeypatch.setattr(CurieWeiss, "landmarks", wrong)
    result = call("atlas", "CurieWeiss", "--json")
    assert result.exit_code == 1
    missed, failed = (row["verdict"] for row in json.loads(result.stdout)["landmarks"])
    assert missed == "missed"
    assert failed.startswith("failed: ")
    assert "magnetism" in failed
    assert "2 of 2 published values are not reproduced" in result.stderr


REFUSALS = [
    (
        "limit CurieWeis()",
        "There is no law 'CurieWeis'. Did you mean 'CurieWeiss' or 'CriticalCurieWeiss' or 'CurieWeissDeviations'?",
    ),
    ("show CurieWeis", "Did you mean 'CurieWeiss' or 'CriticalCurieWeiss' or 'CurieWeissDeviations'?"),
    ("atlas CurieWeis", "Did you mean 'CurieWeiss' or 'CriticalCurieWeiss' or 'CurieWeissDeviations'?"),
    ("run CurieWeis()", "Did you mean 'CurieWeiss' or 'CriticalCurieWeiss' or 'CurieWeissDeviations'?"),
    ("limit CurieWeiss(bet=1)", "CurieWeiss has no field 'bet'. Did you mean 'beta'?"),
    ("limit CurieWeiss(beta=0)", "`beta` of CurieWeiss must be > 0, but is 0."),
    ("limit CurieWeiss(", "is not a statement"),
    ("limit ERM(alpha=0)", "`alpha` of ERM must be > 0, but is 0."),
    ("limit ERM(alpha=-1)", "`alpha` of ERM must be > 0, but is -1."),
    ("limit ERM(ridge=-0.1)", "`ridge` of ERM must be >= 0, but is -0.1."),
    ("limit ERM(loss=Logistik())", "Did you mean 'Logistic'"),
    ("run ERM(alpha=-1)", "`alpha` of ERM must be > 0, but is -1."),
    ("limit CurieWeiss() --sweep beta=1:2", "The range 'beta=1:2' is malformed"),
    ("limit CurieWeiss() --sweep beta", "The range 'beta' is malformed"),
    ("limit CurieWeiss() --sweep beta=1,,2", "The range 'beta=1,,2' is malformed"),
    ("limit CurieWeiss() --sweep beta=log:0:2:3", "both ends must be > 0"),
    ("limit CurieWeiss() --sweep beta=-1:2:4", "`beta` of CurieWeiss must be > 0, but is -1."),
    ("limit CurieWeiss() --sweep bta=1,2", "CurieWeiss has no field 'bta'. Did you mean 'beta'?"),
    ("limit CurieWeiss() --sweep beta=1 --sweep beta=2", "`beta` is swept twice"),
    ("limit CurieWeiss() --law CurieWeiss()", "--law goes with a file"),
    ("limit nothing.py", "There is no file"),
    ("limit CurieWeiss() --with nothing.py", "There is no file"),
    ("thresholds CurieWeiss() --along bta", "CurieWeiss has no field 'bta'. Did you mean 'beta'?"),
    ("run CurieWeiss() --sizes 1,x", "'1,x' is not a list of whole numbers"),
    ("run CurieWeiss() --sizes 0,10", "`sizes` must be different whole numbers >= 1"),
    ("run CurieWeiss() --seeds 1", "`seeds` must be at least 2 to give an error bar, but is 1."),
    ("run CurieWeiss() --level 2", "`level` must be > 0 and < 1, but is 2."),
    ("run CurieWeiss() --resolution 0", "`resolution` must be > 0 and <= 0.1, but is 0."),
    ("run CurieWeiss() --shard 3/3", "is not a part k/N"),
    ("run CurieWeiss() --jobs 0", "--jobs"),
    ("run nothing.toml", "The study 'nothing.toml' cannot be read"),
    ("report nothing", "is not a results folder"),
    ("status nothing", "is not a results folder"),
    ("export nothing", "is not a results folder"),
    ("diff nothing nothing", "is not a results folder"),
    ("slurm nothing.toml --shards 2", "cannot be read"),
    ("limit CurieWeiss() --swep beta=1", "--sweep"),
    ("lmit CurieWeiss()", "'limit'"),
    ("limit", "Missing argument"),
]


@pytest.mark.parametrize("words, message", REFUSALS, ids=[w for w, _ in REFUSALS])
def test_bad_input_is_a_message_and_status_2(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(*words.split(" "))
    assert not list(tmp_path.iterdir())


def test_a_limit_that_does_not_exist_says_where_it_would():
    text = refused("limit", "ERM(loss=Logistic(), ridge=0.0, alpha=2.0, teacher=Sign(flip=0.1))", "--json")
    assert "2.99228" in text


def test_files_that_cannot_be_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("x = 1 / 0\n")
    (tmp_path / "two.py").write_text(
        "from asymptopia import Law\nclass A(Law):\n    pass\nclass B(Law):\n    pass\ndef f(): pass\n"
    )
    (tmp_path / "more.py").write_text("def f(): pass\n")
    assert "empty.py defines no law" in refused("limit", "empty.py")
    assert "broken.py does not run: ZeroDivisionError" in refused("limit", "broken.py")
    assert "two.py defines several laws (A, B): say which with --law." in refused("limit", "two.py")
    assert "'f' is defined in more.py and in two.py" in refused("limit", "two.py", "--law", "A", "--with", "more.py")


def test_a_theory_that_fails_is_a_message_and_status_1(tmp_path):
    path = tmp_path / "failing.py"
    path.write_text(
        "from asymptopia import Law, Observable\nclass Failing(Law):\n    observables = {'m': Observable('m', 'm')}\n"
        "    def predict(self):\n        raise FloatingPointError('no fixed point')\n"
    )
    result = call("limit", str(path), "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "The theory could not be computed: FloatingPointError: no fixed point" in result.stderr


def test_doctor_tells_versions_and_whether_the_cache_works(monkeypatch):
    from asymptopia import engine
    from asymptopia.engine import Check

    monkeypatch.setattr(engine, "doctor", lambda: [Check("jax", None, "1.2"), Check("cache", True, "kept")])
    assert json.loads(succeed("doctor", "--json").stdout)["checks"][1] == {
        "name": "cache",
        "ok": True,
        "detail": "kept",
    }
    monkeypatch.setattr(engine, "doctor", lambda: [Check("cache", False, "lost")])
    result = call("doctor")
    assert result.exit_code == 1
    assert "PROBLEM" in result.stdout


def test_every_verb_teaches():
    for name in VERBS:
        verb = main.get_command(click.Context(main), name)
        assert "Examples:" in (verb.help or ""), name
        assert f"asymptopia {name}" in (verb.help or ""), name
        assert name in succeed(name, "--help").stdout


def test_a_pipe_gets_no_colours():
    done = subprocess.run([sys.executable, "-m", "asymptopia", "list"], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
