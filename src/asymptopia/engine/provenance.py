"""The provenance of results: versions, device, commit, command; nothing that identifies the host or its user."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "scikit-learn", "xarray", "h5netcdf", "distributed")


def provenance(workers: str = "") -> dict[str, Any]:
    """The provenance of a run that starts now.

    workers: what the cells run on, in words. Returns what the report and the results store: versions, machine, time,
    command.
    """
    program = Path(sys.argv[0])
    name = "asymptopia" if program.name == "__main__.py" else program.name
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": shlex.join([name, *sys.argv[1:]]),
        "versions": versions(),
        "commit": commit(),
        "device": device(),
        "system": f"{platform.system()} {platform.machine()}",
        "workers": workers,
    }


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that numbers depend on."""
    from .. import __version__

    installed = {"python": platform.python_version(), "asymptopia": __version__}
    for name in _PACKAGES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def commit() -> str | None:
    """The commit of the library, if it runs from a repository of its own; `+` if files were changed since."""
    here = Path(__file__).resolve()
    try:
        ours = _git(here.parent, "ls-files", "--error-unmatch", here.name)
        if not ours:
            return None
        changed = _git(here.parents[1], "status", "--porcelain", "--", ".")
        return (_git(here.parent, "rev-parse", "HEAD") or "") + ("+" if changed else "") or None
    except OSError:
        return None


def device() -> str:
    """What JAX computes on if it is loaded in this process, else the processor."""
    jax = sys.modules.get("jax")
    kinds = {d.device_kind for d in jax.devices()} if jax else {"cpu"}
    return ", ".join(sorted(processor() if kind == "cpu" else kind for kind in kinds))


def processor() -> str:
    """The model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str | None:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    return done.stdout.strip() if done.returncode == 0 else None
