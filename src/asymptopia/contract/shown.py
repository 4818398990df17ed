"""Objects that show themselves: as a figure, as HTML in a notebook, as a page."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DRAWING = f"{__name__.split('.')[0]}.report.display"
"""Who draws stands above who is drawn, and is loaded, by name, when somebody looks."""


def drawing(function: str) -> Any:
    """A function of the report that draws an object."""
    return getattr(importlib.import_module(_DRAWING), function)


class Shown:
    """What can be looked at: `plot` and the representation that notebooks show."""

    def plot(self, observable: str | None = None) -> list[Axes]:
        """Draw a limit, or what was measured against it; returns the matplotlib axes, those of residuals beneath.

        observable: its name; by default the first.

        Raises `StatementError` if there is no such observable, or nothing to draw.
        """
        return drawing("plot")(self, observable)

    def _repr_html_(self) -> str:
        return drawing("html_of")(self)
