"""The shapes in the annotations of algorithms are checked in their tests, under each name that they have."""

import jaxtyping
import numpy as np
import pytest

import asymptopia.algorithms.transport
from asymptopia.algorithms.transport.normal import bures


@pytest.mark.parametrize("function", [bures, asymptopia.algorithms.transport.bures])
def test_a_wrong_shape_is_told(function):
    assert function(np.zeros(2), np.eye(2), np.zeros(2), np.eye(2)) == pytest.approx(0.0, abs=1e-7)
    with pytest.raises(jaxtyping.TypeCheckError, match="other_covariance"):
        function(np.zeros(2), np.eye(2), np.zeros(2), np.eye(3))
