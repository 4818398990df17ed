"""Draw the figure of barriers: `python docs/figures/matching.py` takes a minute on one core.

Pairs of networks that learned scikit-learn's digits from independent starts, and the test loss on the line between them
before and after their units are matched.
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
from sklearn.model_selection import train_test_split

from asymptopia.algorithms.landscape.matching import barrier, match_units

WIDTHS, PAIRS, STEPS, DECAY = (8, 16, 32, 64, 128, 256, 512), 6, 300, 1e-3
IMAGE = Path(__file__).parents[1] / "images" / "matching.png"


def loss(layers: Any, x: Any, y: Any) -> Any:
    """Cross-entropy of a network of one hidden layer of rectifiers."""
    (W, b), (V, c) = layers
    scores = jnp.maximum(x @ W.T + b, 0) @ V.T + c
    return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()


def trained(width: int, seed: int, x: Any, y: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """A network trained by Adam on all samples, with some weight decay."""
    first, second = jax.random.split(jax.random.key(seed))
    layers = [
        (jax.random.normal(first, (width, 64)) * np.sqrt(2 / 64), jnp.zeros(width)),
        (jax.random.normal(second, (10, width)) / np.sqrt(width), jnp.zeros(10)),
    ]
    optimiser = optax.adamw(0.01, weight_decay=DECAY)

    def step(_: int, carry: Any) -> Any:
        layers, state = carry
        change, state = optimiser.update(jax.grad(loss)(layers, x, y), state, layers)
        return optax.apply_updates(layers, change), state

    found = jax.lax.fori_loop(0, STEPS, step, (layers, optimiser.init(layers)))[0]
    return [(np.asarray(W), np.asarray(b)) for W, b in found]


def main() -> None:
    """Train the pairs, print and draw the barriers."""
    x, y = load_digits(return_X_y=True)
    x, seen, y, truth = train_test_split(x / 16, y, test_size=0.3, random_state=0)
    judged = jax.jit(lambda layers: loss(layers, seen, truth))
    found = np.zeros((len(WIDTHS), PAIRS, 2))
    for i, width in enumerate(WIDTHS):
        for pair in range(PAIRS):
            first, second = (trained(width, 2 * pair + k, x, y) for k in range(2))
            found[i, pair] = [barrier(judged, first, net) for net in (second, match_units(first, second))]
        print(f"width {width:4}: barrier {found[i, :, 0].mean():.4f}, matched {found[i, :, 1].mean():.4f}", flush=True)
    figure, axes = plt.subplots(figsize=(4.6, 3.4), layout="constrained")
    for k, label in enumerate(("units in any order", "units matched")):
        mean, error = found[:, :, k].mean(axis=1), found[:, :, k].std(axis=1, ddof=1) / np.sqrt(PAIRS)
        axes.errorbar(WIDTHS, mean, error, fmt="o-", ms=4, label=label)
    axes.axhline(0, color="0.6", lw=0.8)
    axes.set(xscale="log", xlabel="width", ylabel="barrier of the test loss")
    axes.set_xticks(WIDTHS, [str(n) for n in WIDTHS])
    axes.minorticks_off()
    axes.legend(frameon=False)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


if __name__ == "__main__":
    main()
