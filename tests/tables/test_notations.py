"""Thousands, dates and copies of rows: what the rest of a table tells of a column."""

from __future__ import annotations

import numpy as np
import pytest

from asymptopia.contract.record import StatementError
from asymptopia.tables import read_columns

A, Y = np.round(np.random.default_rng(0).standard_normal((2, 24)), 3)


def read(tmp_path, header, *columns):
    lines = (",".join(map(str, row)) for row in zip(*columns, strict=True))
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return read_columns(path, "y")


def test_commas_mean_in_a_column_what_they_mean_in_another(tmp_path):
    unclear, clear = ([f'"{big}{end}"' for big in range(1, 25)] for end in (",234", ",234.5"))
    columns = read(tmp_path, "a,b,y", unclear, clear, Y)
    np.testing.assert_array_equal(columns.X[:2], [[1234, 1234.5], [2234, 2234.5]])


@pytest.mark.parametrize("form", ["{1:02d}/{0}/2024", "{0}/{1:02d}/2024", "{1}.{0}.2024", "{1}-{0}-2024 06:00"])
def test_days_and_months_are_in_the_order_that_the_column_shows(form, tmp_path):
    days = [form.format(1, k + 1) for k in range(24)]
    np.testing.assert_allclose(read(tmp_path, "d,y", days, Y).X[:, 0], np.arange(24))


UNREAD = {
    "'1/1/2024', where the day or the month may be first": [f"{k % 12 + 1}/{k % 9 + 1}/2024" for k in range(24)],
    "as '8%' among numbers": [f"{7 + k}%" if k % 2 else f"{k}.5" for k in range(24)],
    "'1,234', where commas may be decimal or separate thousands": [f'"{1 + k},234"' for k in range(24)],
}


@pytest.mark.parametrize("told", UNREAD)
def test_a_refused_column_shows_what_is_no_number_and_why(told, tmp_path):
    with pytest.raises(StatementError, match=told):
        read(tmp_path, "a,y", UNREAD[told], Y)


def test_copies_of_rows_are_told_where_chance_does_not_make_them(tmp_path):
    def notes(a):
        return read(tmp_path, "a,w,y", a, ["u", "v"] * 12, [1, 0] * 12).notes

    assert any(n.startswith("12 of 24 rows are copies") for n in notes([*A[:12], *A[:12]]))
    assert not any("copies" in n for n in [*notes(A), *notes([0, 1, 2, 0] * 6)])
