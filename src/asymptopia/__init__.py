"""State a learning problem once; compute its limit, run it at finite size, and confront the two."""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import _environment  # noqa: F401  (before anything imports JAX)

if TYPE_CHECKING:
    from . import laws as laws
    from . import parts as parts
    from .contract.batching import generator as generator
    from .contract.batching import whole as whole
    from .contract.calculus import derivative as derivative
    from .contract.calculus import minimise as minimise
    from .contract.law import Defaults as Defaults
    from .contract.law import Landmark as Landmark
    from .contract.law import Law as Law
    from .contract.law import Observable as Observable
    from .contract.law import References as References
    from .contract.phases import phase_diagram as phase_diagram
    from .contract.phases import thresholds as thresholds
    from .contract.record import NoLimit as NoLimit
    from .contract.record import Record as Record
    from .contract.record import StatementError as StatementError
    from .contract.record import field as field
    from .contract.statement import load_file as load_file
    from .contract.statement import parse as parse
    from .contract.sweep import Sweep as Sweep
    from .contract.sweep import sweep as sweep
    from .derive import derive as derive
    from .extrapolate import compare as compare
    from .extrapolate import continue_runs as continue_runs
    from .extrapolate import extrapolate as extrapolate
    from .forecast import Forecast as Forecast
    from .forecast import forecast as forecast
    from .verdict.confront import Confrontation as Confrontation
    from .verdict.confront import confront as confront
    from .verdict.runs import judge as judge

__version__ = "0.2.0"

_EXPORTS = {
    "verdict.confront": ("Confrontation", "confront"),
    "verdict.runs": ("judge",),
    "contract.batching": ("generator", "whole"),
    "contract.calculus": ("derivative", "minimise"),
    "contract.law": ("Defaults", "Landmark", "Law", "Observable", "References"),
    "contract.phases": ("phase_diagram", "thresholds"),
    "contract.record": ("NoLimit", "Record", "StatementError", "field"),
    "contract.statement": ("load_file", "parse"),
    "contract.sweep": ("Sweep", "sweep"),
    "derive": ("derive",),
    "extrapolate": ("compare", "continue_runs", "extrapolate"),
    "forecast": ("Forecast", "forecast"),
}
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = ["laws", "parts", *_HOME]


class _Door(ModuleType):
    """The package: names are loaded when asked for, and a function is not hidden by the room of the same name."""

    def __getattr__(self, name: str) -> Any:
        if name in ("laws", "parts"):
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in _HOME):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return [*__all__, "__version__"]


sys.modules[__name__].__class__ = _Door
