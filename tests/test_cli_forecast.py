"""The verb that forecasts a table: its answers, and the tables and words that it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import call, succeed


def table(path, rows=60, **columns):
    rng = np.random.default_rng(0)
    data = {name: rng.normal(size=rows) for name in "abcdefghijkl"}
    data["y"] = np.where(data["a"] + data["c"] + 0.3 * rng.normal(size=rows) > 0, "yes", "no")
    data |= columns
    lines = [",".join(data), *(",".join(map(str, row)) for row in zip(*data.values(), strict=True))]
    Path(path).write_text("\n".join(lines) + "\n")


def test_a_forecast_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table("mine.csv", 200)
    words = ("forecast", "mine.csv", "--target", "y", "--ridge", "1.0", "--samples", "20,40,80", "--seeds", "10")
    answer = json.loads(succeed(*words, "--errors", "0.2", "--json").stdout)
    assert [a["title"] for a in answer["forecasts"][0]["answers"]] == [
        "Does the theory hold for these data?", "How many samples until the test error is X?", "Which ridge is best?",
    ]  # fmt: skip
    assert answer["forecasts"][0]["answers"][1]["rows"][0][0] == 0.2
    folder = Path(answer["folder"])
    assert folder.name.startswith("forecast-mine-")
    assert "How many samples until the test error is X?" in (folder / "report.html").read_text()
    again = succeed(*words, "--errors", "0.2")
    assert "3 cells, 3 done already" in again.stderr
    assert "Which ridge is best?" in again.stdout


BAD_TABLES = {
    "missing values": (dict(a=["" if k == 3 else k for k in range(60)]), "has missing values in 1 of 60 rows"),
    "constant": ({name: [2.0] * 60 for name in "abcdefghijkl"}, "has only constant columns, which tell nothing: a, b"),
    "one class": (dict(y=["yes"] * 60), "with one value only, yes"),
    "words": (dict(b=[f"red{k}" for k in range(60)]), "has columns that are not numbers: b"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_table_that_cannot_be_used(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    columns, message = BAD_TABLES[case]
    table("mine.csv", **columns)
    result = call("forecast", "mine.csv", "--target", "y")
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize(
    "words, message",
    [
        ("mine.csv --target z", "has no column 'z' for a target"),
        ("mine.csv", "Say which column"),
        ("few.csv --target y", "has 9 samples; at least 10 are needed"),
        ("none.csv --target y", "There is no file"),
        ("digit --target odd", "Did you mean 'digits'?"),
        ("digits --target even", "The data set digits has no target 'even'"),
        ("mine.csv --target y --ridge -1", "ridge"),
        ("mine.csv --target y --ridge best", '`ridge` must be "auto" or a number > 0'),
        ("mine.csv --target y --features rel:2", '`features` must be "none" or "NAME:P"'),
        ("mine.csv --target y --loss Logistik", "Did you mean 'Logistic'"),
        ("mine.csv --target y --samples 1,20", "samples"),
        ("mine.csv --target y --samples 20,x", "is not a list of whole numbers"),
        ("mine.csv --target y --errors 0", "is not a list of numbers > 0"),
        ("mine.csv --target y --seeds 1", "seeds"),
        ("mine.csv --target y --level 0", "level"),
    ],
)
def test_a_forecast_that_cannot_be_made(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table("mine.csv")
    table("few.csv", 9)
    result = call("forecast", *words.split())
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not Path("results").exists()
