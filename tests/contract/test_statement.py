"""Statements as text: parsed, printed, and refused with the nearest valid name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asymptopia import Law, Observable, Record, StatementError, field, load_file, parse, sweep
from asymptopia.contract.catalogue import law_classes
from asymptopia.contract.statement import laws_of_file, parse_range, parse_value


class Potential(Record):
    """A family."""


class Well(Potential):
    """A part."""

    depth: float = field(1.0, "depth", above=0)
    inside: Potential | None = None


class Wall(Potential):
    """Another part."""


class Walk(Law):
    """A law to be stated."""

    drift: float = field(0.5, "drift", at_most=10)
    steps: int = field(3, "steps", at_least=1)
    potential: Potential = Well()
    times: tuple = (1.0,)
    name: str = "a"

    observables = {"x": Observable("x", "position")}


NAMES = {"Walk": Walk}

finite = st.floats(-10, 10)
parts = st.recursive(
    st.just(Wall()),
    lambda inner: st.builds(Well, depth=st.floats(1e-300, 1e300), inside=st.none() | inner),
    max_leaves=4,
)


@settings(derandomize=True, deadline=None)
@given(st.builds(Walk, finite, st.integers(1, 10**30), parts, st.lists(finite | st.none()).map(tuple), st.text()))
def test_every_statement_parses_back(law):
    assert parse(repr(law), NAMES) == law
    assert parse(law.short(), NAMES) == law


def test_a_sweep_parses_back():
    swept = sweep(Walk(), drift=(1, 2.5), potential=(Well, Wall()))
    assert parse(repr(swept), NAMES) == swept and parse(swept.short(), NAMES) == swept


def test_parts_and_laws_without_parentheses_stand_for_their_defaults():
    assert parse("Walk", NAMES) == Walk()
    assert parse("Walk(potential=Wall)", NAMES) == Walk(potential=Wall())
    assert parse(" Walk( 1, potential=Well(2) ) ", NAMES) == Walk(1.0, potential=Well(2.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Wolk()", "There is no law 'Wolk'. Did you mean 'Walk' or"),
        ("Walk(drft=1)", "Walk has no field 'drft'. Did you mean 'drift'?"),
        ("Walk(drift=11)", "`drift` of Walk must be <= 10, but is 11"),
        ("Walk(drift=nan)", "`drift` of Walk cannot be 'nan'"),
        ("Walk(drift=1e999)", "must be finite"),
        ("Walk(potential=Wel())", "`potential` of Walk cannot be 'Wel'. Did you mean 'Well' or 'Wall'?"),
        ("Walk(potential=Well(depht=1))", "Well has no field 'depht'. Did you mean 'depth'?"),
        ("Walk(potential=Potential())", "cannot be 'Potential'"),
        ("Walk(1, drift=2)", "`drift` of Walk is given twice"),
        ("Walk(1, 2, 3, 4, 5, 6)", "5 fields, but 6 values"),
        ("Walk(", "is not a statement"),
        ("", "is not a statement"),
        ("1 + 1", "is not a statement"),
        ("Walk(drift=__import__('os').getcwd())", "cannot be"),
        ("Walk(drift=(lambda: 1)())", "cannot be"),
        ("Walk(**{'drift': 1})", "Walk has no field"),
        ("os.system('ls')", "is not a statement"),
        ("sweep(Walk())", "needs at least one field"),
        ("sweep(Walk(), drift=1)", "must be a tuple of values"),
        ("sweep(Walk(), drft=(1,))", "Did you mean 'drift'?"),
        ("sweep(sweep(Walk(), drift=(1,)), drift=(1,))", "give all ranges at once"),
        ("sweep()", "A sweep is stated as"),
        ("(" * 5000, "is not a statement"),
    ],
)
def test_bad_statements_are_refused(text, message):
    with pytest.raises(StatementError) as caught:
        parse(text, NAMES)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("drift=1,2,4", (1.0, 2.0, 4.0)),
        ("drift=0:1:3", (0.0, 0.5, 1.0)),
        ("drift=log:0.01:1:3", (0.01, 0.1, 1.0)),
        ("drift=5", (5.0,)),
        ("steps=1:5:3", (1, 3, 5)),
        ("potential=Well(2.0),Wall", (Well(2.0), Wall())),
    ],
)
def test_ranges(text, values):
    field_name, parsed = parse_range(text, Walk, NAMES)
    assert field_name == text.split("=")[0]
    assert sweep(Walk(), **{field_name: parsed}).axes[field_name] == pytest.approx(values) or parsed == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drift", "malformed"),
        ("drift=", "malformed"),
        ("drift=1,,2", "malformed"),
        ("drift=1:2", "malformed"),
        ("drift=1:2:x", "malformed"),
        ("drift=1:2:3:4", "malformed"),
        ("drift=1:inf:3", "malformed"),
        ("drift=1:2:0", "malformed"),
        ("drift=1:2:10000000", "at most 1000000"),
        ("drift=log:0:1:3", "both ends must be > 0"),
        ("steps=1:2:3", "has fractions"),
        ("drft=1,2", "Did you mean 'drift'?"),
        ("potential=Wal", "Did you mean 'Wall' or 'Well'?"),
    ],
)
def test_malformed_ranges_are_refused(text, message):
    with pytest.raises(StatementError) as caught:
        parse_range(text, Walk, NAMES)
    assert message in str(caught.value)


def test_values_of_one_field():
    assert parse_value("Well(3.0)", Walk, "potential") == Well(3.0)
    with pytest.raises(StatementError, match="no field 'drft'"):
        parse_value("3", Walk, "drft")
    with pytest.raises(StatementError, match="is not a value"):
        parse_value("3 3", Walk, "drift")


FILE = '''
from asymptopia import Law, Observable, Record, field


class Taste(Record):
    """A family of one's own."""


class Sweet(Taste):
    """A part of one's own."""


def cube(y, z):
    return (y - z) ** 4


class Mine(Law):
    """A law of one's own."""

    field: float = 1.0
    taste: Taste = Sweet()
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": self.field}
'''


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mylaw.py"
    path.write_text(FILE)
    names = load_file(path)
    assert {"Mine", "Sweet", "cube"} <= set(names)
    assert list(laws_of_file(path)) == ["Mine"]
    law = parse("Mine(field=2.0, taste=Sweet)", names)
    assert float(law.limit()["x"]) == 2.0 and parse(repr(law), names) == law


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(StatementError, match="There is no file"):
        load_file(tmp_path / "none.py")
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0")
    with pytest.raises(StatementError, match="broken.py does not run: ZeroDivisionError"):
        load_file(broken)


def test_laws_are_found_by_their_place():
    classes = law_classes()
    assert "CurieWeiss" in classes
    assert all(cls.__name__ == name and cls.__module__.startswith("asymptopia.laws.") for name, cls in classes.items())


@pytest.mark.parametrize(
    ("text", "kind", "right"),
    [
        ("ERM(teacher=Relu())", "an Activation", "ReLU"),
        ("OnlineSGD(activation=ReLU())", "a Channel", "Relu"),
        ("ERM(loss=Abs())", "a Channel", "Absolute"),
        ("BayesOptimal(channel=Absolute())", "a Loss", "Abs"),
        ("ERM(loss=Sign())", "a Channel and an Activation", "Logistic"),
    ],
)
def test_a_part_of_another_family_is_told_with_its_family(text, kind, right):
    with pytest.raises(StatementError, match=f"which is {kind}\\..*{right}"):
        parse(text)


def test_a_part_of_another_family_is_told_where_it_is_given_in_python():
    from asymptopia.laws import ERM, OnlineSGD
    from asymptopia.parts import ReLU, Relu

    with pytest.raises(StatementError, match=r"must be a Channel, but is Relu\(\), an Activation"):
        ERM(teacher=Relu())
    with pytest.raises(StatementError, match=r"must be an Activation, but is ReLU\(\), a Channel"):
        OnlineSGD(activation=ReLU())
