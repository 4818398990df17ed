"""Mode connectivity: closed forms, the matched distance, and what refutes the law."""

import numpy as np
import pytest

from asymptopia import StatementError, confront, parse
from asymptopia.laws.landscape.mode_connectivity import INPUTS, SHARES, ModeConnectivity, unit_interval


def test_quadratures_have_the_moments_of_their_laws():
    fourth = float(SHARES @ INPUTS**4)
    assert SHARES.sum() == pytest.approx(1) and fourth == pytest.approx(3, rel=1e-12)
    points, uniform, triangular = unit_interval()
    for weight, first, second in ((uniform, 1 / 2, 1 / 3), (triangular, 1 / 2, 7 / 24)):
        assert weight.sum() == pytest.approx(1, rel=1e-13)
        assert weight @ points == pytest.approx(first, rel=1e-12)
        assert weight @ points**2 == pytest.approx(second, rel=1e-12)


def test_the_matched_distance_is_that_of_order_statistics():
    n, seeds = 40, 600
    values = ModeConnectivity(reach=1.0).experiment((n,), seeds)["distance"].values[0]
    exact = n * 2 * np.mean([i * (n + 1 - i) / ((n + 1) ** 2 * (n + 2)) for i in range(1, n + 1)])
    assert abs(values.mean() - exact) < 4 * values.std() / seeds**0.5


def test_the_barrier_is_the_difference_of_risks():
    law = parse("ModeConnectivity(reach=3.0)")
    first, second = np.random.default_rng(0).uniform(0, 3, (2, 30))

    def risk(w):
        return SHARES @ (np.tanh(np.outer(w, INPUTS)).mean(axis=0) - law._task()) ** 2 / 2

    expected = risk((first + second) / 2) - (risk(first) + risk(second)) / 2
    assert law._barrier(first, second) == pytest.approx(expected, rel=1e-9)
    assert law._barrier(first, first) == pytest.approx(0, abs=1e-16)


def test_no_order_has_a_smaller_distance():
    rng = np.random.default_rng(1)
    first, second = np.sort(rng.uniform(size=(2, 6)), axis=1)
    least = ((first - second) ** 2).sum()
    assert all(((first - rng.permutation(second)) ** 2).sum() >= least for _ in range(200))


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(ModeConnectivity):
        def predict(self):
            confrontation = super().predict()
            return confrontation | {
                "rate": -0.5,
                "scaled_barrier": confrontation["scaled_barrier"] / 2,
                "unmatched": 0.0,
            }

    experiment = ModeConnectivity().experiment()
    assert confront(ModeConnectivity(), experiment).verdict != "disagrees"
    wrong = confront(Wrong(), experiment)
    assert {wrong[k].verdict for k in ("rate", "scaled_barrier", "unmatched")} == {"disagrees"}


def test_what_is_warned_of_and_refused():
    assert "not smooth" in parse("ModeConnectivity(activation=Relu())").valid()
    with pytest.raises(StatementError, match="`reach`"):
        ModeConnectivity(reach=0.0)
