"""Schedules: ends, kinks and orders, and bad input."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.parts.schedule import Constant, Cosine, PowerDecay, Schedule, WarmupStableDecay

ALL = (Constant(), Cosine(), Cosine(final=0.2), PowerDecay(0.5), PowerDecay(3.0), WarmupStableDecay(0.1, 0.3))


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_the_order_is_the_power_with_which_it_vanishes(schedule):
    measured = Schedule.from_callable(schedule).order()
    assert schedule.order() == pytest.approx(measured, abs=1e-3)
    schedule.check()


def test_warm_up_and_decay_are_straight_between_the_kinks():
    schedule = WarmupStableDecay(0.1, 0.3)
    assert schedule.breaks() == (0.1, 0.7)
    np.testing.assert_allclose(schedule(np.array([0, 0.05, 0.1, 0.5, 0.7, 0.85, 1])), [0, 0.5, 1, 1, 1, 0.5, 0])
    assert WarmupStableDecay(0.0, 0.5)(np.array([0.0]))[0] == 1.0


def test_a_schedule_that_is_none_is_refused():
    wrong = ((lambda u: u - 0.5, "-0.5"), (lambda u: 1 / (1 - u), "inf"), (lambda u: 0 * u, "throughout"))
    for function, values in wrong:
        with pytest.raises(StatementError, match=values):
            Schedule.from_callable(function).check()
