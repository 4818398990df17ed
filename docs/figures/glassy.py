"""Draw the figure of the guide to glassy dynamics: `python docs/figures/glassy.py` takes two minutes on one core."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia.laws.dynamics.spherical_p_spin import SphericalPSpin
from asymptopia.laws.dynamics.spiked_matrix_tensor import SpikedMatrixTensor
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "glassy.png"
AGES = (1.0, 10.0, 100.0)
LAGS = np.geomspace(0.05, 700, 29)
SPINS, SEEDS = 96, 24


def main() -> None:
    """Ageing, the approach to the threshold, and recovery, side by side."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    ageing(axes[0])
    threshold(axes[1])
    recovery(axes[2])
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


def ageing(ax: Axes) -> None:
    """C(t_w + t, t_w) at T = 0.2: the older, the slower."""
    times = tuple(np.unique(np.round(np.r_[AGES, *(age + LAGS for age in AGES)], 6)))
    limit = SphericalPSpin(temperature=0.2, times=times).limit()["correlation"].values
    grid = np.array(times)
    for age, colour in zip(AGES, OKABE_ITO, strict=False):
        j = int(np.flatnonzero(grid == age)[0])
        ax.plot(grid[j + 1 :] - age, limit[j + 1 :, j], color=colour, label=f"$t_w = {age:g}$")
    lags = np.array([0.1, 0.4, 1.5, 5.0])
    for age, colour in zip(AGES[:2], OKABE_ITO, strict=False):
        law = SphericalPSpin(temperature=0.2, times=(age, *(age + lags)))
        values = law.experiment((SPINS,), SEEDS)["correlation"].values[0, :, 1:, 0]
        points(ax, lags, values, colour)
    ax.set(xscale="log", xlim=(0.05, 700), xlabel="$t$", ylabel="$C(t_w + t, t_w)$", title="ageing, T = 0.2")
    ax.legend(frameon=False)


def threshold(ax: Axes) -> None:
    """The energy above the threshold after a quench to T = 0, a power of time."""
    times = tuple(np.geomspace(1, 3000, 29))
    law = SphericalPSpin(temperature=0.0, times=times)
    limit = law.limit()
    end = float(limit["asymptotic_energy"])
    ax.plot(times, limit["energy"] - end, color=OKABE_ITO[0], label="limit")
    few = np.array([1.0, 2.0, 4.0, 8.0])
    points(ax, few, law.replace(times=tuple(few)).experiment((SPINS,), SEEDS)["energy"].values[0] - end, OKABE_ITO[0])
    late = np.array([20.0, 3000.0])
    ax.plot(late, 0.4 * late ** (-2 / 3), "k:", label="$t^{-2/3}$")
    ax.set(xscale="log", yscale="log", xlabel="$t$", ylabel="$e(t) - e_{th}$", title="quench to T = 0")
    ax.legend(frameon=False)


def recovery(ax: Axes) -> None:
    """The overlap with the spike from a small one, for matrices of growing quality."""
    times = tuple(np.linspace(0.5, 60, 60))
    for snr2, colour in zip((1.8, 2.2, 2.6, 3.2), OKABE_ITO, strict=False):
        law = SpikedMatrixTensor(snr2=snr2, temperature=0.0, start_overlap=1e-3, times=times)
        ax.plot(times, law.limit()["overlap"], color=colour, label=rf"$1/\Delta_2 = {snr2:g}$")
    ax.set(yscale="log", xlabel="$t$", ylabel="overlap", title=r"spike found if $1/\Delta_2 > 2$")
    ax.legend(frameon=False, loc="lower right")


def points(ax: Axes, x: np.ndarray, values: np.ndarray, colour: str) -> None:
    """Means over realisations with their standard errors."""
    error = values.std(axis=0) / np.sqrt(len(values))
    ax.errorbar(x, values.mean(axis=0), error, fmt="o", color=colour, markersize=4)


if __name__ == "__main__":
    main()
