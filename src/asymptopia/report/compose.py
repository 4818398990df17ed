"""The charts of a confrontation: limit against experiment, finite-size scaling, and z over two swept fields."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .charts import Chart, Curve, HeatMap, Measured, Panel, is_geometric, spread
from .grid import MOST, Grid, axis_label, coordinate, is_number, slug, title_of, where
from .scaling import scaling_chart
from .thin import MOST_MARKS, thinned
from .typeset import literal, name_label

if TYPE_CHECKING:
    import xarray as xr

    from ..contract.law import Observable
    from ..verdict.confront import Confrontation
    from ..verdict.judgement import Judgement


FEW = 12  # points of a limit that are not joined by a line, as it would be a polygon


def charts_of(confrontation: Confrontation, prefix: str = "", fine: xr.Dataset | None = None) -> list[Chart | HeatMap]:
    """Every chart of a confrontation, observable by observable; `prefix` starts the name of each.

    fine: the limit on a finer grid, for the lines (see `lines.fine_limit`).
    """
    prefix = prefix or slug(type(confrontation.statement.law).__name__)
    found: list[Chart | HeatMap] = []
    for judgement in confrontation.judgements:
        observable = confrontation.statement.law.observables[judgement.observable]
        name = f"{prefix}-{slug(judgement.observable)}"
        main = main_chart(confrontation, judgement, name, fine)
        found.append(main)
        axes = [a for a, v in confrontation.statement.axes.items() if len(v) > 1]
        if len(axes) == 2 and not any(judgement.table.sizes[d] > 1 for d in observable.dims):
            found.append(heat_map(judgement, axes, f"{name}-z", title_of(observable, judgement.observable)))
        scaling = scaling_chart(confrontation, judgement, f"{name}-scaling")
        growth = observable.exponent_of and not main.residuals  # the growth with size is the main chart already
        found += [scaling] if scaling and not growth else []
    return [thinned(chart, MOST_MARKS // len(found)) for chart in found]


def main_chart(confrontation: Confrontation, judgement: Judgement, name: str, fine: xr.Dataset | None = None) -> Chart:
    """Limit as a line, the sizes and the extrapolated estimate as points, and z beneath."""
    statement = confrontation.statement
    observable = statement.law.observables[judgement.observable]
    grid = Grid.of(judgement.table, tuple(statement.axes))
    if grid.x is None and observable.exponent_of and (power := scaling_chart(confrontation, judgement, name)):
        return power
    finer = fine is not None and grid.x is not None and fine.sizes[grid.x] > judgement.table.sizes[grid.x]
    panels, sampled = _panels(judgement, observable, grid, fine if finer else None)
    bound = "bound" if observable.bound else "limit"
    labels = dict(
        xlabel=f"{literal(statement.law.size)} $n$", xlog=True, xticks=_size_ticks(judgement.by_size["size"].values)
    )
    if grid.x is not None:
        positions, ticks = coordinate(judgement.table, grid.x)
        labels = dict(
            xlabel=name_label(grid.x), xlog=is_number(judgement.table, grid.x) and is_geometric(positions), xticks=ticks
        )
    return Chart(
        name,
        title_of(observable, judgement.observable),
        ylabel=axis_label(observable, judgement.observable),
        panels=panels,
        line=bound,
        caption=_caption(observable, grid, sampled, bound),
        **labels,  # type: ignore[arg-type]
    )


def heat_map(judgement: Judgement, axes: list[str], name: str, title: str) -> HeatMap:
    """z over the two swept fields, the longer or numeric one along x."""
    x, y = sorted(axes, key=lambda a: (is_number(judgement.table, a), judgement.table.sizes[a]), reverse=True)
    table = judgement.table.squeeze()
    z = table["z"].transpose(y, x).values
    critical = table["critical"].values
    finite = critical[np.isfinite(critical)]
    return HeatMap(
        name,
        title,
        name_label(x),
        name_label(y),
        table[x].values,
        table[y].values,
        z,
        float(finite.max()) if finite.size else float("nan"),
        caption="Distance between extrapolated experiment and limit, in standard errors; outlined cells refute it, "
        "crosses gave no number.",
    )


def _panels(
    judgement: Judgement, observable: Observable, grid: Grid, fine: xr.Dataset | None
) -> tuple[tuple[Panel, ...], list[str]]:
    """The panels of a main chart, and the dimensions of which only some values are shown."""
    table = judgement.table
    product = list(itertools.product(*(range(table.sizes[d]) for d in grid.panels)))
    chosen = [product[i] for i in spread(len(product), MOST)]
    members = spread(table.sizes[grid.family], MOST) if grid.family else [None]
    squeeze = {d: 0 for d in table["z"].dims if table.sizes[d] == 1}
    panels = []
    for outer in chosen:
        at = squeeze | dict(zip(grid.panels, outer, strict=True))
        curves = []
        for member in members:
            here = at | ({grid.family: member} if grid.family else {})
            label = where(table, {grid.family: member}) if grid.family else ""
            draw = _curve_along_size if grid.x is None else _curve_along_field
            curve = draw(table.isel(here), judgement.by_size.isel(here), observable, label, grid)
            few = grid.x in grid.swept and is_number(table, grid.x) and len(curve.x) <= FEW
            coarse = replace(curve, marks=True) if few else curve
            curves.append(coarse if fine is None else _finer(curve, fine.isel(here), judgement.observable, str(grid.x)))
        panels.append(Panel(tuple(curves), where(table, dict(zip(grid.panels, outer, strict=True)))))
    sampled = [grid.family] if grid.family and len(members) < table.sizes[grid.family] else []
    return tuple(panels), sampled + (list(grid.panels) if len(chosen) < len(product) else [])


def _curve_along_field(table: xr.Dataset, by_size: xr.Dataset, observable: Observable, label: str, grid: Grid) -> Curve:
    """Limit and estimates along a swept field or the observable's own axis, and every size if it is the only curve."""
    x, _ = coordinate(table, str(grid.x))
    sizes = by_size["size"].values
    keep = () if observable.exponent_of else range(len(sizes)) if not grid.family else (len(sizes) - 1,)
    measured = [
        Measured(
            f"$n = {sizes[i]}$",
            x,
            by_size["value"].isel(size=i).values,
            by_size["error"].isel(size=i).values,
            "size",
            _shade(i, len(sizes)),
        )
        for i in keep
    ]
    last = [Measured(_estimate_label(observable, sizes), x, table["estimate"].values, table["error"].values)]
    if len(sizes) == 1 and not (observable.exponent_of or observable.fluctuation_of):
        measured = []
    z = _judged(observable, x, table["z"].values, table["critical"].values)
    return Curve(label, x, table["limit"].values, _error(table), (*measured, *last), *z)


def _finer(curve: Curve, fine: xr.Dataset, name: str, x: str) -> Curve:
    """The same curve with its line, and the line's error, on a finer grid."""
    error = fine[f"{name}_error"].values if f"{name}_error" in fine else None
    line_error = error if error is not None and np.any(error > 0) else None
    return replace(curve, x=fine[x].values.astype(float), line=fine[name].values, line_error=line_error)


def _curve_along_size(table: xr.Dataset, by_size: xr.Dataset, observable: Observable, label: str, grid: Grid) -> Curve:
    """One statement: values at the sizes, the estimate at an infinity to their right, and the limit as a level."""
    sizes = by_size["size"].values.astype(float)
    end = _infinity(sizes)
    level = np.array([sizes[0] / 1.15, end * 1.15])
    one = [np.atleast_1d(float(table[k])) for k in ("estimate", "error", "z", "critical")]
    judged = Measured(_estimate_label(observable, sizes), np.array([end]), one[0], one[1])
    value, error, fit = (by_size[k].values for k in ("value", "error", "fit"))
    sign = np.isfinite(fit).all()
    with np.errstate(invalid="ignore", divide="ignore"):
        z_fit = (value - (fit if sign else table["limit"].values)) / error
    several = len(sizes) > 1
    measured = (*((Measured("experiment", sizes, value, error, "size", 1.0),) if several else ()), judged)
    limit_error = _error(table)
    band = None if limit_error is None else np.full(2, float(limit_error))
    z = _judged(observable, np.array([end]), one[2], one[3])
    return Curve(
        label,
        level,
        np.full(2, float(table["limit"])),
        band,
        measured,
        *z,
        fitted=(sizes, fit) if sign and several else None,
        z_fit=(sizes, z_fit) if several and observable.bound != "every" else None,
    )


def _judged(
    observable: Observable, x: np.ndarray, z: np.ndarray, critical: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, z and critical |z|; nothing for a bound on every realisation, which has no standard error."""
    return (np.empty(0), np.empty(0), np.empty(0)) if observable.bound == "every" else (x, z, critical)


def _infinity(sizes: np.ndarray) -> float:
    if len(sizes) == 1:
        return float(sizes[0])
    step = sizes[-1] / sizes[-2]
    return float(sizes[-1] * max(step, 1.4))


def _size_ticks(sizes: np.ndarray) -> tuple[tuple[float, str], ...]:
    s = sizes.astype(float)
    marks = tuple((float(s[i]), f"{sizes[i]:g}") for i in spread(len(s), 4))
    return (*marks, (_infinity(s), r"$\infty$")) if len(s) > 1 else marks


def _shade(i: int, count: int) -> float:
    return i / (count - 1) if count > 1 else 1.0


def _error(table: xr.Dataset) -> np.ndarray | None:
    error = table["limit_error"].values
    return error if np.any(error > 0) else None


def _estimate_label(observable: Observable, sizes: np.ndarray) -> str:
    if observable.bound:
        return "largest value" if observable.bound == "every" else "closest to the bound"
    return r"$n \to \infty$" if len(sizes) > 1 else f"$n = {sizes[0]:g}$"


def _caption(observable: Observable, grid: Grid, sampled: list[str], line: str) -> str:
    what = observable.doc[:1].upper() + observable.doc[1:].rstrip(".")
    text = f"{what}: {line} (line) and experiment with standard errors."
    if grid.family and not observable.exponent_of:
        text += " Filled markers are judged; hollow ones are the largest size."
    if observable.bound == "every":
        text += " No realisation may exceed it."
    elif grid.x is None:
        text += " Beneath, in standard errors: the distance from the finite-size fit, and at infinity from the limit."
    else:
        text += f" Beneath: distance of the estimate from the {line} in standard errors; the band does not refute."
    if sampled:
        text += f" Only some values of {' and '.join(literal(d) for d in sampled)} are drawn; the table has all."
    return text
