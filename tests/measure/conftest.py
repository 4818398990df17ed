"""The shapes in the annotations of this room, checked in its tests at the first calls of each function."""

import pytest
from shapes import check_shapes, checking

import asymptopia.measure as room

check_shapes(room)


@pytest.fixture(autouse=True, scope="module")
def _shapes():
    with checking(room):
        yield
