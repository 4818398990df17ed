"""Draw the transitions of matrices and graphs in the guide: `python docs/figures/low_rank.py` takes minutes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from asymptopia import confront, sweep
from asymptopia.contract.sweep import Sweep
from asymptopia.laws.inference.spiked_matrix import SpikedMatrix
from asymptopia.laws.inference.stochastic_block_model import StochasticBlockModel
from asymptopia.parts.prior import Gaussian, Rademacher, SparseRademacher
from asymptopia.report.charts import Chart
from asymptopia.report.compose import charts_of
from asymptopia.report.figures import draw

SNR = (0.4, 0.7, 1.5, 1.8, 2.2, 3.0, 4.0)
COPIED = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9)
PRIORS = (Gaussian(), Rademacher(), SparseRademacher(rho=0.3))
FOLDER = Path(__file__).parents[1] / "images"


def spiked(snr: tuple[float, ...]) -> Sweep:
    """Three priors against the signal-to-noise ratio."""
    return sweep(SpikedMatrix(), prior=PRIORS, snr=snr)


def communities(copied: tuple[float, ...]) -> Sweep:
    """Two and three groups at mean degree 4 against the assortativity."""
    return sweep(StochasticBlockModel(degree=4.0), groups=(2, 3), assortativity=copied)


def main() -> None:
    """Confront, say the verdicts, and draw the overlaps."""
    wanted = sys.argv[1:] or ["spiked", "communities"]
    if "spiked" in wanted:
        picture("bbp", spiked(SNR), (500, 1000), 16, spiked, tuple(np.linspace(SNR[0], SNR[-1], 141)))
    if "communities" in wanted:
        picture("communities", communities(COPIED), (4000, 8000), 8, communities, tuple(np.linspace(0.2, 0.9, 29)))


def picture(
    name: str,
    law: Sweep,
    sizes: tuple[int, ...],
    seeds: int,
    state: Callable[[tuple[float, ...]], Sweep],
    fine: tuple[float, ...],
) -> None:
    """Points where there are experiments, lines at the finer values of what is swept."""
    found = confront(law, sizes=sizes, seeds=seeds)
    print(name, found["overlap"].verdict, found["overlap"].reason, f"{found['overlap'].largest_z:.2f}")
    chart = next(c for c in charts_of(found) if c.name.endswith("overlap") and "pca" not in c.name)
    assert isinstance(chart, Chart)
    limit = state(fine).limit()["overlap"]
    curves = [
        replace(c, x=np.array(fine), line=line, line_error=None)
        for c, line in zip(chart.panels[0].curves, limit.values, strict=True)
    ]
    chart = replace(chart, panels=(replace(chart.panels[0], curves=tuple(curves)),))
    draw(chart).savefig(FOLDER / f"{name}.png", dpi=200)


if __name__ == "__main__":
    main()
