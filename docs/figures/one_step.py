"""Draw the figure of one giant step: `python docs/figures/one_step.py` takes half a minute on one core."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia.laws.inference.one_giant_step import OneGiantStep
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "one-step.png"
DIMENSION, SEEDS = 80, 10


def main() -> None:
    """Errors against samples and against the length of the step, side by side."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained", sharey=True)
    samples(axes[0])
    lengths(axes[1])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


def samples(ax: Axes) -> None:
    """The share of wrong signs against the readout's samples, without a step and after two."""
    alpha, few = np.geomspace(0.3, 20, 60), (0.6, 1.5, 5.0)
    for step, colour in zip((0.0, 1.0, 4.0), OKABE_ITO, strict=False):
        law = OneGiantStep(step=step)
        name = f"step {step:g}" if step else "random features"
        ax.plot(alpha, [error(law.replace(alpha=float(a))) for a in alpha], color=colour, label=name)
        seen = [law.replace(alpha=a).experiment((DIMENSION,), SEEDS)["test_error"].values[0] for a in few]
        points(ax, np.array(few), np.array(seen).T, colour)
    ax.set(xscale="log", xlabel=r"samples of the readout, $\alpha$", ylabel="share of wrong signs")
    ax.set_title(f"points: d = {DIMENSION}")
    ax.legend(frameon=False)


def lengths(ax: Axes) -> None:
    """The same against the rate of the step, for three numbers of samples of the step."""
    rates = np.linspace(0, 8, 81)
    for alpha0, colour in zip((0.5, 2.0, 8.0), OKABE_ITO[3:], strict=False):
        law = OneGiantStep(alpha0=alpha0, alpha=4.0)
        ax.plot(
            rates, [error(law.replace(step=float(r))) for r in rates], color=colour, label=rf"$\alpha_0$ = {alpha0:g}"
        )
        seen = [law.replace(step=r).experiment((DIMENSION,), SEEDS)["test_error"].values[0] for r in (1.0, 5.0)]
        points(ax, np.array([1.0, 5.0]), np.array(seen).T, colour)
    ax.set(xlabel=r"step $\eta$", title=r"samples of the step, $\alpha$ = 4")
    ax.legend(frameon=False)


def error(law: OneGiantStep) -> float:
    """The share of wrong signs in the limit."""
    return float(law.limit()["test_error"])


def points(ax: Axes, x: np.ndarray, values: np.ndarray, colour: str) -> None:
    """Means over realisations, the first axis, with their standard errors."""
    spread = values.std(axis=0) / np.sqrt(len(values))
    ax.errorbar(x, values.mean(axis=0), spread, fmt="o", color=colour, markersize=4)


if __name__ == "__main__":
    main()
