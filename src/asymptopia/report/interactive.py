"""Charts as plain data for the page's script, which draws them for the screen at hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from .charts import Chart, Curve, HeatMap, Measured
from .heatmap import tick
from .typeset import to_hover, to_plain


def data_of(chart: Chart | HeatMap) -> dict[str, Any]:
    """A chart as JSON-ready data: labels in plotly's small HTML, arrays as lists, None for what is no number."""
    if isinstance(chart, HeatMap):
        return {
            "kind": "map",
            "name": chart.name,
            "title": to_plain(chart.title),
            "xlabel": to_hover(chart.xlabel),
            "ylabel": to_hover(chart.ylabel),
            "x": [_shown(v) for v in chart.x],
            "y": [_shown(v) for v in chart.y],
            "z": [numbers(row) for row in chart.z],
            "critical": _finite(chart.critical),
        }
    return {
        "kind": "curves",
        "name": chart.name,
        "title": to_plain(chart.title),
        "xlabel": to_hover(chart.xlabel),
        "ylabel": to_hover(chart.ylabel),
        "xlog": chart.xlog,
        "ylog": chart.ylog,
        "line": chart.line,
        "fit": chart.fit,
        "zlabel": to_hover(chart.z_label),
        "residuals": chart.residuals,
        "xticks": None if chart.xticks is None else [[x, to_hover(label)] for x, label in chart.xticks],
        "panels": [{"title": to_hover(p.title), "curves": [_curve(c) for c in p.curves]} for p in chart.panels],
    }


def numbers(values: Any) -> list[float | None]:
    """Numbers to nine digits; None where there is none, and a huge number for an infinite one."""
    return [_finite(v) for v in np.asarray(values, float).ravel()]


def _finite(value: float) -> float | None:
    if np.isinf(value):
        return 1e300 if value > 0 else -1e300
    return None if np.isnan(value) else float(f"{value:.9g}")


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "label": to_hover(curve.label),
        "marks": curve.marks,
        "x": numbers(curve.x),
        "line": numbers(curve.line),
        "lineError": None if curve.line_error is None else numbers(curve.line_error),
        "measured": [_measured(m) for m in curve.measured],
        "zx": numbers(curve.z_x),
        "z": numbers(curve.z),
        "critical": numbers(curve.critical),
        "fitted": None if curve.fitted is None else [numbers(v) for v in curve.fitted],
        "zfit": None if curve.z_fit is None else [numbers(v) for v in curve.z_fit],
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "label": to_hover(measured.label),
        "x": numbers(measured.x),
        "y": numbers(measured.y),
        "error": None if measured.error is None else numbers(measured.error),
        "role": measured.role,
        "shade": measured.shade,
    }


def _shown(value: Any) -> str:
    return to_hover(tick(value))
