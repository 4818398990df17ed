"""Draw position against meaning in the guide to attention: `python docs/figures/positions.py` takes a minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from asymptopia import thresholds
from asymptopia.laws.inference.attention_index import AttentionIndex
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "positions.png"
DIMENSION, SEEDS = 200, 5
LAW = AttentionIndex(alpha=1.25, variance=0.25, ridge=0.01)
ALPHAS = {"semantic": (0.8, 0.95, 1.1, 1.25, 1.4, 1.6, 1.8), "positional": (0.8, 0.95, 1.1, 1.25, 1.4)}
POINTS = {"semantic": (0.9, 1.25, 1.7), "positional": (0.9, 1.25)}


def main() -> None:
    """Cosines and penalised losses of the two minima against sentences, on both sides of their crossing."""
    figure, (cosines, losses) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    edge = thresholds(LAW, along="alpha")["semantic"]
    for start, colour in zip(ALPHAS, OKABE_ITO, strict=False):
        alphas, few, name = np.array(ALPHAS[start]), POINTS[start], f"{start}_overlap"
        limits = [LAW.replace(alpha=a, start=start).limit() for a in ALPHAS[start]]
        cosines.plot(alphas, [float(limit[name]) for limit in limits], color=colour, label=start)
        penalty = LAW.ridge / (2 * alphas) * [float(limit["norm"]) for limit in limits]
        losses.plot(alphas, penalty + [float(limit["train_loss"]) for limit in limits], color=colour, label=start)
        seen = [LAW.replace(alpha=a, start=start).experiment((DIMENSION,), SEEDS)[name].values[0] for a in few]
        values = np.array(seen)
        error = values.std(axis=1, ddof=1) / np.sqrt(SEEDS)
        cosines.errorbar(few, values.mean(axis=1), error, fmt="o", color=colour, markersize=4)
    for ax in (cosines, losses):
        ax.axvline(edge, color="k", linestyle=":")
        ax.set(xlabel=r"sentences per dimension, $\alpha$")
        ax.legend(frameon=False, title="minimum")
    cosines.set(ylabel="cosine with its direction", ylim=(0.4, 1.02))
    losses.set(ylabel="loss with penalty")
    figure.savefig(IMAGE, dpi=180)
    print(IMAGE)


if __name__ == "__main__":
    main()
