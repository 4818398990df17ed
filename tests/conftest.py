"""Tests run side by side on small machines: linear algebra on one thread, and workers that stay small.

The allocator of Linux keeps what compilers have freed, several times what their programs need: a worker that has become
large hands it back and, if that does not suffice, forgets its compiled programs. Those that took long to compile are on
the disk, where all workers find them.
"""

import ctypes
import gc
import os
import re
import sys
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
threadpool_limits(1)  # a plugin may have loaded NumPy already, which read these variables then

gc.set_threshold(50_000, 20, 50)  # tracing makes many objects that live: to look through them often costs a tenth

LARGE = 900  # MB of a worker beyond which memory is handed back
ROOM = 150  # MB that it may grow before that is tried again
_limit = LARGE


def resident():
    """The memory of this process in MB; 0 where the system does not tell."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if pages.exists() else 0


def hand_back():
    """Let the allocator return its free memory to the system."""
    gc.collect()
    getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)(0)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    global _limit
    if resident() > _limit:
        hand_back()
        if resident() > LARGE and "jax" in sys.modules:
            sys.modules["jax"].clear_caches()
            hand_back()
        _limit = max(LARGE, resident() + ROOM)


def pytest_make_parametrize_id(config, val):
    """Tests are named by what they are given, without addresses in memory, which differ from process to process."""
    text = val if isinstance(val, str) else getattr(val, "__name__", None) or repr(val)
    return re.sub(r"<(?:function )?(\S+)(?: object)? at 0x[0-9a-f]+>", r"\1", text)
