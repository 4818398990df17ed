"""Draw the figure of the guide to attention: `python docs/figures/attention.py` takes a minute on one core."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia import sweep
from asymptopia.laws.inference.in_context_regression import InContextRegression
from asymptopia.laws.mean_field.attention_particles import AttentionParticles
from asymptopia.laws.mean_field.equiangular_attention import EquiangularAttention
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "attention.png"
DIMENSION, TOKENS, SEEDS = 24, 60, 12


def main() -> None:
    """In-context double descent, task diversity, and tokens that cluster, side by side."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    double_descent(axes[0])
    diversity(axes[1])
    clustering(axes[2])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


def double_descent(ax: Axes) -> None:
    """The error on new tasks against prompts: the peak where they are as many as weights."""
    tau, few = np.geomspace(0.2, 10, 200), (0.4, 0.7, 1.4, 3.0, 6.0)
    for ridge, colour in zip((0.001, 0.03, 0.3), OKABE_ITO, strict=False):
        law = InContextRegression(alpha=2.0, kappa=2.0, ridge=ridge)
        ax.plot(tau, sweep(law, tau=tuple(tau)).limit()["test_error"], color=colour, label=f"ridge {ridge:g}")
        seen = [law.replace(tau=t).experiment((DIMENSION,), SEEDS)["test_error"].values for t in few]
        points(ax, np.array(few), np.stack(seen, axis=-1)[0], colour)
    ax.set(xscale="log", yscale="log", ylim=(0.4, 25), xlabel=r"prompts per weight, $\tau$")
    ax.set(ylabel="error on new tasks", title=f"linear attention, d = {DIMENSION}")
    ax.legend(frameon=False)


def diversity(ax: Axes) -> None:
    """Errors on the tasks of training and on new ones: beyond one task a dimension the second follows the first."""
    kappa = np.geomspace(0.1, 10, 150)
    law = InContextRegression(alpha=10.0, tau=20.0, ridge=1e-3, noise=0.05)
    limit = sweep(law, kappa=tuple(kappa)).limit()
    ax.plot(kappa, limit["test_error"], color=OKABE_ITO[0], label="new tasks")
    ax.plot(kappa, limit["seen_task_error"], color=OKABE_ITO[1], label="seen tasks")
    ax.axvline(1, color="k", linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel=r"training tasks per dimension, $\kappa$", ylabel="error")
    ax.set_title("from memory to learning in context")
    ax.legend(frameon=False)


def clustering(ax: Axes) -> None:
    """Order of tokens on the circle in time, without and with noise; equal angles in high dimension."""
    times, few = tuple(np.geomspace(0.05, 20, 60)), (0.5, 2.0, 6.0)
    for temperature, colour in zip((0.05, 0.2, 0.4), OKABE_ITO, strict=False):
        law = AttentionParticles(beta=2.0, temperature=temperature, times=times)
        ax.plot(times, law.limit()["order"], color=colour, label=f"circle, T = {temperature:g}")
        points(ax, np.array(few), law.replace(times=few).experiment((TOKENS,), SEEDS)["order"].values[0], colour)
    law = EquiangularAttention(tokens=32, beta=1.0, times=times)
    ax.plot(times, law.limit()["overlap"], color="k", linestyle="--", label="equal angles")
    ax.set(xscale="log", ylim=(0, 1.02), xlabel="time (depth)", ylabel="order, overlap", title="tokens cluster")
    ax.legend(frameon=False, fontsize="small")


def points(ax: Axes, x: np.ndarray, values: np.ndarray, colour: str) -> None:
    """Means over realisations, the first axis, with their standard errors."""
    error = values.std(axis=0) / np.sqrt(len(values))
    ax.errorbar(x, values.mean(axis=0), error, fmt="o", color=colour, markersize=4)


if __name__ == "__main__":
    main()
