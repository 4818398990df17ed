"""Running: the same numbers however it runs, nothing computed twice, and a failure costs its own cell."""

import errno
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import xarray as xr

from asymptopia import StatementError, sweep
from asymptopia.contract.law import NoLimit
from asymptopia.engine import Adaptive, EngineError, Entry, Quiet, Results, lock, run
from asymptopia.engine import execute as execution


class Recorder(Quiet):
    """Remembers what it was told."""

    def __init__(self):
        self.starts, self.updates, self.messages, self.stopped = [], [], [], 0

    def start(self, *told):
        self.starts.append(told)

    def update(self, cell, newest):
        self.updates.append((str(cell), newest))

    def message(self, text):
        self.messages.append(text)

    def stop(self):
        self.stopped += 1


def folder(path, entries, shard=None):
    return Results.open_or_create(path, lock(entries), shard=shard)


def cells_run(entries, **how):
    progress = Recorder()
    data = run(entries, progress=progress, **how)
    return data, len(progress.updates)


@pytest.fixture(scope="module")
def spectra(toys):
    return [Entry("0", sweep(toys["Wishart"](), ratio=(1.0, 3.0)), (6, 9), 8), Entry("1", toys["Coin"](), (10,), 10)]


@pytest.fixture(scope="module")
def undisturbed(spectra):
    return run(spectra)


def test_threads_give_the_same_bits(spectra, undisturbed):
    for ours, theirs in zip(run(spectra, jobs=3), undisturbed, strict=True):
        xr.testing.assert_identical(ours, theirs)


def test_the_default_seeds_and_sizes_are_those_of_the_law(toys):
    (data,) = run([Entry("0", toys["Coin"]())])
    xr.testing.assert_identical(data, toys["Coin"]().experiment())


def test_threads_share_a_compilation(toys, monkeypatch):
    active, most, lines = {}, {}, threading.Lock()
    real = execution.attempt
    finished = set()

    def watched(cell):
        with lines:
            active[cell.shape] = active.get(cell.shape, 0) + 1
            if cell.shape not in finished:
                most[cell.shape] = max(most.get(cell.shape, 0), active[cell.shape])
        outcome = real(cell)
        with lines:
            active[cell.shape] -= 1
            finished.add(cell.shape)
        return outcome

    monkeypatch.setattr(execution, "attempt", watched)
    run([Entry("0", sweep(toys["Wishart"](), ratio=(1.0, 2.0, 5.0)), (6, 9), 8)], jobs=4)
    assert set(most.values()) == {1}


def test_linear_algebra_is_on_one_thread_meanwhile():
    from threadpoolctl import threadpool_info

    before = os.environ.get("OMP_NUM_THREADS")
    with execution.one_thread_each():
        assert {i["num_threads"] for i in threadpool_info()} == {1}
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_a_second_run_does_no_work(tmp_path, spectra, undisturbed):
    first, count = cells_run(spectra, out=folder(tmp_path, spectra))
    assert count == 2 * 2 * 2 + 3
    before = sorted(p.name for p in tmp_path.rglob("*"))
    second, count = cells_run(spectra, out=folder(tmp_path, spectra))
    assert count == 0 and sorted(p.name for p in tmp_path.rglob("*")) == before
    for ours, theirs, plain in zip(second, first, undisturbed, strict=True):
        xr.testing.assert_identical(ours, theirs)
        xr.testing.assert_identical(ours, plain)


SECOND = """
import sys
from asymptopia import load_file
from asymptopia.engine import Entry, Results, lock, run

entries = [Entry("0", load_file(sys.argv[1])["Wishart"](), (6,), 4)]
run(entries, out=Results.open_or_create(sys.argv[2], lock(entries)))
print(sorted({"jax", "distributed", "sklearn", "rich"} & set(sys.modules)))
"""


def test_a_second_run_imports_nothing_that_computes(tmp_path, toys, toy_file):
    entries = [Entry("0", toys["Wishart"](), (6,), 4)]
    run(entries, out=folder(tmp_path, entries))
    command = [sys.executable, "-c", SECOND, str(toy_file), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("jobs", [1, 2])
def test_failures_cost_their_own_cell_and_are_retried_on_request(tmp_path, toys, jobs):
    cure = tmp_path / "cure"
    entries = [Entry("0", toys["Fickle"](cured=str(cure)), (10, 20, 30), 6)]
    results = folder(tmp_path / "r", entries)
    progress = Recorder()
    (data,) = run(entries, out=results, jobs=jobs, progress=progress)
    whole = toys["Coin"]().experiment((10, 20, 30), 6)
    np.testing.assert_array_equal(data["mean"].sel(size=[10, 30]), whole["mean"].sel(size=[10, 30]))
    assert np.isnan(data["mean"].sel(size=20)).all() and np.isnan(data["square"].sel(size=30)).all()
    lines = data.attrs["failures"].splitlines()
    statement = repr(entries[0].statement)
    assert lines[:1] == [
        f"{statement}, size 20, seeds 0-3: ArithmeticError: the coin stood on its edge (toys.py, line 107)"
    ]
    assert f"{statement}, size 30, seeds 4-5: square is nan for seeds 4-5" in lines and len(lines) == 4
    headlines = [m for m in progress.messages if "coin stood on its edge (toys.py" in m]
    assert len(headlines) == 2 and sum("raise ArithmeticError" in m for m in progress.messages) == 1
    assert results.counts() == {"done": 2, "nan": 2, "failed": 2}
    stored = [o for o in Results.open(results.folder).outcomes.concerning(entries[0].cells()) if o.status == "failed"]
    assert (
        all('raise ArithmeticError("the coin stood on its edge")' in o.traceback for o in stored) and len(stored) == 2
    )
    assert "raise ArithmeticError" in (results.folder / "run.log").read_text()

    assert cells_run(entries, out=folder(tmp_path / "r", entries))[1] == 0
    assert cells_run(entries, out=folder(tmp_path / "r", entries), retry_failed=True)[1] == 4
    cure.touch()
    (data,), count = cells_run(entries, out=folder(tmp_path / "r", entries), retry_failed=True)
    assert count == 4 and "failures" not in data.attrs
    xr.testing.assert_equal(data, whole)
    assert cells_run(entries, out=folder(tmp_path / "r", entries), retry_failed=True)[1] == 0


def test_a_realisation_without_its_observables_is_a_failed_cell(toys, monkeypatch):
    monkeypatch.setattr(toys["Coin"], "realize", lambda self, n, key: {"mean": 1.0})
    (data,) = run([Entry("0", toys["Coin"](), (10,), 4)])
    assert "did not return its observable 'square'" in data.attrs["failures"]


def test_what_has_no_limit_is_refused_before_any_work(toys, monkeypatch):
    def check(self):
        raise NoLimit("there is none")

    monkeypatch.setattr(toys["Wishart"], "check", check)
    progress = Recorder()
    with pytest.raises(NoLimit):
        run([Entry("0", toys["Coin"](), (10,), 4), Entry("1", toys["Wishart"](), (6,), 4)], progress=progress)
    assert progress.updates == []


@pytest.mark.parametrize(
    "how, words",
    [
        (dict(jobs=0), "`jobs` must be"),
        (dict(shard=(2, 2)), "0 <= k < n"),
        (dict(scheduler="mars"), "`scheduler` must be"),
    ],
)
def test_bad_input(toys, how, words):
    with pytest.raises(StatementError, match=words):
        run([Entry("0", toys["Coin"](), (10,), 4)], **how)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_stops_the_run_and_keeps_what_is_done(tmp_path, toys, monkeypatch, jobs):
    entries = [Entry("0", toys["Coin"](), (10,), 20)]
    real, written = os.write, []

    def full(file, data):
        if data.startswith(b'{"key"'):
            if len(written) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(data)
        return real(file, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(EngineError, match=r"No space left on device.*The 2 cells"):
        run(entries, out=folder(tmp_path, entries), jobs=jobs)
    for thread in threading.enumerate():
        if thread.name.startswith("asymptopia"):
            thread.join()  # at its end a cell puts back what it found in `os`
    monkeypatch.undo()
    (data,), count = cells_run(entries, out=folder(tmp_path, entries))
    assert count == 3
    xr.testing.assert_identical(data, toys["Coin"]().experiment((10,), 20))


def test_progress_is_told_what_runs(tmp_path, toys):
    entries = [Entry("0", toys["Wishart"](), (6,), 10)]
    progress = Recorder()
    run([Entry("0", toys["Wishart"](), (6,), 4)], out=folder(tmp_path, entries))
    run(entries, out=folder(tmp_path, entries), progress=progress, jobs=2)
    assert progress.starts == [(3, 1, "2 threads", str(tmp_path), 2)]
    assert sorted(cell for cell, _ in progress.updates) == [
        f"Wishart(), dimension 6, seeds {s}" for s in ("4-7", "8-9")
    ]
    assert all(newest.startswith("largest ") for _, newest in progress.updates) and progress.stopped == 1


def test_shards_merge(tmp_path, spectra, undisturbed):
    for k in (2, 0, 1):
        shard = (k, 3)
        data, count = cells_run(spectra, out=folder(tmp_path, spectra, shard), shard=shard)
        assert count in (3, 4)
    assert np.isnan(cells_run(spectra, shard=(0, 3))[0][0]["largest"]).any()
    assert sorted(p.name[:12] for p in (tmp_path / "cells").glob("*.jsonl")) == [
        f"shard-{k}-of-3"[:12] for k in range(3)
    ]
    data, count = cells_run(spectra, out=folder(tmp_path, spectra))
    assert count == 0
    for ours, theirs in zip(data, undisturbed, strict=True):
        xr.testing.assert_identical(ours, theirs)


def test_seeds_are_added_until_the_means_are_known(tmp_path, toys):
    law = toys["Coin"](p=0.7)
    adaptive = Adaptive(min=4, max=400, target=0.1)
    entries = [Entry("0", law, (10, 40), adaptive)]
    (data,), count = cells_run(entries, out=folder(tmp_path, entries))
    seeds = data.sizes["seed"]
    assert 4 < seeds < 400 and seeds % 4 == 0 and count == 2 * seeds / 4
    error = 2 * data.std("seed", ddof=1) / np.sqrt(seeds)
    assert float(error["mean"].max()) <= 0.1 * 0.7 and float(error["square"].max()) <= 0.1 * 0.49
    (again,), count = cells_run(entries, out=folder(tmp_path, entries))
    assert count == 0
    xr.testing.assert_identical(again, data)
    (capped,) = run([Entry("0", law, (10, 40), Adaptive(4, 10, 0.001))])
    assert capped.sizes["seed"] == 10
    (enough,) = run([Entry("0", law, (10, 40), Adaptive(4, 10, 50.0))])
    assert enough.sizes["seed"] == 4


def test_a_failed_cell_is_retried_once_however_many_rounds_there_are(toys):
    entries = [Entry("0", toys["Fickle"](p=0.7), (10, 20), Adaptive(4, 64, 0.001))]
    (data,), count = cells_run(entries, retry_failed=True)
    assert data.sizes["seed"] == 64 and count == 2 * 64 / 4


def test_a_failed_cell_is_not_tried_again_while_seeds_are_added(toys):
    (data,), count = cells_run([Entry("0", toys["Fickle"](), (10, 20), Adaptive(4, 12, 1e-6))], retry_failed=True)
    assert data.sizes["seed"] == 12 and count == 2 * 3
    assert len(data.attrs["failures"].splitlines()) == 3


def test_adaptive_seeds_are_checked():
    for bad in (dict(min=1), dict(min=8, max=4), dict(target=0.0)):
        with pytest.raises(StatementError):
            Adaptive(**bad)


def test_a_law_of_this_session_runs_here_and_on_threads_only(toys):
    entries = [Entry("0", toys["Coin"](tilt=lambda p: p / 2), (10,), 8)]
    (data,) = run(entries, jobs=2)
    xr.testing.assert_equal(data, toys["Coin"](p=0.25).experiment((10,), 8))
    with pytest.raises(EngineError, match="cannot be sent to another process"):
        run(entries, scheduler="local:1")


def test_journals_are_json_lines(tmp_path, toys):
    entries = [Entry("0", toys["Coin"](), (10,), 4)]
    run(entries, out=folder(tmp_path, entries))
    (path,) = (tmp_path / "cells").iterdir()
    head, line = map(json.loads, path.read_text().splitlines())
    assert head["run"]["workers"] == "this process"
    assert line["statement"] == "Coin(p=0.5, tilt=Fair())" and line["size"] == 10 and line["seeds"] == [[0, 3]]
