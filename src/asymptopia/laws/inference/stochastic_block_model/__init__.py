"""Communities in a sparse random graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, field
from ....parts.propensity import EqualPropensities, GammaPropensities, Propensities
from .landmarks import CORRECTED, DECELLE, LANDMARKS, SPECTRAL

if TYPE_CHECKING:
    from .theory.branch import Line, Thresholds


FEWEST_HUBS = 5  # nodes on which the mean square of the propensities rests
MOST_LOST = 0.15  # of it, as hubs are joined once only


class StochasticBlockModel(Law):
    r"""The groups of the nodes of a sparse random graph, inferred from its edges.

    n nodes belong to k groups of equal size; two are joined with probability $c_\mathrm{in}/n$ if they share their
    group and $c_\mathrm{out}/n$ if not, so that the mean degree is $c = (c_\mathrm{in} + (k-1) c_\mathrm{out})/k$. The
    `assortativity` is the second eigenvalue of the transition of labels along an edge,

    $$\lambda = \frac{c_\mathrm{in} - c_\mathrm{out}}{k c}, \qquad
      \frac{c_\mathrm{out}}{c_\mathrm{in}} = \frac{1 - \lambda}{1 + (k-1) \lambda}:$$

    1 if all edges are within groups, 0 if they tell nothing, $-1/(k-1)$ if all are between groups.

    As $n \to \infty$ the neighbourhood of a node is a Poisson tree. The posterior $\psi$ of its label, given that the
    label is 0, solves in law

    $$\psi_s \propto \prod_{j=1}^{\mathrm{Poisson}(c)} \left( 1 - \lambda + \lambda k \psi^{(j)}_s \right),$$

    where child j has its parent's label with probability $\lambda + (1-\lambda)/k$ and another one otherwise.
    Populations of posteriors evolve from leaves that know next to nothing (`start="uninformative"`, what belief
    propagation reaches) or everything (`"informative"`) until they are stationary; errors are those between independent
    populations. With P the probability of a right label, up to the groups' names, the overlap is $(kP-1)/(k-1)$, for
    the most probable label (`overlap`) and for one drawn from the posterior (`posterior_overlap`).

    Nodes may differ in their expected degrees (a degree-corrected model): with `propensities` $\theta$ of mean 1 two
    are joined with probability $\theta_i \theta_j c_{ab}/n$ (precisely $1 - (1 - c_{ab}/n)^{\theta_i \theta_j}$). A
    node then has Poisson($c \theta$) children; the root has a propensity drawn from their distribution, all below it
    from that distribution weighted by $\theta$, so that they have $c' = c E \theta^2$ children on average.

    Labels can be found by belief propagation, and by the non-backtracking matrix, above the threshold of Kesten and
    Stigum, $c' \lambda^2 = 1$: its second eigenvalues, k - 1 of modulus $c' |\lambda|$, then leave the bulk of radius
    $\sqrt{c'}$.

    With four or more groups another fixed point can exist below it, from some degree or modulus of the assortativity
    on (`informative_spinodal`). It holds what can be known of the labels where its free entropy per node, relative to
    that of no knowledge,

    $$\phi = E \log \frac1k \sum_s \prod_j \left(1 - \lambda + \lambda k \psi^{(j)}_s\right)
      - \frac c2 E \log\left(1 - \lambda + \lambda k\, \psi \cdot \psi'\right),$$

    is positive: above the `information_theoretic` threshold (condensation). Between it and the threshold of Kesten and
    Stigum lies the hard phase. The colouring of a planted graph is $\lambda = -1/(k-1)$.

    The system is a random graph, given to belief propagation with its true parameters, the propensities of its nodes
    among them, and random messages (or with the true labels), and the spectrum of its non-backtracking matrix.
    """

    groups: int = field(2, "number of groups, k", at_least=2)
    degree: float = field(3.0, "mean degree, c; c E theta^2 is > 1, or there is no giant component", above=0)
    assortativity: float = field(0.8, "(c_in - c_out) / (k c)", at_least=-1, below=1)
    start: str = field("uninformative", "where messages start", one_of=("uninformative", "informative"))
    propensities: Propensities = field(
        EqualPropensities(), "expected degrees of nodes, over their mean, theta", added=True
    )

    defaults = Defaults(size="nodes", sizes=(10_000, 16_000, 25_000), seeds=24, block=4)
    references = References(
        source=f"{DECELLE}; {SPECTRAL}; {CORRECTED}",
        status="spectrum and threshold proved; overlap heuristic (cavity method), proved for two groups",
        bibtex="""@article{Decelle2011,
  author = {Decelle, Aurelien and Krzakala, Florent and Moore, Cristopher and Zdeborov{\\'a}, Lenka},
  title = {Asymptotic analysis of the stochastic block model for modular networks and its algorithmic applications},
  journal = {Physical Review E},
  volume = {84}, pages = {066106}, year = {2011}
}
@article{BordenaveLelargeMassoulie2018,
  author = {Bordenave, Charles and Lelarge, Marc and Massouli{\\'e}, Laurent},
  title = {Nonbacktracking spectrum of random graphs: Community detection and nonregular {R}amanujan graphs},
  journal = {Annals of Probability},
  volume = {46}, pages = {1--71}, year = {2018}
}
@article{GulikersLelargeMassoulie2018,
  author = {Gulikers, Lennart and Lelarge, Marc and Massouli{\\'e}, Laurent},
  title = {An impossibility result for reconstruction in the degree-corrected stochastic block model},
  journal = {Annals of Applied Probability},
  volume = {28}, pages = {3002--3027}, year = {2018}
}""",
    )
    observables = {
        "overlap": Observable(
            "Q", "share of right labels above chance, most probable labels", scale=1.0, self_averaging=True
        ),
        "posterior_overlap": Observable(
            "Q_p", "the same for labels drawn from their marginals", scale=1.0, self_averaging=True
        ),
        "top_nonbacktracking": Observable(r"\mu_1", "largest eigenvalue of the non-backtracking matrix"),
        "second_nonbacktracking": Observable(
            r"|\mu_2|", "mean modulus of the k - 1 eigenvalues of largest modulus after it", bias=0.5
        ),
    }
    landmarks = LANDMARKS
    exercises = (
        dict(degree=3.75, assortativity=0.64),
        dict(groups=3, degree=3.0, assortativity=0.7, propensities=GammaPropensities(shape=1.5)),
    )

    def affinity(self) -> np.ndarray:
        """n times the probabilities of edges between the groups, (k, k)."""
        k, copied = self.groups, self.assortativity
        return self.degree * (1 - copied + copied * k * np.eye(k))

    def alike(self) -> bool:
        """Whether all nodes have the same expected degree."""
        return isinstance(self.propensities, EqualPropensities)

    def check(self) -> None:
        if self.assortativity < -1 / (self.groups - 1):
            raise NoLimit(
                f"`assortativity` must be >= -1 / (groups - 1) = {-1 / (self.groups - 1):g}, where no edge is within "
                f"a group, but is {self.assortativity:g}."
            )
        self.propensities.check()
        branching = self.degree * self.propensities.second_moment()
        if branching <= 1:
            raise NoLimit(
                f"`degree` times the mean square of the propensities must be > 1, or there is no giant component whose "
                f"labels could be found, but is {branching:.4g}."
            )

    def too_small(self, sizes: Sequence[int]) -> str | None:
        """Hubs that share more than an edge, or that are too few to have the mean square of the propensities."""
        if self.alike():
            return None
        n, (theta, weights) = min(sizes), self.propensities.atoms()
        square, fourth = weights @ theta**2, weights @ theta**4
        hubs = n * square**2 / fourth
        joined = np.mean([1 - (1 - min(c / n, 1.0)) ** np.outer(theta, theta) for c in self.affinity()[0]], axis=0)
        degrees = n * joined @ weights
        reached = (weights @ degrees**2) / (weights @ degrees) / (self.degree * square)
        if hubs < FEWEST_HUBS:
            return (
                f"the mean square of the propensities rests on {hubs:.2g} of {n} nodes, (E theta^2)^2 / E theta^4 of "
                f"them; it takes sizes of at least {math.ceil(n * FEWEST_HUBS / hubs)}"
            )
        if reached < 1 - MOST_LOST:
            return (
                f"of {n} nodes the hubs would share more than one edge: c E theta^2, {self.degree * square:.4g} in the "
                f"limit, is {100 * (1 - reached):.0f} % less"
            )
        return None

    def valid(self) -> str | None:
        """Near the threshold, and where the labels may be found in principle but not by belief propagation."""
        signal = self.degree * self.propensities.second_moment() * self.assortativity**2
        if abs(signal - 1) < 0.1:
            return (
                f"close to the threshold of Kesten and Stigum (c lambda**2 E theta**2 = {signal:.3g}, threshold 1) "
                "finite graphs are smeared, and messages and populations relax slowly"
            )
        if signal < 1 and self.groups >= 4:
            return (
                "below the threshold of Kesten and Stigum four or more groups can have a hard phase: the overlap is "
                "what messages reach from this start, not that of the best estimate, which may be another fixed point; "
                "the thresholds along `degree` and `assortativity` say where"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `degree`, and along `assortativity` on either side (`..._disassortative`), where it is admitted.

        `kesten_stigum`; and for 4 to 20 groups, where the line starts at a degree of at most 100 and next to no node
        has more than 400 children, those of the hard phase, with the standard errors of the populations that find them
        (`information_theoretic_error`, ...), if it starts more than four of these below Kesten and Stigum's; a narrower
        hard phase, or one that follows a continuous transition, is not seen. `threshold_notes` tells why none is given:
        none was sought, or seen, or the populations did not settle. A line of assortativities is followed from
        Kesten and Stigum's or, if no disassortative graph reaches that, down from its degree at the last assortativity,
        -1 / (groups - 1).
        """
        self.check()
        if along not in ("degree", "assortativity"):
            raise StatementError(
                f"StochasticBlockModel has no known transition along {along!r}; there is one along "
                "'assortativity' and along 'degree'."
            )
        square = self.propensities.second_moment()
        if along == "degree":
            at = self.assortativity**-2 / square if self.assortativity else math.inf
            transitions = {"kesten_stigum": at}
            for line, start in self._lines(along).values():
                transitions |= _named(self._hard(line, start), "", 1.0, math.inf)
            return transitions
        edge, transitions = (self.degree * square) ** -0.5, {}
        for side, (line, start) in self._lines(along).items():
            sign, last = math.copysign(1.0, line.assortativity), abs(line.assortativity)
            if edge <= last:
                transitions[f"kesten_stigum{side}"] = sign * edge
            transitions |= _named(self._hard(line, start), side, sign, last)
        return transitions

    def slow_thresholds(self, along: str) -> str | None:
        from .theory.branch import why_not_sought

        lines = self._lines(along).values()
        if all(why_not_sought(self.groups, start, self.propensities) for _, start in lines):
            return None
        return f"seeking a hard phase along {along} by populations of posteriors: this takes seconds to minutes"

    def threshold_notes(self, along: str) -> list[str]:
        reasons = {}
        for side, (line, start) in self._lines(along).items():
            hard = self._hard(line, start)
            if isinstance(hard, str):
                reasons[side] = hard
            elif along == "assortativity" and hard.spinodal > abs(line.assortativity):
                sign = math.copysign(1.0, line.assortativity)
                reasons[side] = f"it would start at {sign * hard.spinodal:.4g}, beyond {line.assortativity:.4g}"
        if along == "degree" or len(set(reasons.values())) < len(reasons):
            return [f"no hard phase is given: {why}" for why in set(reasons.values())]
        return [f"no hard phase of {side[1:] or 'assortative'} graphs is given: {why}" for side, why in reasons.items()]

    def _lines(self, along: str) -> dict[str, tuple[Line, float]]:
        """The lines along which there may be a hard phase, with the degrees at which they start, by ends of names."""
        from .theory.branch import Line

        square = self.propensities.second_moment()
        if along == "degree" and self.assortativity:
            return {"": (Line(self.assortativity), self.assortativity**-2 / square)}
        if along != "assortativity":
            return {}
        ends = {"": 1.0, "_disassortative": -1 / (self.groups - 1)}
        return {k: (Line(v, self.degree), max(self.degree, v**-2 / square)) for k, v in ends.items()}

    def _hard(self, line: Line, start: float) -> Thresholds | str:
        """The thresholds of the hard phase along a line that starts at a degree, or why there are none."""
        from .theory.branch import hard_phase, why_not_sought

        return why_not_sought(self.groups, start, self.propensities) or hard_phase(self.groups, line, self.propensities)


def _named(hard: Thresholds | str, side: str, sign: float, last: float) -> dict[str, float]:
    """The thresholds of a hard phase that are admitted, at most `last`, with their errors, by name."""
    named: dict[str, float] = {}
    if isinstance(hard, str):
        return named
    if hard.spinodal <= last:
        named[f"informative_spinodal{side}"] = sign * hard.spinodal
        named[f"informative_spinodal{side}_error"] = hard.spinodal_error
    if hard.equilibrium <= last:
        named[f"information_theoretic{side}"] = sign * hard.equilibrium
        named[f"information_theoretic{side}_error"] = hard.equilibrium_error
    return named
