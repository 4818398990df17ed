"""Ctrl-C: what is finished is safe, and the next run goes on from there to the same numbers."""

import subprocess
import sys

import pytest
import xarray as xr

from asymptopia.engine import Entry, Interrupted, Quiet, Results, lock, run
from asymptopia.engine import execute as execution


class Recorder(Quiet):
    """Remembers what it was told."""

    def __init__(self):
        self.updates, self.messages = [], []

    def update(self, cell, newest):
        self.updates.append(cell.name)

    def message(self, text):
        self.messages.append(text)


INTERRUPTED = """
import os
import signal
import sys
from asymptopia import load_file
from asymptopia.engine import Entry, Interrupted, Quiet, Results, lock, run

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts in the background ignore it


class Impatient(Quiet):
    seen = 0

    def update(self, cell, newest):
        self.seen += 1
        if self.seen == 4:
            os.killpg(0, signal.SIGINT)  # as a terminal does: to the run and all its children


if __name__ == "__main__":
    file, folder, jobs, scheduler = sys.argv[1:]
    entries = [Entry("0", load_file(file)["Slow"](), (10, 20), 24)]
    out = Results.open_or_create(folder, lock(entries))
    try:
        run(entries, out=out, jobs=int(jobs), scheduler=scheduler or None, progress=Impatient())
    except Interrupted as stop:
        print(stop.done, stop.total, stop)
        sys.exit(130)
"""


@pytest.mark.parametrize("jobs, scheduler", [(1, ""), (2, ""), (1, "local:1")])
def test_after_ctrl_c_the_run_goes_on_where_it_was(tmp_path, toys, toy_file, jobs, scheduler):
    (tmp_path / "script.py").write_text(INTERRUPTED)
    command = [sys.executable, "script.py", str(toy_file), "r", str(jobs), scheduler]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process = subprocess.run(command, cwd=tmp_path, start_new_session=True, **pipes)
    out = process.stdout
    assert process.returncode == 130, process.stderr
    done, total = map(int, out.split()[:2])
    assert f"stopped with {done} of {total} cells safe in r" in out and 4 <= done < total == 12
    entries = [Entry("0", toys["Slow"](), (10, 20), 24)]
    results = Results.open_or_create(tmp_path / "r", lock(entries))
    assert results.counts()["done"] == done
    progress = Recorder()
    (data,) = run(entries, out=results, jobs=8, progress=progress)
    assert len(progress.updates) == total - done
    xr.testing.assert_equal(data, toys["Coin"]().experiment((10, 20), 24))


@pytest.mark.parametrize("again", [False, True])
def test_threads_finish_their_cells_after_ctrl_c_unless_it_comes_twice(toys, monkeypatch, again):
    entries = [Entry("0", toys["Slow"](pause=0.05), (10,), 40)]
    real, calls = execution.wait, []

    def wait(*args, **kwargs):
        calls.append(0)
        if len(calls) == 3 or (again and len(calls) == 4):
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(execution, "wait", wait)
    progress = Recorder()
    with pytest.raises(Interrupted, match="kept nowhere") as stop:
        run(entries, jobs=2, progress=progress)
    assert progress.messages == ["Finishing the 2 cells that are running; Ctrl-C again drops them."]
    assert stop.value.total == 10 and stop.value.done == len(progress.updates)
    assert stop.value.done < 10 and (again or stop.value.done >= 4)
