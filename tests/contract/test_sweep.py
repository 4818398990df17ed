"""A sweep is a statement: its limit and experiment are those of its points."""

import numpy as np
import pytest

from asymptopia import Law, Observable, Record, StatementError, sweep


class Noise(Record):
    """A family."""


class Normal(Noise):
    """A part with a number."""

    spread: float = 1.0


class Uniform(Noise):
    """A part without."""


class Line(Law):
    """A law that JAX traces."""

    slope: float = 1.0
    steps: int = 2
    noise: Noise = Normal()
    observables = {
        "y": Observable("y", "height", dims=("step",)),
        "s": Observable("s", "slope", unit="m"),
    }
    traces = []

    def predict(self):
        import jax.numpy as jnp

        self.traces.append(1)
        return {"y": self.slope * jnp.arange(self.steps), "s": jnp.asarray(self.slope)}

    def realize(self, n, key):
        import jax
        import jax.numpy as jnp

        spread = self.noise.spread if isinstance(self.noise, Normal) else 0.5
        noise = spread * jax.random.normal(key) / n**0.5
        return {"y": self.slope * jnp.arange(self.steps) + noise, "s": self.slope + noise}

    def coords(self):
        return {"step": np.arange(self.steps) * 10}


def test_labels_and_values():
    swept = sweep(Line(), slope=(1, 2, 3), noise=(Normal(spread=2.0), Uniform))
    limit = swept.limit()
    assert limit["y"].dims == ("slope", "noise", "step") and limit["y"].attrs["long_name"] == "height"
    assert limit["s"].attrs["units"] == "m" and limit.attrs["statement"] == repr(swept)
    assert list(limit["noise"].values) == ["Normal(spread=2.0)", "Uniform()"]
    assert list(limit["step"].values) == [0, 10]
    np.testing.assert_array_equal(limit["y"].sel(slope=3.0).values, [[0, 3], [0, 3]])
    data = swept.experiment(sizes=(20, 10), seeds=3)
    assert data["y"].dims == ("slope", "noise", "size", "seed", "step")
    assert list(data["size"].values) == [10, 20]


def test_each_point_is_what_the_law_alone_gives():
    data = sweep(Line(), slope=(1.0, 2.5)).experiment((10, 20), 3)
    alone = Line(slope=2.5).experiment((10, 20), 3)
    np.testing.assert_allclose(data["y"].sel(slope=2.5), alone["y"], rtol=1e-14)


def test_a_seed_is_the_same_whatever_else_runs():
    several = Line().experiment((10, 20), (0, 1, 7))["s"]
    one = Line().experiment((20,), (7, 9))["s"]
    np.testing.assert_allclose(several.sel(size=20, seed=7), one.sel(size=20, seed=7), rtol=1e-14)
    assert len(np.unique(Line().experiment((10, 20), 20)["s"])) == 40


def test_numeric_fields_compile_once():
    Line.traces.clear()
    sweep(Line(), slope=np.linspace(0, 1, 50)).limit()
    assert len(Line.traces) == 1


def test_a_python_law_is_called_point_by_point():
    class Plain(Line):
        def predict(self):
            import math

            return {"y": np.full(2, math.sin(self.slope)), "s": 1.0 if self.slope > 1 else 0.0}

    np.testing.assert_array_equal(sweep(Plain(), slope=(0.5, 2.0)).limit()["s"], [0.0, 1.0])


def test_a_law_of_many_statements_is_called_once_with_arrays():
    class Batched(Line):
        calls = []

        def predict_many(self):
            self.calls.append(np.shape(self.slope))
            one = np.atleast_1d(self.slope)
            return {"y": one[..., None] * np.arange(2), "s": one}

    np.testing.assert_array_equal(sweep(Batched(), slope=(1.0, 2.0)).limit()["y"], [[0, 1], [0, 2]])
    Batched().limit()
    assert Batched.calls == [(2,), ()]


def test_a_shape_that_changes_along_the_sweep_is_refused():
    with pytest.raises(StatementError, match="'y' changes its shape along steps"):
        sweep(Line(), steps=(2, 3)).limit()


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, "at least one field"),
        ({"slop": (1,)}, "no field 'slop'. Did you mean 'slope'"),
        ({"slope": ()}, "at least one value"),
        ({"slope": 3}, "sequence of values"),
        ({"slope": "123"}, "sequence of values"),
        ({"slope": (1, 1.0)}, "same value twice"),
        ({"slope": (1, "x")}, "must be a number"),
        ({"noise": (3,)}, "must be a Noise"),
    ],
)
def test_bad_sweeps_are_refused(axes, message):
    with pytest.raises(StatementError, match=message):
        sweep(Line(), **axes)
