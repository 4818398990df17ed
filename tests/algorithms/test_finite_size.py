"""The solvers on Gaussian data at d = 200 against the limits computed independently in the reference table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia.algorithms import fit
from asymptopia.parts.loss import Hinge, Logistic, Square

ROWS: dict[str, dict[str, float]] = {}
for row in json.loads((Path(__file__).parents[1] / "reference" / "erm.json").read_text()):
    ROWS.setdefault(row["statement"], {})[row["observable"]] = row["value"]

SIGN = [
    (0.5, 1.0, Logistic()),
    (2.0, 0.01, Logistic()),
    (4.0, 0.1, Logistic()),
    (2.0, 0.01, Square()),
    (4.0, 1.0, Square()),
    (0.5, 1.0, Hinge()),
    (2.0, 0.01, Hinge()),
    (2.0, 1.0, Hinge()),
    (4.0, 0.01, Hinge()),
]
LASSO = [(0.3, 1.0), (0.5, 0.001), (0.5, 0.1), (1.0, 0.01), (2.0, 0.001)]
d, SEEDS = 200, 16


def check(runs, limit, bias=4.0 / d):
    """Means within 3.5 standard errors of the limit, plus a relative `bias`; events too rare to see are 0."""
    for name in limit:
        values = np.array([row[name] for row in runs])
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert abs(values.mean() - limit[name]) < 3.5 * error + bias * abs(limit[name]) + 1e-5, name
        if name in ("overlap", "norm", "test_error"):
            assert error < 0.12 * abs(limit[name]), name


@pytest.mark.parametrize("alpha, ridge, loss", SIGN)
def test_sign_teacher(alpha, ridge, loss):
    values = []
    for seed in range(SEEDS):
        rng = np.random.default_rng([seed, 1])
        X = rng.standard_normal((round(alpha * d), d)) / np.sqrt(d)
        star = rng.standard_normal(d)
        star *= np.sqrt(d) / np.linalg.norm(star)
        y = np.where(X @ star >= 0, 1.0, -1.0)
        w = fit(X, y, loss, ridge).w
        cosine = w @ star / np.linalg.norm(w) / np.sqrt(d)
        z = X @ w
        values.append(
            {
                "overlap": w @ star / d,
                "norm": w @ w / d,
                "test_error": np.arccos(cosine) / np.pi,
                "train_loss": np.mean(loss(y, z)),
                "train_error": np.mean(y * z < 0),
            }
        )
    check(values, ROWS[f"ERM(alpha={alpha}, ridge={ridge}, loss={loss!r}, teacher=Sign())"])


@pytest.mark.parametrize("alpha, l1", LASSO)
def test_lasso(alpha, l1):
    values = []
    for seed in range(SEEDS):
        rng = np.random.default_rng([seed, 2])
        n = round(alpha * d)
        X = rng.standard_normal((n, d)) / np.sqrt(d)
        star = rng.standard_normal(d) * (rng.permutation(d) < round(0.2 * d))
        star *= np.sqrt(0.2 * d) / np.linalg.norm(star)
        noise = rng.standard_normal(n)
        y = X @ star + 0.1 * np.sqrt(n) / np.linalg.norm(noise) * noise
        w = fit(X, y, Square(), 0.0, l1).w
        values.append({"test_error": np.mean((w - star) ** 2), "train_loss": np.mean((y - X @ w) ** 2) / 2})
    rest = "loss=Square(), teacher=Linear(noise=0.01), prior=GaussBernoulli(rho=0.2)"
    check(values, ROWS[f"ERM(alpha={alpha}, ridge=0.0, l1={l1}, {rest})"])
