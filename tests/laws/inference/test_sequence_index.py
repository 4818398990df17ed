"""One layer of attention: its curve by nested quadrature, its edge by covariances, sampled posteriors, wrong laws."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2

from asymptopia import StatementError, confront, thresholds
from asymptopia.algorithms.checks import NotSolved
from asymptopia.laws.inference.sequence_index import SequenceIndex, experiment, theory
from asymptopia.numerics.fixed_points import NotConverged


def edge(**fields):
    return thresholds(SequenceIndex(**fields), along="alpha")["weak_recovery"]


def test_the_curve_without_noise_by_nested_quadrature_and_its_ends():
    m, tokens, (x, w) = 0.4, 3, np.polynomial.hermite_e.hermegauss(100)
    s = m / (1 - m)

    def inner(r):
        return w @ np.tanh(s * r + np.sqrt(s * r) * x) ** 2 / w.sum()

    mean = quad(lambda r: chi2.pdf(r, tokens) * r * inner(r), 0, 60, limit=200)[0]
    assert theory.curve_without_noise(m, tokens) == pytest.approx(m * (1 - m) / (mean - tokens * m), rel=1e-6)
    for tokens in (2, 3, 6):
        assert theory.curve_without_noise(1e-6, tokens) == pytest.approx(1 / (tokens * (tokens + 1)), rel=1e-4)
        curve = [theory.curve_without_noise(m, tokens) for m in (0.02, 0.2, 0.5, 0.8, 0.9, 0.97, 0.999)]
        assert np.all(np.diff(curve) > 0), "the transitions are continuous"
        assert curve[-1] == pytest.approx(1 / tokens, rel=2e-3)


def test_one_field_with_an_unknown_sign_is_phase_retrieval():
    """Its algorithmic threshold is 1.128 (Barbier, Krzakala, Macris, Miolane and Zdeborova 2019)."""
    assert max(theory.curve_without_noise(m, 1) for m in np.linspace(0.83, 0.87, 9)) == pytest.approx(1.128, abs=5e-4)


def test_the_edge_under_much_noise_is_given_by_covariances_with_the_label():
    beta, noise, (x, w) = 1.2, 2000.0, np.polynomial.hermite_e.hermegauss(60)
    h = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    p = np.outer(w, w).ravel() / (2 * np.pi)
    S = experiment._attention(h, beta).reshape(-1, 4)
    pairs = (h[:, :, None] * h[:, None, :]).reshape(-1, 4)
    covariance = (pairs * p[:, None]).T @ S - np.outer(p @ pairs, p @ S)
    assert edge(beta=beta, noise=noise) == pytest.approx(noise / np.sum(covariance**2), rel=3e-3)


def test_little_noise_or_a_steep_softmax_approach_the_edge_without_noise():
    assert edge(noise=0.0) == pytest.approx(1 / 6, rel=1e-12)
    edges = [edge(beta=1.0, noise=noise) for noise in (0.1, 0.01)]
    assert 1 / 6 < edges[1] < edges[0]
    law = SequenceIndex(beta=1.0, noise=0.1)
    assert theory.samples(law, 1e-4, 0) == pytest.approx(edges[0], rel=0.05)


def test_posterior_means_by_sampling():
    """The scores of the experiment, and through them the theory's mean square, against a posterior that is sampled."""
    law, rng, m = SequenceIndex(beta=1.5, noise=0.05), np.random.default_rng(0), 0.6
    omega = np.sqrt(m) * rng.standard_normal((400, 2))
    h = omega + np.sqrt(1 - m) * rng.standard_normal((400, 2))
    y = experiment._attention(h, law.beta) + np.sqrt(law.noise) * rng.standard_normal((400, 2, 2))
    mean, second = experiment._moments_of_two(y, omega, 1 - m, law)
    score = (mean - omega) / (1 - m)
    for i in range(4):
        draws = omega[i] + np.sqrt(1 - m) * rng.standard_normal((200_000, 2))
        misses = np.sum((experiment._attention(draws, law.beta) - y[i]) ** 2, axis=(1, 2))
        weights = np.exp(-misses / (2 * law.noise))
        weights /= weights.sum()
        for seen, values in (
            (mean[i], draws),
            (second[i].ravel(), (draws[:, :, None] * draws[:, None]).reshape(-1, 4)),
        ):
            close = 5 * np.sqrt((weights**2) @ (values - seen) ** 2)
            assert np.all(np.abs(weights @ values - seen) < close)
    squares = np.sum(score**2, axis=1)
    gain = np.mean([m / (1 - m) / theory.samples(law, m, net) for net in range(4)])
    assert abs(squares.mean() - gain) < 4 * squares.std() / np.sqrt(len(squares))


def test_labels_without_noise_give_the_fields_up_to_their_sign():
    h = np.random.default_rng(1).standard_normal((50, 4))
    read = experiment._fields_up_to_sign(np.log(experiment._attention(h, 1.3)), 1.3)
    np.testing.assert_allclose(read * np.sign(read[:, :1]), h * np.sign(h[:, :1]), atol=1e-9)


def test_a_steep_attention_without_noise_is_learned_as_any_other():
    overlaps = [
        SequenceIndex(alpha=0.6, beta=beta, noise=0.0).experiment(sizes=(40,), seeds=2)["overlap"]
        for beta in (1.0, 1000.0)
    ]
    np.testing.assert_allclose(overlaps[1], overlaps[0], atol=1e-6)


def test_the_curve_with_noise_is_resolved_at_large_overlaps():
    """The error that is left is inversely proportional to alpha where labels tell all but a normal error."""
    law = SequenceIndex(beta=1.0, noise=0.5)
    errors = [(1 - m) * theory.samples(law, m, 1, 256) for m in (0.95, 0.98, 0.99)]
    np.testing.assert_allclose(errors, errors[-1], rtol=0.07)


def test_overlaps_that_are_not_resolved_are_refused():
    with pytest.raises(NotConverged, match="exceeds"):
        SequenceIndex(alpha=200.0, beta=1.0, noise=0.5).limit()


def test_just_above_the_edge_without_noise_the_overlap_is_small():
    assert float(SequenceIndex(alpha=(1 + 1e-7) / 6, noise=0.0).limit()["overlap"]) < 1e-4


def test_nothing_is_learned_below_the_edge_and_all_above_one_equation_for_each_unknown():
    nothing = SequenceIndex(alpha=0.1, beta=1.5, noise=0.0).limit()
    assert float(nothing["overlap"]) == 0
    x, w = np.polynomial.hermite_e.hermegauss(80)
    h = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    S, p = experiment._attention(h, 1.5), np.outer(w, w).ravel() / (2 * np.pi)
    variance = np.mean(np.tensordot(p, S**2, axes=1) - np.tensordot(p, S, axes=1) ** 2)
    assert float(nothing["test_error"]) == pytest.approx(variance, abs=5 * float(nothing["test_error_error"]))
    assert float(SequenceIndex(alpha=0.5, noise=0.0).limit()["overlap"]) == 1
    assert "perfect" in SequenceIndex(alpha=0.48, noise=0.0).valid()
    assert "weak" in SequenceIndex(alpha=0.18, noise=0.0).valid()
    assert thresholds(SequenceIndex(tokens=4, noise=0.0), along="alpha")["perfect_recovery"] == 0.25


class TokenByToken(SequenceIndex):
    """A sentence that counts as one sample, whatever its tokens."""

    def predict(self):
        return theory.predict(self.replace(alpha=self.alpha / self.tokens))


class Cosine(SequenceIndex):
    """The cosine with the teacher in place of the overlap, its square."""

    def predict(self):
        values = theory.predict(self)
        return values | {"overlap": np.sqrt(values["overlap"])}


class HalfTheNoise(SequenceIndex):
    """Labels of half the variance."""

    def predict(self):
        return theory.predict(self.replace(noise=self.noise / 2))


@pytest.mark.parametrize(
    ("fields", "sizes", "wrong"),
    [
        (dict(alpha=0.27, tokens=3, noise=0.0), (100, 200, 400), (TokenByToken, Cosine)),
        (dict(alpha=3.0), (25, 50, 100), (TokenByToken, HalfTheNoise)),
    ],
    ids=["without noise", "with noise"],
)
def test_confrontations_refute_wrong_laws_and_not_the_law(fields, sizes, wrong):
    seen = SequenceIndex(**fields).experiment(sizes=sizes, seeds=30)
    assert confront(SequenceIndex(**fields), seen).verdict != "disagrees"
    for law in wrong:
        assert confront(law(**fields), seen).verdict == "disagrees"


def test_statements_without_a_computed_limit_are_refused():
    with pytest.raises(StatementError, match="2 `tokens`"):
        SequenceIndex(tokens=3).limit()
    with pytest.raises(StatementError, match="at least"):
        SequenceIndex(noise=1e-4).limit()
    with pytest.raises(StatementError, match="'alpha'"):
        thresholds(SequenceIndex(), along="noise")


def test_messages_that_oscillate_settle_with_more_damping_or_raise(monkeypatch):
    law = SequenceIndex(alpha=0.8)
    assert np.isfinite(law.realized(50, range(8))["overlap"]).all()
    monkeypatch.setattr(experiment, "ROUTES", ((0.3, 300),))
    with pytest.raises(NotSolved, match="did not settle"):
        law.realized(50, range(8))


def test_a_swing_that_damping_hides_is_not_settled(monkeypatch):
    """Scores that swing by a step without damping of twice what counts as settled, and by a ninth of it with."""
    swing = itertools.cycle(4e-3 * np.array([[1.0, -1.0], [-1.0, 1.0]]))

    def moments(labels, omega, v, law):
        return omega + v * (1 + next(swing)), 2 * np.eye(2)[None]

    monkeypatch.setattr(experiment, "_moments_of_two", moments)
    with pytest.raises(NotSolved, match="did not settle"):
        experiment._message_passing(np.eye(2)[None], np.zeros((1, 2, 2)), SequenceIndex())
