"""Draw the figure of the guide to curvature: `python docs/figures/curvature.py` takes a minute on one core.

A small network of PyTorch on digits: the density of its Hessian after training, with its intervals, and the sharpness
along gradient descent at two rates.
"""

from __future__ import annotations

import copy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import mse_loss, one_hot

from asymptopia.measure.monitor import Monitor
from asymptopia.measure.operators import hessian
from asymptopia.measure.overview import spectrum_of

RATES, STEPS, EVERY = (0.07, 0.1), 600, 40
IMAGE = Path(__file__).parents[1] / "images" / "curvature.png"
DATA = load_digits()
X = torch.tensor(DATA.data[:200] / 8 - 1, dtype=torch.float64)
Y = one_hot(torch.tensor(DATA.target[:200]), 10).double()


def loss(module: nn.Module) -> torch.Tensor:
    """Squared error of the ten outputs."""
    return mse_loss(module(X), Y) * 10


def descended(module: nn.Module, rate: float) -> Monitor:
    """Gradient descent, watched."""
    monitor, optimiser = Monitor(loss, every=EVERY, rate=rate), torch.optim.SGD(module.parameters(), rate)
    for step in range(STEPS + 1):
        monitor(step, module)
        optimiser.zero_grad()
        loss(module).backward()
        optimiser.step()
    return monitor


def main() -> None:
    """Draw and save."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    start = nn.Sequential(nn.Linear(64, 6), nn.Tanh(), nn.Linear(6, 10)).double()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for k, rate in enumerate(RATES):
        module = copy.deepcopy(start)
        monitor = descended(module, rate)
        steps, sharpness = zip(*((m.step, m.sharpness) for m in monitor.moments), strict=True)
        right.plot(steps, sharpness, "o-", ms=3, color=f"C{k}", label=f"rate {rate}")
        right.axhline(monitor.edge, color=f"C{k}", lw=0.8, ls="--")
        print(rate, monitor.edge, sharpness[-1], f"share {monitor.share:.2f}")
    right.set(xlabel="step", ylabel="sharpness", title="gradient descent; dashed: 2/rate")
    right.legend(frameon=False)
    seen = spectrum_of(hessian(loss, module), count=10)
    density = seen.density
    assert density is not None
    left.fill_between(density.grid, np.maximum(density.low, 1e-6), density.high, alpha=0.25, lw=0)
    left.plot(density.grid, np.maximum(density.value, 1e-6))
    left.plot(seen.values[-10:], np.full(10, 2e-6), "|", color="C3", ms=9, label="ten largest eigenvalues")
    left.set(yscale="log", ylim=(1e-6, None), xlabel="eigenvalue of the Hessian", ylabel="density")
    left.set_title(f"{seen.size} parameters, trace {seen.trace.value:.1f}")
    left.legend(frameon=False)
    figure.savefig(IMAGE, dpi=110)


if __name__ == "__main__":
    main()
