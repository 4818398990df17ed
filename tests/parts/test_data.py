"""Data sets: what is read, how it is scaled, and what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from asymptopia.contract.record import StatementError
from asymptopia.parts.data import Bundled, Patches, Table, feature_map, named_data
from asymptopia.parts.kernel import NTK


def write(path: Path, header: str, rows: list[str]) -> str:
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def numbers(count: int = 20, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        f"{a:.4f},{b:.4f},{c}"
        for (a, b), c in zip(rng.standard_normal((count, 2)), rng.permutation(count) % 2, strict=True)
    ]


def test_a_table_is_centred_and_scaled_by_columns_and_its_larger_label_is_1(tmp_path):
    rows = numbers()
    samples = Table(write(tmp_path / "a.csv", "u,v,y", rows), "y").samples()
    assert samples.shape == (20, 2)
    assert samples.kind == "classification"
    np.testing.assert_allclose(samples.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(samples.X.std(axis=0), 1, rtol=1e-12)
    np.testing.assert_array_equal(samples.y, [1.0 if r.endswith(",1") else -1.0 for r in rows])


def test_one_class_against_the_rest_of_words_and_of_numbers(tmp_path):
    words = [f"{k},{k * k % 7},{'abc'[k % 3]},{k % 4}" for k in range(24)]
    path = write(tmp_path / "a.csv", "u,v,word,four", words)
    drop = write(tmp_path / "b.csv", "u,v,four", [",".join(w.split(",")[i] for i in (0, 1, 3)) for w in words])
    chosen = Table(write(tmp_path / "c.csv", "u,v,word", [w.rsplit(",", 1)[0] for w in words]), "word=b").samples()
    np.testing.assert_array_equal(chosen.y > 0, np.arange(24) % 3 == 1)
    np.testing.assert_array_equal(Table(drop, "four=2").samples().y > 0, np.arange(24) % 4 == 2)
    assert Table(path, "four=2").columns().names == ("u", "v", "word=b", "word=c")
    assert Table(path, "four=2", drop=("word",)).columns().names == ("u", "v")


def test_a_numeric_target_of_many_values_is_a_regression_of_unit_variance(tmp_path):
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((50, 3)), 7 + 5 * rng.standard_normal(50)
    np.savez(tmp_path / "a.npz", X=X, y=y)
    samples = Table(str(tmp_path / "a.npz")).samples()
    assert samples.kind == "regression"
    assert samples.unit == pytest.approx(y.std())
    np.testing.assert_allclose(samples.y, (y - y.mean()) / y.std())


def test_csv_npz_and_parquet_say_the_same(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((30, 2)), np.arange(30) % 2
    frame = pd.DataFrame({"x0": X[:, 0], "x1": X[:, 1], "y": y})
    frame.to_csv(tmp_path / "a.csv", index=False, float_format="%.17g")
    frame.to_csv(tmp_path / "semicolon.csv", index=False, sep=";", float_format="%.17g")
    frame.to_parquet(tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", X=X, y=y)
    first, *others = (Table(str(tmp_path / n), "y").samples() for n in ("a.npz", "a.csv", "a.parquet", "semicolon.csv"))
    for other in others:
        np.testing.assert_allclose(other.X, first.X, rtol=1e-12)
        np.testing.assert_array_equal(other.y, first.y)


BAD = {
    "missing values": (
        "u,v,y",
        [*numbers(), ",1.0,0", "2.0,,1"],
        "y",
        r"2 of 22 rows, in the columns u \(1\), v \(1\)",
    ),
    "constant": ("u,v,y", [f"4,3,{k % 2}" for k in range(20)], "y", "constant columns.*: u, v"),
    "words": ("u,v,y", [f"{k},red{k},{k % 2}" for k in range(20)], "y", "not numbers: v"),
    "no such target": ("u,v,label", numbers(), "lable", "no column 'lable'.*Did you mean 'label'"),
    "one class": ("u,v,y", [f"{k},{k * k},1" for k in range(20)], "y", "one value only, 1"),
    "many classes": ("u,v,y", [f"{k},{k * k},c{k:02d}" for k in range(21)], "y", 'target="y=c00"'),
    "no such class": ("u,v,y", [f"{k},{k * k},{'abc'[k % 3]}" for k in range(20)], "y=d", "never 'd'"),
    "few rows": ("u,v,y", numbers(9), "y", "9 samples; at least 10"),
    "only a target": ("y", [str(k % 2) for k in range(20)], "y", "no column but the target"),
    "infinite": ("u,v,y", [*numbers(), "inf,1.0,0"], "y", "infinite values in the columns u"),
    "ragged": ("u,v,y", [*numbers(), "1,2,3,4,5"], "y", "not a table of comma-separated values"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_with_its_reason(case, tmp_path):
    header, rows, target, message = BAD[case]
    with pytest.raises(StatementError, match=message):
        Table(write(tmp_path / "a.csv", header, rows), target).samples()


def test_files_that_are_not_what_they_seem(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "garbage.csv").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "garbage.npz").write_bytes(b"\x00\x01\x02" * 50)
    (tmp_path / "garbage.parquet").write_bytes(b"\x00\x01\x02" * 50)
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    np.savez(tmp_path / "names.npz", a=np.zeros(3))
    np.savez(tmp_path / "shapes.npz", X=np.zeros((12, 2)), y=np.zeros(11))
    np.savez(tmp_path / "objects.npz", X=np.zeros((12, 2)), y=np.array([{}] * 12))
    for name, message in {
        "none.csv": "no file",
        "empty.csv": "is empty",
        "garbage.csv": "not a table",
        "garbage.npz": "not an NPZ",
        "garbage.parquet": "not a Parquet file|need pyarrow",
        "a.xlsx": "must end in",
        "names.npz": "no column 'y' for a target",
        "shapes.npz": r"shapes \(N, d\)",
        "objects.npz": "not an NPZ file of plain arrays",
    }.items():
        with pytest.raises(StatementError, match=message):
            Table(str(tmp_path / name), "y").samples()


def test_a_pinned_table_notices_that_its_file_has_changed(tmp_path):
    path = write(tmp_path / "a.csv", "u,v,y", numbers())
    plain, pinned = Table(path), Table(path).pinned()
    before = plain.samples().X
    write(tmp_path / "a.csv", "u,v,y", numbers(seed=1))
    assert not np.allclose(plain.samples().X, before)
    with pytest.raises(StatementError, match="has changed"):
        pinned.replace(task="classification").samples()


def test_bundled_sets_their_targets_and_the_shared_scale_of_pixels():
    digits = Bundled("digits").samples()
    assert digits.shape == (1797, 61)
    assert digits.meaning == "the digit is odd"
    assert np.mean(digits.y > 0) == pytest.approx(0.506, abs=0.005)
    assert (digits.X**2).mean() == pytest.approx(1)
    assert np.ptp(digits.X.std(axis=0)) > 1
    assert np.mean(Bundled("digits", "3").samples().y > 0) == pytest.approx(183 / 1797)
    assert Bundled("diabetes").samples().kind == "regression"
    assert (Bundled("breast_cancer").samples().y > 0).sum() == 212
    with pytest.raises(StatementError, match="no target 'even'"):
        Bundled("digits", "even")
    with pytest.raises(StatementError, match="digits"):
        Bundled("digit")


def test_patches_are_cut_from_both_photographs_and_the_centre_is_left_out():
    from sklearn.datasets import load_sample_images

    columns = Patches(side=3, count=2000).columns()
    assert columns.X.shape == (2000, 8)
    pictures = [p.astype(float).mean(axis=-1) for p in load_sample_images().images]
    windows = np.concatenate([np.lib.stride_tricks.sliding_window_view(p, (3, 3)).reshape(-1, 9) for p in pictures])
    known = {w.tobytes() for w in np.ascontiguousarray(windows)}
    for x, y in zip(columns.X[:50], columns.y[:50], strict=True):
        assert np.concatenate([x[:4], [y], x[4:]]).tobytes() in known
    which = Patches("photograph", side=3, count=2000).columns()
    first = {w.tobytes() for w in np.ascontiguousarray(windows[: len(windows) // 2])}
    belongs = np.array([x.tobytes() in first for x in which.X])
    assert np.all(belongs[which.y < 0])
    assert np.mean(which.y > 0) == pytest.approx(0.5, abs=0.05)


def test_random_features_are_the_same_every_time_and_have_mean_zero():
    once, again = (Bundled("wine").samples("relu:30").X for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert once.shape == (178, 30)
    np.testing.assert_allclose(once.mean(axis=0), 0, atol=1e-12)
    assert (once**2).mean() == pytest.approx(1)
    assert not np.allclose(once, Bundled("wine").samples("tanh:30").X)
    for text in ("relu", "relu:0", "rellu:5", "relu:2.5"):
        with pytest.raises(StatementError, match="relu:2000"):
            feature_map(text)


def test_components_of_a_tangent_kernel_have_its_inner_products():
    samples = Bundled("wine").samples("ntk:2")
    K = NTK(depth=2).matrix(Bundled("wine").samples().X)
    centred = K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean()
    values = samples.X @ samples.X.T
    np.testing.assert_allclose(values / np.trace(values), centred / np.trace(centred), atol=1e-12)
    assert samples.X.shape == (178, 177) and (samples.X**2).mean() == pytest.approx(1)
    assert np.all(np.diff(np.square(samples.X).sum(axis=0)) < 0)
    for text in ("ntk", "ntk:", "ntk:0", "ntk:-1", "ntk:2.5", "ntk:101", "ntk:deep"):
        with pytest.raises(StatementError, match="hidden layers, 1 to 100"):
            feature_map(text)
    with pytest.raises(StatementError, match="at most 6000"):
        Patches(count=7000).samples("ntk:1")


def test_names_of_data(tmp_path):
    assert named_data("digits", "odd") == Bundled("digits", "odd")
    assert named_data("patches") == Patches()
    assert named_data("a.csv", "t") == Table("a.csv", "t")
    with pytest.raises(StatementError, match="Did you mean 'digits'"):
        named_data("digit")
    with pytest.raises(StatementError, match="which column"):
        named_data("a.csv")


def test_reading_leaves_no_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Table(write(tmp_path / "a.csv", "u,v,y", numbers())).samples()
