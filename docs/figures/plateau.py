"""Draw the plateau of the guide from a real run: `python docs/figures/plateau.py` takes a few minutes on one core."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asymptopia.laws.dynamics.online_sgd import OnlineSGD
from asymptopia.report.charts import Chart, Curve, Measured, Panel
from asymptopia.report.figures import draw

TIMES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0, 40.0, 48.0, 56.0, 64.0, 80.0, 100.0, 130.0)
LAW = OnlineSGD(
    student_overlaps=((0.2, 0.0), (0.0, 0.2)),
    cross_overlaps=((0.1, 0.0), (0.0, 0.1)),
    rate=1.0,
    noise=0.01,
)
RATES = (1.0, 0.5)
DIMENSION, SEEDS = 500, 24
IMAGE = Path(__file__).parents[1] / "images" / "plateau.png"


def main() -> None:
    """Draw the test error along time: lines of theory, points of simulations."""
    curves = tuple(curve(LAW.replace(rate=rate)) for rate in RATES)
    chart = Chart(
        name="plateau",
        title="",
        xlabel="steps per dimension, $t$",
        ylabel="test error, $\\varepsilon_g$",
        panels=(Panel(curves),),
        xlog=True,
        ylog=True,
    )
    IMAGE.parent.mkdir(exist_ok=True)
    draw(chart).savefig(IMAGE, dpi=220)
    print(IMAGE)


def curve(law: OnlineSGD) -> Curve:
    """The error in the limit at many times, and its mean over networks at a few, with a standard error."""
    times = np.geomspace(TIMES[0], 2 * TIMES[-1], 200)
    line = law.replace(times=tuple(times)).limit()["test_error"].values
    seen = law.replace(times=TIMES).experiment(sizes=(DIMENSION,), seeds=SEEDS)["test_error"].values[0]
    error = seen.std(axis=0, ddof=1) / np.sqrt(SEEDS)
    points = Measured(f"$d = {DIMENSION}$", np.array(TIMES), seen.mean(axis=0), error, "size")
    return Curve(f"$\\eta = {law.rate:g}$", times, line, None, (points,))


if __name__ == "__main__":
    main()
