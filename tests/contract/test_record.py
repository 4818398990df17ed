"""Records: what a field admits, and that the repr is the statement."""

import numpy as np
import pytest

from asymptopia import Record, StatementError, field


class Shape(Record):
    """A family of parts."""


class Disc(Shape):
    """One of them."""

    radius: float = field(1.0, "radius", above=0)


class Square(Shape):
    """Another."""


class Accepting(Record):
    """A family that takes plain functions."""

    @classmethod
    def from_callable(cls, function):
        return Wrapped(function)


class Wrapped(Accepting):
    """A plain function as a part."""

    function: object = None


class Thing(Record):
    """Every kind of field."""

    real: float = field(2.0, "a number", above=0, at_most=10)
    whole: int = field(3, "a count", at_least=1)
    flag: bool = False
    word: str = field("full", "a choice", one_of=("full", "none"))
    shape: Shape = Disc()
    perhaps: Shape | None = None
    pair: tuple = ()


def test_numbers_are_stored_as_declared():
    thing = Thing(real=3, whole=4.0)
    assert isinstance(thing.real, float) and isinstance(thing.whole, int)
    assert Thing(real=3) == Thing(real=3.0) and hash(Thing(real=3)) == hash(Thing(real=3.0))
    assert Thing(real=np.float64(3)) == Thing(real=3.0)
    assert Thing(real=3) != Thing(real=4)


def test_repr_states_everything_and_short_what_differs():
    assert repr(Thing(pair=[1, [2, 3]])) == (
        "Thing(real=2.0, whole=3, flag=False, word='full', shape=Disc(radius=1.0), perhaps=None, pair=(1, (2, 3)))"
    )
    assert Thing().short() == "Thing()"
    assert Thing(shape=Disc(radius=2), real=1).short() == "Thing(real=1.0, shape=Disc(radius=2.0))"


def test_an_added_field_is_left_out_of_the_text_where_it_has_its_default():
    class Newer(Disc):
        heft: float = field(1, "weight", added=True)

    assert repr(Newer()) == "Newer(radius=1.0)" and Newer(heft=1.0) == Newer()
    assert repr(Newer(heft=2)) == "Newer(radius=1.0, heft=2.0)" != repr(Newer())
    with pytest.raises(StatementError, match="needs a default"):
        field(added=True)


def test_a_class_stands_for_its_defaults():
    assert Thing(shape=Square) == Thing(shape=Square())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"real": 0}, "`real` of Thing must be > 0 and <= 10, but is 0"),
        ({"real": 11}, "must be > 0 and <= 10, but is 11"),
        ({"real": float("nan")}, "must be finite, but is nan"),
        ({"real": float("inf")}, "must be finite, but is inf"),
        ({"real": 10**400}, "must be finite, but is too large"),
        ({"real": "2"}, "must be a number, but is '2'"),
        ({"real": True}, "must be a number, but is True"),
        ({"real": None}, "must be a number, but is None"),
        ({"real": (1, 2)}, "must be a number"),
        ({"real": np.array([1.0, -1.0])}, "must be > 0 and <= 10, but is -1"),
        ({"whole": 2.5}, "must be a whole number, but is 2.5"),
        ({"whole": 0}, "must be >= 1, but is 0"),
        ({"flag": 1}, "must be True or False, but is 1"),
        ({"word": "ful"}, "must be one of 'full', 'none', but is 'ful'. Did you mean 'full'?"),
        ({"shape": 3}, "must be a Shape, but is 3"),
        ({"shape": Accepting()}, "must be a Shape, but is Accepting"),
        ({"perhaps": "x"}, "must be a Shape, but is 'x'"),
    ],
)
def test_bad_values_are_refused_with_what_is_allowed(values, message):
    with pytest.raises(StatementError) as caught:
        Thing(**values)
    assert message in str(caught.value)


def test_replace_checks_names_and_values():
    assert Thing().replace(real=3).real == 3
    with pytest.raises(StatementError, match="no field 'reel'. Did you mean 'real'"):
        Thing().replace(reel=3)
    with pytest.raises(StatementError, match="must be > 0"):
        Thing().replace(real=-1)


def test_records_are_immutable():
    with pytest.raises(AttributeError):
        Thing().real = 3


def test_a_family_may_take_plain_functions():
    class Holder(Record):
        part: Accepting = Accepting()

    assert isinstance(Holder(part=np.sin).part, Wrapped)


def test_tracers_pass_so_that_records_can_be_differentiated():
    import jax

    assert jax.grad(lambda x: Thing(real=x).real ** 2)(3.0) == 6.0
