"""The default experiment of a law, stated in one record."""

from asymptopia.contract.law import Defaults, Law


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
