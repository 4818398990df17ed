"""Endless charts are thinned, and what refutes stays."""

import numpy as np

from asymptopia.report.charts import Chart, Curve, HeatMap, Measured, Panel
from asymptopia.report.figures import svg_of
from asymptopia.report.thin import MOST_CELLS, MOST_POINTS, thinned, worst

N = 10_000


def chart(n):
    x = np.linspace(0, 1, n)
    z = np.full(n, 0.1)
    z[n // 3] = -9.0
    measured = Measured("n", x, x + z / 100, np.full(n, 0.01))
    line = np.where(np.arange(n) == n // 2, 50.0, x)
    panel = Panel((Curve("", x, line, None, (measured,), x, z, np.full(n, 4.0)),))
    return Chart("c", "title", "x", "y", (panel,), "Words.")


def test_few_points_are_left_alone():
    few = chart(MOST_POINTS)
    assert thinned(few) is few


def test_the_worst_point_and_the_ends_of_a_line_stay():
    (curve,) = thinned(chart(N)).panels[0].curves
    assert len(curve.z) == len(curve.measured[0].x) == MOST_POINTS and curve.z.min() == -9.0
    assert len(curve.line) <= MOST_POINTS + 2 and curve.line.max() == 50.0
    assert (curve.x[0], curve.x[-1]) == (0.0, 1.0)
    at = int(np.argmin(curve.z))
    assert curve.z_x[at] == curve.measured[0].x[at] == np.linspace(0, 1, N)[N // 3]
    assert "the table has all" in thinned(chart(N)).caption


def test_curves_of_one_chart_share_its_marks():
    curve = chart(200).panels[0].curves[0]
    many = Chart("c", "title", "x", "y", (Panel((curve,) * 6),), "Words.")
    assert thinned(many) is many
    few = thinned(many, marks=600).panels[0].curves
    assert len(few) == 6 and {len(c.measured[0].x) for c in few} == {100} and {c.z.min() for c in few} == {-9.0}
    assert {len(c.measured[0].x) for c in thinned(many, marks=6).panels[0].curves} == {20}


def test_an_endless_grid_is_a_small_drawing():
    z = np.random.default_rng(0).normal(size=(200, 200))
    svg = svg_of(thinned(HeatMap("m", "t", "x", "y", np.arange(200), np.arange(200), z, 9.0)))
    assert len(svg) < 200_000 and "data:image/png;base64," in svg


def test_an_endless_sweep_is_a_small_drawing():
    assert len(svg_of(thinned(chart(N)))) < 1_000_000


def test_a_map_keeps_the_worst_cell_of_each_block():
    z = np.zeros((300, 200))
    z[123, 45], z[200, 150] = 7.0, np.nan
    small = thinned(HeatMap("m", "t", "x", "y", np.arange(200), np.arange(300), z, 4.0))
    assert small.z.shape == (MOST_CELLS, MOST_CELLS) == (len(small.y), len(small.x))
    assert np.nanmax(small.z) == 7.0 and np.isnan(small.z).sum() == 1


def test_stretches_are_a_partition():
    assert worst(np.arange(10.0), 5).tolist() == [1, 3, 5, 7, 9]
    assert worst(np.arange(3.0), 5).tolist() == [0, 1, 2]
