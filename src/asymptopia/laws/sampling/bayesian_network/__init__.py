"""The last layer of a Bayesian network, where samplers can be checked against the exact posterior."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ....contract.record import field
from ....parts.data import Bundled, Data, feature_map
from ....parts.sampler import HMC, PosteriorSampler

BISHOP = "Bishop, Pattern Recognition and Machine Learning (2006), equations 3.49 to 3.59"
TALTS = "Talts, Betancourt, Simpson, Vehtari and Gelman, arXiv:1804.06788 (2018), theorem 1"
BINS = 8


class BayesianNetwork(Law):
    r"""The posterior of a network's last layer on real data, sampled by Markov chains.

    The hidden layer has fixed random weights: its outputs $\phi(x)$ are the `features` of the first `samples` samples
    of the data. The last layer has the prior $w \sim \mathcal N(0, 1/\mathrm{ridge})$ and the labels are
    $y = w\cdot\phi(x) + \mathcal N(0, s^2)$, $s^2$ = noise. Then the posterior is normal with precision
    $\Lambda = \Phi^T\Phi/s^2 + \mathrm{ridge}$ and mean $\Lambda^{-1}\Phi^T y/s^2$, so that the output
    $f = w\cdot\phi(x)$ at a further sample has

    $$\mathrm{E} f = \phi(x)^T \Lambda^{-1}\Phi^T y/s^2, \qquad \mathrm{Var} f = \phi(x)^T\Lambda^{-1}\phi(x).$$

    A chain of the `sampler` starts from a draw of the prior, and after n/2 steps its next n steps estimate both at the
    next `probes` samples; these tend to the exact `mean` and `variance`. `calibration` is simulation-based: labels are
    drawn from the model itself with weights from the prior, and the rank of the true output at the first probe among 7
    draws of its posterior, n/40 steps apart, is uniform. The outputs, not the weights, are looked at: they mean the
    same for every sampler and every labelling of the hidden units.

    Corrections are of order 1/n. No limit depends on `sampler`, nor on its step: an exact one leaves the posterior
    invariant whatever its step is, and a wrong one does not.
    """

    data: Data = field(Bundled(), "inputs and labels")
    features: str = field("tanh:6", "the hidden layer: an activation and the number of units")
    samples: int = field(40, "samples learnt from", at_least=1)
    probes: int = field(4, "samples after these at which the output is looked at", at_least=1, at_most=20)
    noise: float = field(0.5, "variance of the labels given the output", above=0)
    ridge: float = field(1.0, "precision of the prior of every weight", above=0)
    sampler: PosteriorSampler = field(HMC(), "the sampler of the posterior")

    defaults = Defaults(size="steps", sizes=(100, 200, 400), seeds=400, block=400)
    references = References(
        source=BISHOP + "; " + TALTS,
        status="proved",
        bibtex="""@book{Bishop2006,
  author = {Bishop, Christopher M.},
  title = {Pattern Recognition and Machine Learning},
  publisher = {Springer}, year = {2006}
}
@misc{Talts2018,
  author = {Talts, Sean and Betancourt, Michael and Simpson, Daniel and Vehtari, Aki and Gelman, Andrew},
  title = {Validating {Bayesian} inference algorithms with simulation-based calibration},
  note = {arXiv:1804.06788}, year = {2018}
}""",
    )
    observables = {
        "mean": Observable(r"\mathrm{E} f", "posterior mean of the output", dims=("probe",), scale=1.0),
        "variance": Observable(r"\mathrm{Var} f", "posterior variance of the output", dims=("probe",), resolution=0.2),
        "calibration": Observable(
            r"P(\mathrm{rank})",
            "probability of each rank of the true output",
            dims=("rank",),
            scale=1.0,
            resolution=0.12,
        ),
    }
    exercises = (dict(noise=1.5, ridge=20.0),)
    landmarks = (
        Landmark({}, "calibration", 1 / BINS, 1e-12, TALTS, at=(0,)),
        Landmark(dict(ridge=1e12), "mean", 0.0, 1e-9, "the prior, which nothing outweighs; " + BISHOP, at=(0,)),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        feature_map(self.features)

    def check(self) -> None:
        most = len(self.data.samples().y) - self.probes
        if self.samples > most:
            raise NoLimit(
                f"`samples` of BayesianNetwork must be <= {most}, which leaves {self.probes} probes, but is "
                f"{self.samples}."
            )

    def coords(self) -> dict[str, Any]:
        return {"probe": np.arange(1, self.probes + 1), "rank": np.arange(BINS)}

    def design(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features and labels of the samples learnt from, and features of the probes."""
        samples = self.data.samples(self.features)
        end = self.samples + self.probes
        return samples.X[: self.samples], samples.y[: self.samples], samples.X[self.samples : end]
