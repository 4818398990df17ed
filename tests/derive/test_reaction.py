"""The reaction of a matrix to what its transpose has met: needed wherever a matrix is used twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import derive
from asymptopia.derive.random_matrix import Random


def drawn(key, *shapes):
    return [jax.random.normal(k, s) for k, s in zip(jax.random.split(key, len(shapes)), shapes, strict=True)]


def there_and_back(n, key):
    """W, then its transpose: E h tanh h for a standard normal h."""
    W, x = drawn(key, (n, n), (n,))
    return {"m": x @ (W.T @ jnp.tanh(W @ x / jnp.sqrt(n))) / n**1.5}


def back_and_there(n, key):
    """The transpose of a rectangular W, then W."""
    W, u = drawn(key, (2 * n, n), (2 * n,))
    return {"m": u @ (W @ jnp.tanh(W.T @ u / jnp.sqrt(2 * n))) / jnp.sqrt(2 * n) / n}


def symmetric(n, key):
    G, x = drawn(key, (n, n), (n,))
    A = (G + G.T) / jnp.sqrt(2 * n)
    return {"m": x @ (A @ jnp.tanh(A @ x)) / n}


def tied_twice(n, key):
    """A symmetric matrix three times, as in a recurrent network: fresh matrices would give E tanh^2 h alone."""
    G, x = drawn(key, (n, n), (n,))
    A = (G + G.T) / jnp.sqrt(2 * n)
    y = jnp.tanh(A @ x)
    return {"m": jnp.mean((A @ y) ** 2)}


def tied_gradient(n, key):
    """An autoencoder with tied weights: what it gives back along its input, by the gradient of an energy."""
    W, x = drawn(key, (n, n), (n,))
    slope = jax.grad(lambda x: jnp.sum(jnp.log(jnp.cosh(W @ x / jnp.sqrt(n)))))(x)
    return {"m": x @ slope / n}


def gauss(f):
    z, w = np.polynomial.hermite_e.hermegauss(99)
    return w @ f(z) / w.sum()


SLOPE = gauss(lambda z: 1 - np.tanh(z) ** 2)  # E tanh' = E z tanh z
EXACT = {
    there_and_back: SLOPE,
    back_and_there: SLOPE,
    symmetric: SLOPE,
    tied_twice: gauss(lambda z: np.tanh(z) ** 2) + SLOPE**2,
    tied_gradient: SLOPE,
}


@pytest.mark.parametrize("program", EXACT, ids=lambda p: p.__name__)
def test_a_matrix_reacts_to_what_its_transpose_has_met(program):
    limit = derive(program, points=4096, nets=8)
    assert abs(limit["m"] - EXACT[program]) < 4 * limit["m_error"] + 1e-6


@pytest.mark.parametrize("program", EXACT, ids=lambda p: p.__name__)
def test_without_the_reaction_the_limit_is_wrong(program, monkeypatch):
    monkeypatch.setattr(Random, "reaction", lambda *_: 0.0)
    limit = derive(program, points=4096, nets=8)
    assert abs(limit["m"] - EXACT[program]) > 0.3


def test_recurrent_weights_are_not_fresh_ones():
    """x(3) = W tanh(W tanh(W x)): the transpose is never met, and the norms are those of fresh weights."""

    def program(n, key):
        W, V, x = drawn(key, (n, n), (n, n), (n,))
        y = z = x
        for M in (W, V, W):
            y, z = W @ jnp.tanh(y) / jnp.sqrt(n), M @ jnp.tanh(z) / jnp.sqrt(n)
        return {"q": jnp.stack([y @ y, z @ z, y @ z]) / n}

    q, error = (derive(program, points=4096, nets=8)[k] for k in ("q", "q_error"))
    assert abs(q[0] - q[1]) < 4 * np.hypot(*error[:2])
    assert abs(q[2]) < 4 * error[2] + 1e-6  # the second step was through another matrix
