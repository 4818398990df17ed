"""Draw the figure of the guide to kernels of one's own architecture: `python docs/figures/own_kernels.py`, a minute.

A residual network with a normalisation in PyTorch: its kernels at finite widths, and the limit derived from its code.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from asymptopia.laws.kernels.wide_network import Network, WideNetwork
from asymptopia.parts.pytorch_network import family

WIDTHS, SEEDS = (16, 32, 64, 128, 256), 60
INPUTS = ((1.0, 1.0), (1.0, -0.5))
IMAGE = Path(__file__).parents[1] / "images" / "own-kernels.png"


class Residual(nn.Module):
    """Two dense layers, the second normalised and around a skip."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.first, self.second, self.norm = nn.Linear(2, n), nn.Linear(n, n), nn.LayerNorm(n)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x)
        return h + torch.tanh(self.second(self.norm(h)))


def main() -> None:
    """Draw and save."""
    law = WideNetwork(network=Network.from_callable(family(Residual)), inputs=INPUTS, standard=True)
    limit, finite = law.limit(), law.experiment(sizes=WIDTHS, seeds=SEEDS)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for axis, name, title in zip(
        axes, ("nngp", "tangent"), ("covariance of outputs", "tangent kernel / width"), strict=True
    ):
        values = finite[name].values
        mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / SEEDS**0.5
        for k, (i, j) in enumerate(((0, 0), (0, 1), (1, 1))):
            axis.errorbar(
                WIDTHS, mean[:, i, j], 2 * error[:, i, j], fmt="o", ms=4, color=f"C{k}", label=f"inputs {i}, {j}"
            )
            axis.axhline(limit[name].values[i, j], color=f"C{k}", lw=1)
        axis.set(xscale="log", xlabel="width", title=title)
        axis.set_xticks(WIDTHS, [str(w) for w in WIDTHS])
        axis.minorticks_off()
        print(name, np.round((mean[-1] - limit[name].values) / error[-1], 2))
    axes[1].legend(frameon=False)
    figure.savefig(IMAGE, dpi=110)


if __name__ == "__main__":
    main()
