"""Some memory is free, and no more than the machine has."""

import os

from asymptopia.numerics import memory


def test_what_is_available_is_part_of_what_there_is():
    free = memory.available()
    assert 1e6 < free <= 1.01 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_control_group_limits_the_process(monkeypatch):
    monkeypatch.setattr(memory, "_group", lambda: 5.0)
    assert memory.available() == 5.0
