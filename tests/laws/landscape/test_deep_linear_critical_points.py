"""Critical points of deep linear networks: exact Hessians, references, labels, and a wrong law that is refuted."""

import json
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from asymptopia import confront
from asymptopia.contract.record import StatementError
from asymptopia.laws.landscape import deep_linear_critical_points as module
from asymptopia.laws.landscape.deep_linear_critical_points import (
    DeepLinearCriticalPoints,
    distinct_values,
    falls,
    search,
    split_weights,
)

OTHER = json.loads((Path(__file__).parents[2] / "reference" / "other.json").read_text())
ROWS = [r for r in OTHER if str(r.get("id")).startswith("J_deeplin.crit")]
NETS = sorted({(r["params"]["d_in"], r["params"]["hidden"], r["params"]["d_out"]) for r in ROWS})


@pytest.mark.parametrize("widths", NETS, ids=str)
def test_reference_values_of_three_layers_of_units(widths):
    """Values of all sets, and the indices at full rank."""
    rows = [r for r in ROWS if (r["params"]["d_in"], r["params"]["hidden"], r["params"]["d_out"]) == widths]
    s = tuple(rows[0]["params"]["Sigma_yx_singular_values"])
    limit = DeepLinearCriticalPoints(widths=widths, singular_values=s, noise=0.0).limit()
    values = sorted(r["value"]["loss"] for r in rows)
    np.testing.assert_allclose(limit["critical_value"], values, atol=1e-13)
    full = [r["value"] for r in rows if len(r["params"]["subset"]) == min(widths)]
    expected = [v["index"] for v in sorted(full, key=lambda v: v["loss"])]
    np.testing.assert_array_equal(limit["index"], expected)


def canonical(widths, s, chosen):
    """Balanced weights that regress in the chosen directions, all others zero."""
    layers = len(widths) - 1
    x = []
    for k, (inputs, outputs) in enumerate(pairwise(widths)):
        w = np.zeros((outputs, inputs))
        for hidden, i in enumerate(chosen):
            row, column = (i if k == layers - 1 else hidden), (i if k == 0 else hidden)
            w[row, column] = s[i] ** (1 / layers)
        x.append(w.ravel())
    return np.concatenate(x)


@pytest.mark.parametrize("widths", [(5, 3, 3, 4), (4, 2, 5, 4), (3, 3, 2, 3, 4)], ids=str)
def test_indices_are_those_of_the_exact_hessian_and_labels_follow_its_lowest_eigenvalue(widths):
    import jax

    from asymptopia.measure.deep_linear import linear_network_label

    s = np.array([3.0, 2.0, 1.0, 0.5][: min(widths[0], widths[-1])])
    A, B = np.eye(widths[0]), np.zeros((widths[-1], widths[0]))
    np.fill_diagonal(B, s)
    loss = module._Loss(widths)
    hessian = jax.jit(lambda x: jax.hessian(loss)(x, (A, B)))
    slope = jax.jit(lambda x: jax.grad(loss)(x, (A, B)))
    limit = DeepLinearCriticalPoints(widths=widths, singular_values=tuple(s), noise=0.0).limit()
    full, top = [], min(widths)
    for r in range(top + 1):
        for chosen in combinations(range(len(s)), r):
            x = canonical(widths, s, chosen)
            assert np.abs(slope(x)).max() < 1e-12
            eigenvalues = np.linalg.eigvalsh(hessian(x))
            index = int((eigenvalues < -1e-9).sum())
            label = linear_network_label(split_weights(x, widths), A, B)
            best = chosen == tuple(range(r))
            assert label == (
                "global minimum" if best and r == top else "non-strict saddle" if best else "strict saddle"
            )
            assert (index > 0) == (label == "strict saddle")
            if r == top:
                full.append((float(loss(x, (A, B))), index))
    np.testing.assert_array_equal(limit["index"], [k for _, k in sorted(full)])


def test_a_best_saddle_that_is_not_tightened_is_strict():
    from asymptopia.measure.deep_linear import linear_network_label

    zeros = [np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((3, 2))]
    A, B = np.eye(3), np.diag([3.0, 2.0, 1.0])
    assert linear_network_label(zeros, A, B) == "non-strict saddle"
    assert linear_network_label([zeros[0], np.eye(2), zeros[2]], A, B) == "strict saddle"
    assert linear_network_label([np.zeros((2, 3)), np.zeros((3, 2))], A, B) == "strict saddle"


def test_every_value_of_5_3_3_4_is_found_and_no_minimum_is_spurious(monkeypatch):
    monkeypatch.setattr(module, "MEETINGS", 1)
    monkeypatch.setattr(module, "STARTS", 20)
    law = DeepLinearCriticalPoints(widths=(5, 3, 3, 4), singular_values=(3.0, 2.0, 1.0, 0.5))
    rng = np.random.default_rng(7)
    A, B, _ = law.sample(1000, rng)
    points = search(law.widths, A, B, rng)
    assert np.mean(points["converged"]) >= 0.99
    s = np.linalg.svd(B, compute_uv=False) ** 2
    values = [(s.sum() - s[list(c)].sum()) / 2 for r in range(4) for c in combinations(range(4), r)]
    good = points["converged"]
    np.testing.assert_allclose(distinct_values(points["loss"][good]), np.sort(values), rtol=1e-8)
    assert ((points["label"][good] == "strict saddle") == (points["index"][good] > 0)).all()
    low = good & (points["index"] == 0) & (points["loss"] > min(values) + 1e-6)
    assert all(falls(law.widths, x, (A, B), rng) for x in points["point"][low][:5])


def test_bad_statements_are_refused():
    for fields, match in (
        (dict(widths=(3, 0, 3)), "widths"),
        (dict(widths=(3, 3)), "widths"),
        (dict(singular_values=(1.0, 2.0, 3.0)), "decreasing"),
        (dict(singular_values=(2.0, 1.0)), "3 decreasing"),
        (dict(widths=(20, 20, 20), singular_values=tuple(range(20, 0, -1))), "at most 5000"),
    ):
        with pytest.raises(StatementError, match=match):
            DeepLinearCriticalPoints(**fields)


def test_weights_that_do_not_fit_are_refused():
    from asymptopia.measure.deep_linear import linear_network_label

    X = np.eye(3)
    for weights, match in (
        ([], "at least one"),
        ([np.zeros((0, 3))], r"weights\[0\]"),
        ([np.full((2, 3), np.nan)], "finite"),
        ([np.zeros((2, 3)), np.zeros((3, 4))], "2 columns"),
        ([np.zeros((2, 3))], "`X` and `Y`"),
    ):
        with pytest.raises(StatementError, match=match):
            linear_network_label(weights, X, X)


def test_the_experiment_agrees_and_a_wrong_law_is_refuted(monkeypatch):
    experiment = DeepLinearCriticalPoints().experiment(sizes=(1000, 4000, 8000), seeds=4)
    confrontation = confront(DeepLinearCriticalPoints(), experiment)
    verdicts = {k: confrontation[k].verdict for k in DeepLinearCriticalPoints.observables}
    assert "disagrees" not in verdicts.values(), verdicts
    assert not confrontation["critical_value"].table["failed"].any()
    right = DeepLinearCriticalPoints.predict
    monkeypatch.setattr(DeepLinearCriticalPoints, "predict", lambda self: right(self.replace(noise=2.1)))
    wrong = confront(DeepLinearCriticalPoints(), experiment)
    assert wrong["critical_value"].verdict == "disagrees"
