"""Draw the figure of extrapolation: `python docs/figures/extrapolate.py` takes ten seconds on one core.

Left: a ladder of eight runs whose law has a floor, with noise of 0.2 %, continued a hundredfold; the law itself dashed.
Right: a ladder whose power law breaks, and what one power law with floor, fitted by least squares, says of it.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import curve_fit

from asymptopia import extrapolate

IMAGE = Path(__file__).parents[1] / "images" / "extrapolate.png"


def floor(x):
    return 1.6 + 95.18 * x**-0.0941


def broken(x):
    return 3 * (x / 1e18) ** -0.03 * (1 + (x / 1e19) ** 2) ** -0.03


def panel(axes, law, runs, seed):
    x = np.geomspace(1e18, 1e20, runs)
    y = law(x) * (1 + 0.002 * np.random.default_rng(seed).standard_normal(runs))
    found = extrapolate(pd.DataFrame({"flops": x, "loss": y}), "flops", "loss", 1e22)
    grid = np.geomspace(1e18, 1e22, 80)
    low, middle, high = np.quantile(found.mixture.curves(grid[:, None]), [0.05, 0.5, 0.95], axis=0)
    axes.fill_between(grid, low, high, color="#0072B2", alpha=0.25, lw=0, label="90 % of laws")
    axes.plot(grid, middle, color="#0072B2", label="average over laws")
    axes.plot(grid, law(grid), "k--", lw=1, label="the truth")
    (E, A, b), _ = curve_fit(lambda s, E, A, b: E + A * (s / 1e19) ** -b, x, y, p0=(1, 1, 0.1), maxfev=20000)
    axes.plot(grid, E + A * (grid / 1e19) ** -b, ":", color="#D55E00", label="one law, least squares")
    axes.plot(x, y, "o", color="k", ms=4, label="runs")
    axes.set(xscale="log", yscale="log", xlabel="flops", ylabel="loss")
    best = max(found.forms, key=lambda f: f.probability)
    axes.set_title(f"most likely: {best.name} ({best.probability:.2f})", fontsize=9)
    axes.minorticks_off()
    ticks = [1.6, 2, 2.5, 3, 3.5]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])


figure, both = plt.subplots(1, 2, figsize=(8, 3.3), layout="constrained")
panel(both[0], floor, 8, 3)
panel(both[1], broken, 12, 0)
both[0].legend(frameon=False, fontsize=8)
figure.savefig(IMAGE, dpi=110)
