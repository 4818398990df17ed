"""Two tables such as your own programs leave behind, which ask nothing of asymptopia.

`python runs.py` writes runs.csv, the errors of ridge regression in plain NumPy, and ladder.csv, the losses of runs of
growing compute.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np


def ridge(d: int, alpha: float, seed: int) -> float:
    """The squared distance per dimension between a teacher and the ridge regression of its noisy labels."""
    random = np.random.default_rng([d, round(10 * alpha), seed])
    x = random.standard_normal((round(alpha * d), d)) / d**0.5
    teacher = random.standard_normal(d)
    y = x @ teacher + 0.5 * random.standard_normal(len(x))
    student = np.linalg.solve(x.T @ x + 0.1 * np.eye(d), x.T @ y)
    return float(np.mean((student - teacher) ** 2))


def write(name: str, rows: Iterable[Sequence[object]]) -> None:
    """A table beside this file."""
    with (Path(__file__).parent / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main() -> None:
    """Write both tables."""
    places = [(d, alpha, seed) for d in (50, 100, 200, 400) for alpha in (1.0, 2.0, 3.0, 4.0) for seed in range(50)]
    write("runs.csv", [("d", "alpha", "seed", "test_error"), *((*p, round(ridge(*p), 5)) for p in places)])
    random = np.random.default_rng(0)
    flops = np.geomspace(1e17, 1e20, 12)
    loss = (1.9 + 30 * flops**-0.08) * (1 + 0.003 * random.standard_normal(len(flops)))
    write("ladder.csv", [("flops", "loss"), *((f"{c:.3g}", f"{v:.4f}") for c, v in zip(flops, loss, strict=True))])


if __name__ == "__main__":
    main()
