"""The functions of `numerics` as their tests see them: with the shapes in their annotations checked at each call."""

from shapes import check_shapes

import asymptopia.numerics as room

check_shapes(room)
