"""Draw the figure of the guide to kernels: `python docs/figures/kernels.py` takes a minute on one core.

Learning curves of kernel regression on scikit-learn's digits, and the outputs of networks during training.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from asymptopia import sweep
from asymptopia.contract.batching import realize_block
from asymptopia.laws.kernels.kernel_regression import KernelRegression
from asymptopia.laws.kernels.lazy_training import LazyTraining
from asymptopia.parts.data import Bundled
from asymptopia.parts.kernel import NTK, RBF, Polynomial

SAMPLES = np.array([10, 20, 40, 80, 160, 320, 640, 1000])
KERNELS = {
    "linear": Polynomial(degree=1),
    "RBF": RBF(width=1.0),
    "tangent kernel, depth 1": NTK(depth=1),
    "tangent kernel, depth 4": NTK(depth=4),
}
TIMES = tuple(float(t) for t in np.geomspace(0.02, 3.0, 13))
WIDTH, SEEDS, SHOWN = 256, 400, 8
IMAGE = Path(__file__).parents[1] / "images" / "kernels.png"


def learning_curves(axis: plt.Axes) -> None:
    """Lines are theory, points the mean over random training sets, with two standard errors."""
    d = Bundled().samples().shape[1]
    for k, (name, kernel) in enumerate(KERNELS.items()):
        law = KernelRegression(data=Bundled(), kernel=kernel, ridge=0.5)
        many = np.unique(np.geomspace(SAMPLES[0], SAMPLES[-1], 40).round())
        limit = sweep(law, alpha=tuple(many / d)).limit().test_error
        axis.loglog(many, limit, color=f"C{k}", label=name)
        found = sweep(law, alpha=tuple(SAMPLES / d)).experiment(seeds=40).test_error.squeeze("size")
        error = 2 * found.std("seed") / np.sqrt(found.sizes["seed"])
        axis.errorbar(SAMPLES, found.mean("seed"), error, fmt="o", ms=4, color=f"C{k}")
        shown = np.interp(SAMPLES, many, limit)
        print(name, np.round(found.mean("seed").values / shown, 3))
    axis.set(xlabel="training samples", ylabel="mean squared error", title="is the digit odd?")
    axis.legend(frameon=False)


def outputs(axis: plt.Axes) -> None:
    """Mean and deviation over networks by theory, single networks, and their means and deviations."""
    law = LazyTraining(times=TIMES)
    limit, found = law.limit(), realize_block(law, WIDTH, tuple(range(SEEDS)))["outputs"]
    width = np.sqrt(limit.squared_outputs - limit.outputs**2)
    axis.fill_between(TIMES, limit.outputs - width, limit.outputs + width, alpha=0.25, label="theory, one deviation")
    axis.plot(TIMES, limit.outputs, color="C0", label="theory, mean")
    axis.plot(TIMES, found[:SHOWN].T, color="0.6", lw=0.7)
    mean, spread = found.mean(axis=0), found.std(axis=0)
    axis.errorbar(TIMES, mean, spread, fmt="o", ms=4, color="C3", label=f"{SEEDS} networks of width {WIDTH}")
    axis.set(xscale="log", xlabel="time", ylabel="output at a new input", title="training of wide networks")
    axis.legend(frameon=False)
    print(
        "largest deviation of the mean, in standard errors", np.abs((mean - limit.outputs) / spread * SEEDS**0.5).max()
    )


def main() -> None:
    """Both panels, into one image."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    learning_curves(left)
    outputs(right)
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=160)
    print(IMAGE)


if __name__ == "__main__":
    main()
