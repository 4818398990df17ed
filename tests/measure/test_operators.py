"""Products with several vectors at once are those with each."""

import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia.measure.operators import hessian

RNG = np.random.default_rng(0)
CURVES = RNG.standard_normal((7, 7))


@pytest.mark.parametrize("count", [1, 2, 3, 8, 11])
def test_any_number_of_vectors_at_once(count):
    operator = hessian(lambda p: jnp.sum(p * (CURVES @ p)) / 2 + jnp.sum(p**4), np.ones(7))
    vectors = RNG.standard_normal((7, count))
    truth = (CURVES + CURVES.T) / 2 + 12 * np.eye(7)
    np.testing.assert_allclose(operator @ vectors, truth @ vectors, atol=1e-12)
