"""Limits drawn as curves: a finer grid where theory is cheap, and only where it is the same theory."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from asymptopia.contract.batching import generator
from asymptopia.contract.law import Law, NoLimit, Observable
from asymptopia.contract.record import field
from asymptopia.contract.sweep import sweep
from asymptopia.report.compose import charts_of
from asymptopia.report.lines import fine_limit
from asymptopia.verdict.confront import confront


class Power(Law):
    """x**2 for many x at once."""

    x: float = field(1.0, "position", above=0)
    shift: float = field(0.0, "shift")
    hole: float = field(0.0, "a position without a limit")

    sizes = (10, 20)
    seeds = 3
    observables = {"square": Observable("x^2", "square"), "root": Observable(r"\sqrt{x}", "root")}

    def predict_many(self):
        x, shift = np.broadcast_arrays(np.atleast_1d(self.x), self.shift)
        return {"square": x**2 + shift, "root": x**0.5}

    def realize(self, n, key):
        noise = generator(key).normal() / n
        return {"square": self.x**2 + self.shift + noise, "root": self.x**0.5 + noise}

    def check(self):
        if abs(self.x - self.hole) < 0.3:
            raise NoLimit(f"No limit near {self.hole}.")


@pytest.fixture(scope="module")
def swept():
    return confront(sweep(Power(), shift=(0.0, 1.0), x=(1.0, 2.0, 4.0)))


def test_lines_are_the_limit_on_a_finer_grid(swept):
    fine = fine_limit(swept)
    assert fine.sizes["x"] >= 48 and fine["square"].dims == ("shift", "x")
    for k, curve in enumerate(charts_of(swept, "p", fine)[0].panels[0].curves):
        assert curve.label == f"shift = {k}"
        np.testing.assert_allclose(curve.line, curve.x**2 + k)
        np.testing.assert_array_equal(curve.measured[-1].x, [1.0, 2.0, 4.0])


def test_a_limit_that_takes_milliseconds_is_a_curve_though_its_law_predicts_one_by_one(shapes):
    fine = fine_limit(shapes.swept)
    assert fine is not None
    line = charts_of(shapes.swept, "p", fine)[0].panels[0].curves[0]
    assert len(line.x) >= 48 and not line.marks


def test_without_a_cheap_theory_the_points_are_marks_and_not_joined(swept, shapes, monkeypatch):
    monkeypatch.setattr("asymptopia.report.lines.PATIENCE", 0.0)
    assert fine_limit(shapes.swept) is None
    assert fine_limit(confront(Power())) is None
    curve = charts_of(swept, "p")[0].panels[0].curves[0]
    assert len(curve.line) == 3 and curve.marks


def test_no_line_where_the_limit_has_a_hole_between_the_points():
    assert fine_limit(confront(sweep(Power(hole=3.0), x=(1.0, 2.0, 4.0)))) is None


def test_no_line_for_a_limit_that_came_from_elsewhere(swept):
    other = confront(swept.statement, swept.experiment, swept.limit + 0.1)
    assert fine_limit(other) is None


def test_kept_lines_are_believed_as_long_as_they_agree(swept, tmp_path):
    cache = tmp_path / "figures" / "p-limit.nc"
    first = fine_limit(swept, cache)
    marked = first.copy(deep=True)
    between = np.flatnonzero(~np.isin(first["x"], swept.limit["x"]))[0]
    marked["square"][:, between] = -1.0
    marked.to_netcdf(cache, engine="h5netcdf")
    assert (fine_limit(swept, cache)["square"] == -1).any()
    (marked + 0.1).assign_attrs(first.attrs).to_netcdf(cache, engine="h5netcdf")
    xr.testing.assert_allclose(fine_limit(swept, cache), first)
    cache.write_bytes(b"no netCDF")
    xr.testing.assert_allclose(fine_limit(swept, cache), first)
