"""A thin slice of the rough statements: `studies/rough.py` goes through all laws."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from asymptopia.contract.catalogue import law_classes

ROUGH = runpy.run_path(str(Path(__file__).parents[2] / "studies/rough.py"))
examples, experiment_of, faults, limit_of, tried = (
    ROUGH[k] for k in ("examples", "experiment_of", "faults", "limit_of", "tried")
)
SLICE = ("CurieWeiss", "ERM", "FokkerPlanck", "GaussianCovariate", "KernelRegression", "MaxMargin", "RidgeFlow")


@pytest.mark.parametrize("name", SLICE)
def test_limits_of_rough_statements_are_sound_or_refused(name):
    drawn = examples(law_classes()[name], 3)
    assert len(drawn) == 3
    wrong = {str(law): what for law in drawn if (what := tried(law, limit_of, 20.0))}
    assert not {k: v for k, v in wrong.items() if not v.startswith("slow")}


@pytest.mark.parametrize("name", ["CurieWeiss", "ERM"])
def test_experiments_on_rough_statements_are_sound_or_refused(name):
    wrong = [tried(law, experiment_of, 20.0) for law in examples(law_classes()[name], 2)]
    assert not [w for w in wrong if w and not w.startswith("slow")]


def test_faults_are_seen():
    """Of a law that is wrong on purpose: nan, a negative variance, a share beyond 1, a traceback."""
    law = law_classes()["FokkerPlanck"]()
    good = {"mean": np.zeros(3), "variance": np.ones(3), "exited": np.full(3, 0.5)}
    assert not list(faults(law, good))
    for name, value in (("mean", np.nan), ("variance", -0.1), ("exited", 1.2)):
        assert list(faults(law, good | {name: np.full(3, value)})), name
    assert "KeyError" in tried(law, lambda law: {}["nothing"], 5.0)
    assert "slow" in tried(law, lambda law: [None for _ in iter(int, 1)], 0.2)


def test_statements_are_the_same_at_every_call():
    first, second = (examples(law_classes()["ERM"], 3) for _ in range(2))
    assert first == second
