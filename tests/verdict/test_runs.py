"""Verdicts on tables: long and wide, several observables and parameters, claims of every kind, and clear refusals."""

import numpy as np
import pandas as pd
import pytest

from asymptopia import StatementError, judge, sweep
from asymptopia.laws.spins.curie_weiss import CurieWeiss
from asymptopia.verdict.runs import shorthand

SIZES = (100, 200, 400, 800)


@pytest.fixture(scope="module")
def long():
    rng = np.random.default_rng(0)
    rows = [
        dict(n=n, seed=s, loss=0.25 + 0.5 / n + 0.01 * rng.normal(), gap=n**-0.5 * (1 + 0.05 * rng.normal()))
        for n in SIZES
        for s in range(60)
    ]
    return pd.DataFrame(rows)


def test_a_limit_from_a_file(long, tmp_path):
    long.to_csv(tmp_path / "runs.csv", index=False)
    path = str(tmp_path / "runs.csv")
    right = judge(path, size="n", seed="seed", value="loss", limit=0.25)
    assert right.verdict == "agrees" and right.headline == f"agrees to {100 * right.precision:.2g} %"
    assert judge(path, size="n", seed="seed", value="loss", limit=0.27).verdict == "disagrees"


def test_a_file_and_a_mapping_of_columns_say_the_same(long, tmp_path):
    long.to_csv(tmp_path / "runs.csv", index=False)
    options = dict(size="n", seed="seed", value="loss", limit=0.25)
    one, two = judge(tmp_path / "runs.csv", **options), judge({k: list(long[k]) for k in long}, **options)
    np.testing.assert_allclose(one["loss"].table["estimate"], two["loss"].table["estimate"], rtol=1e-12)


def test_without_a_claim_it_extrapolates():
    rng = np.random.default_rng(1)
    rows = [dict(n=n, x=0.25 + 5 / n + 1e-4 * rng.normal()) for n in SIZES for _ in range(50)]
    judgement = judge(rows and pd.DataFrame(rows), size="n", value="x")
    reason = judgement["x"].reason
    assert judgement.verdict == "estimated" and reason.startswith("Extrapolates to 0.25")
    exponent = float(reason.split("exponent ")[1].split("(")[0])
    assert abs(exponent - 1) < 0.02


def test_several_values_with_claims_of_their_own(long):
    judgement = judge(long, size="n", value=["loss", "gap"], limit={"loss": 0.25}, exponent={"gap": -0.5})
    assert [j.observable for j in judgement.judgements] == ["loss", "gap", "gap_exponent"]
    assert judgement["loss"].verdict == judgement["gap_exponent"].verdict == "agrees"
    assert judgement["gap"].verdict == "estimated"
    assert judge(long, size="n", value="gap", exponent=-0.8)["gap_exponent"].verdict == "disagrees"


def test_bounds_and_fluctuations():
    rng = np.random.default_rng(2)
    table = pd.DataFrame([dict(n=n, x=1 + rng.normal() / n**0.5) for n in SIZES for _ in range(4000)])
    assert judge(table, size="n", value="x", bound=1.1).verdict == "agrees"
    assert judge(table, size="n", value="x", bound=0.9).verdict == "disagrees"
    assert judge(table, size="n", value="x", fluctuation=1.0)["x_fluctuation"].verdict != "disagrees"
    assert judge(table, size="n", value="x", fluctuation=2.0)["x_fluctuation"].verdict == "disagrees"


def test_columns_that_are_seeds_or_sizes():
    rng = np.random.default_rng(3)
    draws = 2 + 3 / np.array(SIZES)[:, None] + 0.05 * rng.normal(size=(4, 30))
    seeds = pd.DataFrame(draws, columns=[f"err_{i}" for i in range(30)]).assign(width=SIZES)
    sizes = pd.DataFrame(draws.T, columns=list(map(str, SIZES)))
    one = judge(seeds, size="width", value="err_*", limit=2.0)["err"]
    two = judge(sizes, value="err", limit=2.0)["err"]
    assert one.verdict == two.verdict == "agrees"
    np.testing.assert_allclose(one.table["estimate"], two.table["estimate"])


def test_parameters_are_judged_as_one_family_against_a_column():
    rng = np.random.default_rng(4)
    rows = [
        dict(n=n, alpha=a, ridge=r, x=a + r + 1 / n + 0.02 * rng.normal(), theory=a + r)
        for n in SIZES for a in (1.0, 2.0) for r in ("0.1", "0.5") for _ in range(40)
        for r in (float(r),)
    ]  # fmt: skip
    judgement = judge(pd.DataFrame(rows), size="n", value="x", by=["alpha", "ridge"], limit="theory")
    assert judgement.verdict == "agrees" and judgement["x"].table["z"].dims == ("alpha", "ridge")
    np.testing.assert_allclose(judgement["x"].table["limit"], [[1.1, 1.5], [2.1, 2.5]])


def test_a_different_number_of_seeds_at_each_size_is_no_failure(long):
    some = long.drop(index=range(25))
    assert judge(some, size="n", seed="seed", value="loss", limit=0.25).verdict == "agrees"


def test_values_that_are_no_numbers_never_agree(long):
    broken = long.copy()
    broken.loc[7, "loss"] = np.nan
    judgement = judge(broken, size="n", seed="seed", value="loss", limit=0.25)["loss"]
    assert judgement.verdict == "inconclusive" and "1 of 240" in judgement.reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(size="m", seed="sed", value="los", limit=1.0), ["'m'", "Did you mean 'seed'", "Did you mean 'loss'"]),
        (dict(value="loss"), ["`size` must name the column"]),
        (dict(size="n", value=["loss", "gap"], limit=1.0), ["of which value"]),
        (dict(size="n", value="loss", limit="lss"), ["a number or a column", "'loss'"]),
        (dict(size="n", value="loss", limit={"los": 1.0}), ["no `value`", "Did you mean 'loss'"]),
        (dict(size="n", value="loss", limit=1.0, bound=1.0), ["two claims"]),
        (dict(size="n", value="loss", limit="seed"), ["one `limit`"]),
        (dict(size="loss", value="gap", limit=1.0), ["whole numbers >= 1", "row 1 has"]),
        (dict(size="n", value="lo*s_*", limit=1.0), ["No column matches"]),
        (dict(size="n", seed="n", value="loss", limit=1.0), ["named for two things"]),
        (dict(size="n", value="loss", limit=1.0, bias=-1.0), ["`bias` must be > 0"]),
        (dict(size="n", value="loss", limit=1.0, scale=0.0), ["`scale`", "> 0"]),
        (dict(size="n", value="loss", limit=1.0, level=2.0), ["`level` must be > 0"]),
        (dict(size="n", value="loss", limit=float("inf")), ["finite"]),
    ],
)
def test_bad_tables_and_claims_are_refused_with_all_that_is_wrong(long, options, words):
    with pytest.raises(StatementError) as refused:
        judge(long, **options)
    assert all(w in str(refused.value) for w in words), str(refused.value)


def test_words_repeated_seeds_and_lonely_runs_are_refused(long):
    with pytest.raises(StatementError, match="must hold numbers, but row 2 has 'oops'"):
        judge(long.assign(loss=["1", "oops", *["2"] * 238]), size="n", value="loss", limit=1.0)
    with pytest.raises(StatementError, match="repeat a seed"):
        judge(long.assign(seed=0), size="n", seed="seed", value="loss", limit=1.0)
    with pytest.raises(StatementError, match="at least 2 realisations of each size, but size 100 has 1"):
        judge(long.drop(index=range(59)), size="n", value="loss", limit=1.0)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(0.25131, 0.00087, "0.2513(9)"), (0.98, 0.04, "0.98(4)"), (12.3, 1.2, "12.3(12)"), (1234.0, 40.0, "1234(40)"),
     (1.0, 0.0, "1")],
)  # fmt: skip
def test_shorthand(value, error, text):
    assert shorthand(value, error) == text


def test_a_law_may_be_the_limit():
    """Runs that scatter about the limit of a law agree with it, and not with that of another statement."""
    law, rng = CurieWeiss(h=0.2), np.random.default_rng(1)
    betas = (0.5, 1.0)
    exact = sweep(law, beta=betas).limit()["magnetisation"].values
    rows = [(n, beta, limit + rng.normal() / n)
            for n in (100, 200, 400) for beta, limit in zip(betas, exact, strict=True) for _ in range(60)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["n", "beta", "magnetisation"])
    common = {"value": "magnetisation", "size": "n", "by": "beta", "resolution": 0.1}
    agrees, other = (judge(table, limit=h, **common) for h in (law, law.replace(h=0.4)))
    np.testing.assert_array_equal(agrees["magnetisation"].table["limit"].values, exact)
    assert (agrees.verdict, other.verdict) == ("agrees", "disagrees")


def test_columns_that_mean_nothing_to_the_law_are_refused():
    table = {"n": [10, 10], "bta": [1.0, 1.0], "magnetization": [0.1, 0.2]}
    with pytest.raises(StatementError) as error:
        judge(table, value="magnetization", size="n", by="bta", limit=CurieWeiss())
    assert "`by` names 'bta', which is no field of CurieWeiss. Did you mean 'beta'" in str(error.value)
    assert "'magnetization', which is no observable of CurieWeiss. Did you mean 'magnetisation'" in str(error.value)
