"""Learning one to four hidden units from labels: what is possible, and when the units are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, field
from ....contract.transitions import FixedPoint
from ....numerics.fixed_points import NotConverged
from ....parts.activation import Activation, Sign
from ....parts.prior import Gaussian, Prior
from ..common import few_nonzero, none_drawn, nonzero_share
from .landmarks import AUBIN, LANDMARKS


class Committee(Law):
    r"""A student learns the votes of a committee: a teacher with K hidden units of the same prior.

    n = $\alpha d$ inputs $x \sim N(0, I_d)$ make fields $z_k = x \cdot w_k / \sqrt d$ of K units, whose weights have
    independent coordinates from `prior`. Units `Sign()` vote, $y = \mathrm{sign}(\sum_k \mathrm{sign}(z_k))$, with 0
    where they are undecided (three labels for K = 2); other units f make real labels
    $y = \sum_k f(z_k) / \sqrt K + N(0, \Delta)$ with `noise` $\Delta > 0$. As $d \to \infty$ the overlap matrix
    $Q_{kl} = \langle w_k \rangle \cdot w_l / d$ of posterior means and teacher obeys, with a K-dimensional field,

    $$Q = E[\langle w \rangle_A \langle w \rangle_A^T], \quad
    A = \alpha E[\nabla_\omega \log P(y | \omega) \nabla_\omega \log P(y | \omega)^T],$$

    where $\langle \cdot \rangle_A$ is the mean of K weights given $A^{1/2} w + z$, z standard normal, and y the label
    of fields $N(\omega, \rho - Q)$ with $\omega \sim N(0, Q)$ and $\rho$ the covariance of the teacher's fields. The
    sum of the units and their differences are its eigenvectors. With few samples only the sum is learnt: all entries of
    Q are equal. The units are told apart above the `specialisation` transition, where the diagonal departs, for K = 2
    continuously. Three voting units are told apart in a jump: the state that tells them apart is the equilibrium long
    before the one that does not is unstable (`algorithmic`). For K > 2 units, with Gaussian weights, and for units with
    kinks, as `Relu()`, averages are sums over a lattice of mean fields, to about 1e-5 for votes and 3e-4 with kinks.
    Such limits take from seconds to minutes, most just below a jump; `Relu()` at the default alpha is refused with
    `noise` 0.01. Four voting units at d = 1000 take about a minute an iteration, and default runs hours: state smaller
    `sizes`.

    Iterated from no knowledge (`start="uninformative"`) this state evolution follows approximate message passing;
    `"informative"` starts at the teacher. `free_entropy` is $\lim \frac1d E \log P(y | X)$ (of a density for real
    labels); the fixed point where it is largest is the Bayes-optimal one. `test_error` is that of the best guess given
    the posterior: the probability of a wrong vote, or the mean squared error of the output without noise.

    The system is a random teacher and its data sets, learnt by message passing; the order of the student's units,
    which nothing determines, is the one with the larger overlaps.
    """

    alpha: float = field(4.0, "samples per dimension, n / d", above=0)
    K: int = field(2, "number of hidden units", one_of=(1, 2, 3, 4))
    prior: Prior = field(Gaussian(), "distribution of the weights: a mixture of few Gaussians")
    activation: Activation = field(Sign(), "units: Sign, whose votes are counted, or any other, with real labels")
    noise: float | None = field(None, "variance of the noise of the real labels of units other than Sign", above=0)
    start: str = field(
        "uninformative", "knowledge of the teacher at the start", one_of=("uninformative", "informative")
    )

    defaults = Defaults(size="dimension", sizes=(200, 500, 1000), seeds=12, block=4)
    references = References(
        source=AUBIN + ", equations 9-11",
        status=("proved under a technical assumption, for the state of largest free entropy and for message passing"),
        bibtex="""@article{AubinMaillardBarbierKrzakalaMacrisZdeborova2019,
  author = {Aubin, Benjamin and Maillard, Antoine and Barbier, Jean and Krzakala, Florent
            and Macris, Nicolas and Zdeborov{\\'a}, Lenka},
  title = {The committee machine: computational to statistical gaps in learning a two-layers neural network},
  journal = {Journal of Statistical Mechanics: Theory and Experiment},
  volume = {2019}, number = {12}, pages = {124023}, year = {2019}
}""",
    )
    observables = {
        "overlap": Observable(
            "Q", "overlaps of the student's and the teacher's units, per dimension", dims=("unit", "unit2"), scale=1.0
        ),
        "test_error": Observable(r"\varepsilon_g", "least error on new labels", resolution=0.1),
        "free_entropy": Observable(r"\phi", "log-probability of all labels, per dimension", limit_only=True),
    }
    exercises = (dict(alpha=5.0), dict(K=3, alpha=2.0))
    landmarks = LANDMARKS

    def coords(self) -> dict[str, Any]:
        return {"unit": np.arange(self.K), "unit2": np.arange(self.K)}

    def check(self) -> None:
        from .theory import check

        if isinstance(self.activation, Sign) != (self.noise is None):
            must = "None (their labels are votes)" if self.noise else "a number > 0 (their labels are real)"
            raise NoLimit(f"With {self.activation!r} units `noise` of Committee must be {must}, but is {self.noise}.")
        check(self)

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes) or few_nonzero(nonzero_share(self.prior), sizes)

    def valid(self) -> str | None:
        """Warns in the hard phase, and where an informed start leads to a state that is not that of equilibrium."""
        from .theory import informative, machine_of, uninformative

        machine = machine_of(self)
        try:
            low, high = uninformative(machine, self.alpha), informative(machine, self.alpha)
        except NotConverged as error:
            return f"whether this state is that of equilibrium is not known, as the other was not found: {error}"
        gap = high.free_entropy(self.alpha) - low.free_entropy(self.alpha)
        if self.start == "uninformative" and gap > 1e-9:
            return "hard phase: the Bayes-optimal state is not reached without knowledge of the teacher"
        if self.start == "informative" and gap < -1e-9:
            return "the informed state is metastable: the one reached without knowledge has the larger free entropy"
        return None

    def fixed_points(self) -> list[FixedPoint]:
        """All fixed points, by overlap (the mean of the diagonal); `difference` is diagonal minus off-diagonal.

        For K > 2, and for units with kinks, those that tell the units apart are only the ones reached from either
        start: an unstable one between them is missing.
        """
        from .theory import all_states, machine_of, stable

        machine = machine_of(self)
        solutions = []
        for s in all_states(machine, self.alpha):
            values = {
                "overlap": float(machine.modes @ s.q) / self.K,
                "sum": float(s.q[0]),
                "difference": float(s.q[-1]),
            }
            solutions.append(FixedPoint(values, s.free_entropy(self.alpha), stable(machine, s)))
        return sorted(solutions, key=lambda p: p.overlap)

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`: `specialisation`, where the units begin to be told apart, and, where the branch reached
        without knowledge ends in a jump, `algorithmic`, `informative_spinodal` and `information_theoretic`.

        Of three voting units they take about a minute.
        """
        from .theory import machine_of
        from .theory.transitions import transitions

        if along != "alpha":
            raise StatementError(f"Committee has no known transition along {along!r}; there are some along 'alpha'.")
        self.check()
        return transitions(machine_of(self))
