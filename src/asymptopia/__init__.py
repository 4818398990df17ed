"""State a learning problem once; compute its limit, run it at finite size, and confront the two."""

import importlib
from typing import TYPE_CHECKING, Any

from . import _environment  # noqa: F401  (before anything imports JAX)

if TYPE_CHECKING:
    from . import laws as laws
    from . import parts as parts
    from .confront import Confrontation as Confrontation
    from .confront import confront as confront
    from .contract.batching import generator as generator
    from .contract.batching import whole as whole
    from .contract.calculus import derivative as derivative
    from .contract.calculus import minimise as minimise
    from .contract.law import Landmark as Landmark
    from .contract.law import Law as Law
    from .contract.law import NoLimit as NoLimit
    from .contract.law import Observable as Observable
    from .contract.phases import phase_diagram as phase_diagram
    from .contract.phases import thresholds as thresholds
    from .contract.record import Record as Record
    from .contract.record import StatementError as StatementError
    from .contract.record import field as field
    from .contract.statement import load_file as load_file
    from .contract.statement import parse as parse
    from .contract.sweep import Sweep as Sweep
    from .contract.sweep import sweep as sweep
    from .forecast import Forecast as Forecast
    from .forecast import forecast as forecast

__version__ = "0.1.0"

_WHERE = {
    "Confrontation": "confront",
    "confront": "confront",
    "generator": "contract.batching",
    "whole": "contract.batching",
    "derivative": "contract.calculus",
    "minimise": "contract.calculus",
    "Landmark": "contract.law",
    "Law": "contract.law",
    "NoLimit": "contract.law",
    "Observable": "contract.law",
    "phase_diagram": "contract.phases",
    "thresholds": "contract.phases",
    "Record": "contract.record",
    "StatementError": "contract.record",
    "field": "contract.record",
    "load_file": "contract.statement",
    "parse": "contract.statement",
    "Sweep": "contract.sweep",
    "sweep": "contract.sweep",
    "Forecast": "forecast",
    "forecast": "forecast",
}

__all__ = ["laws", "parts", *_WHERE]
