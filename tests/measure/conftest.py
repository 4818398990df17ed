"""The functions of `measure` as their tests see them: with the shapes in their annotations checked at each call."""

from shapes import check_shapes

import asymptopia.measure as room

check_shapes(room)
