"""Draw the figure of the guide to generative diffusion: `python docs/figures/generation.py` takes half a minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia import thresholds
from asymptopia.laws.inference.diffusion_memorisation import DiffusionMemorisation
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "generation.png"
SEEDS = 60


def main() -> None:
    """Speciation, collapse, and the regimes of backward diffusion, side by side."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    speciation(axes[0])
    collapse(axes[1])
    regimes(axes[2])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


def speciation(ax: Axes) -> None:
    """The probability that two backward paths from one point end in the same cluster, around the time t_S."""
    shifts, few = tuple(np.linspace(-2.5, 2.5, 101)), (-1.0, 0.0, 1.0, 2.0)
    ax.plot(shifts, DiffusionMemorisation(shifts=shifts).limit()["same_class"], color="k", label="limit")
    for dimension, colour in zip((12, 40), OKABE_ITO, strict=False):
        values = DiffusionMemorisation(shifts=few).experiment((dimension,), SEEDS)["same_class"].values[0]
        points(ax, np.array(few), values, colour, f"d = {dimension}")
    ax.axvline(0, color="k", linestyle=":")
    ax.set(xlabel=r"$t - t_S$", ylabel="two paths end in one cluster", ylim=(0.47, 1.03), title="speciation")
    ax.legend(frameon=False)


def collapse(ax: Axes) -> None:
    """The log-weight of the other training points over the own, which is zero where the model memorises."""
    times, few = tuple(np.linspace(0.12, 1.5, 120)), (0.3, 0.45, 0.7, 1.0, 1.4)
    for alpha, colour in zip((0.1, 0.2, 0.3), OKABE_ITO, strict=False):
        law = DiffusionMemorisation(alpha=alpha, times=times)
        ax.plot(times, law.limit()["excess"], color=colour, label=rf"$\alpha$ = {alpha:g}")
        values = law.replace(times=few).experiment((30,), SEEDS)["excess"].values[0]
        points(ax, np.array(few), values, colour)
        ax.plot([thresholds(law, along="time")["collapse"]], [0], marker="v", color=colour, markersize=9)
    ax.axhline(0, color="k", linestyle=":")
    ax.set(xlabel="time t of the noise", ylabel="excess of the other points", ylim=(-0.65, 0.32))
    ax.set_title("collapse (d = 30)")
    ax.legend(frameon=False, loc="lower right")


def regimes(ax: Axes) -> None:
    """The two times against the number of training points: general, one class, one point."""
    alpha = np.geomspace(0.01, 3, 200)
    law = DiffusionMemorisation()
    last = np.array([thresholds(law.replace(alpha=float(a)), along="time")["collapse"] for a in alpha])
    first = np.log(100 * law.separation) / 2
    ax.fill_between(alpha, first, 3.4, color=OKABE_ITO[0], alpha=0.2, lw=0)
    ax.fill_between(alpha, last, first, color=OKABE_ITO[1], alpha=0.2, lw=0)
    ax.fill_between(alpha, 0, last, color=OKABE_ITO[2], alpha=0.25, lw=0)
    ax.plot(alpha, last, color="k")
    ax.axhline(first, color="k", linestyle="--")
    for x, y, text in ((0.3, 2.8, "noise"), (0.45, 1.4, "a class is chosen,\npoints are new"), (0.03, 0.4, "memory")):
        ax.text(x, y, text, ha="center", fontsize=9)
    ax.set(xscale="log", xlim=(0.01, 3), ylim=(0, 3.4), xlabel=r"$\alpha = \log(\mathrm{points}) / d$")
    ax.set(ylabel="time t of the noise", title="regimes, d = 100")


def points(ax: Axes, x: np.ndarray, values: np.ndarray, colour: str, label: str | None = None) -> None:
    """Means over realisations, the first axis, with their standard errors."""
    error = values.std(axis=0) / np.sqrt(len(values))
    ax.errorbar(x, values.mean(axis=0), error, fmt="o", color=colour, markersize=4, label=label)


if __name__ == "__main__":
    main()
