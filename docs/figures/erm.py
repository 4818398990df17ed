"""Draw the figure of the README from a real run: `python docs/figures/erm.py` takes a minute or two on one core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from asymptopia import confront, sweep
from asymptopia.laws.inference.erm import ERM
from asymptopia.parts.loss import Logistic, Square
from asymptopia.report.charts import Chart
from asymptopia.report.compose import charts_of
from asymptopia.report.figures import draw

LAW = ERM(ridge=0.005)
LOSSES = (Square(), Logistic())
ALPHA = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)
IMAGE = Path(__file__).parents[1] / "images" / "erm.png"


def main() -> None:
    """Confront, say the verdict, and draw the test error."""
    found = confront(sweep(LAW, loss=LOSSES, alpha=ALPHA), sizes=(100, 200, 400), seeds=64)
    print(found["test_error"].verdict, found["test_error"].reason, f"{found['test_error'].largest_z:.2f}")
    chart = next(c for c in charts_of(found) if c.name.endswith("test-error"))
    assert isinstance(chart, Chart)
    IMAGE.parent.mkdir(exist_ok=True)
    draw(with_smooth_lines(chart)).savefig(IMAGE, dpi=220)
    print(IMAGE)


def with_smooth_lines(chart: Chart) -> Chart:
    """The chart with its limits drawn at many more values of alpha than there are experiments."""
    alpha = np.geomspace(ALPHA[0], ALPHA[-1], 150)
    limit = sweep(LAW, loss=LOSSES, alpha=alpha).limit()["test_error"]
    curves = [
        replace(c, x=alpha, line=line, line_error=None)
        for c, line in zip(chart.panels[0].curves, limit.values, strict=True)
    ]
    return replace(chart, panels=(replace(chart.panels[0], curves=tuple(curves)),))


if __name__ == "__main__":
    main()
