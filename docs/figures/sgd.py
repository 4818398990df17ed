"""Draw the figure of the guide to SGD from a real run: `python docs/figures/sgd.py` takes a minute on one core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from asymptopia import confront, sweep
from asymptopia.laws.dynamics.sgd_dynamics import SGDDynamics
from asymptopia.parts.channel import Sign
from asymptopia.report.charts import Chart, Curve, Measured
from asymptopia.report.compose import charts_of
from asymptopia.report.figures import draw

LAW = SGDDynamics(alpha=3.0, teacher=Sign(flip=0.1), ridge=0.01, rate=0.3, steps=60)
BATCHES = (0.1, 0.3, 1.0)
SHOWN = np.r_[0:4, 5:15:3, 20:61:8]
IMAGE = Path(__file__).parents[1] / "images" / "sgd.png"


def main() -> None:
    """Confront, say the verdict, and draw the test error."""
    found = confront(sweep(LAW, batch=BATCHES), sizes=(100, 200, 400), seeds=64, resolution=0.1)
    print(found["test_error"].verdict, found["test_error"].reason, f"{found['test_error'].largest_z:.2f}")
    chart = next(c for c in charts_of(found) if c.name.endswith("test-error"))
    assert isinstance(chart, Chart)
    panel = replace(chart.panels[0], curves=tuple(thinned(c) for c in chart.panels[0].curves))
    IMAGE.parent.mkdir(exist_ok=True)
    draw(replace(chart, panels=(panel,))).savefig(IMAGE, dpi=180)
    print(IMAGE)


def thinned(curve: Curve) -> Curve:
    """The curve with marks at some of the steps, which can be told apart; the line has them all."""

    def kept(marks: Measured) -> Measured:
        return replace(
            marks, x=marks.x[SHOWN], y=marks.y[SHOWN], error=None if marks.error is None else marks.error[SHOWN]
        )

    shown = [getattr(curve, k)[SHOWN] for k in ("z_x", "z", "critical")]
    return replace(curve, measured=tuple(map(kept, curve.measured)), z_x=shown[0], z=shown[1], critical=shown[2])


if __name__ == "__main__":
    main()
