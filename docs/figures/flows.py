"""Draw the figures of the guide to flows of measures: `python docs/figures/flows.py` takes a minute on one core."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from asymptopia.algorithms.particles.langevin import langevin, langevin_exits
from asymptopia.laws.mean_field.fokker_planck import FokkerPlanck
from asymptopia.laws.mean_field.local_entropy import LocalEntropy
from asymptopia.laws.mean_field.mckean_vlasov import McKeanVlasov
from asymptopia.laws.mean_field.wasserstein_flow import WassersteinFlow
from asymptopia.parts.potential import DoubleWell, Normal, Quadratic
from asymptopia.report.marks import OKABE_ITO

IMAGE = Path(__file__).parents[1] / "images" / "flows.png"


def main() -> None:
    """Densities, contraction, transition, rates, smoothing and steps of transport, in two rows."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
    for draw, ax in zip((density, contraction, transition, kramers, smoothing, steps), axes.flat, strict=True):
        draw(ax)
    IMAGE.parent.mkdir(exist_ok=True)
    figure.savefig(IMAGE, dpi=160)
    print(IMAGE)


def density(ax: Axes) -> None:
    """The density in time, and some of the particles that follow it."""
    import jax

    edges, times = np.linspace(-2, 2, 81), np.linspace(0.02, 6, 60)
    law = FokkerPlanck(start=Normal(-1.0, 0.02), times=tuple(times), edges=tuple(edges))
    ax.pcolormesh(times, law.coords()["position"], law.limit()["density"].values.T, cmap="Blues", vmax=1.3)
    fine = np.linspace(0.02, 6, 240)
    start = np.random.default_rng(3).normal(-1.0, 0.02**0.5, 8)
    paths = langevin(DoubleWell(), start, law.temperature, fine, 0.02, jax.random.key(4))
    ax.plot(fine, np.asarray(paths), color="0.15", linewidth=0.5)
    ax.set(xlabel="$t$", ylabel="$x$", ylim=(-2, 2), title="density, and 8 particles on it")


def contraction(ax: Axes) -> None:
    """W2 of two clouds: at the rate of convexity, or not at all between wells."""
    times = tuple(np.linspace(0.1, 3, 30))
    statements = (
        ("$x^2/2$", FokkerPlanck(Quadratic(1.0), 0.3, Normal(-1.0, 0.1), times, other=Normal(1.0, 0.4))),
        ("$x^4/4 + x^2/2$", FokkerPlanck(steep, 0.3, Normal(-1.0, 0.1), times, other=Normal(1.0, 0.4))),
        ("$x^4/4 - x^2/2$", FokkerPlanck(DoubleWell(), 0.3, Normal(-1.0, 0.1), times, other=Normal(1.0, 0.4))),
    )
    for (name, law), colour in zip(statements, OKABE_ITO, strict=False):
        limit = law.limit()["distance"]
        begun = np.hypot(2, 0.1**0.5 - 0.4**0.5)
        ax.plot(times, limit / begun, color=colour, label=name)
        seen = law.replace(times=(0.5, 1.0, 1.5, 2.0, 2.5)).experiment((200,), 40)["distance"]
        points(ax, np.arange(1, 6) / 2, seen.values[0] / begun, colour)
    ax.plot(times, np.exp(-np.array(times)), "k:", label=r"$e^{-\lambda t}$, $\lambda = 1$")
    ax.set(yscale="log", xlabel="$t$", ylabel=r"$W_2(t) / W_2(0)$", title="distance of two clouds")
    ax.legend(frameon=False, fontsize=8)


def steep(x):
    """A potential that is more convex than a quadratic one."""
    return x**4 / 4 + x**2 / 2


def transition(ax: Axes) -> None:
    """The branches of stationary means, and where particles end."""
    for coupling, colour in zip((0.5, 1.0, 2.0), OKABE_ITO, strict=False):
        law = McKeanVlasov(coupling=coupling)
        critical = law.thresholds("temperature")["transition"]
        grid = critical * np.append(np.linspace(0.25, 0.95, 29), 1 - np.geomspace(0.04, 1e-4, 8))
        means = [law.replace(temperature=float(T)).fixed_points()[-1].overlap for T in grid]
        ax.plot([*grid, critical], [*means, 0], color=colour, label=f"c = {coupling:g}")
        ax.plot([*grid, critical], [*(-m for m in means), 0], color=colour)
        ax.plot([grid[0], critical], [0, 0], ":", color=colour)
        ax.plot([critical, 1.0], [0, 0], color=colour, linewidth=0.8)
        ends = law.replace(start=Normal(1.0, 0.2), times=(25.0,))
        for share in (0.5, 0.75, 0.9, 1.2):
            seen = ends.replace(temperature=share * critical).experiment((400,), 30)["mean"]
            points(ax, np.array([share * critical]), seen.values[0], colour)
    ax.set(xlim=(0, 1), xlabel="temperature", ylabel="mean", title="stationary laws of coupled particles")
    ax.legend(frameon=False, fontsize=8)


def kramers(ax: Axes) -> None:
    """The asymptotic formula over the gap, and so the rate at which particles reach the barrier, simulated too."""
    import jax

    inverse = np.linspace(2, 40, 20)
    found = [FokkerPlanck(temperature=1 / b, times=(1.0,)).limit() for b in inverse]
    gap = np.array([float(f["spectral_gap"]) for f in found])
    ax.axhline(1, color="k", linewidth=0.8)
    ax.plot(inverse, [f["eyring_kramers"] for f in found] / gap, color=OKABE_ITO[1], label="Eyring and Kramers")
    ax.plot(inverse, [1 / f["exit_time"] for f in found] / gap, color=OKABE_ITO[0], label="1 / mean exit time")
    for b in (3.0, 6.0, 10.0):
        times = np.linspace(0, 15 * np.interp(b, inverse, [f["exit_time"] for f in found]), 801)
        start = np.random.default_rng(1).normal(-1.0, 0.1**0.5, 4000)
        _, passed = langevin_exits(DoubleWell(), start, 1 / b, times[1:], 0.02, jax.random.key(round(b)), 0.0)
        stay = 1 - np.append(0.0, np.asarray(passed).mean(axis=1))
        exact = FokkerPlanck(temperature=1 / b, times=(1.0,)).limit()["spectral_gap"]
        rate = 1 / np.trapezoid(stay, times) / float(exact)
        ax.errorbar(b, rate, rate / 4000**0.5, fmt="o", color=OKABE_ITO[0], markersize=3.5)
    ax.set(xlabel="$1/T$", ylabel="rate / spectral gap", ylim=(0.6, 1.25), title="escape over a barrier")
    ax.legend(frameon=False, fontsize=8)


def valleys(x):
    """A narrow valley at -1, the deeper one, and a wide one at 1."""
    import jax.numpy as jnp

    return x**4 / 100 - jnp.exp(-((x + 1) ** 2) / 0.02) - 0.8 * jnp.exp(-((x - 1) ** 2) / 0.5)


def smoothing(ax: Axes) -> None:
    """The loss, and its local entropy: the wide valley becomes the deeper one."""
    x = np.linspace(-2.2, 2.6, 241)
    ax.plot(x, valleys(x), color="k", linewidth=0.8, label="loss")
    few = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
    for gamma, colour in zip((30.0, 6.0, 1.5), OKABE_ITO, strict=False):
        law = LocalEntropy(valleys, gamma, 0.2, positions=tuple(x), start=0.0, steps=1)
        ax.plot(x, law.limit()["smoothed_loss"], color=colour, label=rf"$\gamma = {gamma:g}$")
        seen = law.replace(positions=few).experiment((64_000,), 12)["smoothed_loss"].values[0]
        points(ax, np.array(few), seen, colour)
    ax.set(xlabel="$x$", ylabel="$F$", ylim=(-1.1, 0.4), title="local entropy of two valleys")
    ax.legend(frameon=False, fontsize=8)


def steps(ax: Axes) -> None:
    """W2 of steps of optimal transport from the flow, over their length."""
    lengths = np.array([0.025, 0.05, 0.1, 0.2, 0.4])
    cases = (("$x^2/2$", Quadratic(1.0), Normal(2.0, 2.25)), ("$x^4/4 - x^2/2$", DoubleWell(), Normal(-0.5, 0.3)))
    for (name, potential, start), colour in zip(cases, OKABE_ITO, strict=False):
        law = WassersteinFlow(potential, temperature=0.3, start=start, times=(0.4, 0.8))
        far = [float(law.replace(step=float(s)).limit()["distance"][-1]) for s in lengths]
        ax.plot(lengths, far, "o-", color=colour, markersize=4, label=name)
    ax.plot(lengths, 0.1 * lengths, "k:", label=r"$\propto \tau$")
    ax.set(xscale="log", yscale="log", xlabel=r"$\tau$", ylabel="$W_2$ from the flow", title="steps of transport")
    ax.set_xticks(lengths, [f"{s:g}" for s in lengths])
    ax.set_xticks([], minor=True)
    ax.legend(frameon=False, fontsize=8)


def points(ax: Axes, x: np.ndarray, values: np.ndarray, colour: str) -> None:
    """Means over realisations with their standard errors."""
    error = values.std(axis=0) / np.sqrt(len(values))
    ax.errorbar(x, values.mean(axis=0), error, fmt="o", color=colour, markersize=3.5)


if __name__ == "__main__":
    main()
