"""Draw the figure of the guide to landscapes: `python docs/figures/landscapes.py` takes half a minute on one core."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import asymptopia  # noqa: F401  (double precision, before JAX is imported)
from asymptopia.algorithms.landscape.descent_path import descent_path
from asymptopia.laws.landscape.deep_linear_critical_points import DeepLinearCriticalPoints, search
from asymptopia.parts.activation import Power

IMAGE = Path(__file__).parents[1] / "images" / "landscapes.png"
STRICT, NON_STRICT, GLOBAL = "strict saddle", "non-strict saddle", "global minimum"


def critical(axis: plt.Axes) -> None:
    """Losses and indices of the critical points found in one sample, on the predicted values."""
    law, rng = (
        DeepLinearCriticalPoints(widths=(5, 3, 3, 4), singular_values=(3.0, 2.0, 1.0, 0.5)),
        np.random.default_rng(7),
    )
    A, B, _ = law.sample(1000, rng)
    found = search(law.widths, A, B, rng)
    s = np.linalg.svd(B, compute_uv=False) ** 2
    for r in range(4):
        for chosen in combinations(range(4), r):
            axis.axvline((s.sum() - s[list(chosen)].sum()) / 2, color="0.8", lw=1, zorder=0)
    jitter = rng.uniform(-0.2, 0.2, len(found["loss"]))
    for label, color in ((STRICT, "C0"), (NON_STRICT, "C3"), (GLOBAL, "C2")):
        of = found["converged"] & (found["label"] == label)
        axis.plot(found["loss"][of], (found["index"] + jitter)[of], ".", color=color, ms=5, label=label)
    axis.set(xlabel="loss, above what no linear map explains", ylabel="negative eigenvalues of the Hessian")
    axis.legend(frameon=False, fontsize=8)
    axis.set_title("Critical points of the linear network 5-3-3-4", fontsize=10)


def valley(axis: plt.Axes) -> None:
    """The loss along the constructed path, and along the straight line between its ends."""
    rng, activation = np.random.default_rng(3), Power(2)
    X = rng.standard_normal((200, 3))
    y = X[:, 0] ** 2 - 0.7 * X[:, 1] ** 2 + 0.1 * rng.standard_normal(200)
    here = descent_path(rng.standard_normal((3, 3)), -np.ones(3), X, y, activation, rng)
    W = np.vstack([here.hidden[-1], here.hidden[-1]])
    u = np.r_[here.output[-1], here.output[-1]] / 2  # a network of three units, with each of them twice
    path = descent_path(W, u, X, y, activation, rng)
    along = path.losses(X, y, activation, points=60)
    t = np.linspace(0, 1, len(along))
    V, v = path.hidden[-1], path.output[-1]
    straight = [((activation(X @ ((1 - s) * W + s * V).T) @ ((1 - s) * u + s * v) - y) ** 2).mean() / 2 for s in t]
    axis.plot(t, straight, "--", color="0.5", label="straight line")
    axis.plot(t, along, color="C0", label="constructed path")
    axis.set(xlabel="along the way", ylabel="loss")
    axis.legend(frameon=False, fontsize=8)
    axis.set_title("Six quadratic units, three inputs: no valley", fontsize=10)


def main() -> None:
    """Both panels, into docs/images."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    critical(axes[0])
    valley(axes[1])
    figure.savefig(IMAGE, dpi=130)


if __name__ == "__main__":
    main()
