"""Draw the gallery of derived laws in the guide: `python docs/figures/derived.py` takes about a minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia.contract.law import Law
from asymptopia.contract.statement import laws_of_file
from asymptopia.derive import precision
from asymptopia.report.marks import OKABE_ITO

DOCS = Path(__file__).parents[1]
IMAGE = DOCS / "images" / "derived.png"
SEEDS = 16


def main() -> None:
    """Every example along its first axis: the derived limit as a line, systems of two sizes as points."""
    files = sorted((DOCS / "examples" / "derived").glob("*.py"))
    figure, axes = plt.subplots(3, 5, figsize=(13, 7), layout="constrained")
    for ax, file in zip(axes.flat, files, strict=True):
        draw(ax, next(iter(laws_of_file(file).values()))(), file.stem)
    figure.savefig(IMAGE, dpi=110)
    print(IMAGE)


def draw(ax: Axes, law: Law, name: str) -> None:
    """The observables with one axis, or else all of them side by side."""
    with precision(1024, 4):
        limit = law.limit()
    sizes = tuple(law.sizes)[:2]
    runs = law.experiment(sizes, SEEDS)
    chosen = [k for k in law.observables if limit[k].ndim == 1][:3] or list(law.observables)[:3]
    for k, colour in zip(chosen, OKABE_ITO, strict=False):
        exact, values = np.ravel(limit[k].values), runs[k].values.reshape(len(sizes), SEEDS, -1)
        at = np.arange(len(exact))
        ax.plot(at, exact, color=colour, label=law.observables[k].doc.split(",")[0])
        for marker, seen in zip("s.", values, strict=True):
            error = seen.std(axis=0, ddof=1) / np.sqrt(SEEDS)
            ax.errorbar(at, seen.mean(axis=0), error, fmt=marker, color=colour, markersize=4, mfc="none", lw=0.8)
    ax.set_title(f"{name}: {sizes[0]}, {sizes[1]} {law.size}", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.legend(frameon=False, fontsize=6)


if __name__ == "__main__":
    main()
