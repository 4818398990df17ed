"""JSON lines and structured arrays are tables like any other; what is none is refused with what would be."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from asymptopia import StatementError, judge
from asymptopia.tables import name_of, read_table

RNG = np.random.default_rng(0)
RUNS = pd.DataFrame([(n, 0.25 + 0.5 / n + 0.01 * RNG.normal()) for n in (100, 200, 400, 800) for _ in range(40)],
                    columns=["n", "loss"])  # fmt: skip


def lines(table):
    return "".join(json.dumps(row) + "\n" for row in table.to_dict("records"))


WRITTEN = {
    "runs.jsonl": lambda p: p.write_text(lines(RUNS)),
    "runs.ndjson": lambda p: p.write_text("\ufeff" + lines(RUNS).replace("\n", "\n\n"), encoding="utf-8"),
    "runs.jsonl.gz": lambda p: p.write_bytes(gzip.compress(lines(RUNS).encode())),
    "runs.npy": lambda p: np.save(p, RUNS.to_records(index=False)),
    "runs.npz": lambda p: np.savez(p, runs=RUNS.to_records(index=False)),
    "runs.csv.gz": lambda p: RUNS.to_csv(p, index=False),
}


@pytest.mark.parametrize("file", WRITTEN)
def test_every_format_says_what_the_table_says(tmp_path, file):
    WRITTEN[file](tmp_path / file)
    given = dict(size="n", value="loss", limit=0.25)
    judged, expected = judge(tmp_path / file, **given), judge(RUNS, **given)
    np.testing.assert_allclose(judged["loss"].table["estimate"], expected["loss"].table["estimate"], rtol=1e-12)
    assert judged.verdict == expected.verdict == "agrees" and judged.name == "runs"


def test_parquet_is_read_where_pyarrow_is_there(tmp_path):
    pytest.importorskip("pyarrow")
    RUNS.to_parquet(tmp_path / "runs.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "runs.parquet").table, RUNS)


def test_what_a_line_does_not_have_is_missing(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"n": 1, "loss": 2.5}\n{"n": 2, "word": "x"}\n{"n": 3, "loss": NaN}\n')
    table = read_table(tmp_path / "a.jsonl").table
    assert table["n"].tolist() == [1, 2, 3] and table["loss"].isna().tolist() == [False, True, True]
    judged = judge(pd.concat([RUNS, table[["n", "loss"]].tail(1).assign(n=100)]), size="n", value="loss", limit=0.25)
    assert judged.verdict == "inconclusive" and "1 of 161 realisations gave no number" in judged["loss"].reason


def test_only_ends_of_lines_end_lines(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"n": 1, "word": "a\u2028b\x85c"}\r\n{"n": 2, "word": "d"}\n', newline="")
    assert read_table(tmp_path / "a.jsonl").table["word"].tolist() == ["a\u2028b\x85c", "d"]


BAD_LINES = {
    "no JSON in line 2": '{"n": 1}\n{n: 2}\n',
    "no object in line 1": "[1, 2]\n",
    "'loss' is a list or an object": '{"n": 1, "loss": [1, 2]}\n',
    "has no rows": "\n\n",
    "no JSON in line 1": "[" * 100_000,
    "for 2 reasons": "{\n}\n",
    "for 5 reasons": "{\n" * 1000,
}


@pytest.mark.parametrize("words", BAD_LINES)
def test_lines_that_are_no_rows_are_named(tmp_path, words):
    (tmp_path / "a.jsonl").write_text(BAD_LINES[words])
    with pytest.raises(StatementError, match=words) as refused:
        read_table(tmp_path / "a.jsonl")
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", gzip.compress(b'{"n": 1}' * 99)[:20]], ids=["bytes", "cut"])
def test_damaged_lines_are_refused(tmp_path, content):
    file = tmp_path / ("a.jsonl.gz" if content.startswith(b"\x1f") else "a.jsonl")
    file.write_bytes(content)
    with pytest.raises(StatementError, match="must be text in UTF-8|cut off"):
        read_table(file)


BAD_ARRAYS = {
    "or be structured": np.zeros(3),
    "one a row, but not loss": np.zeros(3, [("n", int), ("loss", float, 2)]),
    "one a row, but not z": np.zeros(3, [("z", complex)]),
    r"shape \(2, 2\)": np.zeros((2, 2), [("n", int)]),
    "not an NPY file of a plain array": np.array([{}], object),
}


@pytest.mark.parametrize("words", BAD_ARRAYS)
def test_arrays_that_are_no_table_are_refused(tmp_path, words):
    np.save(tmp_path / "a.npy", BAD_ARRAYS[words], allow_pickle=True)
    with pytest.raises(StatementError, match=words):
        read_table(tmp_path / "a.npy")


def test_an_archive_without_arrays_holds_nothing(tmp_path):
    np.savez(tmp_path / "a.npz")
    with pytest.raises(StatementError, match="It holds nothing"):
        read_table(tmp_path / "a.npz")


def test_other_endings_are_refused_with_those_that_are_read(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(StatementError, match=r"must end in \.csv, .*\.jsonl, \.ndjson .*\.npz, \.npy or \.parquet"):
        read_table(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("file", "name"),
    [("a/runs.csv", "runs"), ("runs.csv.gz", "runs"), ("runs.v2.csv", "runs.v2"), ("RUNS.JSONL", "RUNS"),
     ("runs.2026.npy", "runs.2026"), ("runs.xlsx", "runs"), (".csv", ".csv"), ("digits", "digits")],
)  # fmt: skip
def test_a_table_is_named_without_its_ending(file, name):
    assert name_of(file) == name
