"""The functions of `algorithms` as their tests see them: with the shapes in their annotations checked at each call."""

import pytest
from shapes import check_shapes, checking

import asymptopia.algorithms as room

check_shapes(room)


@pytest.fixture(autouse=True, scope="module")
def _shapes():
    with checking(room):
        yield
