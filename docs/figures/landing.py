"""The moving figure of the landing page: experiments on growing systems settle on the limit.

`python docs/figures/landing.py` writes docs/_static/landing.svg: each point is the mean test error of least squares on
the labels of a sign teacher, over seeds, at sizes from 10 to 400; the line is the limit of infinite dimension. Where
motion is not wanted, the largest systems are shown, still.
"""

from pathlib import Path

import numpy as np

import asymptopia as asy

SIZES = (10, 20, 50, 100, 400)
SEEDS = 40
ALPHAS = tuple(np.round(np.geomspace(0.25, 5, 12), 4).tolist())
WIDTH, HEIGHT = 560, 330
BOX = (58, 18, 484, 252)
SECONDS = 10
STYLE = """
.landing text { font: 14px sans-serif; fill: currentColor }
.landing .line { fill: none; stroke: #1f6fb2; stroke-width: 3 }
.landing .frame { fill: none; stroke: #8a8f98 } .landing circle { fill: #d9541e }
.landing .size { opacity: 0; font-size: 17px } .landing .size:last-of-type { opacity: 1 }
@media (prefers-reduced-motion: no-preference) {
  .landing circle { animation: 10s ease-in-out infinite }
  .landing .size { animation: 10s linear infinite; opacity: 0 }
"""


def main() -> None:
    """Compute and write."""
    law = asy.laws.ERM(loss=asy.parts.Square(), teacher=asy.parts.Sign(), ridge=0.02)
    fine = np.geomspace(ALPHAS[0], ALPHAS[-1], 90)
    limit = asy.sweep(law, alpha=tuple(map(float, fine))).limit()["test_error"].values
    measured = asy.sweep(law, alpha=ALPHAS).experiment(SIZES, SEEDS)["test_error"].mean("seed").values  # (alpha, size)
    path = Path(__file__).parents[1] / "_static" / "landing.svg"
    path.write_text(svg(fine, limit, measured), encoding="utf-8")


def svg(fine: np.ndarray, limit: np.ndarray, measured: np.ndarray) -> str:
    """The line, a moving point for each number of samples, and the size that is shown."""
    line = "L".join(f"{_x(a):.1f} {_y(e):.1f}" for a, e in zip(fine, limit, strict=True))
    style, points = [STYLE], []
    for k, (alpha, means) in enumerate(zip(ALPHAS, measured, strict=True)):
        rest = _y(means[-1])
        style.append(f"  #p{k} {{ animation-name: m{k} }} @keyframes m{k} {{ {_stages(_y(means) - rest)} }}\n")
        points.append(f'<circle id="p{k}" cx="{_x(alpha):.1f}" cy="{rest:.1f}" r="5.5"/>')
    words = []
    for k, n in enumerate(SIZES):
        start, stop = 100 * k / len(SIZES), 100 * (k + 1) / len(SIZES)
        last = int(k == len(SIZES) - 1)
        frames = f"0%, {max(start - 1, 0):.0f}% {{ opacity: 0 }} {start + 1:.0f}%, {stop - 1:.0f}% {{ opacity: 1 }}"
        frames += f" {min(stop + 1, 100):.0f}%, 100% {{ opacity: {last} }}"
        style.append(f"  #n{k} {{ animation-name: s{k} }} @keyframes s{k} {{ {frames} }}\n")
        words.append(f'<text class="size" id="n{k}" x="{BOX[0] + 330}" y="{BOX[1] + 44}">dimension {n}</text>')
    ticks = "".join(
        f'<text x="{_x(a):.0f}" y="{BOX[1] + BOX[3] + 20}" text-anchor="middle">{a:g}</text>'
        for a in (0.25, 0.5, 1, 2, 5)
    )
    ticks += "".join(
        f'<text x="{BOX[0] - 8}" y="{_y(e) + 5:.0f}" text-anchor="end">{e:g}</text>' for e in (0.1, 0.2, 0.3, 0.4)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" class="landing" role="img">'
        "<title>Experiments on growing systems settle on the limit</title>"
        f"<style>{''.join(style)}}}</style>"
        f'<path class="frame" d="M{BOX[0]} {BOX[1]}v{BOX[3]}h{BOX[2]}"/>{ticks}'
        f'<text x="{BOX[0] + BOX[2] / 2}" y="{HEIGHT - 12}" text-anchor="middle">samples per dimension</text>'
        f'<text x="{BOX[0] + 10}" y="{BOX[1] + 4}">test error</text>'
        f'<text x="{BOX[0] + 330}" y="{BOX[1] + 20}">line: the limit</text>'
        f'<path class="line" d="M{line}"/>{"".join(points)}{"".join(words)}</svg>\n'
    )


def _stages(offsets: np.ndarray) -> str:
    """Key frames that rest at each size in turn."""
    count = len(offsets)
    frames = [(100 * (k + 0.25) / count, 100 * (k + 0.9) / count, y) for k, y in enumerate(offsets)]
    told = [f"{a:.0f}%, {b:.0f}% {{ transform: translateY({y:.1f}px) }}" for a, b, y in frames]
    return f"0% {{ transform: translateY({offsets[0]:.1f}px) }} " + " ".join(told)


def _x(alpha: float) -> float:
    low, high = np.log(0.22), np.log(5.6)
    return BOX[0] + BOX[2] * (np.log(alpha) - low) / (high - low)


def _y(error: np.ndarray | float) -> np.ndarray | float:
    return BOX[1] + BOX[3] * (0.5 - np.asarray(error)) / 0.45


if __name__ == "__main__":
    main()
