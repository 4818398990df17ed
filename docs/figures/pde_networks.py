"""Draw the figure of the guide to stable networks: `python docs/figures/pde_networks.py` takes two minutes on one core.

Convolutional networks of eight layers, plain, parabolic, second-order and Hamiltonian, learn scikit-learn's digits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import asymptopia  # noqa: F401  (double precision, before JAX is imported)
from asymptopia.algorithms.pde_networks import Convolution, Hamiltonian, Parabolic, SecondOrder, stack

DEPTH, CHANNELS, STEP, EPOCHS, BATCH, SEEDS = 8, 6, 0.3, 10, 60, 2
NOISES = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0])
IMAGE = Path(__file__).parents[1] / "images" / "pde_networks.png"


class Plain(eqx.Module):
    """A residual layer y + h tanh(K y + b)."""

    operator: Convolution
    bias: Any

    def __call__(self, y: Any) -> Any:
        """The state after the layer."""
        return y + STEP * jnp.tanh(self.operator(y) + self.bias)


class Network(eqx.Module):
    """Channels made by a 1 x 1 convolution, layers, and a linear classifier of what they make."""

    opening: Convolution
    layers: Any
    readout: Any
    paired: bool = eqx.field(static=True)

    def states(self, image: Any) -> Any:
        """What the classifier would see after each layer, (depth + 1, features)."""
        y = self.opening(image[None])
        state = (y, jnp.zeros_like(y)) if self.paired else y
        moving, fixed = eqx.partition(self.layers, eqx.is_array)

        def seen(state: Any) -> Any:
            return jnp.concatenate([jnp.ravel(s) for s in jax.tree.leaves(state)])

        def one(state: Any, layer: Any) -> tuple[Any, Any]:
            after = eqx.combine(layer, fixed)(state)
            return after, seen(after)

        return jnp.concatenate([seen(state)[None], jax.lax.scan(one, state, moving)[1]])

    def __call__(self, image: Any) -> Any:
        """Ten scores."""
        return self.readout @ self.states(image)[-1]


def layer_of(kind: str, key: Any) -> Any:
    """An untrained layer."""
    first, second = jax.random.split(key)
    operator = Convolution.random(CHANNELS, CHANNELS, first)
    if kind == "plain":
        return Plain(operator, operator.bias())
    if kind == "parabolic":
        return Parabolic(operator, STEP)
    if kind == "second order":
        return SecondOrder(operator, STEP)
    return Hamiltonian(operator, Convolution.random(CHANNELS, CHANNELS, second), STEP)


def network(kind: str, key: Any) -> Network:
    """An untrained network."""
    paired = kind in ("second order", "Hamiltonian")
    first, second, third = jax.random.split(key, 3)
    features = CHANNELS * 64 * (2 if paired else 1)
    readout = jax.random.normal(third, (10, features)) / np.sqrt(features)
    return Network(
        Convolution.random(1, CHANNELS, first, 1), stack(lambda k: layer_of(kind, k), DEPTH, second), readout, paired
    )


def stabilised(made: Network) -> Network:
    """The same with the kernels of parabolic layers scaled down to what the step allows."""
    if not isinstance(made.layers, Parabolic):
        return made
    largest = jnp.sqrt(2 / STEP)
    norms = jax.vmap(lambda k: Convolution(k).norm(8))(made.layers.operator.kernel)
    kernels = made.layers.operator.kernel * jnp.minimum(1, largest / norms)[:, None, None, None, None]
    return eqx.tree_at(lambda m: (m.layers.operator.kernel, m.layers.step), made, (kernels, jnp.full(DEPTH, STEP)))


def train(kind: str, images: np.ndarray, labels: np.ndarray, seed: int) -> Network:
    """A network trained by Adam on cross-entropy; steps are kept, weights learned."""
    made = network(kind, jax.random.key(seed))
    trained, fixed = eqx.partition(made, eqx.is_inexact_array)
    optimiser = optax.adam(3e-3)

    def loss(trained: Any, x: Any, y: Any) -> Any:
        scores = jax.vmap(eqx.combine(trained, fixed))(x)
        return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()

    @jax.jit
    def update(trained: Any, state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        change, state = optimiser.update(jax.grad(loss)(trained, x, y), state)
        moved = eqx.combine(optax.apply_updates(trained, change), fixed)
        if not isinstance(moved.layers, Plain):
            moved = eqx.tree_at(lambda m: m.layers.step, moved, jnp.full(DEPTH, STEP))
        return eqx.partition(stabilised(moved), eqx.is_inexact_array)[0], state

    state, rng = optimiser.init(trained), np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = rng.permutation(len(images))
        for i in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[i : i + BATCH]
            trained, state = update(trained, state, images[rows], labels[rows])
    return eqx.combine(trained, fixed)


def main() -> None:
    """Train, print accuracies, draw."""
    x, y = load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8) - x.mean()) / x.std()
    x, seen, y, truth = train_test_split(x, y, test_size=0.3, random_state=0)
    kinds = ("plain", "parabolic", "second order", "Hamiltonian")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for kind in kinds:
        accuracy, growth = np.zeros((SEEDS, len(NOISES))), np.zeros((SEEDS, DEPTH + 1))
        for seed in range(SEEDS):
            made = train(kind, x, y, seed)
            answer = jax.jit(jax.vmap(made))
            draws = np.random.default_rng(100 + seed).standard_normal((len(NOISES), *seen.shape))
            accuracy[seed] = [
                (np.argmax(answer(seen + s * e), 1) == truth).mean() for s, e in zip(NOISES, draws, strict=True)
            ]
            states = jax.jit(jax.vmap(made.states))
            apart = np.linalg.norm(np.asarray(states(seen + 0.1 * draws[0]) - states(seen)), axis=-1)
            growth[seed] = (apart / apart[:, :1]).max(axis=0)
        print(f"{kind:14} accuracy {accuracy[:, 0].mean():.3f}, at noise 1 {accuracy[:, 4].mean():.3f}; ", end="")
        print(f"largest growth of a distance {growth[:, -1].max():.2f}", flush=True)
        left.errorbar(NOISES, accuracy.mean(0), accuracy.std(0, ddof=1) / np.sqrt(SEEDS), fmt="o-", ms=4, label=kind)
        right.plot(np.arange(DEPTH + 1), growth.mean(axis=0), "o-", ms=4)
    left.set(xlabel="standard deviation of noise added to unseen digits", ylabel="share recognised", ylim=(0, 1.02))
    left.legend(frameon=False, title="layers")
    right.axhline(1, color="0.6", lw=0.8)
    right.set(xlabel="layer", ylabel="largest ratio of a distance to its start", xticks=range(0, DEPTH + 1, 2))
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


if __name__ == "__main__":
    main()
