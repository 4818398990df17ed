"""Thousands, dates and copies of rows: what the rest of a table tells of a column."""

from __future__ import annotations

import numpy as np
import pytest

from asymptopia.contract.record import StatementError
from asymptopia.tables import read_columns

A, Y = np.round(np.random.default_rng(0).standard_normal((2, 24)), 3)


def read(tmp_path, header, *columns, separator=","):
    header, lines = header.replace(",", separator), (separator.join(map(str, r)) for r in zip(*columns, strict=True))
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return read_columns(path, "y")


UNCLEAR, WHOLE = [f'"{big},234"' for big in range(1, 25)], list(range(1, 25))
SHOWN = {end: [f'"{big}{end}"' for big in range(1, 25)] for end in (",234.5", ",5")}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(("shown", "read_as"), [(",234.5", [1234, 1234.5]), (",5", [1.234, 1.5])])
def test_commas_mean_in_a_column_what_they_mean_in_another(shown, read_as, separator, tmp_path):
    np.testing.assert_array_equal(read(tmp_path, "a,b,y", UNCLEAR, SHOWN[shown], Y, separator=separator).X[0], read_as)


def test_a_separator_settles_commas_where_no_column_tells(tmp_path):
    assert read(tmp_path, "a,y", UNCLEAR, WHOLE, separator=";").X[0, 0] == 1.234


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_commas_are_refused_where_columns_or_points_contradict(separator, tmp_path):
    others = (A, Y) if separator == "\t" else SHOWN.values()
    with pytest.raises(StatementError, match=r"a \(.*where commas may be decimal or separate thousands"):
        read(tmp_path, "a,b,c,y", UNCLEAR, *others, WHOLE, separator=separator)


@pytest.mark.parametrize("form", ["{1:02d}/{0}/2024", "{0}/{1:02d}/2024", "{1}.{0}.2024", "{1}-{0}-2024 06:00"])
def test_days_and_months_are_in_the_order_that_the_column_shows(form, tmp_path):
    days = [form.format(1, k + 1) for k in range(24)]
    columns = read(tmp_path, "d,y", days, Y)
    np.testing.assert_allclose(columns.X[:, 0], np.arange(24))
    first = "month" if form.startswith("{0}/") else "day"
    why = "points say" if "." in form else f"{form.format(1, 13)!r} shows"
    assert columns.notes[0] == f"Dates are read as days since the first, the {first} first as {why}: d."


def test_a_single_date_that_decides_the_order_of_all_is_named(tmp_path):
    days = [f"{k % 12 + 1}/{k % 6 + 1}/2024" for k in range(23)]
    notes = read(tmp_path, "d,y", [*days, "13/1/2024"], Y).notes
    assert "Dates are read as days since the first, the day first as only '13/1/2024' shows: d." in notes


UNREAD = {
    "'1/1/2024', where the day or the month may be first": [f"{k % 12 + 1}/{k % 9 + 1}/2024" for k in range(24)],
    "as '31/02/2024', which is no date": [*(f"{k + 1}/02/2024" for k in range(23)), "31/02/2024"],
    "as '2024-02-03 25:00', which is no date": [*(f"2024-02-03 {k:02d}:00" for k in range(23)), "2024-02-03 25:00"],
    "as 'soon' among dates": [*(f"2024-02-{k + 1:02d}" for k in range(23)), "soon"],
    "the day is first in '13/1/2024' and the month in '1/14/2024'": [
        f"1/{k}/2024" if k % 2 == 0 else f"{k}/1/2024" for k in range(2, 26)
    ],
    "as '8%' among numbers": [f"{7 + k}%" if k % 2 else f"{k}.5" for k in range(24)],
    "'1,234', where commas may be decimal or separate thousands": [f'"{1 + k},234"' for k in range(24)],
}


@pytest.mark.parametrize("told", UNREAD)
def test_a_refused_column_shows_what_is_no_number_and_why(told, tmp_path):
    with pytest.raises(StatementError, match=told):
        read(tmp_path, "a,y", UNREAD[told], Y)


def test_copies_of_rows_are_told(tmp_path):
    notes = read(tmp_path, "a,w,y", [*A[:12], *A[:12]], ["u", "v"] * 12, [1, 0] * 12).notes
    assert any(n.startswith("12 of 24 rows are copies") for n in notes)
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(200, 9))
    notes = read(tmp_path, "a,b,c,d,e,f,g,h,i,y", *np.tile(pixels, (2, 1)).T, [1, 0, 0, 0] * 100).notes
    assert any(n.startswith("200 of 400 rows are copies") for n in notes)


def people(rng, rows, *kinds):
    age = rng.integers(18, 81, rows)
    made = {"age": age, "working": age - 18, "sex": rng.integers(2, size=rows), "children": rng.poisson(1.0, rows)}
    made |= {"bmi": np.round(rng.normal(27, 5, rows)), "whole": rng.integers(30, size=rows)}
    return [made[kind] for kind in kinds]


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [(24, ["whole"]), (500, ["age", "sex"]), (300, ["age", "working", "sex"]),
     (2000, ["age", "children", "bmi", "sex"])],
)  # fmt: skip
def test_rows_alike_by_chance_are_not_told_as_copies(rows, kinds, tmp_path):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        notes = read(tmp_path, ",".join([*kinds, "y"]), *people(rng, rows, *kinds), rng.integers(2, size=rows)).notes
        assert not any("copies" in n for n in notes)
