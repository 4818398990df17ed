"""A spectral density on paper, with its error band and the extreme eigenvalues."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .marks import COLUMN, ESTIMATE, OKABE_ITO, STYLE, blank, saved


def save_spectrum(
    grid: np.ndarray,
    density: np.ndarray,
    interval: tuple[np.ndarray, np.ndarray],
    extremes: np.ndarray,
    path: str | Path,
    law: np.ndarray | None = None,
) -> Path:
    """The density with its 95 % intervals on a logarithmic axis, and ticks at the extreme eigenvalues, in a file.

    law: the density of Marchenko and Pastur on the grid, if it describes the spectrum.
    """
    import matplotlib as mpl

    path = Path(path)
    with mpl.rc_context(STYLE | {"svg.hashsalt": path.stem}):
        figure = blank(COLUMN, 2.4)
        axes = figure.add_subplot()
        floor = 1e-6 * density.max()
        low, high = (np.maximum(end, floor) for end in interval)
        axes.fill_between(grid, low, high, color=OKABE_ITO[0], alpha=0.25, lw=0, label="95 % intervals")
        axes.plot(grid, np.maximum(density, floor), color=OKABE_ITO[0], label="density")
        axes.plot(
            extremes, np.full(len(extremes), floor), "|", color=ESTIMATE, ms=9, mew=1, clip_on=False,
            label="extreme eigenvalues",
        )  # fmt: skip
        if law is not None:
            axes.plot(grid, np.where(law > floor, law, np.nan), "--", color="0.2", lw=1, label="Marchenko-Pastur")
        axes.set_yscale("log")
        axes.set_ylim(floor, None)
        axes.set_xlabel("eigenvalue of the Hessian")
        axes.set_ylabel("density")
        figure.legend(loc="outside lower center", ncols=3 if law is None else 2)
        return saved(figure, path)
