"""Draw the figure of the guide to modern memories: `python docs/figures/memories.py` takes half a minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia import sweep, thresholds
from asymptopia.laws.spins.dense_associative_memory import DenseAssociativeMemory, Exponential, Polynomial
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "memories.png"
SEEDS = 24


def main() -> None:
    """Recall with polynomial energies, its sharpening with exponential ones, and capacities, side by side."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    polynomial(axes[0])
    exponential(axes[1])
    capacity(axes[2])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


def polynomial(ax: Axes) -> None:
    """The overlap after one step from a corrupted pattern, against patterns per power of the spins."""
    load, few = np.geomspace(0.003, 3, 150), (0.01, 0.05, 0.2, 0.8)
    for degree, spins, colour in zip((2, 3, 4), (400, 80, 32), OKABE_ITO, strict=False):
        law = DenseAssociativeMemory(energy=Polynomial(degree), start=0.8)
        ax.plot(load, sweep(law, load=tuple(load)).limit()["overlap"], color=colour, label=f"degree {degree}")
        seen = [law.replace(load=a).experiment((spins,), SEEDS)["overlap"].values[0] for a in few]
        points(ax, np.array(few), np.array(seen).T, colour)
    ax.set(xscale="log", ylim=(0, 1.03), xlabel=r"load, patterns / $n^{degree - 1}$", ylabel="overlap after one step")
    ax.set_title("polynomial energy, start 0.8")
    ax.legend(frameon=False)


def exponential(ax: Axes) -> None:
    """The overlap of memories with exponentially many patterns becomes a step."""
    law = DenseAssociativeMemory(energy=Exponential(1.0), update="softmax")
    load = tuple(np.linspace(0.3, 0.8, 11))
    for spins, colour in zip((8, 12, 16), OKABE_ITO, strict=False):
        seen = [law.replace(load=float(a)).experiment((spins,), SEEDS)["overlap"].values[0] for a in load]
        points(ax, np.array(load), np.array(seen).T, colour, f"n = {spins}")
    edge = thresholds(law, along="load")["retrieval"]
    ax.plot([0.3, edge, edge, 0.8], [1, 1, 0, 0], color="k", label="limit")
    ax.set(ylim=(-0.03, 1.03), xlabel="load, log(patterns) / n", ylabel="overlap after one step")
    ax.set_title("exponential energy, softmax")
    ax.legend(frameon=False)


def capacity(ax: Axes) -> None:
    """The load up to which a pattern is a fixed point, and that at which its noise condenses."""
    sharpness = np.linspace(0.05, 3, 80)
    for patterns, colour in zip(("spins", "spherical", "gaussian"), OKABE_ITO, strict=False):
        law = DenseAssociativeMemory(patterns=patterns, update="softmax")
        every = [thresholds(law.replace(energy=Exponential(float(s))), along="load") for s in sharpness]
        ax.plot(sharpness, [t["retrieval"] for t in every], color=colour, label=patterns)
        ax.plot(sharpness, [t["condensation"] for t in every], color=colour, linestyle=":")
    ax.axhline(np.log(2), color="k", linewidth=0.8)
    ax.text(0.1, np.log(2) + 0.02, "all states of spins", fontsize=8)
    ax.set(xlabel=r"sharpness $\lambda$", ylabel="load", ylim=(0, 1.1), title="capacity; dotted: condensation")
    ax.legend(frameon=False, loc="lower right")


def points(ax: Axes, x: np.ndarray, values: np.ndarray, colour: str, label: str | None = None) -> None:
    """Means over realisations, the first axis, with their standard errors."""
    error = values.std(axis=0) / np.sqrt(len(values))
    ax.errorbar(x, values.mean(axis=0), error, fmt="o", color=colour, markersize=4, label=label)


if __name__ == "__main__":
    main()
