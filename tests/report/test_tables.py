"""Numbers for reading, CSV, LaTeX and BibTeX."""

# ruff: noqa: RUF001
from __future__ import annotations

import csv
import io
import math
import re
from types import SimpleNamespace

import pytest

from asymptopia.contract.record import field
from asymptopia.contract.sweep import sweep
from asymptopia.report.tables import (
    bibliography,
    csv_text,
    harmless,
    number,
    tex_escape,
    tex_text,
    with_error,
    write_tables,
)
from asymptopia.verdict.confront import confront


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.84321, 0.00123, "0.8432 ± 0.0012"),
        (-12.34, 5.6, "−12.3 ± 5.6"),
        (1234.5, 67.8, "1234 ± 68"),
        (0.5, 0.0, "0.5"),
        (math.nan, 0.1, "no number"),
        (2.0, math.nan, "2"),
        (1.5e-12, 2e-14, "1.5e-12 ± 2e-14"),
    ],
)
def test_values_are_rounded_to_their_errors(value, error, text):
    assert with_error(value, error) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "no number"), (-0.25, "−0.25"), (1.23456e8, "1.235e+08")],
)
def test_numbers_in_words(value, text):
    assert number(value) == text


def test_no_cell_is_a_formula(laws):
    class Word(laws.Mean):
        word: str = field("w", "a word")

    words = ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "a\r=1", "a\n=1"]
    swept = confront(sweep(Word(), word=words), sizes=(50, 100), seeds=4)
    rows = list(csv.DictReader(io.StringIO(csv_text([swept]), newline="")))
    assert {r["word"] for r in rows} == {"'=1", "'+1", "'-1", "'@x", "'\t=1", "' =1", "a =1"}
    assert len(rows) == len(words) * len(swept.judgements)
    assert harmless(-1.5) == -1.5 and harmless("a=1") == "a=1"


def test_csv_holds_every_component_at_full_precision(shapes):
    rows = list(csv.DictReader(io.StringIO(csv_text([shapes.parts, shapes.array]))))
    assert len(rows) == sum(j.table["z"].size for c in (shapes.parts, shapes.array) for j in c.judgements)
    row = next(r for r in rows if r["observable"] == "square" and r["mu"] == "2.0" and r["noise"] == "Coin()")
    table = shapes.parts["square"].table.sel(mu=2.0, noise="Coin()")
    assert float(row["estimate"]) == float(table["estimate"]) and float(row["z"]) == float(table["z"])
    assert row["verdict"] == shapes.parts["square"].verdict and row["width"] == ""


def test_csv_says_nan_where_there_is_no_number(shapes):
    rows = list(csv.DictReader(io.StringIO(csv_text([shapes.broken]))))
    assert [r["z"] for r in rows if r["observable"] == "square" and r["mu"] == "2.0"] == ["nan"]


def test_latex_is_balanced_and_escaped(shapes):
    text = tex_text([shapes.parts, shapes.hostile, shapes.broken])
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 3
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 3
    assert "<script" not in text and "$5 < $6" not in text
    rows = [line for line in text.split("\n") if line.endswith(r" \\") and r"\caption" not in line]
    for block in text.split(r"\begin{tabular}")[1:]:
        columns = len(re.match(r"\{(\w+)\}", block)[1])
        body = [r for r in rows if r in block]
        assert body and all(len(re.findall(r"(?<!\\)&", r)) == columns - 1 for r in body)
    assert all(len(re.findall(r"(?<!\\)\$", line)) % 2 == 0 for line in text.split("\n"))


def test_long_tables_break_over_pages(shapes):
    assert r"\begin{longtable}" in tex_text([shapes.longer])
    assert r"\begin{longtable}" not in tex_text([shapes.single])


def test_escape_is_complete():
    assert tex_escape(r"\a_b^c~{d}%e&f#g$<>") == (
        r"\textbackslash{}a\_b\textasciicircum{}c\textasciitilde{}\{d\}\%e\&f\#g\$\textless{}\textgreater{}"
    )


def test_sources_are_cited_once(shapes):
    text = bibliography([shapes.single, shapes.parts])
    assert text.count("@book{laplace1812") == 1
    assert bibliography([shapes.array]) == ""


def test_entries_that_laws_share_are_cited_once(laws, shapes):
    class Both(laws.Mean):
        """A law with two sources."""

        bibtex = laws.Mean.bibtex + "\n@misc{other, note = {a}}"

    text = bibliography([shapes.single, SimpleNamespace(statement=Both())])
    assert text.count("@book{laplace1812") == text.count("@misc{other") == 1


def test_sources_without_bibtex_become_entries(laws):
    from asymptopia.report.tables import bibtex_of

    class Plain(laws.Mean):
        """A law."""

        bibtex = ""
        source = "Gauss & Sons, 50 %"

    assert bibtex_of(Plain()) == "@misc{plain,\n  note = {Gauss \\& Sons, 50 \\%}\n}"


def test_files_are_written(shapes, tmp_path):
    assert [p.name for p in write_tables(tmp_path, [shapes.single])] == ["table.csv", "table.tex", "CITE.bib"]
    assert [p.name for p in write_tables(tmp_path / "b", [shapes.array])] == ["table.csv", "table.tex"]
