"""Draw the picture of the guide on derived limits: `python docs/figures/derived.py`, two CPU minutes.

Lines are limits derived from the programs in docs/examples/derived, points are systems of finite size.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from asymptopia.contract.statement import laws_of_file
from asymptopia.derive import precision

DOCS = Path(__file__).parents[1]
SIZE, SEEDS, POINTS, NETS = 300, 12, 1024, 6
PANELS = {
    "recurrent_chaos": ("gain", (0.5, 0.8, 1.0, 1.2, 1.5, 2.0), "distance", "order to chaos: distance after 8 steps"),
    "hopfield": ("start", (0.2, 0.4, 0.6), "overlap", "Hopfield memory: overlap at each step"),
    "optimisers": (None, (), "error", "descent, momentum, signs, Adam: error"),
    "two_layer_message_passing": ("noise", (0.02, 0.2, 1.0), "overlap", "two layers, message passing: overlap"),
    "committee": ("alpha", (1.0, 2.0, 4.0), "overlap", "committee of three: overlap"),
    "mup_features": ("rate", (0.1, 0.3, 0.6), "moved", "two hidden layers: move of the features"),
}


def main() -> None:
    figure, axes = plt.subplots(2, 3, figsize=(11, 6), layout="constrained")
    for axis, name in zip(axes.flat, PANELS, strict=True):
        draw(axis, name)
        print(name, flush=True)
    figure.savefig(DOCS / "images" / "derived.png", dpi=110)


def draw(axis: plt.Axes, name: str) -> None:
    """The curves of one program: over the field where there is one value, over steps where there are many."""
    along, values, observable, title = PANELS[name]
    law = next(iter(laws_of_file(DOCS / "examples" / "derived" / f"{name}.py").values()))
    limits, means, errors = [], [], []
    for stated in [law(**{along: v}) for v in values] if along else [law()]:
        with precision(POINTS, NETS):
            limits.append(stated.limit()[observable].values)
        runs = stated.experiment((SIZE,), SEEDS)[observable].values[0]
        means.append(runs.mean(axis=0))
        errors.append(runs.std(axis=0, ddof=1) / np.sqrt(SEEDS))
    lines, points, bars = (np.array(v) if along else np.array(v)[0] for v in (limits, means, errors))
    labels = [f"{along} {v:g}" for v in values] if along else ["descent", "momentum", "signs", "Adam"]
    if lines.ndim == 1:
        axis.plot(values, lines, "C0-")
        axis.errorbar(values, points, bars, fmt="C0o", ms=4)
        axis.set_xlabel(along)
        axis.set_yscale("log")
    else:
        steps = np.arange(lines.shape[1])
        for i, label in enumerate(labels):
            axis.plot(steps, lines[i], f"C{i}-", label=label)
            axis.errorbar(steps, points[i], bars[i], fmt=f"C{i}o", ms=4)
        axis.set_xlabel("step")
        axis.legend(fontsize=8)
    axis.set_title(title, fontsize=10)


if __name__ == "__main__":
    main()
