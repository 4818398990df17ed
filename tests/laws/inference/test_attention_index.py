"""Attention by position or meaning: the proximal map, identities of the least loss, saddles, and wrong laws."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.inference.attention_index import AttentionIndex, experiment, theory
from asymptopia.laws.inference.attention_index.theory import moreau
from asymptopia.numerics.fixed_points import NotConverged

ORDER = theory.FIRST
STATEMENTS = [
    AttentionIndex(alpha=2.0, variance=0.25, ridge=0.02),
    AttentionIndex(alpha=1.2, positional=0.4, share=0.75, variance=0.3, encoding=1.5, ridge=0.03, start="positional"),
]


def test_the_proximal_map_is_a_minimum_with_the_curvature_that_it_states():
    rng = np.random.default_rng(0)
    fields, target, V, scale, h = 2 * rng.standard_normal((200, 2)), rng.random((200, 2)), 3.0, 0.25, 1e-6

    def value(z):
        return np.sum((z - fields) ** 2, axis=1) / (2 * V) + scale * np.sum((target - moreau.shares(z)) ** 2, axis=1)

    z = moreau.nearest(fields, V, target, scale)
    for way in np.eye(2):
        assert np.abs(value(z + h * way) - value(z - h * way)).max() < 1e-12
        slopes = [moreau._derivatives(z + s * h * way, target, scale)[0] for s in (1, -1)]
        np.testing.assert_allclose(
            (slopes[0] - slopes[1]) / (2 * h), moreau.curvature(z, target, scale) @ way, atol=1e-8
        )


def test_two_tokens_share_attention_as_the_softmax_says():
    h = np.random.default_rng(1).standard_normal((50, 2))
    np.testing.assert_allclose(np.diagonal(experiment._attention(h), axis1=1, axis2=2), moreau.shares(h), rtol=1e-12)


@pytest.mark.parametrize("law", STATEMENTS, ids=("semantic", "positional"))
def test_the_least_loss_grows_with_samples_and_with_the_ridge_as_its_parts_say(law):
    def least(**fields):
        moved = law.replace(**fields)
        return theory.minimum(moved, ORDER).least(moved)

    best = theory.minimum(law, ORDER)
    by_alpha = (least(alpha=1.01 * law.alpha) - least(alpha=0.99 * law.alpha)) / (0.02 * law.alpha)
    by_ridge = (least(ridge=1.01 * law.ridge) - least(ridge=0.99 * law.ridge)) / (0.02 * law.ridge)
    assert by_alpha == pytest.approx(best.slope, rel=1e-3)
    assert by_ridge == pytest.approx(best.norm / 2, rel=1e-2)


def test_new_sentences_need_only_what_the_student_sees_of_them():
    """Their losses in the space of target, encodings and student are those of whole sentences."""
    law, d = AttentionIndex(positional=0.4, encoding=1.5, variance=0.7), 30
    rng = np.random.default_rng(2)
    star, p = (experiment._direction(d, rng) for _ in range(2))
    Q = rng.standard_normal(d) + 4 * star + 2 * p
    whole = experiment.Sentences(law, np.sqrt(0.7) * rng.standard_normal((20_000, 2, d)), star, p, d).loss(Q)[0]
    part = np.concatenate([experiment._fresh_losses(law, star, p, Q, rng) for _ in range(5)])
    for power in (1, 2):
        a, b = whole**power, part**power
        assert abs(a.mean() - b.mean()) < 4 * np.sqrt(a.var() / len(a) + b.var() / len(b))


def test_a_saddle_is_named_and_descent_leaves_it():
    """Where the theory calls the semantic solution a saddle, descent from the target's direction ends at positions."""
    law = AttentionIndex(alpha=1.5, positional=0.5, variance=0.25, encoding=2.0, ridge=0.02)
    assert "saddle" in law.valid()
    assert law.replace(start="positional").valid() is None
    seen = law.experiment(sizes=(150,), seeds=4)
    positional = law.replace(start="positional").limit()
    assert float(np.abs(seen["positional_overlap"]).mean()) > 0.9 * float(positional["positional_overlap"])
    assert float(np.abs(seen["semantic_overlap"]).mean()) < 0.3


def test_the_losses_cross_at_the_threshold():
    law = AttentionIndex(alpha=2.17, variance=0.25, ridge=0.02)
    here = law.replace(alpha=law.thresholds("alpha")["semantic"])
    both = [theory.minimum(here.replace(start=start), theory.COARSE) for start in ("semantic", "positional")]
    assert both[0].least(here) == pytest.approx(both[1].least(here), rel=1e-8)
    assert both[0].slope < both[1].slope, "with more samples the semantic minimum wins"


class WithoutEncodings(AttentionIndex):
    """Positions pull on Q as if their encodings were half as long."""

    def predict(self):
        return theory.predict(self.replace(encoding=self.encoding / 2))


class HalfPenalty(AttentionIndex):
    """A loss without its factor one half."""

    def predict(self):
        return theory.predict(self.replace(ridge=self.ridge / 2))


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    fields = dict(alpha=2.5, positional=0.5, variance=0.25, encoding=2.0, ridge=0.03, start="positional")
    seen = AttentionIndex(**fields).experiment(sizes=(40, 80, 160), seeds=30)
    assert confront(AttentionIndex(**fields), seen).verdict != "disagrees"
    for wrong in (WithoutEncodings, HalfPenalty):
        assert confront(wrong(**fields), seen).verdict == "disagrees"


def test_statements_without_a_minimum_are_refused():
    with pytest.raises(NoLimit, match="no semantic minimum"):
        AttentionIndex(ridge=10.0).limit()
    with pytest.raises(StatementError, match="alpha"):
        AttentionIndex().thresholds("ridge")


def test_a_minimum_that_cannot_be_followed_is_refused_in_a_sentence():
    """The response of the first step is negative, which ended in a traceback; and no point is left at fields of nan."""
    law = AttentionIndex(alpha=3.0, positional=0.002, share=6e-6, variance=255.0, encoding=1000.0, ridge=62.0)
    with pytest.raises(NotConverged, match="The semantic minimum of .* was not reached. No fixed point"):
        law.predict()
    with pytest.raises(ArithmeticError, match="did not converge at 2 of 2 points"):
        moreau.nearest(np.array([[np.nan, 1.0], [1.0, 2.0]]), 0.1, np.full((2, 2), 0.5), 1.0)
