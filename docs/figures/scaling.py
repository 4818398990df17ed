"""Draw the figure of the guide to scaling laws: `python docs/figures/scaling.py` takes two minutes on one core."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia.laws.dynamics.functional_scaling_law import FunctionalScalingLaw
from asymptopia.laws.dynamics.scaling_phases import ScalingPhases
from asymptopia.laws.dynamics.scaling_phases.theory import PHASES, phase
from asymptopia.parts.schedule import Constant, Cosine, WarmupStableDecay
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "scaling.png"
COPIES, SEEDS = 8, 32
SCHEDULES = {"constant": Constant(), "cosine": Cosine(), "warm-up, stable, decay": WarmupStableDecay()}


def main() -> None:
    """Phases, compute-optimal widths, and loss curves under schedules, side by side."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.5), layout="constrained")
    phases(axes[0])
    widths(axes[1])
    schedules(axes[2])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


def phases(ax: Axes) -> None:
    """The seven phases over the decays of data and target."""
    a, b = np.linspace(0.01, 1.2, 300), np.linspace(0.0, 1.2, 300)
    number = np.array([[PHASES.index(phase(x, y)[0]) if x + y > 0.5 else np.nan for x in a] for y in b])
    ax.pcolormesh(a, b, number, cmap="Pastel1", vmin=-0.5, vmax=8.5, rasterized=True)
    for name, x, y in (
        ("Ia", 0.85, 0.25),
        ("Ib", 0.35, 0.35),
        ("Ic", 0.12, 0.8),
        ("II", 0.95, 0.65),
        ("III", 0.7, 1.05),
        ("IVa", 0.395, 0.9),
        ("IVb", 0.27, 0.6),
    ):
        ax.text(x, y, name, ha="center", va="center")
    ax.text(0.12, 0.1, "no power law", ha="left", va="center", fontsize="small")
    ax.set(xlabel=r"decay of the data, $\alpha$", ylabel=r"decay of the target, $\beta$", title="phases")


def widths(ax: Axes) -> None:
    """Loss curves of several widths over eight decades of compute, and the power of their envelope."""
    for width, colour in zip((25, 100, 400, 1600), OKABE_ITO, strict=False):
        times = tuple(int(t) for t in np.unique(np.geomspace(4, 1e10 / width, 90).astype(np.int64)))
        loss = ScalingPhases(alpha=1.0, beta=0.3, width=width, times=times).limit()["test_error"]
        ax.plot(width * np.array(times), loss, color=colour, label=f"width {width}")
    law = ScalingPhases(alpha=1.0, beta=0.3, times=(10,)).limit()
    power = float(law["loss_exponent"])
    flops = np.array([1e4, 1e8])
    ax.plot(flops, 4.3 * flops**-power, "k:", label=f"compute$^{{-{power:.3f}}}$")
    ax.set(xscale="log", yscale="log", xlim=(1e2, 1e10), xlabel="compute, width x steps", ylabel="loss")
    ax.set_title("phase Ia")
    ax.legend(frameon=False)


def schedules(ax: Axes) -> None:
    """The loss under three schedules of one peak: lines are limits, points kernel regression with copies."""
    times, few = tuple(np.geomspace(1, 200, 60)), (5.0, 40.0, 120.0, 200.0)
    for (name, schedule), colour in zip(SCHEDULES.items(), OKABE_ITO, strict=False):
        law = FunctionalScalingLaw(width=64, schedule=schedule, times=times)
        ax.plot(times, law.limit()["test_error"], color=colour, label=name)
        seen = law.replace(times=few).experiment((COPIES,), SEEDS)["test_error"].values[0]
        error = seen.std(axis=0) / np.sqrt(SEEDS)
        ax.errorbar(few, seen.mean(axis=0), error, fmt="o", color=colour, markersize=4)
    ax.set(xscale="log", yscale="log", xlabel="steps", ylabel="loss", title="schedules of the learning rate")
    ax.legend(frameon=False)


if __name__ == "__main__":
    main()
