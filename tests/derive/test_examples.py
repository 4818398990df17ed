"""The derived laws of the documentation: against recursions by hand, and against themselves at finite size."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

from asymptopia.contract.statement import laws_of_file
from asymptopia.derive import precision

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples" / "derived").glob("*.py"))
SIMULATED = ("hopfield", "logistic_descent", "recurrent_chaos")  # the others have a law derived by hand


def law(path):
    return next(iter(laws_of_file(path).values()))


def named(name):
    return law(next(p for p in EXAMPLES if p.stem == name))


@pytest.mark.parametrize("path", [p for p in EXAMPLES if p.stem in SIMULATED], ids=lambda p: p.stem)
def test_the_limit_is_that_of_large_systems(path):
    stated = law(path)()
    with precision(4096, 8):
        limit = stated.limit()
    sizes = (200, 400)
    experiment = stated.experiment(sizes, 40)
    for name in stated.observables:
        small, large = (experiment[name].sel(size=n) for n in sizes)
        value = 2 * large.mean("seed") - small.mean("seed")
        variance = (4 * large.var("seed", ddof=1) + small.var("seed", ddof=1)) / 40 + limit[f"{name}_error"] ** 2
        assert np.all(np.abs(value - limit[name]) < 4 * np.sqrt(variance) + 0.02), name


def test_the_first_step_of_retrieval_is_known():
    with precision(4096, 8):
        limit = named("hopfield")(alpha=0.1, start=0.5).limit()
    assert abs(float(limit["overlap"][1]) - erf(0.5 / np.sqrt(0.2))) < 4 * float(limit["overlap_error"][1]) + 1e-5


def test_the_norm_of_a_recurrent_network_obeys_its_recursion():
    q = 1.0
    for _ in range(3):
        q = (
            2.25
            * quad(lambda z, q=q: np.tanh(np.sqrt(q) * z) ** 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), -9, 9)[0]
        )
    with precision(4096, 8):
        limit = named("recurrent_chaos")(gain=1.5, steps=3).limit()
    assert abs(float(limit["norm"]) - q) < 4 * float(limit["norm_error"]) + 1e-5
