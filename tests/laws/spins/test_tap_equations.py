"""The TAP equations in the limit: against replica symmetry, a simulation of the covariances, and wrong laws."""

import numpy as np
import pytest

from asymptopia import StatementError, confront, sweep, thresholds
from asymptopia.contract.law import NoLimit
from asymptopia.laws.spins.tap_equations import TAPEquations


def test_the_covariances_of_the_steps_by_simulation():
    """Gaussian fields built step by step in place of the two-dimensional integrals."""
    law, draws = TAPEquations(), 400_000
    rng = np.random.default_rng(0)
    m = np.zeros((1, draws))
    for _ in range(3):
        C = m @ m.T / draws
        values, vectors = np.linalg.eigh(C)
        z = (vectors * np.sqrt(np.maximum(values, 0))) @ rng.standard_normal((len(C), draws))
        m = np.vstack([np.zeros(draws), np.tanh(law.beta * (law.h + z))])
    mean = (np.diff(m, axis=0) ** 2).mean(axis=1)
    np.testing.assert_allclose(mean, law.limit()["distance"].values[:3], rtol=0.01)


@pytest.mark.parametrize(("beta", "h"), [(1.0, 0.3), (1.4, 0.5), (0.5, 0.0), (2.0, 3.0), (0.0206, 2.6761)])
def test_the_distances_fall_by_the_rate_in_the_end(beta, h, monkeypatch):
    """Also where they are far below the rounding of the fields' variances, 1e-36 in the last case."""
    monkeypatch.setattr("asymptopia.laws.spins.tap_equations.STEPS", 20 if beta > 0.1 else 11)
    prediction = TAPEquations(beta=beta, h=h).predict()
    if h == 0:
        assert not prediction["distance"].any() and prediction["rate"] == pytest.approx(beta**2)
        return
    ratios = prediction["distance"][1:] / prediction["distance"][:-1]
    assert ratios[-1] == pytest.approx(prediction["rate"], rel=1e-3)
    assert prediction["distance"][0] == pytest.approx(np.tanh(beta * h) ** 2)


def test_beyond_the_line_of_almeida_and_thouless_there_is_no_limit():
    critical = thresholds(TAPEquations(), along="beta")["almeida_thouless"]
    assert critical == pytest.approx(1.5340863661522794, abs=1e-11)
    TAPEquations(beta=critical * (1 - 1e-6)).check()
    with pytest.raises(NoLimit, match=r"beta = 1\.53409"):
        TAPEquations(beta=critical * (1 + 1e-6)).limit()
    with pytest.raises(StatementError, match="along 'h'"):
        thresholds(TAPEquations(), along="h")


def test_limit_and_experiment_agree_and_wrong_laws_are_refuted():
    class Wrong(TAPEquations):
        """Without the reaction of a spin on itself the free energy is the naive mean field's."""

        def predict(self):
            prediction = super().predict()
            return prediction | {
                "free_energy": prediction["free_energy"] + self.beta * (1 - prediction["overlap"]) ** 2 / 4
            }

    law = sweep(TAPEquations(), beta=(0.6, 1.0))
    result = confront(law, sizes=(100, 200, 400), seeds=60)
    assert result.verdict != "disagrees"
    assert confront(Wrong(), sizes=(100, 200), seeds=20)["free_energy"].verdict == "disagrees"
