"""Draw the figure of the guide to parametrisations: `python docs/figures/scales.py` takes a minute on one core.

A perceptron of PyTorch on digits under Adam, in its default parametrisation and with rates over the width: the gain of
each layer's first update against the width, and the loss after some steps against the learning rate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from asymptopia.scale import transfer
from asymptopia.scale.runs import observe

WIDTHS, RATES = (64, 128, 256, 512), np.geomspace(3e-4, 0.3, 10)
NAMES = {"0": "first", "2": "hidden", "4": "last"}
IMAGE = Path(__file__).parents[1] / "images" / "scales.png"
DATA = load_digits()
X, Y = torch.tensor(DATA.data[:128] / 8 - 1, dtype=torch.float32), torch.tensor(DATA.target[:128])


def step(sound: bool) -> Callable[[int, int, float], Any]:
    """The training step of a perceptron; a sound one has rates and a last layer over the width."""

    def of(width: int, seed: int, rate: float = 0.003) -> Any:
        torch.manual_seed(seed)
        module = nn.Sequential(
            nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
        )
        wide = 64 / width if sound else 1.0
        with torch.no_grad():
            module[4].weight *= wide**0.5
        rates = {"2.weight": rate * wide, "4.weight": rate * wide}
        groups = [{"params": [p], "lr": rates.get(name, rate)} for name, p in module.named_parameters()]
        return module, torch.optim.Adam(groups), lambda m: cross_entropy(m(X), Y)

    return of


def gains(axis: plt.Axes) -> None:
    """Gains of updates by layer: dashed in the default parametrisation."""
    for sound, style in ((False, "--"), (True, "-")):
        seen = [[observe(step(sound), width, seed, 1) for width in WIDTHS] for seed in range(4)]
        for k, (layer, name) in enumerate(NAMES.items()):
            values = np.array([[one.layers[layer].update for one in row] for row in seen])
            error = values.std(axis=0, ddof=1) / len(values) ** 0.5
            label = f"{name} layer" if sound else None
            axis.errorbar(WIDTHS, values.mean(axis=0), error, fmt=f"o{style}", ms=4, color=f"C{k}", label=label)
    axis.set(xscale="log", yscale="log", xlabel="width", ylabel="gain of the first update")
    axis.set_title("solid: rates over the width; dashed: PyTorch's default", fontsize=9)
    axis.set_xticks(WIDTHS, [str(w) for w in WIDTHS])
    axis.minorticks_off()
    axis.legend(frameon=False)


def losses(axis: plt.Axes, sound: bool) -> None:
    """The loss against the rate, one line a width, and the best rates."""
    moved = transfer(step(sound), WIDTHS, RATES, seeds=2, steps=12)
    for k, width in enumerate(WIDTHS):
        axis.plot(RATES, moved.losses[:, k].mean(axis=0), color=plt.cm.viridis(k / 3.5), label=f"width {width}")
        axis.axvline(np.exp(np.log(moved.best[:, k]).mean()), color=plt.cm.viridis(k / 3.5), lw=0.8, ls=":")
    e = moved.exponent
    axis.set(xscale="log", ylim=(0, 3), xlabel="learning rate", ylabel="loss after 12 steps")
    axis.set_title(
        f"{'rates over the width' if sound else 'default'}: best rate as width$^{{{e.value:+.2f}}}$", fontsize=9
    )
    if sound:
        axis.legend(frameon=False, fontsize=8)
    print(sound, e)


def main() -> None:
    """Draw and save."""
    torch.set_num_threads(1)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    gains(axes[0])
    losses(axes[1], False)
    losses(axes[2], True)
    figure.savefig(IMAGE, dpi=110)


if __name__ == "__main__":
    main()
