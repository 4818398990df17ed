"""Equal angles against orthogonal tokens, which keep them exactly, closed forms, and wrong laws."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import StatementError, confront
from asymptopia.algorithms.particles.attention import attend, mean_cosine, velocity
from asymptopia.laws.mean_field.equiangular_attention import EquiangularAttention


@pytest.mark.parametrize("attention", ["softmax", "unnormalised"])
@pytest.mark.parametrize(("tokens", "beta"), [(5, 0.0), (12, 2.0), (20, 5.0)])
def test_orthogonal_tokens_follow_the_equation_exactly(attention, tokens, beta):
    law = EquiangularAttention(tokens=tokens, beta=beta, attention=attention, times=(0.5, 2.0, 4.0))
    path, limit = attend(np.eye(tokens), beta, law.times, attention), law.limit()
    cosines = path.tokens @ path.tokens.transpose(0, 2, 1)
    off = ~np.eye(tokens, dtype=bool)
    np.testing.assert_allclose(cosines[:, off], np.repeat(limit["overlap"].values[:, None], off.sum(), 1), atol=1e-7)
    assert path.clustered == pytest.approx(float(limit["clustering_time"]), rel=1e-6)


def test_velocities_are_tangent_and_are_those_of_the_definition():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4, 3))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    for attention in ("softmax", "unnormalised"):
        weights = np.exp(1.7 * x @ x.T)
        weights /= weights.sum(axis=1, keepdims=True) if attention == "softmax" else 4
        by_hand = [(np.eye(3) - np.outer(a, a)) @ (w @ x) for a, w in zip(x, weights, strict=True)]
        np.testing.assert_allclose(velocity(x, 1.7, attention), by_hand, atol=1e-14)
    with pytest.raises(ValueError, match="norm 1"):
        attend(2 * x, 1.0, (1.0,))


def test_closed_forms():
    n = 8
    time = quad(lambda g: n / (2 * (1 - g) * ((n - 1) * g + 1)), 0, 0.5)[0]
    for attention in ("softmax", "unnormalised"):  # the same without an inverse temperature
        limit = EquiangularAttention(tokens=n, beta=0.0, attention=attention).limit()
        assert float(limit["clustering_time"]) == pytest.approx(math.log(3), abs=1e-12)
        assert time == pytest.approx(math.log(3), abs=1e-9)
        # logistic: ((n - 1) g + 1) / (1 - g) = exp(2 t)
        e = np.exp(2 * np.array([1.0, 3.0, 6.0]))
        np.testing.assert_allclose(limit["overlap"], (e - 1) / (e + n - 1), rtol=1e-8)
    late = [float(EquiangularAttention(tokens=m, beta=3.0).limit()["clustering_time"]) for m in (10**3, 10**6)]
    gaps = [t - math.log(m) / 2 for t, m in zip(late, (10**3, 10**6), strict=True)]
    assert abs(gaps[1]) < 1e-3 and abs(gaps[1]) < abs(gaps[0]) / 100


def test_statements_are_checked():
    with pytest.raises(StatementError, match="increase"):
        EquiangularAttention(times=(3.0, 1.0))
    with pytest.raises(StatementError, match="softmax"):
        EquiangularAttention(attention="softmx")
    assert "beta" in EquiangularAttention(beta=20.0).valid()


class WithoutItself(EquiangularAttention):
    """Tokens that do not attend to themselves: the weight of the token itself is missing in the sum."""

    def _rate(self, gamma):
        n, beta = self.tokens, self.beta
        return 2 * ((n - 1) * gamma + 1) / (np.exp(beta * (1 - gamma)) * 0 + n - 1)


class HalfAsFast(EquiangularAttention):
    """Only one token of a pair moves."""

    def _rate(self, gamma):
        return super()._rate(gamma) / 2


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = EquiangularAttention(tokens=8)
    experiment = law.experiment(seeds=60)
    assert confront(law, experiment, resolution=0.1).verdict != "disagrees"
    for wrong in (WithoutItself(tokens=8), HalfAsFast(tokens=8)):
        assert confront(wrong, experiment).verdict == "disagrees"
    law = EquiangularAttention(attention="unnormalised", tokens=5)
    assert confront(law, seeds=40, resolution=0.1).verdict != "disagrees"
    assert mean_cosine(np.eye(3)) == 0


def test_tokens_that_stay_in_clusters_are_not_waited_for():
    """At a large beta clusters attract each other exponentially weakly: the wait for the last would never end."""
    tokens = np.eye(6)[:4] + 0.2 * np.eye(6)[[1, 0, 3, 2]]
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    with pytest.raises(ArithmeticError, match="clusters that are still apart"):
        attend(tokens, 100.0, (1.0,))
    assert 0 < attend(tokens, 1.0, (1.0,)).clustered < 10
