"""Draw round trips of replicas in the guide to samplers: `python docs/figures/tempering.py` takes half a minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from asymptopia.laws.sampling.non_reversible_tempering import GaussianScale, NonReversibleTempering
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "tempering.png"
LADDERS, SEEDS = (4, 8, 16, 32, 64), 6
SWAPS = {"deterministic": "alternating pairs", "stochastic": "pairs by chance"}


def main() -> None:
    """Round trips per scan against the length of the ladder, for exchanges that alternate or are drawn."""
    figure, ax = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    every = np.unique(np.geomspace(3, 100, 40).astype(int))
    for (swaps, label), colour in zip(SWAPS.items(), OKABE_ITO, strict=False):
        law = NonReversibleTempering(target=GaussianScale(variance=10.0, dimension=2), swaps=swaps)
        rates = [float(law.replace(ladder=int(n)).limit()["finite_round_trip_rate"]) for n in every]
        ax.plot(every, rates, color=colour, label=label)
        seen = law.experiment(LADDERS, SEEDS)["round_trip_rate"].values
        error = seen.std(axis=1, ddof=1) / np.sqrt(SEEDS)
        ax.errorbar(LADDERS, seen.mean(axis=1), error, fmt="o", color=colour, markersize=4)
    limit = float(law.replace(swaps="deterministic").limit()["round_trip_rate"])
    ax.axhline(limit, color="k", linestyle=":", label=r"$1 / (2 + 2 \Lambda)$")
    ax.set(xscale="log", yscale="log", xlabel="replicas on the ladder", ylabel="round trips per scan")
    ax.set_xticks(LADDERS, [str(n) for n in LADDERS])
    ax.minorticks_off()
    ax.legend(frameon=False, loc="lower left")
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


if __name__ == "__main__":
    main()
