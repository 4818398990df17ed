"""Draw the figure of the guide to feature learning: `python docs/figures/feature_learning.py` takes a minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia.laws.inference.multi_layer_glm import MultiLayerGLM
from asymptopia.laws.mean_field.feature_learning import FeatureLearning
from asymptopia.parts.channel import Linear, ReLU
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "feature-learning.png"
WIDTH, SEEDS, STEPS = 128, 16, 3


def main() -> None:
    """Losses, movement of the features, and what labels say of the layers of a teacher, side by side."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for depth, colour in zip((1, 2), OKABE_ITO, strict=False):
        law = FeatureLearning(depth=depth, steps=STEPS)
        limit, seen = law.limit(), law.experiment((WIDTH,), SEEDS)
        for ax, name in zip(axes, ("loss", "kernel_change"), strict=False):
            values = seen[name].values[0]
            ax.plot(np.arange(STEPS + 1), limit[name], color=colour, label=f"{depth} hidden")
            error = values.std(axis=0) / np.sqrt(SEEDS)
            ax.errorbar(np.arange(STEPS + 1), values.mean(axis=0), error, fmt="o", color=colour, markersize=4)
    axes[0].set(xlabel="step", ylabel="loss", title=f"width to infinity; points: {WIDTH}")
    axes[1].set(xlabel="step", ylabel=r"$\|\Phi_t - \Phi_0\| / \|\Phi_0\|$", title="features move")
    for ax in axes[:2]:
        ax.set_xticks(range(STEPS + 1))
    axes[0].legend(frameon=False)
    layers(axes[2])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


def layers(ax: Axes) -> None:
    """What is left unknown of the signal and of a hidden layer, against labels per hidden unit."""
    few = (0.3, 0.7, 1.2)
    for at, (name, colour) in enumerate(zip(("signal", "hidden layer"), OKABE_ITO[3:], strict=False)):
        ratios = np.linspace(0.1, 1.5, 10)
        every = [teacher(r).limit()["mse"].values[at] for r in ratios]
        ax.plot(ratios, np.array(every) / (1.0, 0.5)[at], color=colour, label=name)
        seen = np.array([teacher(r).experiment((100,), 8)["mse"].values[0, :, at] for r in few]) / (1.0, 0.5)[at]
        ax.errorbar(few, seen.mean(axis=1), seen.std(axis=1) / 8**0.5, fmt="o", color=colour, markersize=4)
    ax.set(xlabel="labels per hidden unit", ylabel="share unknown", title="a teacher of two layers", ylim=(0, 1.02))
    ax.legend(frameon=False)


def teacher(ratio: float) -> MultiLayerGLM:
    """Twice as many ReLU units as inputs, and noisy projections of them."""
    return MultiLayerGLM(layers=((2.0, ReLU()), (float(ratio), Linear(noise=0.1))))


if __name__ == "__main__":
    main()
