"""Tables as programs in C, Julia and PyTorch write them: read, or refused with what to do."""

import numpy as np
import pandas as pd
import pytest

from asymptopia import StatementError, judge

SIZES = (100, 200, 400, 800)


@pytest.fixture(scope="module")
def long():
    rng = np.random.default_rng(0)
    return pd.DataFrame([(n, s, 0.25 + 0.5 / n + 0.01 * rng.normal()) for n in SIZES for s in range(60)],
                        columns=["n", "seed", "loss"])  # fmt: skip


def wide(table, name):
    return table.pivot(index="seed", columns="n", values="loss").rename(columns=name)


WRITTEN = {
    "semicolons and decimal commas": lambda t, p: t.to_csv(p / "t.csv", sep=";", decimal=",", index=False),
    "compressed": lambda t, p: t.to_csv(p / "t.csv.gz", index=False),
    "columns of blanks, as printf aligns them": lambda t, p: (p / "t.txt").write_text(
        "n seed loss\n" + "".join(f"{r.n:8d} {r.seed:4d} {r.loss:12.6e}\n" for r in t.itertuples())),
    "sizes in scientific notation": lambda t, p: t.assign(n=[f"{n:.1e}" for n in t.n]).to_csv(p / "t.csv"),
    "arrays": lambda t, p: np.savez(p / "t.npz", n=t.n, seed=t.seed, loss=t.loss),
}  # fmt: skip


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN.keys())
def test_files_say_what_the_table_says(long, tmp_path, write):
    write(long, tmp_path)
    (file,) = tmp_path.iterdir()
    given = dict(size="n", seed="seed", value="loss", limit=0.25)
    one, two = judge(file, **given), judge(long, **given)
    np.testing.assert_allclose(one["loss"].table["estimate"], two["loss"].table["estimate"], rtol=1e-5)
    assert one.verdict == two.verdict == "agrees" and one.name == "t"


def test_a_file_without_names(long, tmp_path):
    long.to_csv(tmp_path / "t.tsv", sep="\t", index=False, header=False)
    named = judge(tmp_path / "t.tsv", size="x1", seed="x2", value="x3", limit=0.25, header=False)
    assert named.verdict == "agrees"


def test_columns_named_by_sizes_may_say_of_what(long):
    plain, named = (judge(wide(long, name), value="loss", limit=0.25) for name in ("{}".format, "n={}".format))
    np.testing.assert_array_equal(plain["loss"].table["estimate"], named["loss"].table["estimate"])
    assert named.statement.law.size == "n"
    with pytest.raises(StatementError, match=r"seed_0.* and 48 more"):
        judge(pd.DataFrame(np.zeros((4, 60)), columns=[f"seed_{k}" for k in range(60)]), value="seed_*")


def test_words_for_what_is_missing_are_no_numbers(long):
    table = long.astype({"loss": object})
    table.loc[[1, 2, 3], "loss"] = ["missing", "N/A", np.inf]
    judged = judge(table, size="n", seed="seed", value="loss", limit=0.25)["loss"]
    assert judged.verdict == "inconclusive" and judged.reason.startswith("3 of 240 realisations gave no number")


class Tensor:
    """A number as a library of tensors holds it."""

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


def test_tensors_are_numbers_and_printed_ones_are_refused(long):
    given = dict(size="n", seed="seed", value="loss", limit=0.25)
    assert judge(long.assign(loss=[Tensor(v) for v in long.loss]), **given).verdict == "agrees"
    with pytest.raises(StatementError, match=r"'tensor\(0\.25\)' and 235 more\. Print tensors by `\.item\(\)`"):
        judge(long.assign(loss="tensor(0.25)"), **given)
    with pytest.raises(StatementError, match="row 1 has 'diverged'.* Leave it empty"):
        judge(long.assign(loss=["diverged", *long.loss[1:].astype(str)]), **given)


def test_one_size_does_not_extrapolate(long):
    one = long[long.n == 100]
    told = judge(one, size="n", value="loss")["loss"]
    assert told.verdict == "estimated" and told.reason.startswith("The mean at size 100 is 0.25")
    for limit in (0.255, 0.29):
        claimed = judge(one, size="n", value="loss", limit=limit)["loss"]
        assert claimed.verdict == "inconclusive" and f"from the limit {limit}. One size cannot tell" in claimed.reason
        assert claimed.advice.startswith("Add a larger size, such as 200; or declare")
    here = dict(size="n", value="loss", bias=np.inf, scale=1.0)
    assert [judge(one, limit=v, **here).verdict for v in (0.255, 0.4)] == ["agrees", "disagrees"]


def test_repeated_seeds_are_told_apart_by_what_varies(long):
    both = pd.concat([long.assign(rate=r, loss=long.loss + r) for r in (0.1, 0.2)])
    with pytest.raises(StatementError, match="with `by`, of rate"):
        judge(both, size="n", seed="seed", value="loss")
    with pytest.raises(StatementError, match="there twice, or number"):
        judge(pd.concat([long, long]), size="n", seed="seed", value="loss")
    assert (
        "Rows that differ in seed, rate are taken as realisations" in judge(both, size="n", value="loss")["loss"].reason
    )
    judged = judge(both, size="n", seed="seed", by="rate", value="loss", limit="rate")["loss"]
    assert judged.verdict == "disagrees" and judged.reason.startswith("At rate = 0.2 the limit is 0.2, but")


def test_a_limit_of_zero_has_no_scale_of_its_own(long):
    gap = long.assign(loss=long.loss - 0.25)
    given = dict(size="n", seed="seed", value="loss", limit=0)
    assert "compared with 1, as the claim is 0" in judge(gap, **given)["loss"].reason
    assert "compared with 1" not in judge(gap, **given, scale=0.25)["loss"].reason


def test_a_bound_that_holds_is_not_far_from_itself(long):
    judged = judge(long, size="n", seed="seed", value="loss", bound=0.5)["loss"]
    assert judged.verdict == "agrees" and judged.largest_z == 0


def test_unequal_numbers_of_seeds_are_multiplied(long):
    few = long[(long.n < 800) | (long.seed < 30)].assign(loss=lambda t: 0.25 + 10 * (t.loss - 0.25))
    judged = judge(few, size="n", seed="seed", value="loss", bound=0.3)["loss"]
    assert judged.verdict == "inconclusive" and "times as many seeds would decide" in judged.advice


@pytest.mark.parametrize("of", [lambda v: pd.to_datetime(v, unit="D"), lambda v: v.astype(complex)],
                         ids=["times", "complex"])  # fmt: skip
@pytest.mark.parametrize("column", ["n", "loss"])
def test_times_and_complex_numbers_are_no_numbers(long, of, column):
    with pytest.raises(StatementError, match=f"Column '{column}' must hold numbers, but row 1 has"):
        judge(long.assign(**{column: of(long[column])}), size="n", value="loss", limit=0.25)
