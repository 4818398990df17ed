"""Draw the figure of the guide to spin glasses: `python docs/figures/spins.py` takes a minute on one core."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia import thresholds
from asymptopia.laws.spins.hopfield import Hopfield
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "hopfield.png"
SPINS, SEEDS = 1000, 6


def main() -> None:
    """The phases of Hopfield's model, and the overlap with a pattern against the load."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    phases(axes[0])
    overlaps(axes[1])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


def phases(ax: Axes) -> None:
    """The lines at which the spin glass freezes, patterns are retrieved, and are the equilibrium."""
    T = np.concatenate([np.linspace(0, 0.96, 33), [0.98, 0.995]])
    found = [thresholds(Hopfield(temperature=t), along="alpha") for t in T]
    retrieved, stable = ([f[name] for f in found] for name in ("retrieval", "thermodynamic"))
    alpha = np.linspace(0, 0.18, 200)
    T, retrieved, stable = np.append(T, 1.0), np.append(retrieved, 0.0), np.append(stable, 0.0)
    ax.fill_betweenx(T, stable, retrieved, color=OKABE_ITO[0], alpha=0.15, lw=0)
    ax.fill_betweenx(T, 0, stable, color=OKABE_ITO[0], alpha=0.35, lw=0)
    ax.plot(alpha, 1 + np.sqrt(alpha), color="k")
    ax.plot(retrieved, T, color=OKABE_ITO[0])
    ax.plot(stable, T, color=OKABE_ITO[0], ls="--")
    for x, y, text in (
        (0.06, 1.34, "no order"),
        (0.105, 0.8, "spin glass"),
        (0.006, 0.15, "patterns are\nequilibrium"),
        (0.064, 0.12, "patterns are\nmetastable"),
    ):
        ax.text(x, y, text, fontsize=9)
    ax.set(xlim=(0, 0.18), ylim=(0, 1.5), xlabel=r"load $\alpha$", ylabel="temperature", title="phases")


def overlaps(ax: Axes) -> None:
    """Means over Glauber dynamics from a pattern on the limit, which ends at the border of retrieval."""
    for T, colour in zip((0.0, 0.2, 0.4, 0.6), OKABE_ITO, strict=False):
        border = thresholds(Hopfield(temperature=T), along="alpha")["retrieval"]
        alpha = border * np.append(1 - np.linspace(0.97, 0, 40) ** 2, 1 - 1e-9)
        limit = [float(Hopfield(alpha=a, temperature=T).limit()["overlap"]) for a in alpha]
        ax.plot(alpha, limit, color=colour, label=f"T = {T:g}")
        ax.plot([border, border], [0, limit[-1]], color=colour, ls=":")
        for a in np.array([0.2, 0.5, 0.75, 1.3]) * border:
            values = Hopfield(alpha=float(a), temperature=T).experiment((SPINS,), SEEDS)["overlap"].values[0]
            error = values.std() / np.sqrt(SEEDS)
            ax.errorbar(a, values.mean(), error, fmt="o", color=colour, markersize=4)
    ax.set(xlim=(0, 0.2), ylim=(0, 1.03), xlabel=r"load $\alpha$", ylabel="overlap", title="overlap with the pattern")
    ax.legend(frameon=False, loc="upper right", bbox_to_anchor=(1.0, 0.9))


if __name__ == "__main__":
    main()
