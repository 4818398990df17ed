"""Draw the figure of the event-driven samplers: `python docs/figures/pdmp.py` takes half a minute on one core."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia.algorithms.samplers.gaussian_paths import (
    gaussian_boomerang,
    gaussian_bouncy_particle,
    gaussian_zig_zag,
)
from asymptopia.laws.sampling.bouncy_particle import BouncyParticle
from asymptopia.laws.sampling.zig_zag import ZigZag
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "pdmp.png"
PATHS = {"zig-zag": gaussian_zig_zag, "bouncy particle": gaussian_bouncy_particle, "boomerang": gaussian_boomerang}


def main() -> None:
    """A path of each sampler, and the variance of averages along paths of zig-zag and the bouncy particle."""
    figure, axes = plt.subplots(1, 5, figsize=(15, 3.2), layout="constrained")
    for ax, (name, sample), colour in zip(axes, PATHS.items(), OKABE_ITO, strict=False):
        path(ax, name, sample, colour)
    refreshed(axes[3])
    energy(axes[4])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=150)
    print(IMAGE)


def path(ax: Axes, name: str, sample, colour: str) -> None:
    """A path on a normal law of correlation 0.8."""
    covariance = np.array([[1.0, 0.8], [0.8, 1.0]])
    root, angle = np.linalg.cholesky(covariance), np.linspace(0, 2 * np.pi, 200)
    for radius in (1, 2):
        ax.plot(*(radius * root @ np.stack([np.cos(angle), np.sin(angle)])), color="0.8", lw=1)
    times = np.linspace(0, 25, 5001)
    options = {} if sample is gaussian_zig_zag else {"refreshment": 0.3}
    found = sample(np.linalg.inv(covariance), [-1.0, -1.0], 25.0, np.random.default_rng(4), times=times, **options)
    ax.plot(*found.positions.T, color=colour, lw=1)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", title=name, xlabel="$x_1$", ylabel="$x_2$")


def refreshed(ax: Axes) -> None:
    """Zig-zag on the line: the asymptotic variance grows with turns without reason."""
    rates, lengths = np.linspace(0, 1, 21), (25, 400)
    ax.plot(rates, [float(ZigZag(refreshment=r).limit()["asymptotic_variance"]) for r in rates], "k", label="limit")
    ax.axhline(2, color="0.6", ls=":", label="Langevin")
    for length, colour in zip(lengths, OKABE_ITO, strict=False):
        few = np.array([0.0, 0.25, 0.5, 1.0])
        means = [ZigZag(refreshment=r).experiment((length,), 2000)["mean"].values.ravel() for r in few]
        ax.plot(few, [length * m.var() for m in means], "o", color=colour, label=f"n = {length}")
    ax.set(xlabel=r"$\gamma$", ylabel=r"$n\,\mathrm{Var}\,\bar x$", title="zig-zag, path length n")
    ax.legend(frameon=False)


def energy(ax: Axes) -> None:
    """The bouncy particle: the energy relaxes in a time of the order of the dimension."""
    stages = np.linspace(0.02, 2, 50)
    ax.plot(stages, BouncyParticle(stages=tuple(stages)).limit()["energy"], "k", label="limit")
    few = (0.25, 0.5, 1.0, 1.5, 2.0)
    for dimension, colour in zip((25, 400), OKABE_ITO, strict=False):
        values = BouncyParticle(stages=few).experiment((dimension,), 100)["energy"].values.reshape(100, -1)
        ax.errorbar(few, values.mean(axis=0), values.std(axis=0) / 10, fmt="o", color=colour, label=f"n = {dimension}")
    ax.set(xlabel=r"$\tau$", ylabel=r"$|x(\tau n)|^2 / n$", title="bouncy particle, dimension n")
    ax.legend(frameon=False)


if __name__ == "__main__":
    main()
