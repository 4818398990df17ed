"""Draw the figure of the guide to particles, edges and graphs: `python docs/figures/edges.py` takes half a minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import jax
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia import sweep
from asymptopia.laws.dynamics.central_flow import CentralFlow
from asymptopia.laws.inference.graph_convolution import GraphConvolution
from asymptopia.laws.landscape.functional_dimension import FunctionalDimension
from asymptopia.laws.mean_field.consensus_optimisation import ConsensusOptimisation
from asymptopia.laws.mean_field.stein_particles import Bilinear, Radial, SteinParticles

IMAGE = Path(__file__).parents[1] / "images" / "edges.png"
COLOURS = ("#00429d", "#c44e52", "#55a868")
LINE, POINTS = tuple(np.linspace(0.02, 3.0, 60)), (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)


def bars(ax: Axes, x: np.ndarray, values: np.ndarray, colour: str) -> None:
    """Means over realisations, values (realisations, points), with their standard errors."""
    ax.errorbar(x, values.mean(0), values.std(0, ddof=1) / len(values) ** 0.5, fmt="o", ms=4, color=colour)


def stein(ax: Axes) -> None:
    """The variance of particles that sample a normal law of variance 1/2."""
    for kernel, colour in ((Bilinear(), COLOURS[0]), (Radial(1.0), COLOURS[1]), (Radial(0.3), COLOURS[2])):
        law = SteinParticles(kernel=kernel, times=LINE)
        ax.plot(LINE, law.limit()["variance"], color=colour, label=kernel.short())
        seen = law.replace(times=POINTS).experiment(sizes=(64,), seeds=30)
        bars(ax, np.array(POINTS), seen["variance"].values[0], colour)
    ax.axhline(0.5, color="0.6", lw=0.8)
    ax.set(xlabel="time", ylabel="variance", title="Stein particles")
    ax.legend(frameon=False)


def consensus(ax: Axes) -> None:
    """Where particles in a double well agree."""
    for beta, colour in zip((1.0, 4.0, 16.0), COLOURS, strict=True):
        law = ConsensusOptimisation(beta=beta, times=LINE)
        ax.plot(LINE, law.limit()["consensus"], color=colour, label=rf"$\beta = {beta:g}$")
        seen = law.replace(times=POINTS).experiment(sizes=(200,), seeds=200)
        bars(ax, np.array(POINTS), seen["consensus"].values[0], colour)
    ax.set(xlabel="time", ylabel="consensus", title="Consensus-based optimisation")
    ax.legend(frameon=False)


def descend(law: CentralFlow, n: int, steps: int) -> np.ndarray:
    """The outer weights at every step of gradient descent, (steps, 2)."""
    w = np.sqrt(2 / law.rate) * np.array([np.cos(law.angle), np.sin(law.angle)])
    u, goal, path = 0.7 / n**0.5, np.array([law.target, 0.0]), []
    for _ in range(steps):
        path.append(w)
        u, w = (1 - law.rate * w @ w) * u, w - law.rate * u**2 * w - law.rate / n * (w - goal)
    return np.array(path)


def edge(ax: Axes, beside: Axes) -> None:
    """Gradient descent along the edge of stability, and its sharpness."""
    law, n = CentralFlow(target=3.0, times=(1.0,)), 3000
    path = descend(law, n, round(1.5 * n / law.rate))
    circle = np.linspace(0.0, 1.0, 200)
    ax.plot(2 * np.cos(circle), 2 * np.sin(circle), color="0.6", lw=1)
    ax.plot(*path.T, color=COLOURS[0], lw=1, label="gradient descent")
    ax.plot(*np.array([path[0], [law.target, 0.0]]).T, ":", color=COLOURS[1], label="gradient flow")
    at = [law.replace(times=(t,)).limit()["angle"].item() for t in (0.25, 0.5, 1.0, 1.5)]
    ax.plot(2 * np.cos(at), 2 * np.sin(at), "o", ms=5, color=COLOURS[2], label="central flow at 0.25, 0.5, 1, 1.5")
    ax.set(xlabel="$w_1$", ylabel="$w_2$", title="The edge of stability", aspect="equal", ylim=(-0.2, 1.7))
    ax.legend(frameon=False, fontsize=8)
    beside.plot(np.arange(len(path)) * law.rate / n, (path**2).sum(1), color=COLOURS[0], lw=0.8)
    beside.axhline(2 / law.rate, color=COLOURS[2])
    beside.set(xlabel="time", ylabel="sharpness over n", title="Sharpness at 2 over the rate")


def graph(ax: Axes) -> None:
    """Double descent along the share of labelled nodes."""
    shares = tuple(np.linspace(0.05, 0.95, 91))
    for ridge, colour in zip((0.01, 0.1, 1.0), COLOURS, strict=True):
        law = GraphConvolution(aspect=2.0, ridge=ridge)
        ax.plot(shares, sweep(law, labelled=shares).limit()["test_loss"], color=colour, label=f"ridge {ridge:g}")
        some = (0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9)
        seen = sweep(law, labelled=some).experiment(sizes=(200,), seeds=40)
        bars(ax, np.array(some), seen["test_loss"].values[:, 0].T, colour)
    ax.set(xlabel="share of labelled nodes", ylabel="loss of the others", title="Graph convolution")
    ax.legend(frameon=False)


def dimension(ax: Axes) -> None:
    """The rank over what it is at most."""
    counts = (4, 8, 16, 32, 64, 128, 256)
    for layers, colour in zip(((3, 4, 2), (1, 12, 1), (3, 4, 4, 2)), COLOURS, strict=True):
        law = FunctionalDimension(layers=layers)
        most = float(law.limit()["rank"])
        keys = jax.random.split(jax.random.key(0), 40)
        seen = np.array([[law.realize(n, key)["rank"] / most for n in counts] for key in keys])
        bars(ax, np.array(counts), seen, colour)
        ax.plot(counts, seen.mean(0), color=colour, lw=0.8, label="-".join(map(str, layers)))
    ax.axhline(1.0, color="0.6", lw=0.8)
    ax.set(xlabel="inputs", ylabel="rank over its largest", title="Functional dimension", xscale="log")
    ax.legend(frameon=False)


def main() -> None:
    """All six panels."""
    fig, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    stein(axes[0, 0])
    consensus(axes[0, 1])
    graph(axes[0, 2])
    edge(axes[1, 0], axes[1, 1])
    dimension(axes[1, 2])
    fig.savefig(IMAGE, dpi=110)


if __name__ == "__main__":
    main()
