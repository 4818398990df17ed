"""A cell that changes its process leaves it as it was, and one that wrecks it costs itself."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from asymptopia.engine import Entry, run
from asymptopia.engine.surroundings import put_back


def chdir():
    os.chdir("/")


def environment():
    os.environ.clear()


def mask():
    os.umask(0o777)


def numpy():
    np.sqrt = lambda x: x
    del np.mean


def python():
    json.dumps = math.sqrt = None


CHANGES = {
    "folder": (chdir, os.getcwd), "environment": (environment, lambda: dict(os.environ)),
    "numpy": (numpy, lambda: (np.sqrt(4.0), np.mean([1.0, 2.0]))),
    "python": (python, lambda: (json.dumps(1), math.sqrt(4))),
}  # fmt: skip


@pytest.mark.parametrize("change, look", CHANGES.values(), ids=CHANGES)
def test_what_a_cell_changes_is_put_back(change, look):
    before = look()
    with put_back():
        change()
    assert look() == before


def test_what_a_cell_adds_stays():
    with put_back():
        np.of_a_late_import = 3
    assert np.__dict__.pop("of_a_late_import") == 3


def test_the_mask_of_new_files_is_put_back(tmp_path):
    with put_back():
        mask()
    (tmp_path / "new").touch()
    assert (tmp_path / "new").stat().st_mode & 0o600 == 0o600


STREAMS = """
import os, sys
from asymptopia.engine.surroundings import put_back
for wreck in (lambda: os.close(1), sys.stdout.close, lambda: os.dup2(2, 1), lambda: setattr(sys, "stdout", None)):
    with put_back():
        wreck()
    print("still here", flush=True)
with put_back():
    sys.stderr.close()
print("and here", file=sys.stderr)
with put_back():
    if os.fork() == 0:
        print("a second process", flush=True)
print("the first", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
def test_streams_that_a_cell_closes_are_opened_again_and_its_forks_end():
    done = subprocess.run([sys.executable, "-c", STREAMS], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[:4] == ["still here"] * 4
    assert sorted(done.stdout.splitlines()[4:]) == ["a second process", "the first"]
    assert done.stderr == "and here\n" and done.returncode == 0


def test_an_error_that_cannot_be_told_is_a_failed_cell_all_the_same(toys, monkeypatch):
    def realize(self, n, key):
        raise type("Odd", (Exception,), {"__str__": lambda self: 1 / 0})

    monkeypatch.setattr(toys["Coin"], "realize", realize)
    (data,) = run([Entry("0", toys["Coin"](), (10,), 4)])
    assert "seeds 0-3: Odd" in data.attrs["failures"]
