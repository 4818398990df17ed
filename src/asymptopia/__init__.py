"""State a learning problem once; compute its limit, run it at finite size, and confront the two."""

from . import _environment  # noqa: F401  (before anything imports JAX)
from .calculus import derivative, minimise
from .law import Landmark, Law, NoLimit, Observable
from .phases import phase_diagram, thresholds
from .record import Record, StatementError, field
from .statement import load_file, parse
from .sweep import Sweep, sweep
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
