"""Complex order parameters are kept whole; complex matrices are refused instead of losing a part."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import NoLimit, derive


def phases(n, key):
    """The order parameter of normal phases of mean 0.7 and standard deviation 0.6."""
    z = jnp.mean(jnp.exp(1j * (0.7 + 0.6 * jax.random.normal(key, (n,)))))
    return {"length": jnp.abs(z), "angle": jnp.angle(z), "real": jnp.real(z), "square": jnp.real(z * jnp.conj(z))}


def test_a_complex_mean_has_its_imaginary_part():
    limit = derive(phases)
    length = np.exp(-0.18)
    expected = {"length": length, "angle": 0.7, "real": length * np.cos(0.7), "square": length**2}
    for name, value in expected.items():
        assert abs(limit[name] - value) < 3 * limit[f"{name}_error"] + 1e-6, name


def test_complex_vectors_have_inner_products():
    def program(n, key):
        a, b = jax.random.split(key)
        x = jax.random.normal(a, (n,)) + 2j * jax.random.normal(b, (n,))
        return {"norm": jnp.real(jnp.vdot(x, x)) / n, "square": jnp.real(jnp.sum(x**2)) / n}

    limit = derive(program)
    assert limit["norm"] == pytest.approx(5, abs=1e-6) and limit["square"] == pytest.approx(-3, abs=1e-6)


def test_a_complex_matrix_is_refused_at_its_line():
    def program(n, key):
        a, b = jax.random.split(key)
        matrix = (jax.random.normal(a, (n, n)) + 1j * jax.random.normal(b, (n, n))) / jnp.sqrt(2 * n)
        return {"power": jnp.mean(jnp.abs(matrix @ jnp.ones(n)) ** 2)}

    with pytest.raises(NoLimit, match=r"complex arrays have no rule in this operation(.|\n)*matrix @ jnp.ones"):
        derive(program)


def test_complex_outputs_are_refused():
    with pytest.raises(NoLimit, match="return their real and imaginary parts"):
        derive(lambda n, key: {"z": jnp.mean(jnp.exp(1j * jax.random.normal(key, (n,))))})
