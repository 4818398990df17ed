"""Draw the double descents of the guide from real runs: `python docs/figures/features.py` takes minutes on a core."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from asymptopia import confront, sweep
from asymptopia.laws.inference.random_features import RandomFeatures
from asymptopia.parts.activation import Erf, Relu, Sign
from asymptopia.parts.channel import Linear
from asymptopia.parts.loss import Logistic, Square
from asymptopia.report.charts import Chart
from asymptopia.report.compose import charts_of
from asymptopia.report.figures import draw

LAWS = {
    "features-square": RandomFeatures(alpha=3.0, ridge=0.001, loss=Square(), teacher=Linear(noise=0.1)),
    "features-logistic": RandomFeatures(alpha=3.0, ridge=1e-4, loss=Logistic()),
}
ACTIVATIONS = (Relu(), Erf(), Sign())
FEATURES = (0.3, 0.6, 0.9, 1.2, 1.8, 2.4, 3.0, 3.6, 4.8, 6.0)
FOLDER = Path(__file__).parents[1] / "images"


def main() -> None:
    """Confront, say the verdicts, and draw the test errors."""
    for name in sys.argv[1:] or LAWS:
        law = LAWS[name]
        found = confront(sweep(law, activation=ACTIVATIONS, features=FEATURES), sizes=(30, 60, 120), seeds=32)
        judgement = found["test_error"]
        print(name, judgement.verdict, judgement.reason, f"{judgement.largest_z:.2f}")
        chart = next(c for c in charts_of(found) if c.name.endswith("test-error"))
        assert isinstance(chart, Chart)
        draw(with_smooth_lines(chart, law)).savefig(FOLDER / f"{name}.png", dpi=200)


def with_smooth_lines(chart: Chart, law: RandomFeatures) -> Chart:
    """The chart with its limits drawn at many more numbers of features than there are experiments."""
    features = np.geomspace(FEATURES[0], FEATURES[-1], 150)
    limit = sweep(law, activation=ACTIVATIONS, features=tuple(features)).limit()["test_error"]
    curves = [
        replace(c, x=features, line=line, line_error=None)
        for c, line in zip(chart.panels[0].curves, limit.values, strict=True)
    ]
    return replace(chart, panels=(replace(chart.panels[0], curves=tuple(curves)),))


if __name__ == "__main__":
    main()
