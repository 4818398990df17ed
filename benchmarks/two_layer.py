"""A step of SGD on a wide two-layer network, with and without noise on the weights: against torch.compile.

10^4 neurons tanh(w.x) in 20 dimensions, batches of 1 and of 100, single precision. Ours is `stochastic_descent`, which
also draws the inputs and takes its noise from coins; the peer is the same update written out and compiled, with inputs
drawn beforehand and normal noise, of the compiled generator or, faster, of the one that is not compiled. Without noise
both must end at the same weights.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from timing import options, pick, row, seconds

from asymptopia.algorithms.particles.wide_network import stochastic_descent

NEURONS, INPUTS, STEPS, ROUNDS = pick(10_000, 1000), 20, 40, pick(9, 1)
RATE, TEMPERATURE = 0.5, 0.01


def outputs(theta: Any, X: Any) -> Any:
    """What neurons make of inputs."""
    return jnp.tanh(theta @ X.T)


def draw(batch: int, key: Any) -> tuple[Any, Any]:
    """Inputs and labels of a step."""
    X = jax.random.normal(key, (batch, INPUTS), jnp.float32)
    return X, jnp.tanh(X[:, 0])


@functools.partial(jax.jit, static_argnums=(0, 1))
def ours(batch: int, noisy: bool, theta: Any, key: Any) -> Any:
    """The weights after all steps."""
    temperature = jnp.float32(TEMPERATURE) if noisy else None
    of = functools.partial(draw, batch)
    return stochastic_descent(outputs, theta, of, jnp.float32(RATE), (STEPS,), key, temperature)[0]


@functools.partial(jax.jit, static_argnums=0)
def drawn(batch: int, key: Any) -> tuple[Any, Any]:
    """The inputs and labels that our steps draw from this key, without noise."""
    keys = jax.random.split(jax.random.fold_in(key, 0), STEPS)
    return jax.vmap(lambda one: draw(batch, one))(keys)


def peer(torch: Any, batch: int, noisy: bool, inside: bool) -> Callable[[Any, Any, Any], Any]:
    """A compiled step of the peer, repeated; with noise drawn inside or outside of what is compiled."""
    size = float(np.sqrt(2 * TEMPERATURE / NEURONS))

    @torch.compile
    def step(w: Any, X: Any, y: Any) -> Any:
        f = torch.tanh(w @ X.T)
        w = w - RATE / (NEURONS * batch) * (((1 - f * f) * (f.mean(0) - y)) @ X)
        return w + size * torch.randn_like(w) if noisy and inside else w

    def run(w: Any, X: Any, y: Any) -> Any:
        with torch.no_grad():
            for i in range(STEPS):
                w = step(w, X[i], y[i])
                if noisy and not inside:
                    w.add_(torch.randn_like(w), alpha=size)
        return w

    return run


def cost(run: Callable[[], Any]) -> float:
    """Processor time of a step, in microseconds."""
    return seconds(lambda: jax.block_until_ready(run()))[0] / STEPS * 1e6


def compiler() -> Any:
    """torch on one thread, or None where it is not installed. (A quick run leaves it out: it compiles for minutes.)"""
    try:
        import torch
    except ImportError:
        row("torch.compile", note="torch is not installed")
        return None
    torch.set_num_threads(1)
    return torch


def main() -> None:
    """Print the processor time of a step and the ratio, for both batches, without and with noise."""
    options(__doc__)
    torch = pick(compiler, lambda: None)()
    theta = jax.random.normal(jax.random.key(0), (NEURONS, INPUTS), jnp.float32)
    for batch in (1, 100):
        for noisy in (False, True):
            key = jax.random.key(1)
            mine = functools.partial(ours, batch, noisy, theta, key)
            found = np.asarray(mine())
            others: list[Callable[[], Any]] = []
            for inside in (True, False)[: 1 + noisy] if torch is not None else ():
                w, X, y = (torch.from_numpy(np.array(a)) for a in (theta, *drawn(batch, key)))
                others.append(functools.partial(peer(torch, batch, noisy, inside), w, X, y))
                reached = others[-1]().numpy()
                if not noisy and not np.allclose(found, reached, atol=1e-4):
                    raise SystemExit(f"the two sides differ by {np.abs(found - reached).max():.1e}")
            times = [[cost(run) for run in (mine, *others)] for _ in range(ROUNDS)]
            a, *rest = (statistics.median(t) for t in zip(*times, strict=True))
            words = "with noise" if noisy else "without noise"
            row(f"batch {batch}, {words}, a step", a, unit="us")
            for b, name in zip(rest, ("torch.compile", "torch.compile, noise drawn outside"), strict=False):
                row(f"batch {batch}, {words}, a step", a, b, name, "us")


if __name__ == "__main__":
    main()
