"""Draw the two-layer networks of the guide from real runs: `python docs/figures/two_layer.py` takes a minute."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asymptopia.laws.mean_field.two_layer import TwoLayer
from asymptopia.laws.mean_field.two_layer_fluctuations import TwoLayerFluctuations
from asymptopia.report.charts import Chart, Curve, Measured, Panel
from asymptopia.report.figures import draw

IMAGES = Path(__file__).parents[1] / "images"
TIMES = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0)
WIDTHS, SEEDS = (25, 100, 400), 100
WIDTH, MANY = 200, 1500


def main() -> None:
    """Draw both figures."""
    IMAGES.mkdir(exist_ok=True)
    for chart in (risk(), fluctuations()):
        path = IMAGES / f"{chart.name}.png"
        draw(chart).savefig(path, dpi=220)
        print(path)


def risk() -> Chart:
    """The risk in time: the limit, and the mean over networks of growing width."""
    law = TwoLayer(times=TIMES)
    times = np.linspace(0.01, TIMES[-1], 100)
    line = law.replace(times=tuple(times)).limit()["risk"].values
    seen = law.experiment(sizes=WIDTHS, seeds=SEEDS)["risk"]
    points = [
        Measured(
            f"$N = {n}$",
            np.array(TIMES),
            seen.sel(size=n).mean("seed").values,
            seen.sel(size=n).std("seed", ddof=1).values / np.sqrt(SEEDS),
            "size",
            i / (len(WIDTHS) - 1),
        )
        for i, n in enumerate(WIDTHS)
    ]
    curve = Curve("$N \\to \\infty$", times, line, None, tuple(points))
    return Chart("two-layer-risk", "", "time, $t$", "risk, $R$", (Panel((curve,)),))


def fluctuations() -> Chart:
    """N times the variance of the output in time, at two probes."""
    law = TwoLayerFluctuations(times=TIMES, probes=(0.5, 2.0))
    times = np.linspace(0.0, TIMES[-1], 60)
    lines = law.replace(times=tuple(times)).limit()["fluctuation"].values
    seen = law.experiment(sizes=(WIDTH,), seeds=MANY)["output"].values[0]
    spread = WIDTH * seen.var(axis=0, ddof=1)
    curves = [
        Curve(
            f"$x = {x:g}$",
            times,
            lines[:, i],
            None,
            (Measured(f"$N = {WIDTH}$", np.array(TIMES), spread[:, i], spread[:, i] * np.sqrt(2 / MANY), "size"),),
        )
        for i, x in enumerate((0.5, 2.0))
    ]
    ylabel = "$N\\,\\mathrm{Var}\\,g_N(x)$"
    return Chart("two-layer-fluctuations", "", "time, $t$", ylabel, (Panel(tuple(curves)),))


if __name__ == "__main__":
    main()
