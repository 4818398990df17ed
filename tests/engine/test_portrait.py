"""A law's description in a results folder, whatever somebody has written into it."""

import copy
import json
import math

import pytest

from asymptopia.contract.record import StatementError
from asymptopia.engine.portrait import NameTaken, portrait, statement_of
from asymptopia.laws.factorisation.structured_factorisation import StructuredFactorisation

NONSENSE = [
    None,
    True,
    -1,
    10**400,
    math.inf,
    math.nan,
    "",
    "x",
    "\0",
    "\ud800",
    [],
    [[]],
    {},
    {"a": 1},
    [math.inf],
    [1],
]
TEXTS = ("size", "source", "status", "bibtex")


@pytest.fixture(scope="module")
def told(toys):
    return json.loads(json.dumps(portrait(toys["Coin"]())))


def places(told, path=()):
    if path:
        yield path
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def altered(told, path, value):
    whole = copy.deepcopy(told)
    place = whole
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return whole


def test_systems_are_called_too_small_for_the_sizes_of_the_experiment():
    law = StructuredFactorisation()
    assert not portrait(law)["reasons"] and not portrait(law, law.sizes)["reasons"]
    assert "use larger `sizes`" in portrait(law, (1, *law.sizes))["reasons"][repr(law)]


def test_a_description_gives_its_statement_back(told, toys):
    assert repr(statement_of(told)) == repr(toys["Coin"]())


def renamed(told, name, **keys):
    """The description with another name for the field p."""
    first, *others = told["fields"]
    statement = told["statement"].replace("p=", f"{name}=")
    return told | {"statement": statement, "fields": [{**first, "name": name, **keys}, *others]}


def test_an_added_field_stays_out_of_the_text(told):
    text = told["statement"].replace("p=0.5, ", "")
    law = statement_of(renamed(told, "p", added=True) | {"statement": text}).law
    assert repr(law) == text and repr(law.replace(p=0.7)) != text


@pytest.mark.parametrize("name", ["bias", "block", "limit", "thresholds"])
def test_a_field_may_have_a_name_that_was_taken_later(told, name):
    law = statement_of(renamed(told, name)).law
    assert repr(law) == told["statement"].replace("p=", f"{name}=") and law.reason_to_doubt() is None


@pytest.mark.parametrize("name", ["valid", "axes", "source"])
def test_a_field_whose_name_is_read_of_every_law_is_refused_in_its_own_sentence(told, name):
    with pytest.raises(NameTaken, match=f"Coin has a field `{name}`, which every law has .* with --trust neither"):
        statement_of(renamed(told, name))


@pytest.mark.parametrize("value", NONSENSE, ids=ascii)
def test_nonsense_at_any_place_is_refused_in_a_sentence_or_has_the_type_that_is_declared(told, value):
    for path in places(told):
        try:
            law = statement_of(altered(told, path, value)).law
        except StatementError as error:
            assert str(error).startswith("The folder's description") or "Coin" in str(error)
            continue
        assert isinstance(law.block, int) and law.bias > 0
        assert all(type(getattr(law, name)) is str for name in TEXTS)
        for observable in law.observables.values():
            assert {type(o) for o in (observable.symbol, observable.doc, observable.unit)} == {str}
            numbers = (observable.scale, observable.resolution, observable.bias, observable.floor)
            assert all(n is None or (type(n) is float and not math.isnan(n)) for n in numbers)
        for text in (*(getattr(law, name) for name in TEXTS), *(o.doc for o in law.observables.values())):
            assert "\0" not in text.encode().decode()
