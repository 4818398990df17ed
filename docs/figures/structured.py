"""Draw the structured factorisations of the guide: `python docs/figures/structured.py` takes a minute."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from asymptopia.algorithms.factorise import Layers, bit_reversal, butterfly, fit_layers, lifting

FOLDER = Path(__file__).parents[1] / "images"
SIDES, ENTRIES = range(2, 9), range(2, 9)
TRIALS, STARTS = 8, 4
SIZE = 32


def main() -> None:
    """Both pictures."""
    success()
    transform()


def recovered(side: int, entries: int, trial: int) -> bool:
    """Whether two layers of side x side are found from their exact product, by the first start that fits."""
    rng = np.random.default_rng([side, entries, trial])
    layers = Layers(list(rng.standard_normal((2, entries, side, side))))
    h = [rng.standard_normal(entries) for _ in range(2)]
    X = layers.product(h)
    for _ in range(STARTS):
        found = fit_layers(layers, X, rng, steps=1500, tolerance=1e-8)
        if np.linalg.norm(layers.product(found) - X) < 1e-3 * np.linalg.norm(X):
            break
    P, Q = np.outer(*h), np.outer(*found)
    return bool(np.linalg.norm(P - Q) < 0.03 * np.linalg.norm(P))


def success() -> None:
    """The share of recovered parameters, and where the verdicts of general layers change."""
    share = np.array([[np.mean([recovered(n, S, t) for t in range(TRIALS)]) for S in ENTRIES] for n in SIDES])
    level = np.empty(share.shape, int)
    for i, n in enumerate(SIDES):
        for j, S in enumerate(ENTRIES):
            found = lifting(Layers(list(np.random.default_rng([n, S]).standard_normal((2, S, n, n)))))
            level[i, j] = found.lifting + found.secant + found.local
    fig, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    edges = [np.arange(r.start - 0.5, r.stop) for r in (ENTRIES, SIDES)]
    mesh = ax.pcolormesh(*edges, share, cmap="cividis", vmin=0, vmax=1)
    fig.colorbar(mesh, ax=ax, label="share of products whose parameters are found")
    names = ("locally identifiable", "pairs told apart (secant)", "lifted operator injective")
    for k, (name, style) in enumerate(zip(names, (":", "--", "-"), strict=True)):
        lowest = [
            next((n for n, row in zip(SIDES, level[:, j], strict=True) if row > k), 99) for j in range(len(ENTRIES))
        ]
        steps = np.repeat(np.array(lowest) - 0.5, 2)
        ax.plot(np.repeat(edges[0], 2)[1:-1], steps, style, color="white", lw=2.5, label=name)
    ax.set(xlabel="parameters S of a layer", ylabel="side n of the product", ylim=(edges[1][0], edges[1][-1]))
    ax.legend(loc="upper left", facecolor="0.35", labelcolor="white", framealpha=0.9, fontsize=9)
    fig.savefig(FOLDER / "structured-success.png", dpi=110)


def transform() -> None:
    """A Fourier matrix, its factors' moduli, and the error of the fast product."""
    F = np.fft.fft(np.eye(SIZE))
    found = butterfly(F[:, bit_reversal(SIZE)])
    print(f"{F.size} entries, {found.parameters} in the factors, error {found.residual:.1e}")
    panels = [("the matrix F", F), *((f"$X_{k + 1}$", X) for k, X in enumerate(found.factors()))]
    panels.append(("P", np.eye(SIZE)[:, bit_reversal(SIZE)]))
    fig, axes = plt.subplots(1, len(panels), figsize=(12, 2.1), layout="constrained")
    for k, (ax, (title, A)) in enumerate(zip(axes, panels, strict=True)):
        phase = np.where(np.abs(A) > 1e-9, np.angle(A), np.nan)
        image = ax.imshow(phase, cmap="hsv", vmin=-np.pi, vmax=np.pi)
        ax.set(title=title + (" =" if k == 0 else ""), xticks=[], yticks=[])
    bar = fig.colorbar(image, ax=axes, label="phase", shrink=0.9, ticks=[-np.pi, 0, np.pi])
    bar.ax.set_yticklabels([r"$-\pi$", "0", r"$\pi$"])
    fig.savefig(FOLDER / "structured-fourier.png", dpi=110)


if __name__ == "__main__":
    main()
