"""Activations: Gaussian-equivalent coefficients against closed forms, derivatives, and what has no second moment."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from asymptopia import StatementError
from asymptopia.parts.activation import Activation, Erf, Gelu, Identity, Relu, Sign, Tanh

OWN = Activation.from_callable


def pi_form(scale):
    """mu1 of erf(scale z), and what is left of its second moment: 2/pi asin(2 s^2 / (1 + 2 s^2))."""
    mu1 = 2 * scale / np.sqrt(np.pi * (1 + 2 * scale**2))
    return mu1, np.sqrt(2 / np.pi * np.arcsin(2 * scale**2 / (1 + 2 * scale**2)) - mu1**2)


def step_form(place):
    p, bell = norm.sf(place), norm.pdf(place)
    return p, bell, np.sqrt(p * (1 - p) - bell**2)


CLOSED = [
    (Relu(), 1 / np.sqrt(2 * np.pi), 0.5, np.sqrt(0.25 - 1 / (2 * np.pi))),
    (Sign(), 0.0, np.sqrt(2 / np.pi), np.sqrt(1 - 2 / np.pi)),
    (Identity(), 0.0, 1.0, 0.0),
    (Tanh(), 0.0, 0.605706, 0.165576),
    *[(Erf(scale=s), 0.0, *pi_form(s)) for s in (0.3, 1.0, 40.0)],
    (OWN(lambda z: z**3), 0.0, 3.0, np.sqrt(6)),
    (OWN(lambda z: jnp.cos(2 * z)), np.exp(-2), 0.0, (1 - np.exp(-4)) / np.sqrt(2)),
    (OWN(lambda z: jnp.exp(z)), np.exp(0.5), np.exp(0.5), np.sqrt(np.exp(2) - 2 * np.e)),
    (OWN(lambda z: jnp.where(z > 0.3, 1.0, 0.0)), *step_form(0.3)),
]


@pytest.mark.parametrize(("activation", "mu0", "mu1", "mu_star"), CLOSED, ids=lambda v: str(v)[:20])
def test_gaussian_equivalent_coefficients(activation, mu0, mu1, mu_star):
    averages = activation.moments()
    digits = 1e-6 if isinstance(activation, Tanh) else 1e-10
    assert averages.mu0 == pytest.approx(mu0, abs=digits)
    assert averages.mu1 == pytest.approx(mu1, rel=digits, abs=digits)
    assert averages.mu_star == pytest.approx(mu_star, rel=digits, abs=digits)


@pytest.mark.parametrize("activation", [Relu(), Erf(), Erf(scale=3.0), Tanh(), Sign(), Identity(), Gelu()], ids=str)
def test_values_and_derivatives_agree_on_numpy_and_jax(activation):
    z = np.linspace(-4, 4, 17) + 0.01
    step = 1e-5
    slope = (activation(z + step) - activation(z - step)) / (2 * step)
    np.testing.assert_allclose(activation.derivative(z), slope, atol=1e-8)
    np.testing.assert_allclose(Activation.derivative(activation, z), slope, atol=1e-8)
    np.testing.assert_allclose(activation(jnp.asarray(z)), activation(z), atol=1e-14)
    np.testing.assert_allclose(activation.derivative(jnp.asarray(z)), activation.derivative(z), atol=1e-14)
    assert isinstance(activation.derivative(z), np.ndarray)


def test_the_breaks_of_a_plain_function_are_found():
    places = OWN(lambda z: jnp.where(z > 0.7, z, jnp.where(z < -1.3, 2.0, 0.1 * z))).breaks()
    assert min(abs(p - 0.7) for p in places) < 1e-9 and min(abs(p + 1.3) for p in places) < 1e-9


@pytest.mark.parametrize(
    "function", [lambda z: jnp.exp(z**2 / 3), lambda z: jnp.exp(z**2), lambda z: 1 / z, lambda z: jnp.log(z)]
)
def test_an_activation_without_second_moment_is_refused(function):
    with pytest.raises(StatementError, match="must have a second moment"):
        OWN(function).moments()


def test_a_function_that_jax_cannot_follow_is_named():
    def stepwise(z):
        return np.sin(np.asarray(z, float))

    assert OWN(stepwise).moments().mu1 == pytest.approx(np.exp(-0.5))
    with pytest.raises(StatementError, match="stepwise cannot be differentiated"):
        OWN(stepwise).derivative(np.ones(2))


def test_a_scale_must_be_positive():
    with pytest.raises(StatementError, match="`scale` of Erf must be > 0"):
        Erf(scale=0.0)


def test_a_polynomial_has_its_values_and_its_slope():
    from asymptopia.parts.activation import PolynomialUnit

    z, a = np.linspace(-2, 2, 9), (0.5, -1.0, 0.0, 2.0)
    np.testing.assert_allclose(PolynomialUnit(a)(z), np.polynomial.polynomial.polyval(z, a), atol=1e-13)
    slope = np.polynomial.polynomial.polyval(z, np.polynomial.polynomial.polyder(a))
    np.testing.assert_allclose(PolynomialUnit(a).derivative(z), slope, atol=1e-13)
    for wrong in ((), (0.0, 0.0), (np.nan,)):
        with pytest.raises(StatementError, match="coefficients"):
            PolynomialUnit(wrong)
