"""PALM: the rate against two-by-two blocks by hand, the minimum against other points, and wrong laws."""

import numpy as np
import pytest

from asymptopia import confront
from asymptopia.contract.batching import realize_block
from asymptopia.contract.law import NoLimit
from asymptopia.laws.optimisation.palm import PALM
from asymptopia.laws.optimisation.palm.theory import rate


def by_hand(s, r, ridge, factor):
    """The spectral radius of the pairs outside of the span of the components, without inertia."""
    tau, iterates = factor * (s[0] - ridge), []
    for i in range(r):
        for sj in s[r:]:
            p, q = (tau - s[i] + ridge) / (tau + ridge), sj / (tau + ridge)
            iterates.append(np.abs(np.linalg.eigvals([[p, q], [p * q, p + q * q]])).max())
    return max(iterates)


@pytest.mark.parametrize(("r", "ridge"), [(1, 0.2), (2, 0.2), (3, 0.2)])
def test_the_slowest_direction_by_hand(r, ridge):
    s = 0.6 ** np.arange(8)
    assert rate(s, r, ridge, 0.0, 1.1) == pytest.approx(by_hand(s, r, ridge, 1.1), abs=1e-12)


@pytest.mark.parametrize("inertia", [0.0, 0.2, 0.5])
def test_the_rate_is_measured_to_four_digits(inertia):
    law = PALM(inertia=inertia)
    n = {0.0: 60, 0.2: 70, 0.5: 140}[inertia]
    realisations = realize_block(law, n, range(12))
    assert np.median(realisations["distance"]) == pytest.approx(float(law.limit()["distance"]), abs=1e-4)
    assert realisations["decrease"].max() <= 1e-15


def test_no_factors_are_below_the_value():
    law, rng = PALM(), np.random.default_rng(0)
    s = law.decay ** np.arange(8)
    W = np.eye(8, 2) * np.sqrt(s[:2] - law.ridge)

    def objective(W, H):
        return np.sum((W @ H - np.diag(s)) ** 2) / 2 + law.ridge / 2 * (np.sum(W**2) + np.sum(H**2))

    least = float(law.limit()["value"])
    assert objective(W, W.T) == pytest.approx(least, abs=1e-14)
    for size in (1e-3, 0.1, 1.0):
        for _ in range(20):
            assert objective(W + size * rng.standard_normal(W.shape), W.T + size * rng.standard_normal((2, 8))) > least


def test_bad_questions_are_refused():
    with pytest.raises(NoLimit, match="below `dimension` = 8"):
        PALM(rank=8).limit()
    with pytest.raises(NoLimit, match=r"below the singular value 0\.6"):
        PALM(ridge=0.7).limit()
    assert "more steps" in PALM(decay=0.98).valid() and "round-off" in PALM(decay=0.1, rank=1).valid()


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(PALM):
        """Simultaneous rather than alternating steps."""

        def predict(self):
            s, tau, ridge = self.decay ** np.arange(3), 1.1 * (1 - self.ridge), self.ridge
            return super().predict() | {"distance": (tau - s[1] + ridge + s[2]) / (tau + ridge)}

    confrontation = confront(PALM())
    assert all(confrontation[k].verdict != "disagrees" for k in PALM.observables)
    wrong = confront(Wrong(), seeds=20)["distance"]
    assert wrong.largest_z > 100 and wrong.verdict != "agrees", "seen, though the mean rests on few realisations"
