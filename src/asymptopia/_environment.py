"""Settings that must be in place before JAX is imported: double precision and a compilation cache on disk."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path


def _processor() -> str:
    """The processor's model and features: compiled programs of another one may be refused or crash."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))
    except OSError:
        return platform.processor()


def cache_folder() -> Path:
    """Where compiled programs are kept between runs."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "asymptopia" / f"jax-{hashlib.sha256(_processor().encode()).hexdigest()[:12]}"


_SETTINGS = {
    "JAX_ENABLE_X64": "1",
    "JAX_COMPILATION_CACHE_DIR": str(cache_folder()),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    "EQX_ON_ERROR": "nan",  # else JAX keeps no program that diffrax made; results are checked where they are used
}

for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)

if "jax" in sys.modules:
    _config = sys.modules["jax"].config
    _config.update("jax_enable_x64", os.environ["JAX_ENABLE_X64"].lower() in ("1", "true"))
