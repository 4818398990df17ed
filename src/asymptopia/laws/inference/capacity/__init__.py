"""The storage capacity of a perceptron for random patterns."""

from __future__ import annotations

import numpy as np

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, field
from .landmarks import AUBIN, LANDMARKS

ERRORS = "errors: Gardner and Derrida, J. Phys. A 21 (1988) 271; Majer, Engel and Zippelius, J. Phys. A 26 (1993) 7405"
MORE = f"Ding and Sun, STOC (2019); Abbe, Li and Sly, FOCS (2021); Perkins and Xu, STOC (2021); {ERRORS}"


class _Observables:
    """The observables of a law: the least share of errors is known for half spaces on the sphere."""

    storage = {
        "capacity": Observable(r"\alpha_c", "patterns per weight that can be satisfied at once"),
        "satisfiable": Observable("P_s", "probability that the patterns can be satisfied", scale=1.0, resolution=0.15),
        "entropy": Observable(
            "s", "logarithm of the number of solutions (share of the sphere), per weight", limit_only=True
        ),
    }
    errors = {
        "errors": Observable(
            r"\varepsilon", "least share of patterns that stay unsatisfied, one-step broken", limit_only=True
        )
    }

    def __get__(self, law: Capacity | None, owner: type) -> dict[str, Observable]:
        return self.storage | self.errors if law is None or law.counts_errors() else self.storage


class Capacity(Law):
    r"""The number of random patterns that some weights can satisfy at once.

    n weights w, on the sphere $|w|^2 = n$ or each $\pm 1$, meet patterns $x_\mu \sim N(0, I_n)$ (random labels change
    nothing). A pattern is satisfied if its field $z_\mu = x_\mu \cdot w / \sqrt n$ lies in a set C: `halfspace`
    $z \geq \kappa$, `symmetric` $|z| \leq \kappa$, `outside` $|z| \geq \kappa$. Patterns are added one by one until no
    w satisfies all; their number divided by n tends to the capacity $\alpha_c$, and $\alpha n$ patterns are satisfiable
    with a probability that tends to 1 below it and to 0 above. On the sphere, with Z standard normal,

    $$1/\alpha_c = E[\mathrm{dist}(Z, C)^2],$$

    exact for the half space with $\kappa \geq 0$; elsewhere on the sphere replica symmetry is broken and this is only
    an upper bound (rigorous, by Gordon's inequality). For $\pm 1$ weights and the sets that do not change with the sign
    of z the first moment of the number of solutions is sharp, where replica symmetry is stable,

    $$\alpha_c = -\log 2 / \log P(Z \in C),$$

    and for the half space $\alpha_c$ is where the replica-symmetric entropy

    $$s = \mathrm{extr}_{q, \hat q} \left[-\frac{\hat q (1 - q)}{2} + E \log 2\cosh(\sqrt{\hat q} Z)
    + \alpha E \log \Phi\left(\frac{\sqrt q Z - \kappa}{\sqrt{1 - q}}\right)\right]$$

    vanishes. `entropy` is the logarithm per weight of the number of solutions (on the sphere: of their share of it),
    minus infinity above the capacity.

    Above the capacity of half spaces with $\kappa \geq 0$ on the sphere some share of the patterns stays unsatisfied;
    `errors` is the least such share. Replica symmetry gives the lower bound of Gardner and Derrida,
    $\varepsilon = \Phi(\kappa - s)$ with $\alpha E[(\kappa - Z)^2; \kappa - s < Z < \kappa] = 1$, and is unstable at
    every $\alpha > \alpha_c$, as the fields of the best w leave a gap. `errors` breaks it once:

    $$\alpha \varepsilon = \max_{\chi, q_0, \mu} \left[ -\frac{\log(1 + \mu (1-q_0)/\chi)}{2 \mu}
    - \frac{q_0}{2 (\chi + \mu (1-q_0))} - \frac{\alpha}{\mu} E_{z_0} \log E_{z_1} e^{-\mu M_\chi} \right],$$

    with $M_\chi$ the Moreau envelope of the step at $\kappa$, at $\sqrt{q_0} z_0 + \sqrt{1-q_0} z_1$. More steps change
    it further.

    The system is decided exactly: $\pm 1$ weights by enumeration (n up to 26), half spaces with $\kappa \geq 0$ on the
    sphere by the distance of a convex hull from the origin, other sets on the sphere by the vertices of a polytope (n
    up to 8; `outside` cannot be run there).
    """

    kappa: float = field(0.0, "stability: the threshold of a pattern's field")
    weights: str = field("spherical", "where the weights live", one_of=("spherical", "binary"))
    constraint: str = field(
        "halfspace", "the fields that satisfy a pattern", one_of=("halfspace", "symmetric", "outside")
    )
    alpha: float = field(0.5, "patterns per weight", above=0)

    defaults = Defaults(size="weights", sizes=(8, 12, 16, 20), seeds=1000, block=100)
    references = References(
        source=f"Gardner, J. Phys. A 21 (1988) 257; Krauth and Mezard, J. Phys. France 50 (1989) 3057; {AUBIN}; {MORE}",
        status=(
            "proved for the half space with kappa >= 0 on the sphere and for the symmetric constraint on +-1 "
            "weights; the half space on +-1 weights: proved from below, from above under a numerical condition; "
            "the rest: heuristic, or bounds, as `valid` says; `errors`: heuristic, one step of replica symmetry "
            "breaking"
        ),
        bibtex="""@article{Gardner1988,
  author = {Gardner, Elizabeth},
  title = {The space of interactions in neural network models},
  journal = {Journal of Physics A: Mathematical and General},
  volume = {21}, pages = {257--270}, year = {1988}
}
@article{KrauthMezard1989,
  author = {Krauth, Werner and M{\\'e}zard, Marc},
  title = {Storage capacity of memory networks with binary couplings},
  journal = {Journal de Physique}, volume = {50}, pages = {3057--3066}, year = {1989}
}
@article{AubinPerkinsZdeborova2019,
  author = {Aubin, Benjamin and Perkins, Will and Zdeborov{\\'a}, Lenka},
  title = {Storage capacity in symmetric binary perceptrons},
  journal = {Journal of Physics A: Mathematical and Theoretical},
  volume = {52}, pages = {294003}, year = {2019}
}""",
    )
    observables = _Observables()
    exercises = (dict(kappa=0.3, alpha=1.6),)
    landmarks = LANDMARKS

    def counts_errors(self) -> bool:
        """Whether the least share of errors above the capacity is known."""
        return self.weights == "spherical" and self.constraint == "halfspace" and bool(np.all(self.kappa >= 0))

    def check(self) -> None:
        from .theory import capacity

        if self.constraint != "halfspace" and not self.kappa > 0:
            what = "satisfies" if self.constraint == "symmetric" else "violates"
            raise NoLimit(
                f"With constraint={self.constraint!r} `kappa` of Capacity must be > 0 (no field {what} a pattern "
                f"otherwise), but is {self.kappa:g}."
            )
        if not 0 < capacity(self.kappa, self.weights, self.constraint) < float("inf"):
            raise NoLimit(f"The capacity at kappa = {self.kappa:g} is out of the range of numbers.")

    def valid(self) -> str | None:
        from .theory import capacity, instability

        limit = capacity(self.kappa, self.weights, self.constraint)
        if self.weights == "spherical" and (self.constraint != "halfspace" or self.kappa < 0):
            return "replica symmetry is broken at the capacity: this value is only an upper bound"
        stated = self.kappa, self.weights, self.constraint
        at_limit = instability(limit, *stated) if self.constraint == "outside" else 0.0
        if at_limit > 1:
            return (
                f"replica symmetry is unstable at the capacity (de Almeida and Thouless: the eigenvalue {at_limit:.4g} "
                "is above 1): this value (the first moment) is only an upper bound"
            )
        here = instability(self.alpha, *stated) if self.alpha < limit else 0.0
        if here > 1:
            return (
                f"replica symmetry is unstable (de Almeida and Thouless: the eigenvalue {here:.4g} is above 1): the "
                "entropy is not exact"
            )
        if abs(self.alpha - limit) < 0.1 * limit:
            return "close to the capacity, whether small systems are satisfiable can differ from the limit"
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha` the `capacity`; along `kappa` the stability at which it is alpha, and, for `outside` on binary
        weights, where replica symmetry of the capacity becomes unstable (`replica_symmetry`)."""
        from .theory import capacity, stability

        if along == "alpha":
            self.check()
            return {"capacity": capacity(self.kappa, self.weights, self.constraint)}
        if along == "kappa":
            return stability(self.alpha, self.weights, self.constraint)
        raise StatementError(
            f"Capacity has no known transition along {along!r}; there are some along 'alpha', 'kappa'."
        )
