"""Does the default run notice a wrong theory, or a wrong algorithm? Mistakes that people make, trial after trial.

    python benchmarks/faults.py [--trials 20] [--only WORD]

Each fault turns the limit of a true statement into that of a common mistake (a convention mixed up, a term dropped, a
factor of two) and leaves the experiment alone; or it breaks the algorithm and leaves the limit alone. A trial is the
default experiment of the statement on seeds of its own; a fault is caught if the confrontation disagrees. The true
limits are judged on the same experiments: at level 0.01 about one in a hundred should be refuted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import groupby

import numpy as np
import xarray as xr
from timing import options, row

from asymptopia import Law, confront, parse
from asymptopia.contract.batching import generator
from asymptopia.laws.inference.amp import AMP

Wrong = str | Callable[[Law, xr.Dataset], xr.Dataset]


class WithoutOnsager(AMP):
    """Message passing whose fields lack the reaction term: y sees X w instead of X w - V g."""

    def realize(self, n, key):
        rng = generator(key)
        X = rng.standard_normal((round(self.alpha * n), n)) / np.sqrt(n)
        signal = self.prior.sample(n, rng)
        y = self.channel.sample(X @ signal, rng)
        w, v, path = np.zeros(n), np.ones(n), []
        for _ in range(self.iterations):
            g, slope = self.channel.score(y, X @ w, v.mean())
            A = -self.alpha * slope.mean()
            w, v = self.prior.posterior(A, X.T @ g + A * w)
            path.append(w)
        return {
            "overlap": np.array([w @ signal / n for w in path]),
            "mse": np.array([np.mean((w - signal) ** 2) for w in path]),
        }


@dataclass(frozen=True)
class Fault:
    """A mistake in words, the statement that it is about, and the wrong limit, or the statement or system of it."""

    name: str
    truth: str
    wrong: Wrong | None = None
    system: type[Law] | None = None

    def limit(self, law: Law, right: xr.Dataset) -> xr.Dataset:
        if self.wrong is None:
            return right
        if isinstance(self.wrong, str):
            return parse(self.wrong).limit()
        return self.wrong(law, right.copy(deep=True))


def times(**factors: float) -> Wrong:
    """Observables multiplied by factors."""
    return lambda law, right: right.assign({k: right[k] * f for k, f in factors.items()})


def powers(**exponents: float) -> Wrong:
    """Observables raised to powers."""
    return lambda law, right: right.assign({k: right[k] ** e for k, e in exponents.items()})


LOGISTIC = "ERM(loss=Logistic())"
SPARSE = "ERM(loss=Square(), teacher=Linear(noise=0.1), prior=GaussBernoulli(rho=0.3), ridge=0.5)"
LASSO = "ERM(loss=Square(), teacher=Linear(noise=0.1), prior=GaussBernoulli(rho=0.2), ridge=0.0, l1=0.3, alpha=0.8)"

PERCEPTRON = "BayesOptimal()"
SENSING = "BayesOptimal(alpha=0.6, prior=GaussBernoulli(rho=0.3), channel=Linear(noise=0.05))"
SPIKED = "SpikedMatrix()"
FEATURES = "RandomFeatures()"
WIDE = "RandomFeatures(features=2.0, loss=Square(), teacher=Linear(noise=0.1))"
UNEQUAL = "GaussianCovariate(data=Spectrum(values=(4.0, 0.25), teacher=(0.2, 1.8)), loss=Square())"

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
    Fault(
        "overlap of unit vectors", LOGISTIC, lambda law, right: right.assign(overlap=right.overlap / right.norm**0.5)
    ),
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
    Fault(
        "margin of the unit sphere per sample",
        "MaxMargin()",
        lambda law, right: times(margin=law.alpha**-0.5)(law, right),
    ),
    Fault(
        "error of a posterior sample, not of the posterior mean",
        PERCEPTRON,
        lambda law, right: right.assign(test_error=np.arccos(right.overlap) / np.pi),
    ),
    Fault("prior of another law, same moments", "BayesOptimal(prior=Rademacher())", "BayesOptimal()"),
    Fault("d/n for n/d", PERCEPTRON, "BayesOptimal(alpha=0.5)"),
    Fault("mean squared error over the signal's power", SENSING, times(mse=1 / 0.3)),
    Fault("noise as a standard deviation", SENSING, SENSING.replace("noise=0.05", "noise=0.22360679774997896")),
    Fault("density of the prior for its complement", SENSING, SENSING.replace("rho=0.3", "rho=0.7")),
    Fault("iterations counted from zero", "AMP()", lambda law, right: right.shift(iteration=1, fill_value=0.0)),
    Fault("Onsager term dropped", "AMP()", system=WithoutOnsager),
    Fault("signal-to-noise ratio for its root", SPIKED, "SpikedMatrix(snr=4.0)"),
    Fault("noise of variance 1 above the diagonal alone", SPIKED, "SpikedMatrix(snr=1.0)"),
    Fault("error of the vector, not of the matrix", SPIKED, lambda law, right: right.assign(mse=1 - right.overlap)),
    Fault("overlap of the eigenvector, not its square", SPIKED, powers(pca_overlap=0.5)),
    Fault(
        "eigenvalue without the noise's share",
        SPIKED,
        lambda law, right: right.assign(top_eigenvalue=right.top_eigenvalue * 0 + law.snr**0.5),
    ),
    Fault("p/n for p/d", FEATURES, "RandomFeatures(features=0.5)"),
    Fault("erf(z/sqrt 2) for erf(z)", FEATURES, "RandomFeatures(activation=Erf(scale=0.7071067811865476))"),
    Fault("features without their nonlinear part", FEATURES, "RandomFeatures(activation=Identity())"),
    Fault("penalty scaled by p/d", WIDE, WIDE.replace("features=2.0", "features=2.0, ridge=0.2")),
    Fault(
        "label noise counted into the error", WIDE, lambda law, right: right.assign(test_error=right.test_error + 0.1)
    ),
    Fault("distance of the centres for their radius", "MixtureERM()", "MixtureERM(separation=0.75)"),
    Fault("balance forgotten", "MixtureERM(balance=3.0)", "MixtureERM()"),
    Fault("spectra sorted, not paired", UNEQUAL, UNEQUAL.replace("(0.2, 1.8)", "(1.8, 0.2)")),
]


def trial(law: Law, number: int) -> xr.Dataset:
    """The default experiment on seeds that no other trial has."""
    return law.experiment(seeds=range(1000 + number * law.seeds, 1000 + (number + 1) * law.seeds))


def main() -> None:
    chosen = options(__doc__, trials=(20, 1), only=("", "AMP()"))
    faults = sorted((f for f in FAULTS if chosen.only.lower() in (f.truth + f.name).lower()), key=lambda f: f.truth)
    missed = refuted = trials = 0
    for statement, group in groupby(faults, key=lambda f: f.truth):
        law = parse(statement).law
        right = law.limit()
        true = [trial(law, k) for k in range(chosen.trials)]
        found = [confront(law, e, right).verdict for e in true]
        trials, refuted = trials + len(found), refuted + found.count("disagrees")
        note = f"{found.count('agrees')} agree, {found.count('disagrees')} of {len(found)} refuted"
        row(f"true: {statement}", note=note)
        for fault in group:
            wrong = fault.limit(law, right)
            broken = fault.system and fault.system(**{f.name: getattr(law, f.name) for f in fields(law)})
            experiments = [trial(broken, k) for k in range(chosen.trials)] if broken else true
            caught = sum(confront(law, e, wrong).verdict == "disagrees" for e in experiments)
            missed += caught < 0.95 * chosen.trials
            row(f"false: {fault.name}", note=f"{caught} of {chosen.trials} caught")
    row("all false", note=f"{missed} of {len(faults)} faults are caught in less than 95 % of the trials")
    row("all true", note=f"{refuted} of {trials} limits refuted")


if __name__ == "__main__":
    main()
