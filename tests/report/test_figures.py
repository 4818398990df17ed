"""Figures as files."""

from __future__ import annotations

import gc
import re
import threading
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from asymptopia.report import figures
from asymptopia.report.charts import Chart, HeatMap
from asymptopia.report.compose import charts_of
from asymptopia.report.figures import draw, save_chart, save_figures, svg_of
from asymptopia.report.marks import COLUMN, DASHES, MARKERS, OKABE_ITO, PAGE


@pytest.mark.parametrize("shape", ["single", "broken", "array", "one_size", "hostile"])
def test_every_chart_is_drawn_without_warnings_at_journal_width(shapes, shape):
    for chart in charts_of(getattr(shapes, shape)):
        figure = draw(chart)
        wide = isinstance(chart, Chart) and len(chart.panels) > 1
        assert figure.get_figwidth() == (PAGE if wide else COLUMN)
        assert figure.axes[0].get_ylabel() or wide


@pytest.mark.users_fonts
def test_files_are_vector_with_readable_text_and_embedded_fonts(shapes, tmp_path):
    chart = next(c for c in charts_of(shapes.grid, "grid") if c.name == "grid-square")
    pdf, svg = save_chart(chart, tmp_path)
    words = "".join("".join(ElementTree.fromstring(svg.read_text()).itertext()).split())
    assert "limit" in words and "\u03c3=1.5" in words and "n\u2192\u221e" in words
    assert "<image" not in svg.read_text()
    assert b"/FontFile2" in pdf.read_bytes() and b"/Subtype /Image" not in pdf.read_bytes()
    assert b"/CIDFontType2" in pdf.read_bytes() and b"/Type3" not in pdf.read_bytes()


def test_every_chart_has_both_files(shapes, tmp_path):
    paths = save_figures(shapes.one_size, tmp_path, "one")
    stems = ("one-square", "one-mean", "one-fluctuation")
    assert [p.name for p in paths] == [f"{s}.{kind}" for s in stems for kind in ("pdf", "svg")]
    assert all(p.stat().st_size > 1000 for p in paths)


def test_heat_map_outlines_what_refutes_and_crosses_what_is_no_number():
    z = np.array([[0.5, -9.0, np.nan], [1.0, 4.0, -2.0]])
    chart = HeatMap("map", "title", "x", "y", np.arange(3.0), np.array(["a", "b"]), z, 3.5)
    axes = draw(chart).axes[0]
    outlined = {(round(p.get_x() + 0.46), round(p.get_y() + 0.46)) for p in axes.patches}
    assert outlined == {(1, 0), (1, 1)}
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines] == [(2, 0)]


def test_same_chart_gives_the_same_bytes(shapes, tmp_path):
    chart = charts_of(shapes.single, "s")[0]
    first = [p.read_bytes() for p in save_chart(chart, tmp_path / "a")]
    assert first == [p.read_bytes() for p in save_chart(chart, tmp_path / "b")]


def test_residual_band_and_limits_are_those_of_the_judgement(shapes):
    chart = next(c for c in charts_of(shapes.swept, "s") if c.name == "s-square")
    main, residuals = draw(chart).axes
    band = residuals.collections[0].get_datalim(residuals.transData)
    critical = float(shapes.swept["square"].table["critical"].max())
    assert band.y0 == pytest.approx(-critical) and band.y1 == pytest.approx(critical)
    assert main.get_xscale() == "log"
    assert [t.get_text() for t in residuals.get_xticklabels()] == ["0.25", "0.5", "1", "2", "4"]


def test_missing_numbers_are_crossed(shapes):
    chart = next(c for c in charts_of(shapes.broken, "s") if c.name == "s-square")
    crosses = [line for line in draw(chart).axes[1].lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert [list(c.get_xdata()) for c in crosses] == [[2.0]]


def test_curves_differ_in_colour_dash_and_marker():
    assert len(set(OKABE_ITO)) == len(set(DASHES)) == len(set(MARKERS)) == 6


def test_text_of_users_cannot_break_mathtext_or_markup(shapes):
    svg = svg_of(charts_of(shapes.hostile, "h")[0])
    ElementTree.fromstring(svg)
    assert not re.search(r"<script", svg)


def test_a_raster_is_as_fine_in_a_saved_figure_as_in_a_page(tmp_path):
    z = np.random.default_rng(0).standard_normal((24, 24))
    chart = HeatMap("map", "title", "x", "y", np.arange(24.0), np.arange(24.0), z, 3.5)
    page = svg_of(chart)
    assert "<image" in page
    assert save_chart(chart, tmp_path)[1].read_text() == page


def test_threads_draw_one_at_a_time_without_the_collector_which_is_on_afterwards(monkeypatch):
    seen, meeting = [], threading.Barrier(2)

    def overlaps(chart):
        try:
            meeting.wait(0.2)
            return True
        except threading.BrokenBarrierError:
            meeting.reset()
            return False

    monkeypatch.setattr(figures, "draw", lambda chart: seen.append((overlaps(chart), gc.isenabled())))
    monkeypatch.setattr(figures, "_svg", lambda figure: b"")
    charts = [HeatMap(name, "", "", "", np.arange(1.0), np.arange(1.0), np.ones((1, 1)), 3.5) for name in "ab"]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(svg_of, charts))
    assert seen == [(False, False)] * 2 and gc.isenabled()
