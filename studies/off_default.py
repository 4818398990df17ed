"""Are true statements off the defaults decided? Some fifty, over many fields, each with a budget.

    python studies/off_default.py [--budget 120] [--only PART]

Each is confronted in stages, as `asymptopia run` does it: seeds are added, then sizes, until it is decided or the
budget, in seconds of CPU, is spent. Printed are the verdict, the largest discrepancy that could have been missed (in
percent of its observable's scale), the seconds, and what is not decided; at the end, how many agree and how many are
refuted. At least four in five should agree, and none may be refuted. What runs printed is in `off_default.txt` and
`off_default_frontier.txt`.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from unittest.mock import patch

from asymptopia import parse
from asymptopia.verdict.confront import Confrontation
from asymptopia.verdict.judgement import AGREES, DISAGREES, Judgement
from asymptopia.verdict.stages import settle

STATEMENTS = (
    # spins
    "CurieWeiss(beta=1.3, h=0.05)",
    "CurieWeiss(beta=0.5, h=-0.2)",
    "Hopfield(alpha=0.03, temperature=0.2)",
    "TAPEquations(beta=0.8, h=0.5)",
    "PSpinStatics(temperature=1.5)",
    "IsingMeanField(beta=0.3)",
    # inference
    "ERM(alpha=3.0, loss=Square(), ridge=0.5, teacher=Linear(noise=0.3))",
    "ERM(alpha=1.5, loss=Logistic(), ridge=0.3)",
    "ERM(alpha=4.0, loss=Hinge(), ridge=1.0)",
    "AMP(alpha=3.0, iterations=6)",
    "AMP(alpha=1.2, channel=Linear(noise=0.2))",
    "BayesOptimal(alpha=3.0, channel=Linear(noise=0.5))",
    "SpikedMatrix(snr=1.5, prior=Gaussian())",
    "SpikedMatrix(snr=2.0, aspect=0.5)",
    "MaxMargin(alpha=3.0)",
    "MixtureERM(alpha=3.0, clusters=2, separation=2.0, ridge=0.5)",
    "GraphConvolution(graph=1.0, features=1.5, labelled=0.3, ridge=0.5)",
    "GaussianCovariate(alpha=3.0, loss=Square(), ridge=0.5)",
    "L1Recovery(alpha=0.6, sparsity=0.2)",
    # kernels and wide networks
    "RandomFeatures(alpha=1.5, features=2.0, loss=Square(), ridge=0.5)",
    "KernelRegression(alpha=3.0, ridge=1.0, noise=0.3)",
    "SignalPropagation(activation=Relu(), weight_variance=1.5, bias_variance=0.1, layers=5)",
    "WideNetworkKernel(depth=2, weight_variance=1.5, bias_variance=0.3)",
    "ResidualLimit(gain=1.0, keep=0.6)",
    # dynamics
    "RidgeFlow(alpha=0.7, ridge=0.3, noise=0.5)",
    "OneThirdLaw(rate=0.5, times=(1.0, 5.0, 20.0))",
    "AdaptiveSGD(noise=0.5, times=(0.5, 1.0, 2.0))",
    "OnlineSGD(rate=0.5, noise=0.2, times=(0.5, 1.0, 2.0))",
    "TrainingRace(samples=3.0, noise=0.3)",
    "InertialNewton(damping=0.8, newtonian=0.3, times=(1.0, 3.0))",
    "CentralFlow(rate=0.5, target=3.0, angle=0.6)",
    "DeepLinear(layers=2, singular_values=(2.0, 1.0), times=(0.5, 1.0, 2.0))",
    # particles and sampling
    "Underdamped(friction=0.7, temperature=0.3, times=(0.5, 1.0))",
    "SteinParticles(target=Quadratic(stiffness=1.5), start=Normal(mean=-0.5, variance=0.5))",
    "EquiangularAttention(tokens=16, beta=2.0)",
    "WassersteinFlow(temperature=0.3, start=Normal(mean=1.0, variance=1.0))",
    "SchroedingerBridge(diffusion=0.5)",
    "NonReversibleTempering(target=GaussianShift(mean=2.0))",
    # frontier: attention, scaling, diffusion
    "QuadraticNetwork(alpha=0.5, noise=0.5)",
    "InContextRegression(alpha=1.0, kappa=0.5, tau=3.0, noise=1.0, ridge=1.0)",
    "ScalingPhases(alpha=0.7, beta=1.2, times=(10, 100, 500), width=50)",
    "FunctionalScalingLaw(rate=0.2, noise=0.3, times=(10.0, 30.0))",
    "AdaptiveSGD(optimiser=SignSGD(rate=0.5), times=(0.5, 1.0, 2.0))",
    "AdaptiveSGD(optimiser=ClippedSGD(rate=0.5, clip=0.5), noise=0.5, times=(0.5, 1.0, 2.0))",
    "AttentionParticles(temperature=0.2, dimension=3, concentration=1.0, times=(1.0, 3.0))",
    "AttentionParticles(beta=3.0, temperature=0.3, concentration=1.0, times=(1.0, 3.0))",
    "DiffusionMemorisation(alpha=0.25, variance=0.5, times=(0.3,))",
    # landscapes and approximation
    "HessianSpectrum(alpha=3.0, spike=1.2, ridge=0.2)",
    "Barron(d=3)",
)


def undecided(confrontation: Confrontation) -> str:
    """The observables that do not agree, each with its precision in percent."""
    left = [j for j in confrontation.judgements if j.verdict != AGREES]
    return "; ".join(f"{j.observable} {100 * j.precision:.3g} % of {100 * j.wanted / scale(j):.3g}" for j in left)


def scale(judgement: Judgement) -> float:
    """The size of an observable to which discrepancies are compared."""
    return float(judgement.table["scale"].max())


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--budget", type=float, default=120.0)
    given.add_argument("--only", default="", help="a part of the statements")
    chosen = given.parse_args()
    verdicts = []
    for text in (s for s in STATEMENTS if chosen.only in s):
        start = time.process_time()
        with warnings.catch_warnings(), patch("time.monotonic", time.process_time):
            warnings.simplefilter("ignore")
            confrontation = settle(parse(text), chosen.budget)
        verdicts.append(confrontation.verdict)
        spent = time.process_time() - start
        print(f"{text:88s} {confrontation.headline:20s} {spent:5.0f} s  {undecided(confrontation)}", flush=True)
    agree, refuted = verdicts.count(AGREES), verdicts.count(DISAGREES)
    print(f"{agree} of {len(verdicts)} agree, {refuted} are refuted")
    return int(refuted > 0 or (not chosen.only and agree < 0.8 * len(verdicts)))


if __name__ == "__main__":
    sys.exit(main())
