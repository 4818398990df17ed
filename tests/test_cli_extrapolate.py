"""The verb `extrapolate`: tables in, a page, one JSON object, and exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from asymptopia.cli import main


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.geomspace(1e18, 1e21, 9)
    rng = np.random.default_rng(0)
    lines = []
    for recipe in "ab":
        loss = (1 + 50 * x**-0.09) * np.exp(0.003 * rng.standard_normal(9))
        lines += [f"{a:.6g};{b:.4f};{recipe}" for a, b in zip(x, loss, strict=True)]
    Path("runs.csv").write_text("flops;loss;recipe\n" + "\n".join(lines) + "\n")


def call(*words):
    return CliRunner().invoke(main, ["extrapolate", *words])


def test_a_page_a_figure_and_words(runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = call("runs.csv", "--x", "flops", "--y", "loss", "--at", "1e22", "--by", "recipe", "--out", "out")
    assert result.exit_code == 0, result.output
    for part in ("a run is within", "power law with floor", "undecided", "verdict: agrees"):
        assert part in result.output
    page = Path("out/report.html").read_text()
    assert "power law with floor" in page and "Reproduce" in page
    assert Path("out/figures/extrapolation.svg").exists()


def test_json_and_strict(runs):
    result = call("runs.csv", "--x", "flops", "--y", "loss", "--at", "1e22,1e23", "--json", "--strict")
    answer = json.loads(result.stdout)
    assert [p["at"] for p in answer["predictions"]] == [[1e22], [1e23]]
    assert answer["verdict"] == "agrees" and result.exit_code == 0
    worse = Path("runs.csv").read_text().replace(";a", "").splitlines()
    kinked = [worse[0].replace(";recipe", "")] + [
        f"{10.0**k};{3 * 10.0 ** (-0.02 * k) * (1 if k < 10 else 0.93)}" for k in range(12)
    ]
    Path("kink.csv").write_text("\n".join(kinked) + "\n")
    assert call("kink.csv", "--x", "flops", "--y", "loss", "--at", "1e13", "--strict").exit_code == 1


def test_bad_input_is_status_2_before_any_work(runs):
    for words, message in (
        (("runs.csv", "--x", "flop", "--y", "loss", "--at", "1e22"), "Did you mean 'flops'"),
        (("none.csv", "--x", "flops", "--y", "loss", "--at", "1e22"), "no file"),
        (("runs.csv", "--x", "flops", "--y", "loss", "--at", "-1"), "numbers > 0"),
        (("runs.csv", "--x", "flops,loss", "--y", "loss", "--at", "1e22"), "one size for each of flops, loss"),
        (("runs.csv", "--x", "flops", "--y", "recipe", "--at", "1e22"), "words in the column 'recipe'"),
    ):
        result = call(*words)
        assert result.exit_code == 2 and message in result.stderr, result.output
    assert not Path("results").exists()
