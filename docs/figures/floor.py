"""Draw the figure of floors: `python docs/figures/floor.py` takes a minute on one core.

Where gradient descent comes to rest: on random polynomials, against the limit, and on the loss of students of a teacher
network on scikit-learn's digits, whose final losses draw together as the students grow wide.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import load_digits

from asymptopia.laws.landscape.landscape_floor import LandscapeFloor

SIZES, WIDTHS, TEACHER, STARTS, STEPS = (16, 25, 50, 100, 150), (5, 10, 20, 40, 80), 10, 24, 3000
IMAGE = Path(__file__).parents[1] / "images" / "floor.png"


def outputs(parameters: Any, x: Any) -> Any:
    """Networks of one hidden layer of any width, of outputs of order one."""
    w, a = parameters
    return jnp.tanh(x @ w.T) @ a / jnp.sqrt(len(a))


def start(key: Any, width: int, inputs: int) -> Any:
    """Random weights."""
    first, second = jax.random.split(key)
    return jax.random.normal(first, (width, inputs)) / jnp.sqrt(inputs), jax.random.normal(second, (width,))


def final_losses(x: np.ndarray, y: np.ndarray, width: int) -> np.ndarray:
    """The loss of students of this width after training by Adam, with a rate that decays, one a start."""
    optimiser = optax.adam(optax.cosine_decay_schedule(0.02, STEPS))

    def loss(parameters: Any) -> Any:
        return jnp.mean((outputs(parameters, x) - y) ** 2) / 2

    def train(key: Any) -> Any:
        def step(_: int, carry: Any) -> Any:
            parameters, state = carry
            change, state = optimiser.update(jax.grad(loss)(parameters), state)
            return optax.apply_updates(parameters, change), state

        begun = start(key, width, x.shape[1])
        return loss(jax.lax.fori_loop(0, STEPS, step, (begun, optimiser.init(begun)))[0])

    return np.asarray(jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(width), STARTS)))


def main() -> None:
    """Run both experiments, print and draw."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    law = LandscapeFloor()
    energies = law.experiment(SIZES, 20)["floor_energy"].values
    at = np.array(SIZES) ** -law.bias
    left.errorbar(at, energies.mean(1), energies.std(1, ddof=1) / np.sqrt(20), fmt="o", ms=4)
    left.axhline(float(law.limit()["floor_energy"]), color="0.2", lw=1)
    left.set(xlim=(0, None), xlabel=r"$n^{-0.6}$, spins", ylabel="energy per spin at rest")
    x = load_digits().data
    x = ((x - x.mean(0)) / (x.std(0) + 1e-9))[:500]
    y = np.asarray(outputs(start(jax.random.key(0), TEACHER, x.shape[1]), x))
    losses = {n: final_losses(x, y, n) for n in WIDTHS}
    for n, values in losses.items():
        print(f"width {n:3}: loss {values.mean():.3g}, spread {values.std(ddof=1):.3g}, {values.min():.3g} the least")
        right.plot(np.full(STARTS, n), values, "o", ms=3, color="C0", alpha=0.5, mew=0)
    right.plot(WIDTHS, [v.mean() for v in losses.values()], "k_", ms=14)
    right.axvline(TEACHER, color="0.6", lw=0.8)
    right.set(xscale="log", yscale="log", xlabel="width of the student", ylabel="loss after training")
    right.set_xticks(WIDTHS, [str(n) for n in WIDTHS])
    right.minorticks_off()
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


if __name__ == "__main__":
    main()
