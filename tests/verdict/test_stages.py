"""More seeds, then larger sizes, until decided or the budget is spent."""

import numpy as np
import pytest

from asymptopia import Law, Observable, confront
from asymptopia.contract.law import Defaults
from asymptopia.verdict.stages import Stage, decided, next_stage, settle


class Noisy(Law):
    """One over n, and noise; with `off`, a limit that is wrong."""

    noise: float = 0.5
    correction: float = 0.0
    off: float = 0.0
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": 1.0}

    def realize(self, n, key):
        from asymptopia import generator

        return {"x": 1 + self.off + self.correction / n + self.noise * generator(key).normal()}


STAGE = Stage((100, 200, 400), 20)


def looked(law, stage=STAGE):
    return confront(law, sizes=stage.sizes, seeds=stage.seeds)


def test_noise_asks_for_seeds():
    experiment = looked(Noisy(noise=0.5))
    following = next_stage(experiment, STAGE, left=1e9, pace=1e-6)
    assert not decided(experiment)
    assert following.sizes == STAGE.sizes and following.seeds == 80 and following.number == 1


def test_a_correction_asks_for_a_larger_size():
    experiment = looked(Noisy(noise=1e-2, correction=60.0))
    following = next_stage(experiment, STAGE, left=1e9, pace=1e-6)
    assert following.sizes == (100, 200, 400, 800) and following.seeds == STAGE.seeds
    assert next_stage(experiment, STAGE, left=1e9, pace=1e-6, fixed=True).sizes == STAGE.sizes


def test_what_is_decided_goes_no_further():
    assert next_stage(looked(Noisy(noise=0.01)), STAGE, 1e9, 1e-6) is None


def test_the_budget_is_kept():
    experiment = looked(Noisy(noise=0.5))
    pace = 1.0 / STAGE.work  # a second for the first stage
    assert next_stage(experiment, STAGE, left=0.1, pace=pace) is None
    some = next_stage(experiment, STAGE, left=1.0, pace=pace)
    assert some.work - STAGE.work <= 1.05 / pace


def test_failures_and_warnings_are_not_mended_by_seeds():
    experiment = looked(Noisy(noise=0.5))
    experiment.experiment["x"][0, 0] = np.nan
    assert decided(confront(experiment.statement, experiment.experiment))

    class Doubtful(Noisy):
        def valid(self):
            return "nobody knows"

    assert decided(looked(Doubtful()))


def test_all_looks_together_keep_the_level():
    levels = [Stage((100,), 10, k).level(0.01) for k in range(60)]
    assert sum(levels) <= 0.01 and levels[0] == pytest.approx(0.005)


def test_a_size_that_is_added_has_the_seeds_of_the_others():
    class Short(Noisy):
        defaults = Defaults(size="n", sizes=(20, 40, 80), seeds=20)

    settled = settle(Short(noise=1e-2, correction=12.0), budget=60.0)
    sizes, count = settled.experiment["size"].values, settled.experiment.sizes["seed"]
    assert len(sizes) > 3
    np.testing.assert_array_equal(settled.experiment["x"], settled.statement.experiment(sizes, count)["x"])


class Bounded(Law):
    """Never above one, and half of the time far below."""

    observables = {"x": Observable("x", "x", bound="every")}

    def predict(self):
        return {"x": 1.0}

    def realize(self, n, key):
        from asymptopia import generator

        return {"x": generator(key).uniform(0, 1)}


class Same(Noisy):
    """One number throughout."""

    observables = {"x": Observable("x", "x", scale=1.0)}

    def predict(self):
        return {"x": self.off}

    def realize(self, n, key):
        from asymptopia import generator

        return {"x": self.off + 0.0 * generator(key).normal()}


@pytest.mark.parametrize("law, few", [(Bounded(), 4), (Same(), 12), (Same(off=0.5), 12)])
def test_the_price_is_what_decides(law, few):
    sizes = (100, 200, 400)
    first = confront(law, sizes=sizes, seeds=few)
    assert first.verdict == "inconclusive"
    needed = float(first["x"].table["needed"]) * few
    assert needed > 1.5 * few
    assert confront(law, sizes=sizes, seeds=int(1.1 * needed) + 1).verdict == "agrees"
    assert confront(law, sizes=sizes, seeds=int(0.7 * needed)).verdict == "inconclusive"
    following = next_stage(first, Stage(sizes, few), left=1e9, pace=1e-6)
    assert following.seeds == pytest.approx(1.2 * min(needed, 4 / 1.2 * few), abs=1)


def test_where_rare_events_keep_a_limit_the_next_look_has_the_seeds_that_decide():
    law = Noisy(noise=0.01, off=0.08)
    first = looked(law, stage := Stage((100, 200, 400), 40))
    needed = float(first["x"].table["needed"])
    assert first.verdict == "inconclusive" and 1.3 < needed < 2
    following = next_stage(first, stage, left=1e9, pace=1e-6)
    assert following.seeds == pytest.approx(1.2 * 40 * needed, abs=1)
    assert confront(law, sizes=stage.sizes, seeds=following.seeds, level=0.005).verdict == "disagrees"
