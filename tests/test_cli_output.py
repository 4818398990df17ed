"""What the command line prints: it fits, and no digit is lost."""

import re

import pytest
from click.testing import CliRunner

from asymptopia.cli import VERBS, main
from asymptopia.cli.output import number, reflowed, show_table


def printed(capsys, columns, monkeypatch, *arguments, **options):
    monkeypatch.setenv("COLUMNS", str(columns))
    show_table(*arguments, **options)
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_a_table_fits_and_no_number_is_cut(columns, capsys, monkeypatch):
    names = ["alpha", "beta", *(f"observable_{k}" for k in range(9))]
    rows = [[f"{i}", f"{0.1 * i:.3g}", *(f"0.{i}{k}3456 ± 3e-1{k}" for k in range(9))] for i in range(4)]
    text = printed(capsys, columns, monkeypatch, names, rows, right=names, keys=2)
    assert max(map(len, text.splitlines())) <= columns
    for name in names:
        assert re.search(rf"\b{name}\b", text)
    for row in rows:
        assert all(f" {cell} " in f" {text} " for cell in row)
    assert text.count("alpha") == text.count("beta") > 1


def test_words_fold_where_numbers_stay_whole(capsys, monkeypatch):
    columns, rows = ("name", "value", "meaning"), [("x", "0.123456", "a meaning that is told in many words " * 3)]
    text = printed(capsys, 50, monkeypatch, columns, rows, "Title", right=("value",))
    assert text.count("name") == 1 and "0.123456" in text and text.startswith("Title")
    assert max(map(len, text.splitlines())) <= 50


def test_an_error_is_told_where_the_digits_show_it():
    assert number(0.425834, 3e-15) == "0.425834"
    assert number(0.425834, 2e-7) == "0.425834 ± 2e-07"
    assert number(0.0, 1e-9) == "0 ± 1e-09"
    assert number(0.5, float("nan")) == number(0.5) == "0.5"


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_a_hundred_columns(verb):
    text = CliRunner().invoke(main, [verb, "--help"], env={"COLUMNS": "100"}).stdout
    assert max(map(len, text.splitlines())) <= 100


def test_paragraphs_are_broken_anew_and_formulas_kept():
    text = "one two\nthree four\n\n    x = 1\n    y = 2\n\n$$a\n+ b$$\n\n- first\n- second"
    assert reflowed(text, 80) == text.replace("two\nthree", "two three")
    assert reflowed("one two\nthree", 7) == "one two\nthree"
