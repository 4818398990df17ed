"""The default experiment of a law, and where it is from, each stated in one record."""

import pytest

from asymptopia import Defaults, Law, References, StatementError


class Coins(Law):
    """States the word, the sizes and the exponent."""

    defaults = Defaults(size="coins", sizes=(10, 20), bias=0.5)


class ManyCoins(Coins):
    """Changes two of them, one of them by itself."""

    defaults = Defaults(seeds=7)
    sizes = (5,)


def test_what_a_record_states_is_read_one_by_one_and_the_rest_is_inherited():
    assert (Coins.size, Coins.sizes, Coins.seeds, Coins.bias, Coins.block) == ("coins", (10, 20), 40, 0.5, 64)
    assert (ManyCoins.size, ManyCoins.sizes, ManyCoins.seeds, ManyCoins.bias) == ("coins", (5,), 7, 0.5)


@pytest.mark.parametrize("wrong", [{"sizes": 5}, {"sizes": (0, 1)}, {"seeds": -1}, {"bias": "x"}, {"block": 0}])
def test_what_no_experiment_can_have_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(StatementError, match=f"`{name}` of Mine must be"):
        type("Mine", (Law,), {"defaults": Defaults(**wrong)})


def test_a_record_of_another_kind_is_refused():
    with pytest.raises(StatementError, match="must be a `Defaults"):
        type("Mine", (Law,), {"defaults": {"seeds": 3}})


class Cited(Coins):
    """Says where it is from."""

    references = References(source="Cover 1965", status="proved")


class CitedOtherwise(Cited):
    """Changes what is known of it."""

    references = References(status="heuristic")


def test_references_are_read_one_by_one():
    assert (Cited.source, Cited.status, Cited.bibtex) == ("Cover 1965", "proved", "")
    assert (CitedOtherwise.source, CitedOtherwise.status) == ("Cover 1965", "heuristic")


@pytest.mark.parametrize("wrong", [References(source=1965), "Cover 1965"])
def test_references_that_are_no_text_are_refused(wrong):
    with pytest.raises(StatementError, match="of Mine must be a"):
        type("Mine", (Law,), {"references": wrong})
