"""SGLD: closed forms of the catalogue, a fixed point by iteration, the order of its bias, and the experiment."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.sampling.sgld import SGLD

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = [r for r in json.loads((REFERENCE / "other.json").read_text()) if r["id"].startswith("G_extra.ula")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_reference_values_of_the_unadjusted_algorithm(row):
    k, T, h = (row["params"][name] for name in ("k", "T", "h"))
    ratio = float(SGLD(columns=1, batch=None, step=h * k, temperature=T).limit()["variance"].values[0])
    assert ratio / k == pytest.approx(row["value"], rel=1e-12)


def test_the_recursion_of_the_covariance_by_brute_force():
    """The covariance of one step, as an average over every sample that could be drawn and the law of the weights."""
    law = SGLD(columns=2, batch=1, step=0.02)
    X, y = law._table()
    N = len(y)
    precision = X.T @ X / law.noise + law.ridge * np.eye(2)
    mean = np.linalg.solve(precision, X.T @ y / law.noise)
    h = law.step / np.linalg.eigvalsh(precision).max()
    nodes = np.sqrt(3) * np.array([[a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)])
    weights = np.outer([1 / 6, 2 / 3, 1 / 6], [1 / 6, 2 / 3, 1 / 6]).ravel()
    S = np.linalg.inv(precision)
    for _ in range(3000):
        drawn = nodes @ np.linalg.cholesky(S).T
        new = 2 * h * np.eye(2)
        for w, delta in zip(weights, drawn, strict=True):
            theta = mean + delta
            gradients = -law.ridge * theta + N / law.noise * X * (y - X @ theta)[:, None]
            after = delta + h * gradients
            new = new + w * after.T @ after / N
        if abs(new - S).max() < 1e-12 * abs(S).max():
            break
        S = new
    values, axes = np.linalg.eigh(precision)
    expected = np.diagonal(axes.T @ S @ axes) * values
    np.testing.assert_allclose(law.limit()["variance"].values, expected, rtol=1e-7)


def test_the_bias_is_of_first_order_in_the_step():
    excess = [SGLD(step=h).limit()["variance"].values - 1 for h in (0.02, 0.01, 0.005)]
    ratios = np.array(excess[:-1]) / np.array(excess[1:])
    assert np.all(abs(ratios[1] - 2) < 0.02) and np.all(abs(ratios[1] - 2) < abs(ratios[0] - 2))


def test_steps_that_are_too_long_and_input_that_is_wrong():
    with pytest.raises(NoLimit, match="smaller steps or larger batches"):
        SGLD(step=1.0, batch=1).limit()
    with pytest.raises(StatementError, match="`batch`"):
        SGLD(batch=0)
    with pytest.raises(StatementError, match="`columns` of SGLD must be <= 10"):
        SGLD(columns=11).limit()


def test_they_agree_without_batches():
    assert confront(SGLD(batch=None, step=1.0), sizes=(300, 600), seeds=150).verdict != "disagrees"


def test_the_experiment_agrees_and_a_law_without_the_bias_is_refuted():
    class Posterior(SGLD):
        def predict(self):
            return super().predict() | {"variance": np.ones(3)}

    experiment = SGLD().experiment(sizes=(300, 600), seeds=150)
    assert confront(SGLD(), experiment).verdict != "disagrees"
    assert confront(Posterior(), experiment)["variance"].verdict == "disagrees"
