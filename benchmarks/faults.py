"""Does the default run notice a wrong theory? Mistakes that people make, injected on purpose, trial after trial.

    python benchmarks/faults.py [--trials 20] [--only WORD] [--truth 0]

Each fault turns the limit of a true statement into that of a common mistake (a convention mixed up, a term dropped, a
factor of two) and leaves the experiment alone. A trial is the default experiment of the statement on seeds of its own;
a fault is caught if the confrontation disagrees. `--truth` counts instead how often the true limits are refuted, in
that many trials altogether: at level 0.01 about one in a hundred should be.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import xarray as xr

from asymptopia import Law, confront, parse

Wrong = str | Callable[[Law, xr.Dataset], xr.Dataset]


@dataclass(frozen=True)
class Fault:
    """A mistake in words, the statement it is made about, and the wrong limit or the statement that has it."""

    name: str
    truth: str
    wrong: Wrong

    def limit(self, law: Law, right: xr.Dataset) -> xr.Dataset:
        if isinstance(self.wrong, str):
            return parse(self.wrong).limit()
        return self.wrong(law, right.copy(deep=True))


def times(**factors: float) -> Wrong:
    """Observables multiplied by factors."""
    return lambda law, right: right.assign({k: right[k] * f for k, f in factors.items()})


LOGISTIC = "ERM(loss=Logistic())"
SPARSE = "ERM(loss=Square(), teacher=Linear(noise=0.1), prior=GaussBernoulli(rho=0.3), ridge=0.5)"
LASSO = "ERM(loss=Square(), teacher=Linear(noise=0.1), prior=GaussBernoulli(rho=0.2), ridge=0.0, l1=0.3, alpha=0.8)"

FAULTS = [
    Fault("ridge scaled by alpha", LOGISTIC, "ERM(loss=Logistic(), ridge=0.2)"),
    Fault("ridge |w|^2 instead of ridge/2 |w|^2", LOGISTIC, "ERM(loss=Logistic(), ridge=0.2)"),
    Fault("n/d and d/n mixed up", LOGISTIC, "ERM(loss=Logistic(), alpha=0.5)"),
    Fault("loss summed over samples, divided by d", LOGISTIC, times(train_loss=2.0)),
    Fault("logarithm to base 2 in the loss", LOGISTIC, times(train_loss=1 / np.log(2))),
    Fault(
        "penalty counted into the training loss",
        LOGISTIC,
        lambda law, right: right.assign(train_loss=right.train_loss + law.ridge / 2 * right.norm / law.alpha),
    ),
    Fault("overlap of unit vectors", LOGISTIC, lambda law, right: right.assign(overlap=right.overlap / right.norm**0.5)),
    Fault("norm instead of squared norm", LOGISTIC, lambda law, right: right.assign(norm=right.norm**0.5)),
    Fault("teacher of norm 1, not rho", SPARSE, SPARSE.replace("GaussBernoulli(rho=0.3)", "Gaussian()")),
    Fault("square loss without the half", SPARSE, SPARSE.replace("ridge=0.5", "ridge=0.25")),
    Fault("noise as a standard deviation", SPARSE, SPARSE.replace("noise=0.1", "noise=0.31622776601683794")),
    Fault(
        "label noise counted into the test error",
        SPARSE,
        lambda law, right: right.assign(test_error=right.test_error + law.teacher.noise),
    ),
    Fault("LASSO with a mean instead of a sum", LASSO, LASSO.replace("l1=0.3", "l1=0.24")),
    Fault("LASSO's columns normalised by n", LASSO, LASSO.replace("l1=0.3", f"l1={0.3 * 0.8**0.5}")),
    Fault("flips forgotten", "ERM(teacher=Sign(flip=0.1))", "ERM()"),
    Fault("error on flipped labels", "ERM(teacher=Sign(flip=0.1))", "ERM(teacher=Sign(flip=0.1), noisy_test=True)"),
    Fault("hinge at margin 0", "ERM(loss=Hinge())", lambda law, right: right.assign(train_loss=right.train_loss / 2)),
    Fault("half margin", "MaxMargin()", times(margin=0.5)),
    Fault("margin of the unit sphere per sample", "MaxMargin()", lambda law, right: times(margin=law.alpha**-0.5)(law, right)),
]


def trial(law: Law, number: int) -> xr.Dataset:
    """The default experiment on seeds that no other trial has."""
    return law.experiment(seeds=range(1000 + number * law.seeds, 1000 + (number + 1) * law.seeds))


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--trials", type=int, default=20)
    given.add_argument("--truth", type=int, default=0)
    given.add_argument("--only", default="")
    chosen = given.parse_args()
    faults = [f for f in FAULTS if chosen.only.lower() in (f.truth + f.name).lower()]
    if chosen.truth:
        return truth(sorted({f.truth for f in faults}), chosen.truth)
    missed = 0
    for statement, group in groupby(sorted(faults, key=lambda f: f.truth), key=lambda f: f.truth):
        law = parse(statement).law
        experiments = [trial(law, k) for k in range(chosen.trials)]
        right = law.limit()
        for fault in group:
            wrong = fault.limit(law, right)
            caught = sum(confront(law, e, wrong).verdict == "disagrees" for e in experiments)
            missed += caught < 0.95 * chosen.trials
            print(f"{caught:4d} of {chosen.trials}  {fault.name:45s} {statement}", flush=True)
    print(f"{len(faults)} faults, {missed} of them caught in less than 95 % of the trials")


def truth(statements: list[str], trials: int) -> None:
    """How often true limits are refuted."""
    share, refuted = -(-trials // len(statements)), 0
    for statement in statements:
        law = parse(statement).law
        right = law.limit()
        found = [confront(law, trial(law, k), right).verdict for k in range(share)]
        refuted += found.count("disagrees")
        print(f"{found.count('disagrees'):4d} of {share} refuted, {found.count('agrees')} agree  {statement}", flush=True)
    print(f"{refuted} of {share * len(statements)} true statements refuted")


if __name__ == "__main__":
    main()
