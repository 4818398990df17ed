"""How often is a true law refuted? The level of every statistic, for realisations of many kinds.

    python studies/level.py [--repetitions 2000] [--only mean]

Each cell is a number of independent confrontations of a true limit, at level 0.01, with sizes 100, 200 and 400: the
share that is refuted, in percent. A column is a finite-size correction with its declared exponent; `!` marks one that
is declared wrongly (1/2 for 1, or 1 for 1/2). At most 1.5 are promised. What nobody can promise: a rare jump that no
realisation met leaves no trace in the data; those cells are marked `~`.

The mean of constant realisations is the rule of exact values. An indicator has the limit 0.3, a step the limit 1.

The whole output of a run is `level.txt` beside this file: 400 repetitions in every table, 40 in that of the stages. The
largest shares there, of `mean bound` with 3 and 5 seeds (2.0 and 1.8), are 1.2 to 1.4 with 8,000 repetitions. Means,
indicators, steps and stages were run with the constants of `verdict/unseen.py`, on which no other table depends.

Then, how often a limit that is off by the resolution that is asked for, a tenth, agrees: at most 10 are promised where
the exponent of the correction is declared rightly.

Below: the power of the default experiment and of larger ones against limits that are 5 % off, and the level of a
sequence of looks at growing data (`asymptopia run` without `--seeds`), with what its stages reach in two minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import xarray as xr

from asymptopia import Law, Observable, confront
from asymptopia.verdict.bound import every_bound, mean_bound
from asymptopia.verdict.exponent import exponent
from asymptopia.verdict.fluctuation import fluctuation
from asymptopia.verdict.indicator import step
from asymptopia.verdict.judgement import AGREES, DISAGREES, Evidence, Question
from asymptopia.verdict.mean import mean
from asymptopia.verdict.sample import Sample, sample_of
from asymptopia.verdict.stages import Stage, next_stage

SIZES = np.array([100.0, 200.0, 400.0])
SEEDS = (3, 5, 10, 40, 400)
LEVEL = 0.01
NOISE = 0.1
BUDGET = 120.0  # seconds, the default of `asymptopia run`
TWO_VALUED = ("indicator", "step")  # of limits 0.3 and 1
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

# of mean zero, and their variances
DISTRIBUTIONS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, shape: rng.standard_normal(shape), 1.0),
    "exponential": (lambda rng, shape: rng.exponential(1, shape) - 1, 1.0),
    "minus exponential": (lambda rng, shape: 1 - rng.exponential(1, shape), 1.0),
    "lognormal": (lambda rng, shape: np.exp(rng.standard_normal(shape)) - np.exp(0.5), np.e * (np.e - 1)),
    "rare jump": (lambda rng, shape: 100.0 * (rng.random(shape) < 0.005) - 0.5, 1e4 * 0.005 * 0.995),
    "two-valued": (lambda rng, shape: np.where(rng.random(shape) < 0.5, 1.0, -1.0), 1.0),
    "constant": (lambda rng, shape: np.zeros(shape), 0.0),
}
# the correction at size n, and the exponent that is rightly declared
CORRECTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "none": (lambda n: 0 * n, 1.0),
    "1/n": (lambda n: 5 / n, 1.0),
    "1/n+10/n2": (lambda n: 1 / n + 10 / n**2, 1.0),
    "n^-1/2": (lambda n: n**-0.5, 0.5),
    "log n/n": (lambda n: 5 * np.log(n) / n, 1.0),
}


def cell(
    statistic: str, distribution: str, seeds: int, correction: str, bias: float, repetitions: int, level: float = LEVEL
) -> Evidence:
    """Confrontations of a true limit, as many components of one sample."""
    values, limit = drawn(statistic, distribution, seeds, correction, bias, repetitions)
    return judged(statistic, sampled(values, limit), limit, bias, level)


def off(
    statistic: str, distribution: str, seeds: int, correction: str, bias: float, repetitions: int, share: float
) -> Evidence:
    """Confrontations of a limit that is wrong by `share` of it, which is also the resolution that is asked for."""
    values, limit = drawn(statistic, distribution, seeds, correction, bias, repetitions)
    wrong = limit * (1 + share)
    return judged(statistic, sampled(values, wrong), wrong, bias, resolution=abs(share))


def sampled(values: np.ndarray, limit: float) -> Sample:
    return sample_of(SIZES, values, 1.0, target=np.full(len(values), limit))


def drawn(
    statistic: str, distribution: str, seeds: int, correction: str, bias: float, repetitions: int
) -> tuple[np.ndarray, float]:
    """Realisations (repetitions, sizes, seeds), and their limit."""
    rng = np.random.default_rng([len(statistic), len(distribution), seeds, len(correction), int(8 * bias)])
    draw, variance = DISTRIBUTIONS[distribution]
    shift = CORRECTIONS[correction][0](SIZES)[:, None]
    noise = draw(rng, (repetitions, len(SIZES), seeds))
    values, limit = {
        "mean": lambda: (1 + shift + NOISE * noise, 1.0),
        "fluctuation": lambda: (np.sqrt(1 + shift) * noise / np.sqrt(SIZES)[:, None], variance),
        "exponent": lambda: (SIZES[:, None] ** -0.5 * (1 + shift) * (1 + NOISE * noise), -0.5),
        "mean bound": lambda: (1 - shift + NOISE * noise, 1.0),
        "every bound": lambda: (1 - shift - NOISE * np.abs(noise), 1.0),
        "indicator": lambda: (1.0 * (rng.random(noise.shape) < 0.3 * (1 + shift)), 0.3),
        "step": lambda: (1.0 * (rng.random(noise.shape) > shift), 1.0),
    }[statistic]()
    return values, limit


def judged(
    statistic: str, sample: Sample, limit: float, bias: float, level: float = LEVEL, resolution: float = 0.05
) -> Evidence:
    """What the statistic says of every component, each at the whole level."""
    tests = {"mean": mean, "fluctuation": fluctuation, "exponent": exponent, "mean bound": mean_bound,
             "every bound": every_bound}  # fmt: skip
    count, scale = len(sample.mean), abs(limit) or 1.0
    question = Question(np.full(count, limit), np.zeros(count), level, resolution * scale, scale, bias, 1.5e-8)
    if statistic in TWO_VALUED:
        return step(sample, question, mean(sample, question))
    return tests[statistic](sample, question)


def columns() -> list[tuple[str, float, str]]:
    """Corrections, each with the exponent declared rightly and wrongly."""
    heads = []
    for name, (_, right) in CORRECTIONS.items():
        heads.append((name, right, name))
        if name != "none":
            heads.append((name, 1.5 - right, f"{name}!"))
    return heads


def table(statistic: str, repetitions: int, share: float = 0.0) -> None:
    """How often a true limit is refuted or, with a `share`, how often one that is off by it agrees."""
    heads = columns()
    print(f"\n{statistic}: {f'{100 * share:+.0f} % off, agrees' if share else 'refuted'}, in percent")
    print(f"{'seeds':>5s} {'realisations':18s}" + "".join(f"{h:>11s}" for *_, h in heads))
    worst = 0.0
    for seeds in SEEDS:
        for distribution in ("two-valued",) if statistic in TWO_VALUED else DISTRIBUTIONS:
            cells = []
            for correction, bias, _ in heads:
                what = statistic, distribution, seeds, correction, bias, repetitions
                hit = off(*what, share).settled if share else cell(*what).refuted
                unseen = distribution == "rare jump" and seeds < 400
                worst = max(worst, 0.0 if unseen else 100 * float(hit.mean()))
                cells.append(f"{100 * float(hit.mean()):10.1f}{'~' if unseen else ' '}")
            print(f"{seeds:5d} {distribution:18s}" + "".join(cells), flush=True)
    print(f"the largest, but for the marked: {worst:.1f} %")


def two_valued(repetitions: int) -> None:
    """How often wrong probabilities are refuted and agree, by how far they are off."""
    print("\nprobabilities, refuted / agrees, in percent; the true limit is 0.3, the claim off by")
    shares = (0.1, 0.3, 1.0)
    print(f"{'seeds':>5s}" + "".join(f"{f'{100 * s:.0f} %, {c}':>16s}" for c in ("none", "1/n") for s in shares))
    for seeds in (*SEEDS, 4000):
        cells = []
        for correction in ("none", "1/n"):
            values, limit = drawn("indicator", "two-valued", seeds, correction, 1.0, repetitions)
            for share in shares:
                wrong = limit * (1 + share)
                cells.append(judged("indicator", sampled(values, wrong), wrong, 1.0, resolution=0.1))
        print(f"{seeds:5d}" + "".join(_shares(e) for e in cells), flush=True)
    print("\na step to 1 is claimed; at every size the share of ones is")
    print(f"{'seeds':>5s}" + "".join(f"{p:>16g}" for p in (0.99, 0.9, 0.6, 0.4, 0.1)))
    for seeds in (*SEEDS, 4000):
        draws = np.random.default_rng(seeds).random((repetitions, len(SIZES), seeds))
        cells = [judged("step", sampled(1.0 * (draws < p), 1.0), 1.0, 1.0) for p in (0.99, 0.9, 0.6, 0.4, 0.1)]
        print(f"{seeds:5d}" + "".join(_shares(e) for e in cells), flush=True)


def _shares(evidence: Evidence) -> str:
    return f"{f'{100 * evidence.refuted.mean():.1f} / {100 * evidence.settled.mean():.1f}':>16s}"


def power(repetitions: int) -> None:
    """How often a limit that is 5 % off is refuted, and a true one agrees, as the experiment grows."""
    print("\n5 % off, correction 5/n, noise 0.05: refuted; true limit: agrees, in percent")
    for sizes, seeds in (((100, 200, 400), 40), ((100, 200, 400), 160), ((100, 200, 400, 800), 160),
                         ((100, 200, 400, 800, 1600), 160), ((100, 200, 400, 800, 1600, 3200), 160)):  # fmt: skip
        n = np.array(sizes, float)
        rng = np.random.default_rng(seeds)
        noise = 0.05 * rng.standard_normal((repetitions, len(n), seeds))
        values = 1 + (5 / n)[:, None] + noise
        wrong = judged("mean", sample_of(n, values + 0.05, 1.0), 1.0, 1.0)
        right = judged("mean", sample_of(n, values, 1.0), 1.0, 1.0)
        known = judged("mean", sample_of(n, values + 0.05, 1.0), 1.0, 1.0)
        alone = np.abs(known.estimate - 1) > 2.6 * known.error
        shares = [100 * float(np.mean(a)) for a in (wrong.refuted, alone, right.settled)]
        print(f"  sizes to {sizes[-1]:5d}, {seeds:4d} seeds: {shares[0]:5.1f} refuted", end="")
        print(f" ({shares[1]:5.1f} if the exponent were known), {shares[2]:5.1f} agree")


class Shifted(Law):
    """A limit of 1 that is stated and one of 1 + off that is true, with a correction 5/n and noise."""

    off: float = 0.05
    observables: ClassVar = {"x": Observable("x", "a number")}

    def predict(self) -> dict[str, float]:
        return {"x": 1.0}


def staged(repetitions: int, first: float, noise: float, off: float) -> tuple[float, float, float, float]:
    """What `run` reaches within its default budget: shares refuted and agreed, seconds and seeds, in the mean.

    The stages and their rules are those of `asymptopia run`; the clock is not: the first stage, of 40 seeds, takes
    `first` seconds, and a realisation of size n costs n**2.
    """
    law, rng = Shifted(off=off), np.random.default_rng([int(first), int(1000 * noise), int(1000 * abs(off))])
    limit, outcomes = law.limit(), []
    for _ in range(repetitions):
        stage, spent, draws = Stage((100, 200, 400), 40), first, np.empty((0, 0))
        pace = first / stage.work
        while True:
            draws = grown(draws, (len(stage.sizes), stage.seeds), rng)
            sizes = np.array(stage.sizes)
            values = 1 + off + (5 / sizes)[:, None] + noise * draws
            data = xr.Dataset({"x": (("size", "seed"), values)}, {"size": sizes, "seed": np.arange(stage.seeds)})
            judged = confront(law, data, limit, level=stage.level(LEVEL))
            following = next_stage(judged, stage, BUDGET - spent, pace)
            if following is None:
                break
            spent += pace * (following.work - stage.work)
            stage = following
        outcomes.append((judged.verdict == DISAGREES, judged.verdict == AGREES, spent, stage.seeds))
    return tuple(np.mean(outcomes, axis=0))


def grown(draws: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Normal draws of a larger shape (sizes, seeds), which begin with those that there are."""
    larger = rng.standard_normal(shape)
    larger[: draws.shape[0], : draws.shape[1]] = draws
    return larger


def budgets(repetitions: int) -> None:
    """How often `run` refutes a limit that is 5 % off, and takes a true one to agree, within two minutes."""
    print(f"\nstages within {BUDGET:.0f} s, correction 5/n, sizes from 100 to 400 and 40 seeds at first, in percent")
    print(f"{'first stage':>12s}{'noise':>7s}{'5 % off: refuted / agrees':>28s}{'true: refuted / agrees':>26s}")
    for first in (1.0, 4.0, 16.0):
        for noise in (0.01, 0.05):
            wrong, right = (staged(repetitions, first, noise, off) for off in (0.05, 0.0))
            told = [f"{100 * a:.1f} / {100 * b:.1f} ({s:.0f} s, {n:.0f} seeds)" for a, b, s, n in (wrong, right)]
            print(f"{first:10.0f} s{noise:7.2f}{told[0]:>34s}{told[1]:>32s}", flush=True)


def looks(repetitions: int, stages: int = 4) -> float:
    """How often a true limit is refuted at any of several looks, the seeds multiplied by four between them."""
    rng = np.random.default_rng(7)
    values = 1 + (5 / SIZES)[:, None] + NOISE * rng.standard_normal((repetitions, len(SIZES), 10 * 4 ** (stages - 1)))
    refuted = np.zeros(repetitions, bool)
    for k in range(stages):
        sample = sample_of(SIZES, values[:, :, : 10 * 4**k], 1.0)
        refuted |= judged("mean", sample, 1.0, 1.0, LEVEL / 2 ** (k + 1)).refuted
    return float(refuted.mean())


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--repetitions", type=int, default=2000)
    given.add_argument("--only", default="")
    chosen = given.parse_args()
    np.seterr(all="ignore")
    for statistic in ("mean", "fluctuation", "exponent", "mean bound", "every bound", *TWO_VALUED):
        if chosen.only in statistic:
            table(statistic, chosen.repetitions)
        if chosen.only in statistic and "bound" not in statistic and statistic != "step":
            for share in (-0.1, 0.1):
                table(statistic, chosen.repetitions, share)
    if chosen.only in "two-valued":
        two_valued(chosen.repetitions)
    power(chosen.repetitions)
    budgets(max(chosen.repetitions // 5, 10))
    print(f"\na true limit at any of four looks: {100 * looks(chosen.repetitions):.2f} % refuted")


if __name__ == "__main__":
    sys.exit(main())
