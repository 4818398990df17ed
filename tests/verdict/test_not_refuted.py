"""True laws where finite systems mislead: near thresholds, and where a loss rests on the rarest samples."""

import pytest

from asymptopia import confront, parse

NEAR = {
    "CurieWeiss(beta=1.03, h=0.0)": ((100, 400), 200),
    "CriticalCurieWeiss(b=6.0, h=0.05)": ((100, 400), 200),
    "Hopfield(alpha=0.004, temperature=0.25, pattern_bias=0.5)": ((200, 400), 20),
    "L1Recovery(alpha=0.34, sparsity=0.1)": ((50, 100), 4),
}
SEPARABLE = ["ERM(loss=Hinge(), alpha=0.5)", "ERM(loss=Hinge(), alpha=0.7)"]


@pytest.mark.parametrize(("text", "experiment"), NEAR.items(), ids=NEAR.keys())
def test_a_law_near_its_threshold_warns_and_is_not_refuted(text, experiment):
    sizes, seeds = experiment
    found = confront(parse(text), sizes=sizes, seeds=seeds)
    assert found.warnings and found.verdict == "inconclusive"


@pytest.mark.parametrize("text", SEPARABLE)
def test_losses_that_almost_vanish_agree(text):
    found = confront(parse(text), sizes=(50, 100, 200), seeds=20)
    assert found.verdict != "disagrees" and found["train_loss"].verdict == "agrees"


def test_a_loss_that_is_seen_is_still_refuted():
    law = parse(SEPARABLE[0])
    limit = law.limit()
    wrong = limit.assign(train_loss=limit["train_loss"] + 0.01)
    assert confront(law, sizes=(50, 100, 200), seeds=20, limit=wrong)["train_loss"].verdict == "disagrees"
