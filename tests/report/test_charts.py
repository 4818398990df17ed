"""What figures show: layout, numbers, and the finite-size fit that is drawn."""

from __future__ import annotations

import re

import numpy as np
import pytest

from asymptopia.contract.batching import generator
from asymptopia.contract.law import Law, Observable
from asymptopia.contract.sweep import sweep
from asymptopia.report.charts import Chart, Curve, HeatMap, Measured, curve_figure, is_geometric, spread
from asymptopia.report.compose import charts_of
from asymptopia.report.scaling import power, scaling_chart
from asymptopia.verdict.confront import confront


def by_name(confrontation):
    return {c.name: c for c in charts_of(confrontation, "c")}


@pytest.mark.parametrize(
    ("values", "geometric"),
    [
        ((1, 2, 4, 8), True),
        ((0.5, 1, 2), True),
        ((1, 2, 3, 4), False),
        ((0, 1, 10), False),
        ((1, 2), False),
        ((1, 10), True),
        ((1e-3, 1e-2, 0.1), True),
        ((5, 6, 7.2), False),
    ],
)
def test_geometric_spacing(values, geometric):
    assert is_geometric(values) is geometric


def test_spread_keeps_both_ends():
    assert spread(4, 6) == [0, 1, 2, 3]
    assert spread(20, 6)[0] == 0 and spread(20, 6)[-1] == 19 and len(spread(20, 6)) == 6


def test_numeric_sweep_runs_along_x_with_every_size_and_the_estimate(shapes):
    chart = by_name(shapes.swept)["c-square"]
    (curve,) = chart.panels[0].curves
    judged = shapes.swept["square"]
    assert chart.xlog and chart.xlabel == r"$\mu$" and chart.residuals
    assert [m.role for m in curve.measured] == ["size"] * 4 + ["estimate"]
    np.testing.assert_array_equal(curve.line, judged.table["limit"])
    np.testing.assert_array_equal(curve.measured[-1].y, judged.table["estimate"])
    np.testing.assert_array_equal(curve.measured[1].y, judged.by_size["value"].sel(size=100))
    np.testing.assert_array_equal(curve.z, judged.table["z"])


def test_parts_and_second_fields_make_curves(shapes):
    parts, grid = by_name(shapes.parts)["c-square"], by_name(shapes.grid)["c-square"]
    assert [c.label for c in parts.panels[0].curves] == ["noise = Gauss", "noise = Coin"]
    assert [c.label for c in grid.panels[0].curves] == [rf"$\sigma$ = {s}" for s in ("0.5", "1", "1.5")]
    np.testing.assert_array_equal(grid.panels[0].curves[1].line, shapes.grid["square"].table["limit"].sel(sigma=1.0))


def test_array_observable_runs_along_its_own_axis(shapes):
    chart = by_name(shapes.array)["c-density"]
    assert chart.xlabel == "$x$" and not chart.xlog
    assert [c.label for c in chart.panels[0].curves] == ["width = 1", "width = 2"]
    np.testing.assert_array_equal(chart.panels[0].curves[1].line, np.full(10, 0.5))


def test_single_statement_runs_along_the_size_to_infinity(shapes):
    chart = by_name(shapes.single)["c-square"]
    (curve,) = chart.panels[0].curves
    assert [label for _, label in chart.xticks] == ["50", "100", "200", "400", r"$\infty$"]
    assert curve.measured[-1].x[0] > 400
    value, error, fit = (shapes.single["square"].by_size[k].values for k in ("value", "error", "fit"))
    np.testing.assert_allclose(curve.z_fit[1], (value - fit) / error)


def test_one_size_has_no_infinity_and_no_scaling(shapes):
    charts = by_name(shapes.one_size)
    assert [label for _, label in charts["c-square"].xticks] == ["200"]
    assert not any(name.endswith("-scaling") for name in charts)


def test_two_fields_make_a_heat_map(shapes):
    chart = by_name(shapes.grid)["c-square-z"]
    assert isinstance(chart, HeatMap) and chart.z.shape == (3, 4)
    np.testing.assert_array_equal(chart.z, shapes.grid["square"].table["z"].transpose("sigma", "mu"))
    assert not any(isinstance(c, HeatMap) for c in charts_of(shapes.swept))


def test_drawn_fit_passes_through_the_fitted_values_and_the_estimate(shapes):
    for name in ("square", "fluctuation"):
        judged = shapes.single[name]
        (curve,) = scaling_chart(shapes.single, judged, "s").panels[0].curves
        t, line = curve.fitted
        assert line[0] == pytest.approx(float(judged.table["estimate"]), rel=1e-9)
        drawn = np.interp(1 / judged.by_size["size"].values, t, line)
        np.testing.assert_allclose(drawn, judged.by_size["fit"], rtol=2e-3)


def test_exponents_are_drawn_as_power_laws(shapes):
    chart = by_name(shapes.array_single)["c-rate"]
    (curve,) = chart.panels[0].curves
    assert chart.xlog and chart.ylog
    slope = np.diff(np.log(curve.line)) / np.diff(np.log(curve.x))
    np.testing.assert_allclose(slope, -0.5)
    slope = np.diff(np.log(curve.fitted[1])) / np.diff(np.log(curve.fitted[0]))
    np.testing.assert_allclose(slope, float(shapes.array_single["rate"].table["estimate"]))


def test_bound_on_every_realisation_has_no_residuals(shapes):
    chart = by_name(shapes.array)["c-largest"]
    assert chart.line == "bound" and not chart.residuals


class Biased(Law):
    """A mean with a correction n**-1/2 that stands far above the noise."""

    sizes = (100, 200, 400, 800)
    seeds = 30
    bias = 0.5
    observables = {"mean": Observable("m", "mean", scale=1.0)}

    def predict(self):
        return {"mean": 1.0}

    def realize(self, n, key):
        return {"mean": 1 + 3 * n**-0.5 + 0.02 * generator(key).normal()}


class Exact(Biased):
    """No correction at all."""

    def realize(self, n, key):
        return {"mean": 1 + 0.02 * generator(key).normal()}


def test_effective_exponent_is_measured_where_the_correction_is_seen():
    captions = []
    for law in (Biased(), Exact()):
        confrontation = confront(law)
        captions.append(scaling_chart(confrontation, confrontation["mean"], "s").caption)
    points = re.search(r"b = (\S+) \\pm (\S+)\$", captions[0])
    assert abs(float(points[1]) - 0.5) <= 3 * float(points[2]) < 0.1
    assert "the distance from the limit falls" not in captions[1]


def test_long_sweeps_are_sampled_and_the_caption_says_so(laws):
    statement = sweep(laws.Mean(), mu=tuple(np.linspace(1, 2, 7)), sigma=tuple(np.linspace(0.5, 2, 9)))
    confrontation = confront(statement, sizes=(20, 40), seeds=4)
    charts = by_name(confrontation)
    assert charts["c-mean"].xlabel == r"$\sigma$" and len(charts["c-mean"].panels[0].curves) == 6
    assert "Only some values of mu are drawn" in charts["c-mean"].caption
    scaling = charts["c-mean-scaling"]
    assert len(scaling.panels) == 3 and "3 of 63 points" in scaling.caption
    z = np.abs(confrontation["mean"].table["z"].values)
    i, j = np.unravel_index(z.argmax(), z.shape)
    worst = rf"$\mu$ = {np.linspace(1, 2, 7)[i]:.4g}, $\sigma$ = {np.linspace(0.5, 2, 9)[j]:.4g}"
    assert worst in [p.title for p in scaling.panels]


def test_curve_figure_for_learning_curves():
    n = np.array([50.0, 100, 200, 400])
    curve = Curve("ridge", n, 1 / n, None, (Measured("measured", n, 1 / n, 0.1 / n),), n, np.zeros(4), np.full(4, 3.0))
    chart = curve_figure([curve], name="learning", xlabel="samples", ylabel="error")
    assert isinstance(chart, Chart) and chart.xlog and chart.residuals and chart.line == "theory"


@pytest.mark.parametrize(("bias", "written"), [(1.0, "1"), (2 / 3, "2/3"), (0.5, "1/2"), (0.31, "0.31")])
def test_an_exponent_is_written_as_a_fraction_where_it_is_one(bias, written):
    assert power(bias) == written
