"""Published claims: their files, their verdicts, and what is said of files that are wrong."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from asymptopia.cli import main
from asymptopia.contract.record import StatementError
from asymptopia.study import StudyError
from asymptopia.study.claims import read_claims
from asymptopia.study.claims.formula import element, evaluate, printed
from asymptopia.study.claims.judging import quantity, rule

CLAIMS = Path(__file__).parents[1] / "claims"
GOOD = """claim = "Weights of +-1 store 0.833 patterns each."
paper = "Krauth and Mezard"
year = 1989
place = "equation 23"
found = "quoted"
law = "Capacity(weights='binary')"
quantity = "capacity"
value = "0.833"
"""
FALL = {"binary_teacher_algorithm", "binary_teacher_information", "hardmax_contracts", "lazy_distance_sharp"}
CHEAP = {
    "binary_perceptron_capacity", "binary_perceptron_upper_bound", "contextual_features", "diffusion_collapse",
    "hopfield_capacity", "noisy_transformer_tricritical_3", "noisy_transformer_stability_2", "threshold_energy_p4",
    "bayes_reference", "double_descent_features", "relu_initialisation", "lazy_distance",
    "deep_linear_renormalisation", "exponential_memory_capacity", "in_context_double_descent", "multi_index_parity",
    "quadratic_perfect_recovery",
}  # fmt: skip


@pytest.fixture(scope="module")
def claims():
    return {c.name: c for c in read_claims(CLAIMS)}


def test_there_are_forty_claims_and_each_says_where_it_is_from(claims):
    assert len(claims) >= 40
    assert sum(c.said.year >= 2018 for c in claims.values()) >= 25
    for claim in claims.values():
        assert all(len(getattr(claim.said, k)) > 5 for k in ("claim", "paper", "place", "found")), claim.name


@pytest.mark.parametrize("name", sorted(CHEAP))
def test_these_stand(claims, name):
    assert rule(claims[name]).verdict == "agrees"


@pytest.mark.parametrize("name", sorted(FALL))
def test_these_fall(claims, name):
    assert rule(claims[name]).verdict == "disagrees"


def cli(*words):
    return CliRunner().invoke(main, list(words))


def one(tmp_path, text):
    path = tmp_path / "claim.toml"
    path.write_text(text, encoding="utf-8")
    (claim,) = read_claims(path)
    return claim


def test_a_value_is_held_to_its_last_digit(tmp_path):
    for value, verdict in {"0.8331": "agrees", "0.83": "agrees", "0.834": "disagrees", "0.832": "disagrees"}.items():
        assert rule(one(tmp_path, GOOD.replace('"0.833"', f'"{value}"'))).verdict == verdict


def test_bounds_are_one_sided(tmp_path):
    for relation, value, verdict in (("<=", "0.9", "agrees"), (">=", "0.9", "disagrees"), (">=", "0.8", "agrees")):
        text = GOOD.replace('"0.833"', f'"{value}"') + f'relation = "{relation}"\n'
        assert rule(one(tmp_path, text)).verdict == verdict


def test_what_is_read_off_coarsely_decides_nothing(tmp_path):
    assert rule(one(tmp_path, GOOD + "reading = 0.1\n")).verdict == "inconclusive"


def test_a_slope_and_a_minimum_are_found(tmp_path):
    text = GOOD.replace("Capacity(weights='binary')", "ERM(loss=Square(), teacher=Linear(noise=0.5))")
    text = text.replace('"capacity"', '"test_error"') + 'along = "ridge"\n'
    ours, error = quantity(one(tmp_path, text + "minimum = [0.01, 10.0]\n"))
    assert ours == pytest.approx(0.5, abs=2 * error)  # the best ridge is the noise of the labels
    # the weights fall as 1 / ridge, so that their squared norm falls with the slope -2
    claim = one(tmp_path, text.replace('"test_error"', '"norm"') + "slope = [1e4, 1e6]\n")
    assert quantity(claim)[0] == pytest.approx(-2.0, abs=1e-3)


def test_printed_values_and_formulas():
    assert printed("0.833") == (0.833, 0.0005)
    assert printed("-1.20") == (-1.2, 0.005)
    assert printed("1.58(2)") == pytest.approx((1.58, 0.02))
    assert printed("pi/2 - 1") == pytest.approx((math.pi / 2 - 1, 1e-6 * (math.pi / 2 - 1)))
    assert evaluate("2 * x[1] + sqrt(y)", {"x": [1.0, 3.0], "y": 4.0}) == 8.0
    assert element("x[0, 1]") == ("x", (0, 1))


@pytest.mark.parametrize(
    "text", ["__import__('os')", "x.y", "1/0", "log(-1)", "z", "x[5]", "sqrt(1, 2)", "[1]", "1 +", "(-1)**0.5"]
)
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(StatementError):
        evaluate(text, {"x": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"0.833"', "0.833", 'Write it as text, "0.833"'),
        ('"0.833"', '"about 1"', "neither a number nor a formula"),
        ("year = 1989", "yaer = 1989", "'year'"),
        ("year = 1989", "", "year: It is missing"),
        ("weights='binary'", "weigths='binary'", "weights"),
        ('quantity = "capacity"', 'quantity = "capasity"', "capacity"),
        ('paper = "Krauth and Mezard"', 'paper = ""', "paper"),
        ("claim =", "claim", "not TOML"),
    ],
)
def test_bad_files_are_told_with_their_name(tmp_path, old, new, said):
    path = tmp_path / "bad.toml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_claims(path)
    assert said in str(error.value) and "bad.toml" in str(error.value)


def test_the_command_judges_a_folder_and_keeps_what_it_did(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "stands.toml").write_text(GOOD, encoding="utf-8")
    (folder / "falls.toml").write_text(GOOD.replace("0.833", "0.9"), encoding="utf-8")
    command = ["run", str(folder), "--out", str(tmp_path / "out")]
    first = cli(*command)
    assert first.exit_code == 0 and "falls: disagrees" in first.stderr
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Those that do not stand" in page and "2 claims: 1 disagrees, 1 agrees" in page
    again = cli(*command, "--json")
    found = {c["name"]: c["verdict"] for c in json.loads(again.stdout)["claims"]}
    assert found == {"stands": "agrees", "falls": "disagrees"} and "falls: disagrees" not in again.stderr
    assert cli(*command, "--strict").exit_code == 1


def test_bad_claims_and_misplaced_options_exit_with_2(tmp_path):
    (tmp_path / "bad.toml").write_text(GOOD.replace("year", "yaer"), encoding="utf-8")
    for extra in ([], ["--seeds", "5"]):
        result = cli("run", str(tmp_path), *extra)
        assert result.exit_code == 2 and result.stdout == ""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert cli("run", str(empty)).exit_code == 2


def test_the_atlas_shows_landmarks_and_claims_together(tmp_path):
    (tmp_path / "stands.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "falls.toml").write_text(GOOD.replace("0.833", "0.9"), encoding="utf-8")
    result = cli("atlas", "Capacity", "--claims", str(tmp_path), "--json")
    told = json.loads(result.stdout)
    assert len(told["landmarks"]) >= 5 and result.exit_code == 0
    assert [(c["name"], c["verdict"]) for c in told["claims"]] == [("falls", "disagrees"), ("stands", "agrees")]
