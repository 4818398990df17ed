"""Draw the gallery of derived laws in the guide: `python docs/figures/derived.py` takes about two minutes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from asymptopia import sweep
from asymptopia.contract.law import Law, Statement
from asymptopia.contract.statement import laws_of_file
from asymptopia.derive import precision
from asymptopia.report.marks import OKABE_ITO

DOCS = Path(__file__).parents[1]
IMAGE = DOCS / "images" / "derived.png"
SEEDS = 24


def main() -> None:
    """Every example: the derived limit as lines, systems of two sizes as squares and dots."""
    files = sorted((DOCS / "examples" / "derived").glob("*.py"))
    rows = -(-len(files) // 4)
    figure, axes = plt.subplots(rows, 4, figsize=(13, 2.8 * rows), layout="constrained")
    for ax, file in zip(axes.flat, files, strict=False):
        draw(ax, next(iter(laws_of_file(file).values()))(), file.stem)
    for ax in axes.flat[len(files) :]:
        ax.remove()
    figure.savefig(IMAGE, dpi=110)
    print(IMAGE)


def draw(ax: Axes, law: Law, name: str) -> None:
    """Up to four lines of a law along an axis of its observables, or along its first number."""
    statement = law if any(o.dims for o in law.observables.values()) else along_first_number(law)
    with precision(2048, 4):
        limit = statement.limit()
    sizes = tuple(law.sizes)[:2]
    runs = statement.experiment(sizes, SEEDS)
    for (label, line, values), colour in zip(lines(statement, limit, runs), OKABE_ITO[:4], strict=False):
        ticks = line[line.dims[0]].values
        at = ticks if np.issubdtype(ticks.dtype, np.number) else np.arange(len(ticks))
        ax.plot(at, line.values, color=colour, label=label if len(label) < 34 else label[:32] + "...")
        mean, error = values.mean("seed"), values.std("seed", ddof=1) / np.sqrt(SEEDS)
        for marker, size in zip("s.", sizes, strict=True):
            seen, spread = mean.sel(size=size).values, error.sel(size=size).values
            ax.errorbar(at, seen, spread, fmt=marker, color=colour, markersize=4, mfc="none", lw=0.8)
        ax.set_xlabel(str(line.dims[0]), fontsize=7, labelpad=1)
    ax.set_title(f"{name}: {sizes[0]}, {sizes[1]} {law.size}", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.margins(y=0.12)
    ax.legend(frameon=False, fontsize=6, borderaxespad=0.2)


def along_first_number(law: Law) -> Statement:
    """A law whose observables are numbers, swept from half to one and a half of its first positive number."""
    name = next(f.name for f in dataclasses.fields(law) if isinstance(getattr(law, f.name), float))
    return sweep(law, **{name: tuple(float(x) for x in getattr(law, name) * np.linspace(0.5, 1.5, 7))})


def lines(
    statement: Statement, limit: xr.Dataset, runs: xr.Dataset
) -> Iterator[tuple[str, xr.DataArray, xr.DataArray]]:
    """Label, limit and realisations of each line."""
    for name, observable in statement.law.observables.items():
        exact, values = limit[name], runs[name]
        if exact.ndim == 1:
            yield observable.doc.split(",")[0], exact, values
        elif exact.ndim == 2:
            first = min(exact.dims, key=exact.sizes.get)
            for label in exact[first].values[:4]:
                yield f"{first} {label}", exact.sel({first: label}), values.sel({first: label})
            return


if __name__ == "__main__":
    main()
