"""The methods by which objects show themselves: a figure, HTML in a notebook, a page."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DRAWING = f"{__name__.split('.')[0]}.report.display"
"""Who draws stands above who is drawn, and is loaded, by name, when somebody looks."""


def drawing(function: str) -> Any:
    """The drawing function with this name from the report, which is imported only here."""
    return getattr(importlib.import_module(_DRAWING), function)


class Shown:
    """An object with a figure: `plot()`, and an HTML representation in notebooks."""

    def plot(self, observable: str | None = None) -> list[Axes]:
        """Draw the limit, and the measurements if there are any, against the swept field or the size.

        observable: its name; by default the first. Returns the matplotlib axes, those of the residuals last. Raises
        `StatementError` if there is no such observable, or nothing to draw.
        """
        return drawing("plot")(self, observable)

    def _repr_html_(self) -> str:
        return drawing("html_of")(self)
