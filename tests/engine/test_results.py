"""The results folder: one study each, extended but never overwritten."""

import getpass
import json
import socket
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import asymptopia
from asymptopia import StatementError, sweep
from asymptopia.engine import Adaptive, Entry, Results, lock, run
from asymptopia.engine.provenance import provenance


def entries(toys, seeds=8, sizes=(10, 20), p=(0.2, 0.6)):
    return [Entry("coins", sweep(toys["Coin"](), p=p), sizes, seeds), Entry("images", toys["Field"](), (3,), 4)]


def everything(folder):
    return {p.relative_to(folder): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def test_a_lock_says_all_that_is_asked_for(toys):
    asked = lock([*entries(toys), Entry("more", toys["Coin"](), seeds=Adaptive(4, 8, 0.1))], settings={"level": 0.01})
    assert asked["entries"][0] == {
        "key": "coins", "statement": "sweep(Coin(p=0.5, tilt=Fair()), p=(0.2, 0.6))", "sizes": [10, 20], "seeds": 8,
    }  # fmt: skip
    assert asked["entries"][2]["sizes"] == [10, 20] and asked["entries"][2]["seeds"] == {
        "min": 4,
        "max": 8,
        "target": 0.1,
    }
    assert asked["settings"] == {"level": 0.01}
    assert (
        lock(entries(toys, seeds=20))["hash"] == lock(entries(toys))["hash"] != lock(entries(toys), also=["x"])["hash"]
    )
    assert lock([Entry("a", toys["Coin"](), (10,), (3, 5))])["entries"][0]["seeds"] == [3, 5]


def test_a_folder_holds_what_was_asked_found_and_done(tmp_path, toys):
    asked = entries(toys)
    results = Results.open_or_create(tmp_path / "a" / "b", lock(asked), study="# a study\n")
    result = run(asked, out=results)
    names = {p.name for p in results.folder.iterdir()}
    assert names == {
        "study.toml", "study.lock.json", "provenance.json", "code.json", "cells", "arrays", "run.log", ".writing",
    }  # fmt: skip
    assert (results.folder / "study.toml").read_text() == "# a study\n"
    again = Results.open(results.folder)
    assert again.lock == lock(asked)
    assert again.counts() == {"done": 9, "nan": 0, "failed": 0}
    for entry, data in zip(asked, result, strict=True):
        xr.testing.assert_identical(again.dataset(entry.statement, entry.sizes, entry.seeds), data)
        xr.testing.assert_identical(data, entry.statement.experiment(entry.sizes, entry.seeds))
    assert "9 cells computed by this process, 0 of them failed" in (results.folder / "run.log").read_text()


def test_provenance_tells_what_matters_and_nothing_of_the_host(tmp_path, toys):
    results = Results.open_or_create(tmp_path / "r", lock(entries(toys)))
    run(entries(toys), out=results, jobs=2)
    told = json.loads((results.folder / "provenance.json").read_text())
    assert {"started", "command", "versions", "commit", "device", "system", "workers", "runs"} == set(told)
    assert {"python", "asymptopia", "jax", "numpy"} <= set(told["versions"]) and told["workers"] == "2 threads"
    assert told == Results.open(results.folder).provenance()
    text = json.dumps({k: v for k, v in told.items() if k not in ("command", "runs")})
    assert socket.gethostname() not in text and getpass.getuser() not in text.replace("asymptopia", "")


def test_one_file_opened_by_xarray(tmp_path, toys):
    asked = entries(toys)
    results = Results.open_or_create(tmp_path / "r", lock(asked))
    experiment, images = run(asked, out=results)
    groups = {"coins/limit": asked[0].statement.limit(), "coins/experiment": experiment, "images/experiment": images}
    path = results.consolidate(groups)
    assert path == tmp_path / "r" / "results.nc" and not list(results.folder.glob("*.tmp"))
    with xr.open_dataset(path, group="coins/experiment") as data:
        xr.testing.assert_identical(data.load(), experiment)
        assert data["mean"].attrs["symbol"] == "m"
    with xr.open_datatree(path) as tree:
        assert tree["coins/limit"]["mean"].dims == ("p",)
    loaded = results.load()
    assert set(loaded) == set(groups)
    for name, data in groups.items():
        xr.testing.assert_identical(loaded[name], data)
    results.consolidate({"coins/limit": groups["coins/limit"]})
    assert set(results.load()) == {"coins/limit"}


def test_names_as_coordinates_survive_the_file(tmp_path, toys):
    asked = [Entry("0", sweep(toys["Coin"](), tilt=(toys["Fair"], toys["squared"])), (10,), 3)]
    results = Results.open_or_create(tmp_path / "r", lock(asked))
    (data,) = run(asked, out=results)
    results.consolidate({"0": data})
    assert results.load()["0"]["tilt"].values.tolist() == ["Fair()", "Custom(f=squared)"]


def test_more_seeds_or_sizes_extend_a_study(tmp_path, toys):
    folder = tmp_path / "r"
    run(entries(toys), out=Results.open_or_create(folder, lock(entries(toys))))
    more = entries(toys, seeds=14, sizes=(10, 15, 20))
    results = Results.open_or_create(folder, lock(more))
    (data, _) = run(more, out=results)
    xr.testing.assert_identical(data, more[0].statement.experiment((10, 15, 20), 14))
    assert results.counts()["done"] == 1 + 8 + 2 * (2 * 2 + 4)  # old ones, and those of new seeds and of the new size
    assert len(list((folder / "cells").iterdir())) == 2


@pytest.mark.parametrize("change", [dict(p=(0.2, 0.7)), dict(p=(0.2,))])
def test_a_folder_of_another_study_is_refused(tmp_path, toys, change):
    results = Results.open_or_create(tmp_path / "r", lock(entries(toys)), study="one")
    run(entries(toys), out=results)
    before = everything(tmp_path / "r")
    with pytest.raises(StatementError, match=r"holds another study: it has coins: .*p=\(0.2, 0.6\).*--out") as error:
        Results.open_or_create(tmp_path / "r", lock(entries(toys, **change)), study="other")
    assert f"this study has coins: {entries(toys, **change)[0].statement!r}" in str(error.value)
    assert everything(tmp_path / "r") == before


def test_a_study_with_one_statement_less_is_another(tmp_path, toys):
    Results.open_or_create(tmp_path / "r", lock(entries(toys)))
    with pytest.raises(StatementError, match="images: Field"):
        Results.open_or_create(tmp_path / "r", lock(entries(toys)[:1]))


def test_a_folder_of_something_else_is_refused(tmp_path, toys):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(StatementError, match=r"not empty and not a results folder \(it holds 'thesis.tex'\).*--out"):
        Results.open_or_create(tmp_path, lock(entries(toys)))
    assert everything(tmp_path) == {Path("thesis.tex"): b"precious"}
    with pytest.raises(StatementError, match="is not a results folder"):
        Results.open(tmp_path)
    (tmp_path / "study.lock.json").write_text("{")
    with pytest.raises(StatementError, match="cannot be read"):
        Results.open_or_create(tmp_path, lock(entries(toys)))
    with pytest.raises(StatementError, match="is not a results folder"):
        Results.open(tmp_path)


def test_another_process_may_be_making_the_folder(tmp_path, toys):
    (tmp_path / "study.lock.json.0123abcd.tmp").write_text("half")
    assert Results.open_or_create(tmp_path, lock(entries(toys))).lock == lock(entries(toys))


@pytest.mark.parametrize("where", ["file/below", "file", "/proc/results"])
def test_a_folder_that_cannot_be_written_is_refused(tmp_path, toys, where):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(StatementError, match=r"Cannot write results into .*--out"):
        Results.open_or_create(tmp_path / where, lock(entries(toys)))
    assert everything(tmp_path) == {Path("file"): b"precious"}


def test_a_read_only_results_folder_is_refused(tmp_path, toys, monkeypatch):
    Results.open_or_create(tmp_path, lock(entries(toys)))

    def denied(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", denied)
    with pytest.raises(StatementError, match=r"Cannot write results into .*Permission denied.*--out"):
        Results.open_or_create(tmp_path, lock(entries(toys, seeds=9)))


def test_values_survive_exactly(tmp_path, toys):
    asked = [Entry("0", toys["Wishart"](), (6, 9), 6)]
    (data,) = run(asked, out=Results.open_or_create(tmp_path, lock(asked)))
    stored = Results.open(tmp_path).dataset(toys["Wishart"](), (6, 9), 6)
    for name in data.data_vars:
        assert np.array_equal(data[name].values.view(np.int64), stored[name].values.view(np.int64))


def test_provenance_names_the_version_of_the_source_and_the_command(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/asymptopia/__main__.py", "run", "a b.toml"])
    told = provenance()
    assert told["versions"]["asymptopia"] == asymptopia.__version__
    assert told["command"] == "asymptopia run 'a b.toml'"
