"""What the judgement on one observable is told: the resolution, the floor, and where the limit cannot be trusted."""

import pytest

from asymptopia import Law, Observable, confront, sweep
from asymptopia.verdict.judge import ROUND_OFF, resolution_of


@pytest.mark.parametrize(
    ("observable", "asked", "resolution"),
    [
        (Observable("x", "x"), None, 0.05),
        (Observable("x", "x", resolution=0.02), None, 0.02),
        (Observable("x", "x", resolution=0.02), 0.03, 0.03),
        (Observable("x", "x", resolution=0.3), None, 0.1),
        (Observable("x", "x", fluctuation_of="y"), None, 0.1),
        (Observable("x", "x", bound="mean"), None, 0.05),
    ],
)
def test_no_resolution_is_coarser_than_a_tenth(observable, asked, resolution):
    assert resolution_of(observable, asked) == resolution


class Rounded(Law):
    """Two, but for round-off; where `unknown` is on, nobody knows, and the experiment gives three."""

    unknown: float = 0.0
    off: float = 0.0
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": 2.0}

    def valid(self):
        return "nobody knows" if self.unknown else None

    def realize_all(self, n, keys):
        return {"x": [2.0 + self.unknown + self.off for _ in keys]}


@pytest.mark.parametrize("off", [0.5, 0.9])
def test_what_round_off_may_cause_is_no_distance(off):
    judged = confront(Rounded(off=off * 2 * ROUND_OFF))["x"]
    assert judged.largest_z == 0 and confront(Rounded(off=20 * ROUND_OFF))["x"].largest_z > 0


def test_where_the_limit_cannot_be_trusted_nothing_is_refuted():
    judged = confront(sweep(Rounded(), unknown=(0.0, 1.0)))["x"]
    assert judged.verdict == "inconclusive" and not judged.table["refuted"].any()
    assert abs(judged.table["z"].values[1]) > judged.table["critical"].values[1]
