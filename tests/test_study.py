"""Studies: what a good one states, and that a bad one is refused with everything that is wrong in it."""

import dataclasses
import json
import tomllib
from pathlib import Path

import pytest

from asymptopia.contract.record import StatementError
from asymptopia.contract.statement import parse
from asymptopia.contract.sweep import sweep
from asymptopia.engine import Adaptive, Results
from asymptopia.laws.spins.curie_weiss import CurieWeiss
from asymptopia.study import StudyError, as_toml, names_of, read
from asymptopia.study.items import Confront, Study
from asymptopia.study.kept import progress_of, reopened
from asymptopia.study.lines import line_of
from asymptopia.study.perform import perform
from asymptopia.study.publish import rebuilt
from asymptopia.study.staging import FILE, at_stage

GOOD = """
title = "Two"
sizes = [50, 100]
seeds = 30
resolution = 0.1
files = ["own.py"]

[[confront]]
law = "CurieWeiss(h=0.2)"
sweep = {beta = "0.5:1.5:3", h = [0.1, 0.2]}
level = 0.05

[[confront]]
name = "Mine"
law = "Mine"
sizes = [10]
seeds = {min = 4, max = 8, target = 0.5}
sweep.kind = ["Square", "Hinge()"]
"""

OWN = """
from asymptopia import Law, Observable, field
from asymptopia.parts.loss import Loss, Square

class Mine(Law):
    kind: Loss = field(Square(), "no influence")
    observables = {"one": Observable("1", "one", scale=1.0)}

    def predict(self):
        return {"one": 1.0}

    def realize(self, n, key):
        from asymptopia.contract.batching import generator
        return {"one": 1 + generator(key).normal() / n}
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "own.py").write_text(OWN)

    def write(text):
        path = tmp_path / "s.toml"
        path.write_text(text)
        return path

    return write


LAW = "title = 't'\n[[confront]]\nlaw = 'CurieWeiss'\n"
DATA = "title = 't'\n[[forecast]]\n"


def problems(path):
    """The lines of the refusal, without the path of the file."""
    with pytest.raises(StudyError) as caught:
        read(path)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


def test_a_good_study_is_its_statements_with_defaults_filled_in(study):
    stated = read(study(GOOD))
    first, second = stated.items
    assert stated.title == "Two"
    assert first.statement == sweep(CurieWeiss(h=0.2), beta=(0.5, 1.0, 1.5), h=(0.1, 0.2))
    assert (first.sizes, first.seeds, first.level, first.resolution) == ((50, 100), 30, 0.05, 0.1)
    assert first.name == first.statement.short()
    assert (second.name, second.sizes, second.seeds, second.level) == ("Mine", (10,), Adaptive(4, 8, 0.5), 0.01)
    assert [p.kind.short() for p in second.statement.points()] == ["Square()", "Hinge()"]


def test_a_forecast_in_a_study(study, tmp_path):
    rows = "\n".join(f"{k % 7},{k % 5},{(k % 7) + 0.1 * (k % 3)}" for k in range(40))
    (tmp_path / "data.csv").write_text(f"a,b,y\n{rows}\n")
    text = DATA + 'data = "data.csv"\ntarget = "y"\nridge = 0.5\nsamples = [10, 20]\nseeds = 6\nerrors = [0.2]\n'
    (item,) = read(study(text)).items
    assert item.name == "forecast of data.csv"
    assert (item.seeds, item.errors) == (6, (0.2,))
    assert item.plan.samples == (10, 20)
    assert {p.ridge for p in item.statement.points()} == {0.5}
    assert Path(item.plan.data.path) == tmp_path / "data.csv"


def test_all_errors_come_at_once_each_with_its_line(study):
    text = """titel = "x"
sizes = [0, "a"]
files = ["nofile.py"]

[[confront]]
law = "CurieWeiss(bet=1)"

[[confront]]
law = "CurieWeiss()"
sweep = {beta = "0.5:8", h = [1, "x"]}
seeds = 1
level = 2

[[confront]]
law = "CurieWeis()"
sed = 3
seeds = {min = 10, max = 5, targt = 0.1}

[[confront]]
law = "ERM()"
[confront.sweep]
alpha = [
  1,
  -1,
]
ridge = "log:0:1:3"

[[forecast]]
data = "digit"
target = "odd"
loss = "Logistik()"
features = "rel:3"
ridge = -1

[[forecast]]
data = "digits"
target = "even"
"""
    expected = [
        (1, "title: It is missing"),
        (1, "titel: There is no key 'titel' here. Did you mean 'title'?"),
        (2, "sizes[0] = 0: It must be greater than or equal to 1."),
        (2, "sizes[1] = 'a': It must be a whole number."),
        (3, "files = ['nofile.py']: There is no file"),
        (6, "confront[0].law = 'CurieWeiss(bet=1)': CurieWeiss has no field 'bet'. Did you mean 'beta'?"),
        (10, "confront[1].sweep.beta = '0.5:8': The range 'beta=0.5:8' is malformed"),
        (10, "confront[1].sweep.h = [1, 'x']:"),
        (11, "confront[1].seeds = 1: It must be greater than or equal to 2."),
        (12, "confront[1].level = 2: It must be less than 1."),
        (15, "confront[2].law = 'CurieWeis()': There is no law 'CurieWeis'. Did you mean 'CurieWeiss'"),
        (16, "confront[2].sed: There is no key 'sed' here. Did you mean 'seeds'"),
        (17, "confront[2].seeds.target: It is missing"),
        (17, "confront[2].seeds.targt: There is no key 'targt' here. Did you mean 'target'?"),
        (17, "confront[2].seeds = {'min': 10, 'max': 5, 'targt': 0.1}: `min` must be at most `max`."),
        (22, "confront[3].sweep.alpha = [1, -1]: `alpha` of ERM must be > 0, but is -1."),
        (26, "confront[3].sweep.ridge = 'log:0:1:3': The range 'ridge=log:0:1:3' is log"),
        (29, "forecast[0].data = 'digit': There is no data set 'digit', and it is not a file. Did you mean 'digits'?"),
        (31, "forecast[0].loss = 'Logistik()': `loss` of GaussianCovariate cannot be 'Logistik'. Did you mean 'Log"),
        (32, "forecast[0].features = 'rel:3': `features` must be"),
        (33, "forecast[0].ridge = -1: It must be greater than 0."),
        (37, "forecast[1].target = 'even': The data set digits has no target 'even'."),
    ]
    messages = problems(study(text))
    assert messages[-1] == f"{len(expected)} errors in the study; nothing was run."
    assert len(messages) == len(expected) + 1
    for line, message in expected:
        assert any(f.startswith(f"{line}: {message}") for f in messages), (line, message)


@pytest.mark.parametrize(
    "text, message",
    [
        ("title = 3\n[[confront]]\nlaw = 'CurieWeiss'", "1: title = 3: It must be a string."),
        ("title = 't'", "1: A study needs at least one [[confront]] or [[forecast]]."),
        ("title = 't'\nconfront = 3", "2: confront = 3: It must be a list."),
        ("title = 't'\n[[confront]]\nname = 'x'", "2: confront[0].law: It is missing"),
        ("title = 't'\n[[confront]]\nlaw = 3", "3: confront[0].law = 3: It must be a string."),
        (LAW + "sizes = [10, 10]", "4: confront[0].sizes = [10, 10]: `sizes` must be different"),
        (LAW + "sizes = []", "4: confront[0].sizes = []:"),
        (LAW + "seeds = '20'", "4: confront[0].seeds = '20': It must be a whole number."),
        (LAW + "sweep = {beta = 1}", "4: confront[0].sweep.beta = 1: It must be a list."),
        (LAW + "sweep = {bta = [1]}", "4: confront[0].sweep.bta = [1]: CurieWeiss has no field 'bta'."),
        (LAW.replace("CurieWeiss", "sweep(ERM, l1=(1,))") + "sweep = {l1 = [2]}", "4: confront[0].sweep.l1 = [2]:"),
        ("title = 't'\nfiles = 'own.py'\n[[confront]]\nlaw = 'CurieWeiss'", "2: files = 'own.py': It must be a list."),
        (LAW.replace("\n", "\nresolution = -1\n", 1), "2: resolution = -1: It must be greater than 0."),
        ("title = 't'\njobs = 4\n[[confront]]\nlaw = 'CurieWeiss'", "2: jobs: There is no key 'jobs' here."),
        (LAW.replace("\n", "\nseeds = {min = 9, max = 5, target = 0.1}\n", 1), "2: seeds = {'min': 9"),
        (DATA + "data = 'x.csv'", "3: forecast[0].data = 'x.csv': Say which column"),
        (DATA + "data = 'digits'\nridge = 'best'", "4: forecast[0].ridge = 'best': It must be 'auto'."),
    ],
)  # fmt: skip
def test_each_error_says_what_is_allowed(text, message, study):
    first, *_, last = problems(study(text))
    assert first.startswith(message)
    assert last == "one error in the study; nothing was run."


def test_a_statement_without_a_limit_is_refused_before_anything_runs(study):
    text = "title = 't'\n[[confront]]\nlaw = 'ERM(ridge=0.0, teacher=Sign(flip=0.1))'\nsweep = {alpha = [2.0, 4.0]}"
    first, _ = problems(study(text))
    assert first.startswith("3: confront[0].law")
    assert "2.99228" in first


def test_what_is_no_toml_at_all(study, tmp_path):
    with pytest.raises(StudyError, match=r"this is not TOML: .*line 2"):
        read(study("title = 't'\nx = = 3"))
    with pytest.raises(StatementError, match="cannot be read: No such file"):
        read(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StatementError, match="cannot be read"):
        read(tmp_path / "binary.toml")


def test_lines_of_keys():
    text = 'a = 1\n[t]\nb = 2\n[[r]]\nc = {d = 1, e = 2}\n\n[[r]]\nc = [\n 1,\n]\n[r.s]\n"q" = 1\nx.y = 2\n'
    addresses = {
        ("a",): 1, ("t",): 2, ("t", "b"): 3, ("r", 0): 4, ("r", 0, "c", "e"): 5, ("r", 1): 7, ("r", 1, "c", 0): 8,
        ("r", 1, "s"): 11, ("r", 1, "s", "q"): 12, ("r", 1, "s", "x", "y"): 13, ("r", 1, "none"): 7,
        ("none",): 1, (): 1,
    }  # fmt: skip
    assert tomllib.loads(text)["r"][1]["s"] == {"q": 1, "x": {"y": 2}}
    assert {address: line_of(text, address) for address in addresses} == addresses


def test_a_study_of_the_command_line_reads_back_as_the_same(study, tmp_path):
    statement = sweep(CurieWeiss(h=0.3), beta=(0.5, 0.75))
    entry = {
        "kind": "confront",
        "law": repr(statement),
        "sizes": (10, 20),
        "seeds": 7,
        "level": 0.02,
        "resolution": None,
        "name": 'say "so"\n',
    }
    text = as_toml("A title with \\ and é", [entry], [tmp_path / "own.py"])
    stated = read(study(text))
    (item,) = stated.items
    assert (item.statement, item.sizes, item.seeds, item.level) == (statement, (10, 20), 7, 0.02)
    assert item.name == 'say "so"\n'
    assert stated.title == "A title with \\ and é"


def test_one_name_for_two_things_is_refused(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("from asymptopia import Law\ndef f():\n    pass\n")
    with pytest.raises(StatementError, match=r"'f' is defined in one.py and in two.py"):
        names_of([tmp_path / "one.py", tmp_path / "two.py"])
    assert set(names_of([tmp_path / "one.py", tmp_path / "one.py"])) == {"Law", "f"}


def test_performing_fills_the_folder_and_resumes(study, tmp_path, monkeypatch):
    monkeypatch.setattr("asymptopia.report.write_results", lambda folder, *_, **__: Path(folder) / "report.html")
    text = 'title = "t"\nfiles = ["own.py"]\n[[confront]]\nlaw = "Mine()"\nsizes = [10, 20]\nseeds = 6\n'
    asked = read(study(text))
    done = perform(asked, tmp_path / "out")
    assert done.failures == ()
    assert done.confrontations[0].statement == asked.items[0].statement
    locked = json.loads((tmp_path / "out/study.lock.json").read_text())
    assert locked["title"] == "t"
    assert locked["entries"][0]["sizes"] == [10, 20]
    assert (tmp_path / "out/study.toml").read_text() == text
    again, results = reopened(tmp_path / "out")
    assert [repr(i.statement) for i in again.items] == [repr(i.statement) for i in asked.items]
    assert progress_of(again, results) == [{"name": "Mine()", "cells": 2, "done": 2, "failed": 0, "missing": 0}]


def test_a_field_added_later_leaves_a_folder_its_numbers(study, tmp_path, monkeypatch):
    monkeypatch.setattr("asymptopia.report.write_results", lambda folder, *_, **__: Path(folder) / "report.html")
    text = 'title = "t"\nfiles = ["own.py"]\n[[confront]]\nlaw = "Mine()"\nsizes = [10, 20]\nseeds = 6\n'
    perform(read(study(text)), tmp_path / "out")
    before = Results.open(tmp_path / "out").load()["0/experiment"]
    added = '    more: float = field(1.0, "no influence either", added=True)\n    observables'
    (tmp_path / "own.py").write_text(OWN.replace("    observables", added))
    again, results = reopened(tmp_path / "out", trust=True)
    assert "more" in {f.name for f in dataclasses.fields(again.items[0].statement.law)}
    assert rebuilt(again, results).failures == ()
    assert results.load()["0/experiment"].identical(before)
    perform(again, tmp_path / "out")
    asked = read(study(text.replace("Mine()", "Mine(more=2.0)")))
    with pytest.raises(StatementError, match="holds another study"):
        perform(asked, tmp_path / "out")
    with pytest.raises(StatementError, match=r"has 12 numbers of Mine\(kind=Square\(\)\), .*more=2.0\).* has 0\."):
        rebuilt(asked, results)
    assert results.load()["0/experiment"].identical(before)


def test_the_prediction_is_kept_unless_its_code_changes(study, tmp_path, monkeypatch):
    from asymptopia.contract.law import Statement

    monkeypatch.setattr("asymptopia.report.write_results", lambda folder, *_, **__: Path(folder) / "report.html")
    asked = read(study('title = "t"\nfiles = ["own.py"]\n[[confront]]\nlaw = "Mine()"\nsizes = [10, 20]\nseeds = 6\n'))
    counted, limit = [], Statement.limit
    monkeypatch.setattr(Statement, "limit", lambda self: counted.append(self) or limit(self))
    perform(asked, tmp_path / "out")
    perform(asked, tmp_path / "out")
    assert len(counted) == 1
    monkeypatch.setattr("asymptopia.study.kept.theory_fingerprint", lambda law: "other code")
    perform(asked, tmp_path / "out")
    assert len(counted) == 2


def test_the_demo_states_what_it_should():
    stated = read(Path(__file__).parents[1] / "studies" / "demo.toml")
    assert [type(i.statement.law).__name__ for i in stated.items] == ["CurieWeiss", "ERM", "ERM", "GaussianCovariate"]
    _, logistic, square, digits = stated.items
    for item, loss in ((logistic, "Logistic()"), (square, "Square()")):
        alphas = item.statement.axes["alpha"]
        assert (min(alphas), max(alphas)) == (0.5, 8.0)
        assert item.statement.law.loss.short() == loss
        assert type(item.statement.law.teacher).__name__ == "Sign"
    assert digits.plan.data == parse("GaussianCovariate(data=Bundled(name='digits', target='odd'))").data


NO_STAGES = {
    "a list": b"[]",
    "not JSON": b"{",
    "a stage that is none": b'{"0": 3}',
    "sizes that no memory holds": b'{"0": {"sizes": [1000000000000], "seeds": 5, "number": 1, "spent": 0, "pace": 0}}',
    "seconds that are no number": b'{"0": {"sizes": [10], "seeds": 4, "number": 1, "spent": NaN, "pace": 0}}',
    "more stages than ever are": b'{"0": {"sizes": [10], "seeds": 4, "number": 100000000000, "spent": 0, "pace": 0}}',
}


@pytest.mark.parametrize("told", NO_STAGES.values(), ids=NO_STAGES.keys())
def test_nonsense_about_earlier_stages_begins_anew(tmp_path, told):
    (tmp_path / FILE).write_bytes(told)
    study = Study("", (Confront("0", CurieWeiss()),), "", tmp_path)
    (first,) = at_stage(study, tmp_path, budget=1.0).items
    assert (first.sizes, first.seeds) == (CurieWeiss.sizes, CurieWeiss.seeds) and 0 < first.level < 0.01


def test_an_earlier_stage_is_taken_up(tmp_path):
    (tmp_path / FILE).write_bytes(b'{"0": {"sizes": [10, 20], "seeds": 4, "number": 2, "spent": 1, "pace": 1}}')
    study = Study("", (Confront("0", CurieWeiss()),), "", tmp_path)
    (item,) = at_stage(study, tmp_path).items
    assert (item.sizes, item.seeds, item.level) == ((10, 20), 4, pytest.approx(0.01 / 8))
