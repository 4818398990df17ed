"""Tables as people save them: each is read as its author meant it, or refused in words that mend it."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from asymptopia.contract.record import StatementError
from asymptopia.tables import arrays, numbers_in, read_columns, read_table

RNG = np.random.default_rng(0)
A, B = np.round(RNG.standard_normal((2, 24)), 3)
Y = np.round(A - 2 * B + 0.1 * RNG.standard_normal(24), 3)


def rows(*columns, separator=","):
    return [separator.join(map(str, row)) for row in zip(*columns, strict=True)]


def text(header, lines):
    return "\n".join([header, *lines]) + "\n"


PLAIN = text("a,b,y", rows(A, B, Y))
FIRST = np.column_stack([A, B])

# name -> (bytes, ending): all say the same as PLAIN
SAME = {
    "plain": (PLAIN.encode(), "csv"),
    "byte-order mark": (b"\xef\xbb\xbf" + PLAIN.encode(), "csv"),
    "quoted names after a mark": (b"\xef\xbb\xbf" + PLAIN.replace("a,b,y", '"a","b","y"').encode(), "csv"),
    "UTF-16": (PLAIN.encode("utf-16"), "csv"),
    "gzip": (gzip.compress(PLAIN.encode()), "csv.gz"),
    "tabs": (PLAIN.replace(",", "\t").encode(), "tsv"),
    "semicolons": (PLAIN.replace(",", ";").encode(), "txt"),
    "decimal commas": (PLAIN.replace(",", ";").replace(".", ",").encode(), "csv"),
    "quoted decimal commas": (
        text("a,b,y", ['"' + r.replace(",", '","').replace(".", ",") + '"' for r in rows(A, B, Y)]).encode(), "csv"
    ),
    "spaces after commas": (PLAIN.replace(",", ", ").encode(), "csv"),
    "windows ends of lines": (PLAIN.replace("\n", "\r\n").encode(), "csv"),
    "blank lines": (PLAIN.replace("\n", "\n\n").encode(), "csv"),
    "no end of the last line": (PLAIN.strip().encode(), "csv"),
    "a comma at the end of each row": (text("a,b,y", [r + "," for r in rows(A, B, Y)]).encode(), "csv"),
    "a comma at the end of all lines": (PLAIN.replace("\n", ",\n").encode(), "csv"),
    "pandas row numbers": (text(",a,b,y", rows(range(24), A, B, Y)).encode(), "csv"),
    "row numbers from one": (text('"",a,b,y', rows(range(1, 25), A, B, Y)).encode(), "csv"),
    "saved twice by pandas": (text("Unnamed: 0,a,b,y", rows(range(24), A, B, Y)).encode(), "csv"),
    "constant up to rounding": (
        text("t,a,b,y", rows([0.3, 0.30000000000000004] * 12, A, B, Y)).encode(), "csv"
    ),
    "bars": (PLAIN.replace(",", "|").encode(), "csv"),
    "spaces": (PLAIN.replace(",", "  ").encode(), "txt"),
    "a spreadsheet's separator": (b"sep=;\r\n" + PLAIN.replace(",", ";").encode(), "csv"),
    "NumPy's number sign": (b"# " + PLAIN.encode(), "csv"),
    "UTF-32": (PLAIN.encode("utf-32"), "csv"),
    "two byte-order marks": (("\ufeff\ufeff" + PLAIN).encode(), "csv"),
    "old Macintosh ends of lines": (PLAIN.replace("\n", "\r").encode(), "csv"),
    "lines of comment": (("# made by hand, on Monday\n#\n" + PLAIN + "# end\n").encode(), "csv"),
    "a blank that is none": (PLAIN.replace("b", "\u00a0b").encode(), "csv"),
    "a minus of typography": (PLAIN.replace("-", "\u2212").encode(), "csv"),
    "per cent": (text("a,b,y", rows([f"{a} %" for a in A], B, Y)).encode(), "csv"),
    "a currency": (text("a,b,y", rows(A, [f"-${-b}" if b < 0 else f"${b}" for b in B], Y)).encode(), "csv"),
    "gzip under another name": (gzip.compress(PLAIN.encode()), "csv"),
    "rows of commas at the end": ((PLAIN + ",,\n,,\n").encode(), "csv"),
    "exponents": (text("a,b,y", rows(*([f"{v:.6e}" for v in c] for c in (A, B, Y)))).encode(), "csv"),
}  # fmt: skip


def written(tmp_path, content, ending="csv"):
    path = tmp_path / f"table.{ending}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("case", SAME)
def test_the_same_table_in_many_guises(case, tmp_path):
    columns = read_columns(written(tmp_path, *SAME[case]), "y")
    assert columns.names == ("a", "b")
    assert columns.kind == "regression"
    np.testing.assert_allclose(columns.X, FIRST, rtol=1e-12)
    np.testing.assert_allclose(columns.y, Y, rtol=1e-12)


C = ["no", "yes"] * 12
BAD = {
    "short header": (text("a,b,y", rows(A, B, Y, A)), "3 names over rows of 4 values"),
    "two targets": (text("a,y,y", rows(A, Y, Y)), "several columns called 'y'"),
    "two inputs": (text("a,a,y", rows(A, B, Y)), "several columns called 'a'"),
    "headerless": (text("", rows(A, B, Y)).lstrip(), "looks like data.*--no-header"),
    "headerless with classes": (text("", rows(A, B, C)).lstrip(), "looks like data"),
    "no name": (text("a,,y", rows(A, B, Y)), "no name for column 2"),
    "latin-1": (text("größe,b,y", rows(A, B, Y)).encode("latin-1"), "not UTF-8.*--encoding latin-1"),
    "missing": (text("a,b,y", [",1,2", *rows(A, B, Y)]), r"1 of 25 rows.*a \(1\).*--missing drop.*--missing median"),
    "NA among numbers": (text("a,b,y", ["NA,1,2", *rows(A, B, Y)]), r"missing values in 1 of 25"),
    "words of many kinds": (text("a,b,y", rows(A, [f"w{k}" for k in range(24)], Y)), "not numbers: b .*--drop b"),
    "some per cent": (text("a,b,y", rows(A, [f"{k}%" for k in range(23)] + [1], Y)), "not numbers: b .*'0%'"),
    "units below the names": (
        text("a,b,y", ["kg,m,s", *rows(A, B, Y)]),
        r"(?s)3 reasons.*1 of 25 values, as 'kg' in row 1",
    ),
    "a total": (
        text("a,b,y", [*rows(A, B, Y), "total,0,0"]),
        "a, that are none in 1 of 25 values, as 'total' in row 25",
    ),
    "one word in the target": (text("a,b,y", ["1,2,bad", *rows(A, B, Y)]), "'y' that is not a number.*'bad' in row 1"),
    "decimal commas and points": (
        text("a;b;y", rows(A, [str(b).replace(".", ",") if k < 9 else b for k, b in enumerate(B)], Y, separator=";")),
        "b, that are none in 9 of 24 values",
    ),
    "decimal commas between commas": (PLAIN.replace(".", ","), "If commas are decimal ones, save with semicolons"),
    "a title": ("All runs\n" + PLAIN, "Leave out what stands above the names"),
    "names again": (PLAIN + PLAIN, "repeats its names in row 26"),
    "headerless words": (
        "\n".join(["red,big", "red,small", "blue,big"] * 8),
        "looks like data, not like names: red, big",
    ),
    "names only": ("a,b,y\n", "no samples below the names"),
    "a page": ("<html>" + PLAIN, "looks like HTML"),
    "records": ('[{"a": 1, "b": 2}]', "looks like JSON"),
    "a spreadsheet": (b"PK\x03\x04" + bytes(200), "spreadsheet or an archive"),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), "null bytes.*--encoding utf-16-le"),
    "too large to square": (text("a,b,y", rows([f"{a}e200" for a in A], B, Y)), "other units"),
    "too close to square": (text("a,b,y", rows(A, B, [f"{y}e-200" for y in Y])), "'y' too large or too constant"),
    "no target value": (text("a,b,y", rows(A, B, [""] * 24)), "no value in the column 'y'; name another with --target"),
    "truth missing": (text("a,b,y", rows(["true", "", "false"] * 8, B, Y)), r"missing values in 8 of 24.*a \(8\)"),
    "ragged": (text("a,b,y", [*rows(A, B, Y), "1,2,3,4,5"]), "1 of 26 rows have not 3 values but 5"),
    "infinite": (text("a,b,y", ["inf,1,2", *rows(A, B, Y)]), "infinite values in the columns a"),
    "all constant": (text("a,y", rows([1.0] * 24, Y)), "only constant columns"),
    "empty column": (text("a,b,y", rows(A, [""] * 24, Y)), "no value in the column 'b'.*--drop b"),
    "one value": (text("a,b,y", rows(A, B, ["x"] * 24)), "one value only, x"),
    "many classes": (
        text("a,b,y", rows(A, B, [f"w{k}" for k in range(24)])),
        "24 classes, 20 at most: .*--target y=w0",
    ),
    "null bytes": (b"a,b,y\0\n1,2,3\n", "null bytes"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_with_what_mends_it(case, tmp_path):
    content, message = BAD[case]
    with pytest.raises(StatementError, match=f"(?s){message}"):
        read_columns(written(tmp_path, content), "y")


def test_all_problems_are_said_at_once(tmp_path):
    lines = rows([f"id{k}" for k in range(24)], ["", *A[1:]], B, ["w"] * 24)
    with pytest.raises(StatementError) as error:
        read_columns(written(tmp_path, text("id,a,b,y", lines)), "y")
    for part in ("3 reasons", "missing values", "not numbers: id", "one value only"):
        assert part in str(error.value)


def test_options_mend_what_is_refused(tmp_path):
    lines = rows([f"id{k}" for k in range(24)], ["", *A[1:]], B, Y)
    path = written(tmp_path, text("id,a,b,y", lines))
    assert read_columns(path, "y", drop=["id"], missing="drop").X.shape == (23, 2)
    filled = read_columns(path, "y", only=["a", "b"], missing="median")
    assert filled.X[0, 0] == pytest.approx(np.median(A[1:]))
    assert "medians" in filled.notes[0]
    with pytest.raises(StatementError, match="no column 'idd', which --drop asks for. Did you mean 'id'"):
        read_columns(path, "y", drop=["idd"])
    bare = written(tmp_path, text("", rows(A, B, Y)).lstrip(), "txt")
    np.testing.assert_allclose(read_columns(bare, "x3", header=False).X, FIRST)
    latin = written(tmp_path, text("größe,b,y", rows(A, B, Y)).encode("latin-1"), "tsv")
    assert read_columns(latin, "y", encoding="latin-1").names == ("größe", "b")


@pytest.mark.parametrize("word", ["None", "NA", "nan", "null"])
def test_a_class_may_be_called_like_a_missing_value(word, tmp_path):
    columns = read_columns(written(tmp_path, text("a,b,y", rows(A, B, [word, "bad"] * 12))), "y")
    assert sorted(columns.meaning.replace(",", "").split()[-2:]) == sorted(
        ["not", word] if word < "bad" else ["not", "bad"]
    )
    assert (columns.y > 0).sum() == 12


def test_classes_that_differ_in_the_tenth_digit_are_told_apart(tmp_path):
    columns = read_columns(written(tmp_path, text("a,b,y", rows(A, B, [0.1234567891, 0.1234567892] * 12))), "y")
    assert columns.meaning == "y is 0.1234567892, not 0.1234567891"


def test_a_name_with_commas_in_a_table_of_semicolons(tmp_path):
    columns = read_columns(written(tmp_path, text('"a, kg, dry";"b";y', rows(A, B, Y, separator=";"))), "y")
    assert columns.names == ("a, kg, dry", "b")


def test_words_dates_and_truth_values_become_numbers(tmp_path):
    days = [f"2024-01-{k + 1:02d}" for k in range(24)]
    path = written(tmp_path, text("w,d,t,y", rows(["r", "g", "r"] * 8, days, ["true", "False"] * 12, Y)))
    columns = read_columns(path, "y")
    assert columns.names == ("w=g", "d", "t")
    np.testing.assert_array_equal(columns.X[:, 1], np.arange(24))
    np.testing.assert_array_equal(columns.X[:4, 2], [1, 0, 1, 0])
    assert [n.split()[0] for n in columns.notes] == ["Dates", "Words", "d"]


def test_thousands_are_not_mistaken_for_decimals(tmp_path):
    big = [f'"{1 + k},234,{500 + k}"' for k in range(24)]
    columns = read_columns(written(tmp_path, text("a,y", rows(big, Y))), "y")
    assert columns.X[1, 0] == 2234501
    with pytest.raises(StatementError, match="not numbers: a"):
        read_columns(written(tmp_path, text("a,y", rows([f'"{1 + k},234"' for k in range(24)], Y))), "y")


GROUPED = {
    "1,234.5": ("1,{}.5", ",", 1234.5), "1.234,5": ("1.{},5", ";", 1234.5), "1 234": ("1 {}", ";", 1234),
    "1'234": ("1'{}", ";", 1234), "1.234.567": ("1.{}.567", ";", 1234567), "1 234,5": ("1 {},5", ";", 1234.5),
}  # fmt: skip


@pytest.mark.parametrize("case", GROUPED)
def test_marks_between_thousands(case, tmp_path):
    written_as, separator, value = GROUPED[case]
    cells = [f'"{written_as.format(234 + k)}"' for k in range(24)]
    columns = read_columns(written(tmp_path, text(f"a{separator}y", rows(cells, Y, separator=separator))), "y")
    assert columns.X[0, 0] == value
    assert "separating thousands" in columns.notes[0]


def test_a_column_that_may_be_decimal_or_in_thousands_is_read_by_its_separator_or_refused(tmp_path):
    cells = [f'"1,{234 + k}"' for k in range(24)]
    whole = text("a;y", rows(cells, range(24), separator=";"))
    assert read_columns(written(tmp_path, whole), "y").X[0, 0] == 1.234
    mixed = [*cells[:12], *range(100, 112)]
    with pytest.raises(StatementError, match="not numbers: a"):
        read_columns(written(tmp_path, text("a,y", rows(mixed, Y))), "y")


def test_several_classes_are_numbered_in_their_order(tmp_path):
    columns = read_columns(written(tmp_path, text("a,b,y", rows(A, B, ["w", "u", "v"] * 8))), "y")
    assert (columns.kind, columns.labels, columns.meaning) == ("classes", ("u", "v", "w"), "y is u, v, w")
    np.testing.assert_array_equal(columns.y[:3], [2, 0, 1])
    numbers = read_columns(written(tmp_path, text("a,b,y", rows(A, B, [10, 9, 8] * 8))), "y")
    assert numbers.labels == ("8", "9", "10")
    assert "--task regression" in numbers.notes[0]
    alike = read_columns(written(tmp_path, text("a,b,y", rows(A, B, ["w", "W", "v"] * 8))), "y")
    assert alike.notes == ("Values of y differ only in capitals: W and w.",)


def test_a_word_for_a_missing_class_is_a_class_until_told_otherwise(tmp_path):
    path = written(tmp_path, text("a,b,y", rows(A, B, ["NA", "u", "v"] * 8)))
    columns = read_columns(path, "y")
    assert columns.labels == ("NA", "u", "v")
    assert columns.notes == (
        "NA in y counts as a class of its own; if it stands for a missing value, give --missing drop.",
    )
    dropped = read_columns(path, "y", missing="drop")
    assert dropped.kind == "classification" and len(dropped.y) == 16


def test_numbers_that_stand_for_nothing_and_columns_that_name_the_rows_are_told(tmp_path):
    order = np.random.default_rng(3).permutation(24)
    path = written(tmp_path, text("case,uid,a,y", rows(order, order * 7919 + 11, [-999, *A[1:20], *[-999] * 4], Y)))
    assert [n.split(";")[0] for n in read_columns(path, "y").notes] == [
        "case numbers the rows", "-999 in a is far from all else",
    ]  # fmt: skip
    named = written(tmp_path, text("run_id,a,y", rows(order * 7919 + 11, A, Y)))
    assert [n.split(";")[0] for n in read_columns(named, "y").notes] == ["run_id numbers the rows"]


def test_a_table_of_a_thousand_columns_takes_no_time_that_grows_with_their_square(tmp_path):
    wide = np.random.default_rng(4).standard_normal((12, 1000)).round(3)
    header = ",".join([f"x{k}" for k in range(1000)] + ["y"])
    path = written(tmp_path, text(header, [",".join(map(str, [*r, r.sum()])) for r in wide]))
    np.testing.assert_array_equal(read_columns(path, "y").X, wide)


def test_whole_numbers_too_large_are_read_and_said(tmp_path):
    columns = read_columns(written(tmp_path, text("a,y", rows([10**30 + k * 10**28 for k in range(24)], Y))), "y")
    assert columns.X[3, 0] == pytest.approx(1.03e30)
    assert "rounded to 16 digits" in columns.notes[0]


def test_columns_that_give_the_target_away_are_named(tmp_path):
    path = written(tmp_path, text("a,twice,y", rows(A, 2 * Y + 1, Y)))
    assert read_columns(path, "y").notes == (
        "twice determines y by itself; if it would not be known in practice, leave it out with --drop twice.",
    )
    cubed = read_columns(written(tmp_path, text("a,b,y", rows(A, Y**3, Y))), "y")
    assert [n.split()[0] for n in cubed.notes] == ["b"]
    groups = read_columns(written(tmp_path, text("a,g,y", rows(A, ["p", "q", "r"] * 8, [1.5, 2.5, 3.5] * 8))), "y")
    assert "g determines y by itself; if it would not be known in practice, leave it out with --drop g." in groups.notes
    labels = np.where(A > 0, 1, 0)
    columns = read_columns(written(tmp_path, text("a,b,y", rows(A, B, labels))), "y")
    assert [n.split()[0] for n in columns.notes] == ["a"]


def test_arrays_of_other_names_and_kinds(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, embeddings=FIRST.astype(np.float16), label=np.array(C)[:, None])
    columns = read_columns(path, "label")
    assert columns.names == ("embeddings_0", "embeddings_1")
    assert columns.meaning == "label is yes, not no"
    np.savez(path, X=FIRST > 0, y=A > 0)
    assert read_columns(path, "y").notes[0].startswith("x0 determines y")
    np.savez(path, X=FIRST * 1j, y=A)
    with pytest.raises(StatementError, match="real numbers or words, which X do not"):
        read_columns(path, "y")
    np.savez(path, train=FIRST, test=FIRST, y=A)
    with pytest.raises(StatementError, match=r"one matrix at most.*train \(24, 2\), test \(24, 2\)"):
        read_columns(path, "y")


def test_what_else_an_archive_holds_is_left_out_and_said(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, data=FIRST, target=Y, feature_names=np.array(["a", "b"]), classes=2)
    columns = read_columns(path, "target")
    assert columns.X.shape == (24, 2)
    assert columns.notes == ("Only data, target are read; left out: feature_names, classes.",)
    np.savez(path, X=FIRST.T, y=Y)
    with pytest.raises(StatementError, match="Samples are rows: save X.T"):
        read_columns(path, "y")
    np.savez(path, X=np.zeros((24, 4, 4)), y=Y)
    with pytest.raises(StatementError, match=r"shape \(N, d\), but has \(24, 4, 4\); save X.reshape"):
        read_columns(path, "y")


def test_numbers_of_named_columns_alone(tmp_path):
    path = written(tmp_path, text("run,n,loss", rows([f"r{k}" for k in range(24)], range(24), ["nan", *Y[1:]])))
    columns = numbers_in(read_table(path), ["n", "loss"])
    np.testing.assert_array_equal(columns["n"], np.arange(24))
    assert np.isnan(columns["loss"][0]) and columns["loss"][1] == Y[1]
    with pytest.raises(
        StatementError, match=r"(?s)2 reasons.*no column 'los'.*Did you mean 'loss'.*words in the column 'run'"
    ):
        numbers_in(read_table(path), ["los", "run"])


@pytest.mark.parametrize("order", ["C", "F"])
def test_of_a_matrix_too_large_for_memory_random_rows_are_read(order, tmp_path, monkeypatch):
    """In blocks, whichever index runs first, and the same rows of what stands beside it."""
    monkeypatch.setattr(arrays, "MOST_VALUES", 800)
    monkeypatch.setattr(arrays, "_FEWEST_ROWS", 100)
    monkeypatch.setattr(arrays, "_BLOCK", 1000)
    X = np.asarray(np.random.default_rng(0).standard_normal((500, 4)), np.float32, order=order)
    y = X[:, 0].astype(float) + 1e-3 * np.arange(500)
    np.savez_compressed(tmp_path / "a.npz", X=X, y=y, extra=np.arange(3))
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "score.npy", y)
    from_archive = read_columns(tmp_path / "a.npz", "y")
    from_array = read_columns(tmp_path / "X.npy", str(tmp_path / "score.npy"))
    for columns in (from_archive, from_array):
        assert "200 of its 500 rows" in columns.notes[0]
        rows = np.round(1e3 * (columns.y - columns.X[:, 0])).astype(int)
        assert (np.diff(rows) > 0).all() and (X[rows] == columns.X).all()
        assert rows.min() < 20 and rows.max() > 480
    assert from_array.meaning == "score"
    with pytest.raises(StatementError, match="nosuch.npy"):
        read_columns(tmp_path / "X.npy", "nosuch.npy")


def test_a_target_in_columns_of_zeros_and_ones_and_its_missing_values_are_told(tmp_path):
    kinds = np.arange(24) % 3
    hot = [np.where(kinds == k, 1, 0) for k in range(3)]
    path = tmp_path / "a.csv"
    path.write_text(text("a,b,kind_0,kind_1,kind_2", rows(A, B, *hot)))
    (note,) = read_columns(path, "kind_0").notes
    assert "--drop kind_1 --drop kind_2" in note
    with pytest.raises(StatementError, match="kind_0, kind_1, kind_2 may be its classes"):
        read_columns(path, "kind")
    path.write_text(text("a,b,y", rows(A, B, [-999, -999, *Y[2:]])))
    (note,) = read_columns(path, "y").notes
    assert note.startswith("-999 in y is far from all else")
    path.write_text(text("a,flag,y", rows(A, hot[0], hot[1])))
    assert read_columns(path, "y").notes == ()
