"""The Sherrington-Kirkpatrick spin glass."""

from __future__ import annotations

import math

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ....theory import replica_symmetric as symmetric
from .landmarks import LANDMARKS, PARISI

BREAKING = "`breaking` of SherringtonKirkpatrick must be a whole number >= 0 or 'full', but is {!r}."


class SherringtonKirkpatrick(Law):
    r"""Spins that all attract or repel each other at random, in equilibrium.

    n spins $s_i = \pm 1$ with $H = -\sum_{i<j} J_{ij} s_i s_j - h \sum_i s_i$ and independent normal couplings of
    variance $1/n$, at inverse temperature $\beta = 1/T$ (`beta=1e9` states the ground state). As $n \to \infty$ the
    free energy per spin tends to minus the least value of Parisi's functional over non-decreasing functions $\gamma$,

    $$f = -\min_\gamma \left[ u(0, h) - \frac12 \int_0^1 t\,\gamma(t)\,dt \right], \qquad
      \partial_t u = -\frac12 (\partial_x^2 u + \gamma\,(\partial_x u)^2), \qquad u(1, x) = T \log 2\cosh(x/T),$$

    and $T \gamma(t)$ to the probability that two configurations have an overlap $q = \frac1n \sum_i s_i s_i'$ (in
    absolute value if h = 0) of at most t. With `breaking = k` only functions of k + 2 levels, 0 and 1/T among them, are
    admitted: 0 is the replica-symmetric solution, "full" admits all. The energy is
    $-\frac{\beta}{2} (1 - E q^2) - h m$. Replica symmetry holds above the line of de Almeida and Thouless,
    $\beta^2 E \cosh^{-4} (\beta (h + \sqrt q z)) = 1$; below it `valid` warns if `breaking` is a number: the free
    energy is then a lower bound. Corrections fall as $n^{-2/3}$ below the transition.

    The functional is least at a continuous function, here a polynomial in $(1-t)^{1/2}$ over that root, followed by 24
    and 36 steps, from which the limit of infinitely many is extrapolated.

    A system is sampled by parallel tempering between `beta` and a temperature of 1.5 or above, two replicas of each,
    during 20 n sweeps: enough at the sizes stated by default, too few for hundreds of spins at low temperatures.
    """

    beta: float = field(2.0, "inverse temperature", above=0, unit="1/energy")
    h: float = field(0.0, "external field", unit="energy")
    breaking: int | str = field("full", "steps of replica symmetry breaking: 0, 1, 2, ... or 'full'")

    defaults = Defaults(size="spins", sizes=(24, 48, 96, 160), seeds=1000, bias=2 / 3, block=25)
    references = References(
        source=PARISI + "; proved by Talagrand, Ann. Math. 163 (2006) 221",
        status="proved (free energy: Guerra, 2003; Talagrand, 2006; Panchenko, 2013)",
        bibtex=r"""@article{Parisi1980,
  author = {Parisi, Giorgio},
  title = {A sequence of approximated solutions to the {S-K} model for spin glasses},
  journal = {Journal of Physics A}, volume = {13}, pages = {L115--L121}, year = {1980}
}
@article{Talagrand2006,
  author = {Talagrand, Michel},
  title = {The {Parisi} formula},
  journal = {Annals of Mathematics}, volume = {163}, pages = {221--263}, year = {2006}
}""",
    )
    observables = {
        "energy": Observable("e", "energy per spin", unit="energy", resolution=0.1),
        "squared_overlap": Observable("E q^2", "square of two configurations' overlap", scale=1.0, resolution=0.1),
        "overlap": Observable("E q", "overlap of two configurations, its absolute value if h = 0", limit_only=True),
        "largest_overlap": Observable("q_{EA}", "overlap of two configurations of one state", limit_only=True),
        "free_energy": Observable("f", "free energy per spin", unit="energy", limit_only=True),
        "entropy": Observable("s", "entropy per spin", limit_only=True),
        "magnetisation": Observable("m", "mean spin", limit_only=True),
    }
    exercises = (dict(beta=0.8, h=0.6),)
    landmarks = LANDMARKS

    def check(self) -> None:
        """Raise `StatementError` for steps that are not a whole number."""
        if self.breaking != "full" and not (isinstance(self.breaking, int) and self.breaking >= 0):
            raise StatementError(BREAKING.format(self.breaking))

    def valid(self) -> str | None:
        """Below the line of de Almeida and Thouless no number of steps is the limit."""
        self.check()
        if self.breaking == "full" or symmetric.replicon(float(self.beta), float(self.h)) <= 1:
            return None
        if self.breaking == 0:
            return (
                "below the line of de Almeida and Thouless the replica-symmetric solution is unstable: its free "
                "energy is a lower bound, and breaking='full' is the limit"
            )
        return (
            f"below the line of de Almeida and Thouless {self.breaking} steps of breaking give a lower bound of the "
            "free energy, and breaking='full' the limit"
        )

    def thresholds(self, along: str) -> dict[str, float]:
        """`almeida_thouless`, where replica symmetry breaks, along `beta` and along `h` (>= 0)."""
        line: float | None
        if along == "beta":
            line = symmetric.critical_beta(abs(float(self.h)))
        elif along == "h":
            line = symmetric.critical_field(float(self.beta))
        else:
            raise StatementError(
                f"SherringtonKirkpatrick has no known transition along {along!r}; there is one along 'beta' and 'h'."
            )
        return {} if line is None or math.isinf(line) else {"almeida_thouless": line}
