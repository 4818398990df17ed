"""Averages over two normal fields: at any variance, and where the derivative has none."""

import numpy as np
import pytest

from asymptopia.parts.dual import dual


@pytest.mark.parametrize("variance", [4.0, 5.0, 100.0, 1e4, 1e6])
def test_transitions_of_unit_width_are_resolved_at_any_variance(variance):
    """tanh at a variance of 400 was off by 1.6e-3; here an erf of one's own against the closed form."""
    import jax.scipy.special

    from asymptopia.parts.activation import Activation, Erf

    own = Activation.from_callable(jax.scipy.special.erf)
    u = np.full(4, variance)
    apart = variance * np.array([0.0, 0.01, 1.0, 3.0])
    for value, exact in zip(dual(own, u, u, apart), dual(Erf(), u, u, apart), strict=True):
        np.testing.assert_allclose(value, exact, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("power", [0.3, 0.5, 0.7])
def test_an_unbounded_derivative_has_no_average(power):
    import jax.numpy as jnp

    from asymptopia.parts.activation import Activation, Relu, Sigmoid

    root = Activation.from_callable(lambda z: jnp.abs(z) ** power)
    one = np.ones(1)
    assert np.isnan(dual(root, one, one, one / 2)[1]).all() and np.isfinite(dual(root, one, one, one / 2)[0]).all()
    for bounded in (Relu(), Sigmoid(), Activation.from_callable(jnp.abs)):
        assert np.isfinite(dual(bounded, one, one, one / 2)[1]).all()
