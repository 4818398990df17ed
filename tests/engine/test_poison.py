"""Cells that exit, crash, hang or wreck their process cost themselves; signals keep what is finished."""

import os
import subprocess
import sys

import numpy as np
import pytest

from asymptopia import load_file
from asymptopia.engine import Entry, Results, watch

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")

LAW = '''
import os, signal, sys, threading, time

import numpy as np

from asymptopia import Law, Observable, generator


class Poisoned(Law):
    """Coins that do what they should not at some sizes."""

    size, sizes, seeds, block = "coins", (10, 20), 4, 4
    observables = {"mean": Observable("m", "mean", scale=1.0)}

    def predict(self):
        return {"mean": 0.0}

    def realize_all(self, n, keys):
        if n == 11:
            sys.exit(3)
        if n == 12:
            os._exit(0)
        if n == 13:
            raise KeyboardInterrupt
        if n == 14:
            raise ValueError("x" * 100_000)
        if n == 15:
            os.kill(os.getpid(), signal.SIGSEGV)
        if n == 16:
            time.sleep(600)
        if n == 17:
            os.closerange(3, 200)
        if n == 18:
            np.sqrt, np.mean, sys.stdout = abs, None, None
            os.close(2)
            threading.Thread(target=time.sleep, args=(600,)).start()
        if n == 19 and os.fork() == 0:
            return {"mean": np.full(len(keys), 9.0)}
        return {"mean": np.sqrt(4.0) / 2 * generator(keys[0]).choice([-1.0, 1.0], (len(keys), n)).mean(axis=1)}
'''
RUN = """
import sys
from asymptopia import load_file
from asymptopia.engine import Entry, Plain, Results, lock, run, watch
watch.stand_guard(cell_timeout=10.0)
entries = [Entry("0", load_file("law.py")["Poisoned"](), tuple(range(10, 21)), 4)]
run(entries, out=Results.open_or_create("out", lock(entries)), progress=Plain(sys.stderr))
watch.leave(0)
"""
COSTS = {
    11: "SystemExit: 3 (law.py, line 20)", 12: "SystemExit: os._exit(0) (law.py, line 22)",
    13: "KeyboardInterrupt (law.py, line 24)", 14: "characters ...]",
    15: "killed by SIGSEGV (signal 11) (law.py, line 28)",
    16: "it took more than 10 seconds (law.py, line 30)", 17: "ended by itself with exit status 1",
}  # fmt: skip


def test_each_poisoned_cell_costs_itself_and_no_other(tmp_path):
    (tmp_path / "law.py").write_text(LAW)
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr) < 12_000 and "11/11" in done.stderr
    results = Results.open(tmp_path / "out")
    entry = Entry("0", load_file(tmp_path / "law.py")["Poisoned"](), tuple(range(10, 21)), 4)
    outcomes = {o.size: o for o in results.outcomes.concerning(entry.cells())}
    assert results.damaged == [] and results.counts() == {"done": 4, "nan": 0, "failed": 7}
    for size, words in COSTS.items():
        assert outcomes[size].status == "failed" and words in outcomes[size].error, size
    journals = [path.read_text() for path in (tmp_path / "out" / "cells").glob("*.jsonl")]
    assert sum(text.count('"size":19') for text in journals) == 1
    clean = entry.statement.experiment((10, 20), 4)
    for size in (10, 20):
        np.testing.assert_array_equal(outcomes[size].values["mean"], clean["mean"].sel(size=size))


def test_of_several_cells_at_work_none_is_blamed_before_it_is_tried_alone(capfd):
    killed, board = 9, watch.Board()
    for count, lost, suspects in ((2, set(), {"a", "b"}), (1, {"a"}, set())):
        state = watch._Guarded()
        board.clear()
        for place, name in enumerate("ab"[:count]):
            board.take(place, name * watch.NAME)
        watch._blame(state, board, killed, {}, "", None)
        assert {name[0] for name in state.lost} == lost and {name[0] for name in state.suspects} == suspects
    late = {"b" * watch.NAME: 7.0}
    watch._blame(state, board, killed, late, "", 5.0)
    assert "it took more than 5 seconds" in state.lost["b" * watch.NAME].error
    assert "going on without its cell" in capfd.readouterr().err


SIGNALLED = LAW.replace(
    "if n == 11:\n            sys.exit(3)",
    "if n == 20:\n            for number in SIGNALS:\n                os.kill(os.getppid(), number)\n"
    "                time.sleep(0.4)",
)


@pytest.mark.parametrize(
    "numbers, status", [("signal.SIGTERM,", 143), ("signal.SIGHUP,", 129), ("signal.SIGINT, signal.SIGINT", 130)]
)
def test_signals_say_goodbye_and_keep_what_is_finished(tmp_path, numbers, status):
    (tmp_path / "law.py").write_text(SIGNALLED.replace("SIGNALS", f"({numbers})"))
    command = [sys.executable, "-m", "asymptopia", "run", "law.py", "--out", "out", "--seeds", "4"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == status, done.stderr
    assert "stopped with 1 of 2 cells safe in out; go on with\n  asymptopia run law.py" in done.stderr
    assert Results.open(tmp_path / "out").counts() == {"done": 1, "nan": 0, "failed": 0}
