"""The shapes in the annotations of `numerics` are checked in these tests: a wrong one is told, a right one passes."""

import jaxtyping
import numpy as np
import pytest

from asymptopia.numerics.drift_diffusion import cell_densities
from asymptopia.numerics.roots import bracketed_roots


def test_a_wrong_shape_is_told():
    x, edges = np.linspace(0.0, 1.0, 5), np.array([0.0, 0.5, 1.0])
    assert cell_densities(x, np.full(5, 0.2), edges).shape == (2,)
    with pytest.raises(jaxtyping.TypeCheckError, match="mass"):
        cell_densities(x, np.full(4, 0.25), edges)


def test_arguments_of_different_length_are_told():
    with pytest.raises(jaxtyping.TypeCheckError, match="high"):
        bracketed_roots(lambda x, members: x, -np.ones(3), np.ones(2))
