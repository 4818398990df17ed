"""Transport between normal laws: reference values, and the minimum that the entropic coupling is."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia.algorithms.transport import bures, entropic_normal

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "other.json").read_text())
ROWS = {r["id"]: r for r in REFERENCE if r["id"].startswith("G_flow.gauss")}


def test_reference_values_of_the_distance():
    row = ROWS["G_flow.gauss.W2"]
    p = row["params"]
    assert bures(p["m1"], np.array(p["A"]), p["m2"], np.array(p["B"])) == pytest.approx(row["value"]["W2"], rel=1e-13)


@pytest.mark.parametrize("seed", range(5))
def test_equal_laws_are_at_no_distance(seed):
    rng = np.random.default_rng(seed)
    A, mean = rng.normal(size=(6, 9)), 1e3 * rng.normal(size=6)
    moved = 1e-9 * rng.normal(size=6)
    assert bures(mean, A @ A.T, mean, A @ A.T) < 1e-13
    assert bures(0 * mean, A @ A.T, moved, A @ A.T) == pytest.approx(np.linalg.norm(moved), rel=1e-4)


@pytest.mark.parametrize("name", [k for k in ROWS if "EOT." in k])
def test_reference_values_in_the_plane(name):
    p, value = ROWS[name]["params"], ROWS[name]["value"]
    coupling = entropic_normal(p["m1"], np.array(p["A"]), p["m2"], np.array(p["B"]), p["eps"])
    assert coupling.value == pytest.approx(value["OT_eps"], rel=1e-12)
    assert coupling.cost == pytest.approx(value["transport_cost"], rel=1e-6)


@pytest.mark.parametrize("name", [k for k in ROWS if "EOT1d." in k])
def test_reference_values_on_the_line(name):
    p, value = ROWS[name]["params"], ROWS[name]["value"]
    coupling = entropic_normal([p["m0"]], np.array([[p["var0"]]]), [p["m1"]], np.array([[p["var1"]]]), p["eps"])
    assert coupling.value == pytest.approx(value["OT_eps"], rel=1e-13)
    assert coupling.cost == pytest.approx(value["transport_cost"], rel=1e-13)
    assert float(coupling.covariance[0, 0]) == pytest.approx(value["cov"], rel=1e-13)


def test_little_entropy_gives_the_distance():
    A, B = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.3], [-0.3, 3.0]])
    coupling = entropic_normal([0.0, 1.0], A, [1.0, 0.0], B, 1e-6)
    assert coupling.cost == pytest.approx(bures([0.0, 1.0], A, [1.0, 0.0], B) ** 2, abs=1e-5)
