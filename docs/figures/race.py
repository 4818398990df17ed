"""Race the optimisers, print the guide's tables and draw its picture: `python docs/figures/race.py`, five CPU minutes.

With names of tasks behind it, only those, and no picture: `python docs/figures/race.py digits`.
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import sys
from pathlib import Path
from typing import Any

import jax
import matplotlib

matplotlib.use("Agg")
jax.config.update("jax_enable_compilation_cache", False)
import matplotlib.pyplot as plt
import numpy as np

from asymptopia.algorithms.race import Budget, digits, patches, race, summary, teacher

TASKS = {"digits": digits, "patches": patches, "teacher": teacher}
TITLES = {"digits": "digits, cross-entropy", "patches": "autoencoder of patches", "teacher": "teacher and student"}
BUDGET, SEEDS = Budget(gradients=100, seconds=0.3), 7
IMAGE = Path(__file__).parents[1] / "images" / "race.png"
FIRST_ORDER = ("SGD", "momentum", "Adam, batches", "Adam", "INNA", "L-BFGS")


def main() -> None:
    names = sys.argv[1:] or list(TASKS)
    found = {}
    for name in names:
        found[name] = race(TASKS[name](), budget=BUDGET, seeds=SEEDS)
        table(found[name])
    if len(found) == len(TASKS):
        draw(found)


def table(found: Any) -> None:
    """Medians and quartiles at the end of both budgets, in Markdown."""
    print(f"\n{found.attrs['task']}: {found.attrs['network']}\n")
    spent = f"{BUDGET.gradients:g} gradients", f"{BUDGET.seconds:g} s"
    print("| optimiser |" + "".join(f" loss, {s} | accuracy | rate |" for s in spent) + " compilation |")
    print("| --- |" + " --- |" * 7)
    for row in summary(found):
        cells = [row["optimiser"]]
        for end in ("", "_in_time"):
            rate = f"{row['rate' + end]:g}" if np.isfinite(row["rate" + end]) else ""
            cells += [spread(row["loss" + end]), f"{row['accuracy' + end][0]:.3f}", rate]
        print("| " + " | ".join([*cells, f"{row['compilation']:.1f} s"]) + " |")


def spread(values: tuple[float, float, float]) -> str:
    """A median with its quartiles."""
    return "{:.1e} ({:.1e}, {:.1e})".format(*values)


def draw(found: dict[str, Any]) -> None:
    """Median losses and the band between the quartiles, against gradients and against seconds."""
    figure, axes = plt.subplots(len(found), 2, figsize=(10, 3.4 * len(found)), layout="constrained", sharey="row")
    for row, (name, data) in zip(axes, found.items(), strict=True):
        for axis, key, dim in zip(
            row, ("loss", "loss_in_time"), ("gradient_equivalents", "seconds"), strict=True
        ):  # fmt: skip
            for k, optimiser in enumerate(data["optimiser"].values):
                values = data[key].sel(optimiser=optimiser).values
                low, middle, high = np.quantile(np.where(np.isfinite(values), values, 1e30), [0.25, 0.5, 0.75], axis=0)
                dashed = "--" if optimiser in FIRST_ORDER else "-"
                (line,) = axis.loglog(data[dim], middle, dashed, color=f"C{k % 10}", lw=1.4, label=optimiser)
                if k >= 10:
                    line.set_color(("black", "gold", "navy")[k - 10])
                axis.fill_between(data[dim], low, high, color=line.get_color(), alpha=0.12, lw=0)
            first = float(data["loss"].isel(gradient_equivalents=0).max())
            least = float(min(data["loss"].min(), data["loss_in_time"].min()))
            axis.set_ylim(max(least, 1e-12) / 1.5, 1.5 * first)
            axis.set_xlabel("gradients of the full loss" if dim != "seconds" else "CPU seconds, without compilation")
        row[0].set_ylabel(f"{TITLES[name]}\ntraining loss")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), fontsize=9, ncols=5, loc="outside lower center")
    figure.savefig(IMAGE, dpi=130)


if __name__ == "__main__":
    main()
