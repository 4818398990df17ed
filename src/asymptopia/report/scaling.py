"""Finite-size scaling: how an observable approaches infinite size."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from .charts import Chart, Curve, Measured, Panel, spread
from .grid import axis_label, title_of, where
from .typeset import literal

if TYPE_CHECKING:
    import xarray as xr

    from ..verdict.confront import Confrontation
    from ..verdict.judgement import Judgement

SHOWN = 3  # components of an observable, one panel each


def scaling_chart(confrontation: Confrontation, judgement: Judgement, name: str) -> Chart | None:
    """The observable against n**-bias with the fit, or, for an exponent, against n on two logarithmic axes."""
    law = confrontation.statement.law
    observable = law.observables[judgement.observable]
    sizes = judgement.by_size["size"].values.astype(float)
    fits = judgement.by_size["fit"].values
    if len(sizes) < 2 or not np.isfinite(fits).any():
        return None
    bias = law.bias if observable.bias is None else observable.bias
    if not np.isfinite(bias):
        return None
    cells = _some_components(judgement)
    draw = _power_law if observable.exponent_of else _extrapolation
    panels = tuple(
        Panel(
            (draw(judgement.table.isel(at), judgement.by_size.isel(at), sizes, bias, bool(observable.fluctuation_of)),),
            where(judgement.table, at),
        )
        for at in cells
    )
    count = judgement.table["z"].size
    some = (
        f" {len(cells)} of {count} points are shown, among them the one farthest from the limit."
        if len(cells) < count
        else ""
    )
    title = f"{title_of(observable, judgement.observable)}, finite-size scaling"
    if observable.exponent_of:
        base = law.observables[observable.exponent_of]
        caption = "Growth with size: the fitted power law (dashed) and one with the predicted exponent (line)."
        return Chart(
            name,
            title,
            f"{literal(law.size)} $n$",
            axis_label(base, observable.exponent_of),
            panels,
            caption + some,
            True,
            True,
            line="predicted exponent",
            fit="fitted power law",
        )
    caption = f"Against $n^{{-{power(bias)}}}$: the fit (dashed) meets the axis at the estimate of infinite size.{some}"
    measured = _effective_exponent(judgement, sizes)
    if measured:
        b, error = measured
        caption += " Where it can be seen, the distance from the limit falls as $n^{-b}$ with "
        caption += f"$b = {b:.2f} \\pm {error:.2f}$"
        caption += f"; the fit takes $b = {power(bias)}$."
    return Chart(
        name,
        title,
        f"$n^{{-{power(bias)}}}$",
        axis_label(observable, judgement.observable),
        panels,
        caption,
        line="limit",
    )


def power(bias: float) -> str:
    """An exponent for a label, as a simple fraction if it is one: 2/3."""
    fraction = Fraction(bias).limit_denominator(6)
    return str(fraction) if abs(fraction - bias) < 1e-12 else f"{bias:g}"


def _extrapolation(table: xr.Dataset, by_size: xr.Dataset, sizes: np.ndarray, bias: float, logarithmic: bool) -> Curve:
    """Values against t = n**-bias; the fit is a polynomial in t, for a fluctuation that of the logarithm."""
    t = sizes**-bias
    value, error, fit = (by_size[k].values for k in ("value", "error", "fit"))
    estimate, limit = float(table["estimate"]), float(table["limit"])
    nodes, heights = np.append(0.0, t), np.append(estimate, fit)
    fine = np.linspace(0, t.max() * 1.05, 60)
    fitted = None
    if np.isfinite(heights).all() and (not logarithmic or (heights > 0).all()):
        y = np.log(heights) if logarithmic else heights
        curve = np.polynomial.Polynomial.fit(nodes, y, min(2, len(sizes)))(fine)
        fitted = fine, np.exp(curve) if logarithmic else curve
    measured = (
        Measured("experiment", t, value, error, "size", 1.0),
        Measured("extrapolated", np.zeros(1), np.array([estimate]), np.atleast_1d(float(table["error"]))),
    )
    return Curve("", np.array([0.0, fine[-1]]), np.full(2, limit), None, measured, fitted=fitted)


def _power_law(table: xr.Dataset, by_size: xr.Dataset, sizes: np.ndarray, bias: float, logarithmic: bool) -> Curve:
    value, error, fit = (by_size[k].values for k in ("value", "error", "fit"))
    middle = np.exp(np.log(sizes).mean())
    with np.errstate(invalid="ignore", divide="ignore"):
        predicted = np.exp(np.nanmean(np.log(np.abs(value)))) * (sizes / middle) ** float(table["limit"])
    return Curve(
        "",
        sizes,
        predicted,
        None,
        (Measured("experiment", sizes, np.abs(value), error, "size", 1.0),),
        fitted=(sizes, fit),
    )


def _effective_exponent(judgement: Judgement, sizes: np.ndarray) -> tuple[float, float] | None:
    """The exponent b of |mean - limit| ~ n**-b with its error, from components 4 standard errors off at every size."""
    if len(sizes) < 3:
        return None
    limit = judgement.table["limit"].values.reshape(-1, 1)
    value, error = (
        judgement.by_size[k].transpose(..., "size").values.reshape(-1, len(sizes)) for k in ("value", "error")
    )
    distance = np.abs(value - limit)
    seen = (np.isfinite(distance) & (distance > 4 * error) & (error > 0)).all(axis=1)
    if not seen.any():
        return None
    logs, weight = np.log(distance[seen]), (distance[seen] / error[seen]) ** 2
    x = np.log(sizes) - (weight * np.log(sizes)).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    information = (weight * x**2).sum()
    return float(-(weight * x * logs).sum() / information), float(information**-0.5)


def _some_components(judgement: Judgement) -> list[dict[str, int]]:
    """The indices of at most SHOWN components, evenly, with the one of the largest |z|."""
    table = judgement.table["z"]
    flat = np.abs(table.values).reshape(-1)
    chosen = set(spread(flat.size, SHOWN))
    if np.isfinite(flat).any() and (worst := int(np.nanargmax(flat))) not in chosen:
        chosen = set(sorted(chosen, key=lambda i: abs(i - worst))[1:]) | {worst}
    return [
        {str(d): int(i) for d, i in zip(table.dims, np.unravel_index(k, table.shape), strict=True)}
        for k in sorted(chosen)
    ]
