"""CPU time of structured optimisers to train a network on digits, against Adam and L-BFGS of optax.

A dense network 64-64-64-10 is trained on all 1797 digits to a mean cross-entropy of 1e-4, in single precision, from
the same points. Each optimiser is one compiled loop until the loss is reached; compilation is measured apart, without
a cache. Process CPU time, one thread, interleaved medians over the rounds.
Adam's rate is the best of 0.001, 0.003, 0.006, 0.01 and 0.02 from another start, and so is its batch of 64, 128 or 256.
What L-BFGS evaluates along a line is in its time, not in its gradients.
Run: python benchmarks/optimisers.py [--rounds 5] [--activation Relu]
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits
from timing import options, pick, row, seconds

import asymptopia.parts.activation as activations
from asymptopia.algorithms.optimisers import (
    CrossEntropy,
    Info,
    Network,
    Solver,
    State,
    extrapolated,
    from_optax,
    kfac,
    layerwise,
    levenberg_marquardt,
)

TARGET, MOST, BATCH = pick(1e-4, 1e-1), 20_000, 128
Objective = Callable[[Any], Any]


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Centred inputs of size at most one, and classes."""
    found = load_digits()
    X = (found.data / 16).astype(np.float32)
    return X - X.mean(axis=0), found.target.astype(np.int32)


def adam(network: Network, X: Any, y: Any, rate: float, batch: int | None) -> Solver:
    """Adam on all samples, or on mini-batches drawn anew; the loss that stops it is then a running mean."""
    X, y = jnp.asarray(X), jnp.asarray(y)
    method = optax.adam(rate)
    if batch is None:
        return from_optax(method, lambda p: network.objective(p, X, y))

    def init(parameters: Any) -> State:
        return State(parameters, (method.init(parameters), jax.random.key(0), jnp.float32(3.0)))

    def step(state: State) -> tuple[State, Info]:
        memory, key, mean = state.memory
        key, draw = jax.random.split(key)
        chosen = jax.random.randint(draw, (batch,), 0, len(X))
        value, gradient = jax.value_and_grad(network.objective)(state.parameters, X[chosen], y[chosen])
        updates, memory = method.update(gradient, memory, state.parameters)
        mean = 0.93 * mean + 0.07 * value
        told = Info(mean, mean, mean, jnp.float32(batch / len(X)))
        return State(optax.apply_updates(state.parameters, updates), (memory, key, mean)), told

    return Solver(init, step)


def solvers(network: Network, X: Any, y: Any) -> dict[str, tuple[Solver, int]]:
    """Every optimiser by name, and the most steps it may take."""
    Xj, yj = jnp.asarray(X), jnp.asarray(y)

    def objective(p: Any) -> Any:
        return network.objective(p, Xj, yj)

    gauss = levenberg_marquardt(lambda p: network.outputs(p, Xj), lambda z: network.losses(yj, z).mean(), iterations=10)
    return {
        "K-FAC": (kfac(network, X, y, jax.random.key(1), damping=0.1, decay=0.5), MOST),
        "Levenberg-Marquardt": (gauss, 400),
        "L-BFGS (optax)": (from_optax(optax.lbfgs(), objective), MOST),
        f"Adam, batches of {BATCH} (optax)": (adam(network, X, y, 2e-2, BATCH), MOST),
        "Adam, all samples (optax)": (adam(network, X, y, 2e-2, None), MOST),
        "majorization, extrapolated": (extrapolated(layerwise(network, X, y), objective), 1000),
    }


def compiled(solver: Solver, most: int, start: Any) -> tuple[Callable[[], Any], float]:
    """The run until the loss is reached, and the CPU seconds of compiling it."""

    def go(state: State) -> Any:
        def unfinished(carry: Any) -> Any:
            return (carry[1] > TARGET) & (carry[2] < most)

        def one(carry: Any) -> Any:
            state, told = solver.step(carry[0])
            return state, told.value, carry[2] + 1, carry[3] + told.work

        return jax.lax.while_loop(unfinished, one, (state, jnp.float32(jnp.inf), 0, jnp.float32(0)))

    state = solver.init(start)
    begun = time.process_time()
    run = jax.jit(go).lower(state).compile()
    return lambda: jax.block_until_ready(run(state)), time.process_time() - begun


def main() -> None:
    given = options(__doc__, rounds=(5, 1), activation=("Relu", "Relu"))
    jax.config.update("jax_enable_compilation_cache", False)
    X, y = digits()
    network = Network((64, 64, 64, 10), getattr(activations, given.activation)(), CrossEntropy())
    start = network.draw(jax.random.key(0), jnp.float32)
    runs, building = {}, {}
    for name, (solver, most) in list(solvers(network, X, y).items())[: pick(None, 3)]:
        runs[name], building[name] = compiled(solver, most, start)
    times: dict[str, list[float]] = {name: [] for name in runs}
    ends: dict[str, Any] = {}
    for _ in range(given.rounds):
        for name, call in runs.items():
            taken, ends[name] = seconds(call)
            times[name].append(taken)
    for name, (state, value, steps, work) in ends.items():
        reached = float(network.objective(state.parameters, jnp.asarray(X), jnp.asarray(y)))
        note = f"{building[name]:.2f} s of compilation, {int(steps)} steps, {float(work):.0f} gradients"
        note += f", loss {reached:.1e}" + ("" if float(value) <= TARGET else ", not reached")
        ours, taken = "optax" not in name, float(np.median(times[name]))
        row(f"digits to {TARGET:g}, {name}", taken if ours else None, None if ours else taken, note=note)


if __name__ == "__main__":
    main()
