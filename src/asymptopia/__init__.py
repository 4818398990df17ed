"""State a learning problem once; compute its limit, run it at finite size, and confront the two."""

from . import _environment  # noqa: F401  (before anything imports JAX)
from .contract.calculus import derivative, minimise
from .contract.law import Landmark, Law, NoLimit, Observable
from .contract.phases import phase_diagram, thresholds
from .contract.record import Record, StatementError, field
from .contract.statement import load_file, parse
from .contract.sweep import Sweep, sweep
from .verdict.confront import Confrontation, confront

__version__ = "0.2.0"

__all__ = [
    "Confrontation",
    "Landmark",
    "Law",
    "NoLimit",
    "Observable",
    "Record",
    "StatementError",
    "Sweep",
    "confront",
    "derivative",
    "field",
    "load_file",
    "minimise",
    "parse",
    "phase_diagram",
    "sweep",
    "thresholds",
]
