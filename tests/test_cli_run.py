"""The verbs that compute, and those about results folders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from command_line import call, succeed, written

MINE = '''
import os
import signal
from pathlib import Path

from asymptopia import Law, Observable, field
from asymptopia.contract.batching import generator

HERE = Path(__file__).parent


class Coins(Law):
    """The mean of n shifted coins; `wrong` is what the theory is off by."""

    shift: float = field(0.5, "what is added", above=0)
    wrong: float = field(0.0, "error of the theory")
    size = "coins"
    sizes = (50, 100, 200)
    seeds = 100
    block = 50
    source = "Bernoulli, Ars conjectandi (1713)"
    observables = {"mean": Observable("m", "mean of the coins", scale=1.0)}

    def predict(self):
        return {"mean": self.shift + self.wrong}

    def realize(self, n, key):
        coins = generator(key).choice([-1, 1], n)
        with (HERE / "calls").open("a") as file:
            file.write("x")
        if (HERE / "impatient").exists() and (HERE / "calls").stat().st_size == 120:
            os.kill(os.getpid(), signal.SIGINT)
        if (HERE / "broken").exists() and n == 100:
            raise ValueError("no coins left")
        return {"mean": self.shift + coins.mean()}
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    return written(tmp_path, monkeypatch, MINE)


@pytest.fixture
def undrawn(monkeypatch):
    """No figures and no real page: for tests about cells."""

    def write(folder, confrontations, **rest):
        page = Path(folder) / "report.html"
        page.write_text("page")
        return page

    monkeypatch.setattr("asymptopia.report.write_results", write)


def calls():
    path = Path("calls")
    return len(path.read_text()) if path.exists() else 0


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def test_run_confronts_stores_and_reports(mine):
    result = succeed("run", mine, "--out", "out")
    assert "6 cells, 0 done already" in result.stderr
    assert "verdict: agrees" in result.stderr
    assert "\x1b" not in result.output
    assert "report: out/report.html" in result.stdout
    assert calls() == 300
    names = {p.name for p in Path("out").iterdir()}
    assert names >= {
        "study.toml", "study.lock.json", "provenance.json", "cells", "results.nc", "figures", "table.tex", "table.csv",
        "report.html", "run.log", "CITE.bib",
    }  # fmt: skip
    with xr.open_datatree("out/results.nc") as tree:
        assert tree["0/experiment"]["mean"].dims == ("size", "seed")
        assert float(tree["0/limit"]["mean"]) == 0.5


def test_a_second_identical_run_does_no_work_in_the_same_default_folder(mine, undrawn):
    first = succeed("run", mine, "--sweep", "shift=0.5,1.5")
    (folder,) = Path("results").iterdir()
    assert folder.name.startswith("mine-")
    before, data = calls(), xr.load_dataset(folder / "results.nc", group="0/experiment")
    second = succeed("run", mine, "--sweep", "shift=0.5,1.5")
    assert calls() == before == 600
    assert "12 cells, 12 done already" in second.stderr
    assert second.stdout == first.stdout
    assert xr.load_dataset(folder / "results.nc", group="0/experiment").identical(data)
    succeed("run", mine, "--sweep", "shift=0.5,1.5", "--seeds", "150")
    assert calls() == 900
    assert [p.name for p in Path("results").iterdir()] == [folder.name]
    succeed("run", mine, "--law", "Coins(shift=2.0)")
    assert len(list(Path("results").iterdir())) == 2


def test_json_is_one_object_and_nothing_else(mine, undrawn):
    result = succeed("run", mine, "--out", "out", "--json")
    answer = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert answer["verdict"] == "agrees"
    assert answer["folder"] == "out"
    assert answer["report"] == "out/report.html"
    (confrontation,) = answer["confrontations"]
    assert confrontation["statement"] == "Coins(shift=0.5, wrong=0.0)"
    (judgement,) = confrontation["judgements"]
    assert judgement["limit"] == 0.5
    assert abs(judgement["z"]) < judgement["critical"]
    assert abs(judgement["estimate"] - 0.5) < 4 * (judgement["error"] + judgement["extrapolation"])


def test_a_wrong_law_disagrees_and_strict_makes_it_a_failure(mine, undrawn):
    words = ("run", mine, "--law", "Coins(wrong=0.2)", "--out", "out")
    assert "disagrees" in succeed(*words).stdout
    assert call(*words, "--strict").exit_code == 1
    assert call("run", mine, "--out", "right", "--strict").exit_code == 0


def test_an_inconclusive_run_says_what_would_settle_it(mine, undrawn, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = succeed("run", mine, "--resolution", "0.01", "--seeds", "100", "--out", "out")
    assert "inconclusive" in result.stdout
    assert "seeds at each size would resolve 1 %" in " ".join(result.stdout.split())


def test_a_failed_cell_is_told_and_status_1_and_retried_on_request(mine, undrawn):
    Path("broken").touch()
    result = call("run", mine, "--out", "out")
    assert result.exit_code == 1
    assert "no coins left" in result.stderr
    assert "--retry-failed" in result.stderr
    assert "inconclusive" in result.stdout
    status = json.loads(succeed("status", "out", "--json").stdout)["statements"][0]
    assert status == {"name": "Coins()", "cells": 6, "done": 4, "failed": 2, "missing": 0}
    Path("broken").unlink()
    before = calls()
    assert call("run", mine, "--out", "out").exit_code == 1
    assert calls() == before
    assert succeed("run", mine, "--out", "out", "--retry-failed").exit_code == 0
    assert json.loads(succeed("status", "out", "--json").stdout)["statements"][0]["done"] == 6


def test_shards_merge(mine, undrawn):
    for k in range(3):
        result = succeed("run", mine, "--out", "out", "--shard", f"{k}/3")
        assert f"shard {k}/3 is done in out" in result.stderr
        assert not Path("out/report.html").exists()
        assert calls() == 100 * (k + 1)
    assert "6 cells, 6 done already" in succeed("run", mine, "--out", "out").stderr
    assert calls() == 300
    succeed("run", mine, "--out", "whole")
    both = [xr.load_dataset(f"{d}/results.nc", group="0/experiment") for d in ("out", "whole")]
    assert both[0].identical(both[1])


def test_threads_give_the_same_numbers(mine, undrawn):
    succeed("run", mine, "--out", "one")
    succeed("run", mine, "--out", "two", "--jobs", "2")
    answer = json.loads(succeed("diff", "one", "two", "--strict", "--json").stdout)
    assert {row["difference"] for row in answer["compared"]} == {"identical"}
    assert answer["only"] == {"one": [], "two": []}


def test_interrupt_and_resume(mine, undrawn):
    Path("impatient").touch()
    words = [sys.executable, "-m", "asymptopia", "run", mine, "--out", "out"]
    process = subprocess.run(words, capture_output=True, text=True)
    error = process.stderr
    assert process.returncode == 130, error
    assert process.stdout == ""
    assert "cells safe in out; go on with" in error
    assert f"asymptopia run {mine} --out out" in error
    done = int(error.split("stopped with ")[1].split()[0])
    assert done == 2, "cells of 50 realisations each, of which the 120th was interrupted"
    Path("impatient").unlink()
    assert f"6 cells, {done} done already" in succeed("run", mine, "--out", "out").stderr
    succeed("run", mine, "--out", "undisturbed")
    assert call("diff", "out", "undisturbed", "--strict").exit_code == 0


def test_report_and_results_are_rebuilt_without_recomputation(mine):
    succeed("run", mine, "--out", "out")
    kept = xr.load_dataset("out/results.nc", group="0/experiment")
    for name in ("report.html", "results.nc", "table.tex", "table.csv"):
        Path("out", name).unlink()
    before = calls()
    result = succeed("report", "out", "--no-open")
    assert calls() == before
    assert "agrees" in result.stdout
    assert Path("out/report.html").stat().st_size > 10**5
    assert Path("out/table.tex").exists()
    assert xr.load_dataset("out/results.nc", group="0/experiment").identical(kept)


def test_report_opens_a_browser_unless_told_not_to(mine, undrawn, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    succeed("run", mine, "--out", "out")
    succeed("report", "out", "--no-open")
    assert opened == []
    succeed("report", "out")
    assert opened == [Path("out/report.html").resolve().as_uri()]


def test_adaptive_seeds_survive_a_rebuild(mine, undrawn):
    Path("s.toml").write_text(
        'title = "t"\nfiles = ["mine.py"]\n'
        '[[confront]]\nlaw = "Coins()"\nseeds = {min = 20, max = 400, target = 0.05}\n'
    )
    succeed("run", "s.toml", "--out", "out")
    kept = xr.load_dataset("out/results.nc", group="0/experiment")
    assert 20 < kept.sizes["seed"] < 400
    assert (2 * kept["mean"].std("seed", ddof=1) / kept.sizes["seed"] ** 0.5 < 0.05).all()
    before = calls()
    succeed("report", "out", "--no-open")
    assert calls() == before
    assert xr.load_dataset("out/results.nc", group="0/experiment").identical(kept)


def test_diff_tells_other_realisations_and_statements(mine, undrawn):
    succeed("run", mine, "--out", "a")
    succeed("run", mine, "--out", "b", "--seeds", "60")
    succeed("run", mine, "--out", "c", "--law", "Coins(shift=0.7)")
    row = json.loads(succeed("diff", "a", "b", "--json").stdout)["compared"][1]
    a, b = (xr.load_dataset(f"{d}/results.nc", group="0/experiment")["mean"] for d in "ab")
    assert row["difference"] == "other realisations"
    assert row["largest"] == pytest.approx(float(np.abs(a.mean("seed") - b.mean("seed")).max()))
    assert call("diff", "a", "b", "--strict").exit_code == 1
    assert "only in c: limit of Coins(shift=0.7, wrong=0.0)" in succeed("diff", "a", "c").stdout
    assert call("diff", "a", "c", "--strict").exit_code == 1


def test_export_writes_what_is_asked_for(mine, undrawn):
    succeed("run", mine, "--out", "out")
    paths = succeed("export", "out", "--tex", "--csv", "--out", "paper").stdout.split()
    assert paths == ["paper/table.csv", "paper/table.tex", "paper/CITE.bib"]
    assert "tabular" in Path("paper/table.tex").read_text()
    assert "Ars conjectandi" in Path("paper/CITE.bib").read_text()
    assert all(p.endswith((".pdf", ".svg")) for p in succeed("export", "out", "--pdf", "--out", "figs").stdout.split())
    assert list(Path("figs/figures").glob("*.pdf"))


def test_the_folder_of_another_study_is_left_alone(mine, undrawn):
    succeed("run", mine, "--out", "out")
    before = contents("out")
    result = call("run", mine, "--law", "Coins(shift=0.9)", "--out", "out")
    assert result.exit_code == 2
    assert "another study" in result.stderr
    assert "--out" in result.stderr
    assert contents("out") == before


def test_a_folder_with_something_else_is_left_alone(mine):
    Path("thesis").mkdir()
    Path("thesis/chapter.tex").write_text("precious")
    result = call("run", mine, "--out", "thesis")
    assert result.exit_code == 2
    assert "not a results folder" in result.stderr
    assert [p.name for p in Path("thesis").iterdir()] == ["chapter.tex"]


def test_a_place_that_cannot_be_written(mine):
    Path("file").write_text("x")
    result = call("run", mine, "--out", "file/out")
    assert result.exit_code == 2
    assert "Cannot write results into 'file/out'" in result.stderr
    assert calls() == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(mine):
    Path("locked").mkdir(mode=0o500)
    result = call("run", mine, "--out", "locked/out")
    assert result.exit_code == 2
    assert "Cannot write results into 'locked/out'" in result.stderr


def test_a_read_only_folder_as_the_system_reports_it(mine, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    result = call("run", mine, "--out", "out")
    assert result.exit_code == 2
    assert "Cannot write results into 'out': Permission denied" in result.stderr


def test_a_study_says_itself_what_it_wants(mine):
    Path("s.toml").write_text('title = "t"\nfiles = ["mine.py"]\n[[confront]]\nlaw = "Coins()"\n')
    for words in (
        ("--seeds", "3"),
        ("--sweep", "shift=1,2"),
        ("--law", "Coins()"),
        ("--with", mine),
        ("--level", "0.1"),
    ):
        result = call("run", "s.toml", *words)
        assert result.exit_code == 2
        assert f"{words[0]} belongs inside a study" in result.stderr
    assert calls() == 0


def test_slurm_prints_an_array_whose_elements_are_shards(mine, undrawn):
    Path("s.toml").write_text('title = "t"\nfiles = ["mine.py"]\n[[confront]]\nlaw = "Coins()"\n')
    script = succeed("slurm", "s.toml", "--shards", "2").stdout
    assert "#SBATCH --array=0-1" in script
    command = next(line for line in script.splitlines() if line.startswith("exec "))
    for k in range(2):
        words = command.replace('"$SLURM_ARRAY_TASK_ID/2"', f"{k}/2").split()[2:]
        succeed(*words)
    assert calls() == 300
    assert "6 done already" in succeed("run", "s.toml").stderr
    assert call("slurm", "s.toml", "--shards", "0").exit_code == 2


def test_an_edited_law_is_computed_again(mine, undrawn):
    words = ("run", mine, "--seeds", "100", "--out", "out")
    succeed(*words)
    Path(mine).write_text(MINE.replace("choice([-1, 1], n)", "choice([-2, 2], n)"))
    assert "6 cells, 0 done already" in succeed(*words).stderr
    assert calls() == 600
