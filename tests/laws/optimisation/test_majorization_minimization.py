"""Majorization-minimization: the guarantees for other activations, the contraction, and a wrong one refuted."""

import jax
import numpy as np
import pytest

from asymptopia import NoLimit, confront
from asymptopia.laws.optimisation.majorization_minimization import MajorizationMinimization
from asymptopia.parts.activation import Erf, Tanh


def test_limit_and_experiment_agree_and_a_cruder_majoriser_does_not():
    law = MajorizationMinimization(depth=1)
    experiment = law.experiment(sizes=(100, 400))
    assert confront(law, experiment).verdict != "disagrees"

    class Wrong(MajorizationMinimization):
        def predict(self):
            prediction = super().predict()
            return prediction | {"contraction": prediction["constant_bound"]}

    assert confront(Wrong(depth=1), experiment)["contraction"].verdict == "disagrees"


def test_the_guarantees_hold_for_a_smooth_network():
    realisations = MajorizationMinimization(activation=Tanh(), depth=1).realize_all(
        60, jax.random.split(jax.random.key(0), 20)
    )
    assert (
        realisations["rise"].max() <= 0
        and realisations["shortfall"].max() <= 1e-12
        and realisations["excess"].max() <= 1e-12
    )
    assert 0 < realisations["rate"].max() <= 1


def test_the_contraction_is_that_of_the_least_resolved_direction():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((400_000, 2))
    z = 2.0 * a[:, 0]
    slope, sharp = 0.25 / np.cosh(z / 2) ** 2, np.tanh(z / 2) / (2 * z)
    H, S = ((a * w[:, None]).T @ a / len(a) for w in (slope, sharp))
    slowest = np.abs(np.linalg.eigvals(np.eye(2) - np.linalg.solve(S, H))).max()
    assert MajorizationMinimization().predict()["contraction"] == pytest.approx(slowest, abs=5e-3)


def test_activations_without_a_majoriser_are_named():
    with pytest.raises(NoLimit, match=r"`activation`.*Erf.*Gelu, Identity, Relu, Sigmoid, Softplus, Tanh"):
        MajorizationMinimization(activation=Erf()).check()
