"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....numerics.arrays import Key
from ....parts.inputs import inputs_of

if TYPE_CHECKING:
    import jax

    from . import NoisyTwoLayer


def realize(law: NoisyTwoLayer, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    import jax
    import jax.numpy as jnp

    from ....algorithms.particles.wide_network import noisy_descent

    first, second = jax.random.split(key)
    X, y, p = map(jnp.asarray, inputs_of(law.data).rule())
    probes = jnp.asarray(law.probes, float)[:, None]

    def outputs(theta: jax.Array, at: jax.Array) -> Any:
        return law.start.outputs(law.activation, theta, at)

    theta = law.start.draw(first, n, 1)
    path = noisy_descent(outputs, theta, (X, y, p), law.temperature, law.decay, law.times, second)
    output = jnp.stack([outputs(t, probes).mean(axis=0) for t in path])
    risk = jnp.stack([(outputs(t, X).mean(axis=0) - y) ** 2 @ p / 2 for t in path])
    square = (path[..., 0] ** 2).mean(axis=1)
    energy = risk + law.decay / 2 * square - law.temperature * jnp.stack([_entropy(t[:, 0]) for t in path])
    return {
        "output": output,
        "risk": risk,
        "second_moment": square,
        "free_energy": energy,
        "free_energy_bound": energy,
    }


def _entropy(w: jax.Array) -> Any:
    """The entropy of a sample, from the distances of neighbours; its error is of order 1/N.

    Their mean logarithm lacks the ends of the line, by a share of log N / N; halves of the sample, which lack twice as
    much, take that away.
    """
    import jax.numpy as jnp

    def spacing(part: jax.Array) -> Any:
        return jnp.log(jnp.diff(jnp.sort(part))).mean() + jnp.euler_gamma + jnp.log(len(part))

    half = len(w) // 2
    return 2 * spacing(w) - (spacing(w[:half]) + spacing(w[half:])) / 2
