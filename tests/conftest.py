"""Tests run side by side on small machines: linear algebra on one thread, quick compilation, workers that stay small.

Most of the time of the tests goes into compiling programs that run for milliseconds. They are compiled by the older of
XLA's two generators of loops, in one piece each and with few optimisations, or next to none: that takes half of the
time, or a quarter.
The few optimisations leave programs as fast as they are for a user; without them loops take four to six times as long,
so that tests marked `runs_long`, whose programs run for seconds, keep them. The processes that tests start inherit all
this. With `JAX_DISABLE_MOST_OPTIMIZATIONS=0` everything is compiled as it is for a user.

A worker that has become large forgets its compiled programs, mostly between files, which share few, and hands back what
the allocator keeps of memory that compilers have freed. All programs are on the disk, where the other worker, the
processes that tests start and the next run find them: a second run takes two thirds of the time of the first.
"""

import contextlib
import ctypes
import functools
import gc
import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from asymptopia._environment import cache_folder

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
FEW = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1 --xla_backend_optimization_level=1"
if os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1") == "1":
    os.environ["XLA_FLAGS"] = f"{FEW} {os.environ.get('XLA_FLAGS', '')}".strip()  # of two that differ, the last counts
PROGRAMS = Path(f"{cache_folder()}-of-tests")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(PROGRAMS))
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
threadpool_limits(1)  # a plugin may have loaded NumPy already, which read these variables then

gc.set_threshold(50_000, 20, 50)  # tracing makes many objects that live: to look through them often costs a tenth

FIRST = (
    "notebooks",
    "scan",
    "second_order",
    "interruption",
    "sharpness",
    "majorization_minimization",
    "seen",
    "kfac_model",
)
"""Files of few tests that take long: begun last, one of them would keep one worker busy when the others are done."""

ON_DISK = 500  # MB of programs from which on the next run begins anew
LARGE, FULL = 1100, 1200  # MB of a worker beyond which it forgets its programs: between files, and within one
ROOM = 100  # MB that it may grow before that is tried again
_limit = 0


def resident():
    """The memory of this process in MB; 0 where the system does not tell."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if pages.exists() else 0


def hand_back():
    """Let the allocator return its free memory to the system."""
    getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)(0)


def forget():
    """Drop compiled programs, and what is left of their making."""
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()
    gc.freeze()
    hand_back()


@functools.cache
def drawing():
    """The style of drawings, and how a user's PDF has its fonts. To embed them takes most of the time of a drawing: in
    tests letters are shapes (3), but where they are marked `users_fonts`."""
    from asymptopia.report import marks

    return marks.STYLE, marks.STYLE["pdf.fonttype"]


def pytest_configure(config):
    config.option.loadscopereorder = False  # workers are given files as they are sorted below
    if hasattr(config, "workerinput") or not PROGRAMS.is_dir():
        return
    with contextlib.suppress(FileNotFoundError):  # other tests may tidy at the same time
        if sum(entry.stat().st_size for entry in os.scandir(PROGRAMS)) > ON_DISK * 2**20:
            shutil.rmtree(PROGRAMS.rename(f"{PROGRAMS}-{os.getpid()}"))


def pytest_collection_modifyitems(items):
    """Files that take long come first, then those of many tests, so that workers end together."""
    tests = Counter(item.path for item in items)
    first = [f"test_{name}" for name in FIRST]
    items.sort(key=lambda item: (item.path.stem not in first, -tests[item.path]))


def pytest_collection_finish():
    """What all files import stays: three quarters of a million objects that no later search for garbage visits."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if "jax" in sys.modules and os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1":
        sys.modules["jax"].config.update("jax_disable_most_optimizations", not item.get_closest_marker("runs_long"))
    style, users_fonts = drawing()
    style["pdf.fonttype"] = users_fonts if item.get_closest_marker("users_fonts") else 3


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    global _limit
    most = max(_limit, FULL if nextitem is not None and nextitem.path == item.path else LARGE)
    if resident() > most:
        hand_back()
        if resident() > most:
            forget()
            _limit = resident() + ROOM


def pytest_make_parametrize_id(config, val):
    """Tests are named by what they are given, without addresses in memory, which differ from process to process."""
    text = val if isinstance(val, str) else getattr(val, "__name__", None) or repr(val)
    return re.sub(r"<(?:function )?(\S+)(?: object)? at 0x[0-9a-f]+>", r"\1", text)
