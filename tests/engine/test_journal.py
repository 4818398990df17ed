"""The journal: exact, append-only, and nothing lost whoever dies."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from asymptopia.engine import EngineError, Outcome
from asymptopia.engine.cells import name_of
from asymptopia.engine.journal import INLINE, Journal, read, sealed

AWKWARD = [0.1, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7976931348623157e308, 1 / 3]


def outcome(i=0, values=None, **changes):
    values = {"m": np.array([0.5 + i, 1 / (i + 3)])} if values is None else values
    seeds = (2 * i, 2 * i + 1)
    return Outcome(f"key{i}", name(i), f"Coin(p={i})", 10, seeds, "done", values, **changes)


def name(i):
    return name_of(f"key{i}", (2 * i, 2 * i + 1))


def written(folder, *outcomes):
    journal = Journal(folder, "run", lambda: {"command": "test"})
    for o in outcomes:
        journal.append(o)
    journal.close()
    return journal


def test_what_is_read_is_what_was_written(tmp_path):
    values = {"m": np.array(AWKWARD).reshape(2, 4), "q": np.array(AWKWARD).reshape(2, 2, 2), "none": np.empty((2, 0))}
    failed = outcome(1, {}, error='ZeroDivisionError: \u2202 "quoted"\n', traceback="a\nb", seconds=1.5)
    written(
        tmp_path, dataclasses.replace(outcome(0, values), status="nan"), dataclasses.replace(failed, status="failed")
    )
    (first, second), headers, damaged = read(tmp_path)
    assert damaged == [] and headers == [{"command": "test"}]
    assert second == dataclasses.replace(failed, status="failed")
    for name, array in values.items():
        assert first.values[name].shape == array.shape
        np.testing.assert_array_equal(first.values[name].view(np.int64), array.view(np.int64))
    assert dataclasses.replace(first, values={}) == dataclasses.replace(outcome(0, {}), status="nan")


def test_large_arrays_lie_beside_the_journal(tmp_path):
    large = np.random.default_rng(0).normal(size=(2, INLINE))
    journal = written(tmp_path, outcome(0, {"m": large}))
    assert journal.path.stat().st_size < 1000
    assert [p.name for p in (tmp_path / "arrays").iterdir()] == [f"{name(0)}.npz"]
    np.testing.assert_array_equal(read(tmp_path)[0][0].values["m"], large)
    (tmp_path / "arrays" / f"{name(0)}.npz").write_bytes(b"cut short")
    assert read(tmp_path)[0] == []
    (tmp_path / "arrays" / f"{name(0)}.npz").unlink()
    assert read(tmp_path)[0] == []


def test_no_file_without_an_outcome(tmp_path):
    written(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_torn_last_line_counts_as_not_written(tmp_path, cut):
    journal = written(tmp_path, *map(outcome, range(5)))
    journal.path.write_bytes(journal.path.read_bytes()[:-cut])
    names = [o.name for o in read(tmp_path)[0]]
    assert names == [name(i) for i in range(5 if cut == 1 else 4)]  # only the newline is gone at 1


def test_each_writer_has_a_file_of_its_own(tmp_path):
    first, second = written(tmp_path, outcome(0)), written(tmp_path, outcome(1))
    assert first.path != second.path
    assert {o.name for o in read(tmp_path)[0]} == {name(0), name(1)}


def test_a_full_disk_leaves_what_was_written_intact(tmp_path, monkeypatch):
    journal = Journal(tmp_path, "run")
    journal.append(outcome(0))
    real = os.write

    def full(file, data):
        real(file, data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(EngineError, match=r"No space left on device.*The 1 cells .* intact.*run again"):
        journal.append(outcome(1))
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:30]))
    with pytest.raises(EngineError, match="30 of"):
        journal.append(outcome(1))
    monkeypatch.undo()
    journal.append(outcome(2))
    journal.close()
    assert [o.name for o in read(tmp_path)[0]] == [name(0), name(2)]
    assert journal.path.read_bytes().endswith(b"}\n")


def test_a_disk_that_refuses_at_the_end_is_told(tmp_path, monkeypatch):
    journal = Journal(tmp_path, "run")
    journal.append(outcome(0))

    def quota(file):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "fsync", quota)
    with pytest.raises(EngineError, match=r"Cannot bring .* to the disk: Disk quota exceeded.*Run again"):
        journal.close()


WRITER = """
import sys
from pathlib import Path
import numpy as np
from asymptopia.engine import Outcome
from asymptopia.engine.cells import name_of
from asymptopia.engine.journal import Journal

journal = Journal(Path(sys.argv[1]), "run")
for i in range(10**9):
    journal.append(Outcome("key", name_of("key", (i,)), "Coin()", 10, (i,), "done", {"m": np.array([i / 7])}))
    print(i, flush=True)
"""


def test_nothing_is_lost_when_the_writer_is_killed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if int(line) == 300:
            break
    os.kill(process.pid, signal.SIGKILL)
    told = [int(line) for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    kept = {o.name: o.values["m"][0] for o in read(tmp_path)[0]}
    assert kept == {name_of("key", (i,)): i / 7 for i in range(len(kept))}
    assert len(kept) > max(told, default=300)


def test_a_line_of_more_seeds_than_memory_holds_is_not_counted_out(tmp_path):
    written(tmp_path, outcome())
    with next((tmp_path / "cells").iterdir()).open("ab") as file:
        file.write(sealed(b'{"seeds":[[0,1000000],[5,7]]}') + b"\n")
    outcomes, _, (damage,) = read(tmp_path)
    assert len(outcomes) == 1 and "more than 1000000 seeds" in damage


def test_many_cells(tmp_path):
    count = 20_000
    written(tmp_path, *map(outcome, range(count)))
    journal, *_ = read(tmp_path)
    assert [o.name for o in journal] == [name(i) for i in range(count)]
    assert all(o.values["m"][1] == 1 / (i + 3) for i, o in enumerate(journal))
