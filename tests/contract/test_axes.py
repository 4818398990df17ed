"""Fields that hold the values along an axis: what they admit, and the coordinates that follow."""

import numpy as np
import pytest

from asymptopia import Law, Observable, StatementError, field


class Decay(Law):
    """A decay at some times, and its share of a range of levels."""

    times: tuple[float, ...] = field((0.0, 1.0), "times", at_least=0, axis="time")
    levels: tuple[float, ...] = field((-0.5, 0.5), "levels", below=1, axis="level")
    free: tuple[float, ...] = field((2.0, 1.0), "no axis")
    observables = {"decay": Observable("d", "decay", dims=("time",))}

    def predict(self):
        return {"decay": np.exp(-np.array(self.times))}


def test_the_coordinates_are_the_fields_with_an_axis():
    coords = Decay(times=(0.5, 2.0, 3.0)).coords()
    assert list(coords) == ["time", "level"]
    np.testing.assert_array_equal(coords["time"], [0.5, 2.0, 3.0])
    np.testing.assert_array_equal(Decay(times=(0.5, 2.0)).limit()["time"], [0.5, 2.0])


@pytest.mark.parametrize(
    "times", [(1.0, 0.5), (1.0, 1.0), (-1.0, 2.0), (), 3.0, ("a", "b"), (0.0, np.inf), ((1.0, 2.0),)]
)
def test_times_must_increase_from_zero(times):
    with pytest.raises(StatementError, match="`times` of Decay must be numbers >= 0 that increase, but is"):
        Decay(times=times)


def test_an_end_that_is_excluded_is_refused():
    assert Decay(levels=(-9.0, np.nextafter(1.0, 0.0))).levels[0] == -9.0
    with pytest.raises(StatementError, match="`levels` of Decay must be numbers < 1 that increase"):
        Decay(levels=(0.0, 1.0))
