"""One-pass stochastic gradient descent in finitely many dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.record import StatementError
from ....numerics.arrays import ArrayLike, Key, PyTree
from ....parts.activation import Activation

if TYPE_CHECKING:
    from . import OnlineSGD

TESTS = 4000  # new samples on which a network is tested


def learn(
    activation: Activation,
    gram: np.ndarray,
    second_layers: tuple[np.ndarray, np.ndarray],
    rates: tuple[Any, Any],
    noise: ArrayLike,
    times: tuple[float, ...],
    d: int,
    key: Key,
    tests: int,
) -> dict[str, Any]:
    """Overlaps, second layer and test error at these times, in steps per dimension, between two steps on a line.

    The inputs are isotropic, so that the vectors may start in the first coordinates; `gram` / d are their overlaps,
    exactly. The error is that on `tests` new samples.
    """
    import jax
    import jax.numpy as jnp

    v, u = (jnp.asarray(x, float) for x in second_layers)
    values, vectors = np.linalg.eigh(gram)
    root = vectors * np.sqrt(np.maximum(values, 0))
    both = jnp.zeros((len(gram), d)).at[:, : len(gram)].set(root * np.sqrt(d))
    teacher = both[len(v) :]
    stream, test = jax.random.split(key)
    fields = jax.random.normal(test, (tests, len(gram)))

    def step(index: Any, state: PyTree) -> Any:
        w, v = state
        numbers = jax.random.normal(jax.random.fold_in(stream, index), (d + 1,))
        x, xi = numbers[:d], jnp.sqrt(noise) * numbers[d]
        z = w @ x / np.sqrt(d)
        error = v @ activation(z) - u @ activation(teacher @ x / np.sqrt(d)) - xi
        new = w - rates[0] / np.sqrt(d) * jnp.outer(v * activation.derivative(z) * error, x)
        return new, v - rates[1] / d * activation(z) * error

    def observe(state: PyTree) -> dict[str, Any]:
        w, v = state
        rows = jnp.concatenate([w, teacher])
        overlaps = rows @ rows.T / d
        values, vectors = jnp.linalg.eigh(overlaps)
        g = activation(fields @ (vectors * jnp.sqrt(jnp.maximum(values, 0))).T)
        error = g[:, : len(v)] @ v - g[:, len(v) :] @ u
        Q, R = overlaps[: len(v), : len(v)], overlaps[: len(v), len(v) :]
        return {"Q": Q, "R": R, "v": v, "test_error": jnp.mean(error**2) / 2}

    def until(state: PyTree, segment: Any) -> tuple[Any, dict[str, Any]]:
        first, last, part = segment
        state = jax.lax.fori_loop(first, last, step, state)
        now, after = observe(state), observe(step(last, state))
        return state, {k: (1 - part) * now[k] + part * after[k] for k in now}

    steps = np.asarray(times) * d
    last = np.floor(steps + 1e-9).astype(int)
    segments = np.concatenate([[0], last[:-1]]), last, np.maximum(steps - last, 0.0)
    return jax.lax.scan(until, (both[: len(v)], v), jax.tree.map(jnp.asarray, segments))[1]


def realize(law: OnlineSGD, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""

    Q, R, T = law.overlaps()
    if n < len(Q) + len(T):
        raise StatementError(f"`dimension` must be at least {len(Q) + len(T)}, the number of units, but is {n}.")
    gram = np.block([[Q, R], [R.T, T]])
    rates = (law.rate, law.second_layer_rate)
    return learn(law.activation, gram, law.second_layers(), rates, law.noise, law.times, n, key, TESTS)
