"""Communities with features against identities of the posterior, the two models that it joins, and wrong laws."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import StatementError, confront, thresholds
from asymptopia.algorithms.checks import NotSolved
from asymptopia.algorithms.graphs.contextual import contextual_graph
from asymptopia.laws.inference.contextual_block_model import ContextualBlockModel, mean_tanh


@pytest.mark.parametrize("seed", [0, 2])
def test_messages_that_oscillate_end_at_a_fixed_point(seed):
    """Of these two graphs, near the threshold, messages oscillate unless some of the old ones is kept."""
    law, n = ContextualBlockModel(graph=0.8, features=0.8), 300
    mu, lam = law.features, law.graph
    v, A, B = contextual_graph(np.random.default_rng(seed), n, n, lam, mu)
    local = law._message_passing(A, B, v)
    now = np.tanh(local)
    free, shrink = 1 - np.mean(now**2), 1 + mu * np.mean(now**2)
    means = np.sqrt(mu / n) * (now @ B) / (shrink + mu * free)
    fields = lam * A @ now - lam**2 * free * now + np.sqrt(mu / n) * (B @ means) - mu / shrink * now
    np.testing.assert_allclose(np.tanh(fields), now, atol=1e-5)


@pytest.mark.parametrize("h", [0.01, 0.4, 2.0, 30.0])
def test_the_average_is_the_integral_and_keeps_nishimoris_identity(h):
    def average(power):
        def integrand(z):
            return math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * math.tanh(h + math.sqrt(h) * z) ** power

        return quad(integrand, -12, 12, points=[-math.sqrt(h)], epsabs=1e-14, epsrel=1e-13, limit=400)[0]

    assert mean_tanh(h) == pytest.approx(average(1), abs=1e-12) == pytest.approx(average(2), abs=1e-12)


def test_the_equations_hold_as_written():
    law = ContextualBlockModel(graph=0.7, features=1.4, aspect=1.6)
    q = float(law.limit()["overlap"])
    h = 0.7**2 * q + 1.4**2 / 1.6 * q / (1 + 1.4 * q)
    assert q > 0.1 and q == pytest.approx(mean_tanh(h), abs=1e-12)
    assert float(law.limit()["test_error"]) == pytest.approx(math.erfc(math.sqrt(h / 2)) / 2, abs=1e-12)


def test_without_features_it_is_the_spiked_matrix_of_signs():
    from asymptopia import parse

    alone = ContextualBlockModel(graph=1.5, features=0.0).limit()["overlap"]
    spiked = parse("SpikedMatrix(snr=2.25)").limit()["overlap"]
    assert float(alone) == pytest.approx(float(spiked), abs=1e-9)


def test_the_overlap_begins_at_the_threshold():
    law = ContextualBlockModel(features=0.8, aspect=2.0)
    edge = thresholds(law, along="graph")["weak_recovery"]
    below, above = (float(law.replace(graph=edge * s).limit()["overlap"]) for s in (1 - 1e-6, 1 + 1e-3))
    assert below == 0 and 1e-4 < above < 0.02
    back = thresholds(law.replace(graph=edge), along="features")["weak_recovery"]
    assert back == pytest.approx(0.8, abs=1e-12)
    assert thresholds(ContextualBlockModel(features=3.0), along="graph") == {"weak_recovery": 0.0}
    with pytest.raises(StatementError, match="'graph'"):
        thresholds(law, along="aspect")
    assert "threshold" in law.replace(graph=edge).valid()


class FeaturesAsAGraph(ContextualBlockModel):
    """Features as if their directions were known."""

    def _ratio(self, q):
        return self.graph**2 * q + self.features**2 / self.aspect * q


class GraphAlone(ContextualBlockModel):
    """The features are not looked at."""

    def _ratio(self, q):
        return self.graph**2 * q


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = ContextualBlockModel()
    experiment = law.experiment(sizes=(200, 400, 800), seeds=80)
    assert confront(law, experiment, resolution=0.1)["overlap"].verdict != "disagrees"
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (FeaturesAsAGraph(), GraphAlone()):
        assert confront(wrong, experiment).verdict == "disagrees"


def test_labels_that_cannot_be_found_are_forgotten():
    lost = ContextualBlockModel(graph=0.3, features=0.3).experiment(sizes=(400,), seeds=5)
    assert np.abs(lost["overlap"]).max() < 1e-4


def test_a_swing_that_damping_hides_is_not_settled():
    """Features whose pull swings by a step without damping beyond what counts as settled, and by less with."""

    class Swinging:
        shape, __array_ufunc__ = (2, 2), None
        pulls = itertools.cycle(2 + 3e-6 * np.array([[1.0, -1.0], [-1.0, 1.0]]))

        def __rmatmul__(self, now):
            return next(self.pulls)

        def __matmul__(self, means):
            return means

    with pytest.raises(NotSolved, match="did not settle"):
        ContextualBlockModel(graph=0.0)._message_passing(np.zeros((2, 2)), Swinging(), np.ones(2))
