"""The Ising ferromagnet on a lattice or a random regular graph: exact solutions and mean-field approximations."""

from __future__ import annotations

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, field
from ....parts.graph import Graph, Lattice
from .landmarks import DEMBO_MONTANARI, LANDMARKS, ONSAGER, YANG
from .theory import CRITICAL_SQUARE, transitions


class IsingMeanField(Law):
    r"""Spins that attract their neighbours on a lattice or a random graph, and what mean-field theories say of them.

    $H = -\sum_{\langle ij \rangle} s_i s_j$ over the edges of a graph each of whose n sites has z neighbours, at
    inverse temperature $\beta$. As $n \to \infty$, per site, the energy e, the modulus m of the mean spin and the heat
    capacity $-\beta^2 de/d\beta$ tend to

    - on a random regular graph (`RandomRegular`) and on the chain (`Lattice(dimension=1)`) to Bethe's, which are exact
      there: with the largest solution of $h = (z - 1) u$, $\tanh u = \tanh \beta \tanh h$,

    $$m = \tanh z u, \qquad e = -\frac z2 \frac{\tanh \beta + \tanh^2 h}{1 + \tanh \beta \tanh^2 h},$$

    - on the square lattice (`Lattice(dimension=2)`) to Onsager's and Yang's,

    $$m = (1 - \sinh^{-4} 2\beta)^{1/8}, \qquad
      e = -\coth 2\beta \Big[1 + \frac2\pi (2 \tanh^2 2\beta - 1) K(\kappa)\Big], \quad
      \kappa = \frac{2 \sinh 2\beta}{\cosh^2 2\beta},$$

    - on lattices of higher dimension, which nobody has solved, not to Bethe's, which are given and not to be trusted.

    Beside them, as limits that the system need not follow, stand Bethe's approximation everywhere, independent spins
    (`naive`: $m = \tanh \beta z m$, $e = -z m^2 / 2$), and the reaction of Thouless, Anderson and Palmer (`tap`:
    $m = \tanh(\beta z m - \beta^2 z (1 - m^2) m)$, $e = -\frac z2 [m^2 + \beta (1 - m^2)^2]$). A system is sampled by
    turning clusters (Swendsen and Wang), in two independent runs, from both of which the heat capacity has no bias. The
    magnetisation is read off the clusters, as the share of the sites in one that holds two random sites: it has the
    limit of $|\frac1n \sum_i s_i|$, but not that one's correction of order $n^{-1/2}$ where there is no magnetisation.
    """

    graph: Graph = field(Lattice(dimension=2), "the graph on which the spins live")
    beta: float = field(0.5, "inverse temperature", above=0, unit="1/energy")

    defaults = Defaults(size="spins", sizes=(400, 900, 2025, 4096), seeds=24)
    references = References(
        source=f"{ONSAGER}; {YANG}; {DEMBO_MONTANARI}",
        status=(
            "proved on the chain, the square lattice and random regular graphs; an approximation on other lattices"
        ),
        bibtex="""@article{Onsager1944,
  author = {Onsager, Lars},
  title = {Crystal statistics. {I}. {A} two-dimensional model with an order-disorder transition},
  journal = {Physical Review}, volume = {65}, pages = {117--149}, year = {1944}
}
@article{Yang1952,
  author = {Yang, C. N.},
  title = {The spontaneous magnetization of a two-dimensional {Ising} model},
  journal = {Physical Review}, volume = {85}, pages = {808--816}, year = {1952}
}
@article{DemboMontanari2010,
  author = {Dembo, Amir and Montanari, Andrea},
  title = {{Ising} models on locally tree-like graphs},
  journal = {Annals of Applied Probability}, volume = {20}, pages = {565--592}, year = {2010}
}""",
    )
    observables = {
        "energy": Observable("e", "energy per spin", unit="energy"),
        "magnetisation": Observable("m", "modulus of the mean spin", scale=1.0),
        "heat_capacity": Observable("c", "heat capacity per spin", resolution=0.1),
        "bethe_energy": Observable(r"e_{\rm B}", "energy per spin, Bethe", unit="energy", limit_only=True),
        "bethe_magnetisation": Observable(r"m_{\rm B}", "magnetisation, Bethe", limit_only=True),
        "tap_energy": Observable(
            r"e_{\rm T}", "energy per spin, Thouless-Anderson-Palmer", unit="energy", limit_only=True
        ),
        "tap_magnetisation": Observable(r"m_{\rm T}", "magnetisation, Thouless-Anderson-Palmer", limit_only=True),
        "naive_energy": Observable(r"e_{\rm N}", "energy per spin, independent spins", unit="energy", limit_only=True),
        "naive_magnetisation": Observable(r"m_{\rm N}", "magnetisation, independent spins", limit_only=True),
    }
    landmarks = LANDMARKS

    def check(self) -> None:
        if self._square() and abs(self.beta / CRITICAL_SQUARE - 1) < 1e-9:
            raise NoLimit(
                f"At `beta` = {CRITICAL_SQUARE:.9f} the heat capacity of the square lattice diverges; on both sides of "
                "it there is a limit."
            )

    def valid(self) -> str | None:
        exact = self._exact_transition()
        if isinstance(self.graph, Lattice) and self.graph.dimension > 2:
            return (
                f"no exact solution is known in {self.graph.dimension} dimensions: Bethe's approximation stands in for "
                "it, which is off where neighbours of a site are correlated"
            )
        if exact is not None and abs(self.beta / exact - 1) < 0.08:
            return (
                f"within 8 % of the transition at beta = {exact:.6f} finite-size corrections fall as small powers of n"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `beta`: the exact `transition`, where there is one and it is known, and those of `bethe`, `tap` and
        `naive`, where a magnetisation appears continuously."""
        if along != "beta":
            raise StatementError(
                f"IsingMeanField has no known transition along {along!r}; there are some along 'beta'."
            )
        exact = self._exact_transition()
        return ({} if exact is None else {"transition": exact}) | transitions(int(self.graph.degree))

    def _square(self) -> bool:
        return isinstance(self.graph, Lattice) and self.graph.dimension == 2

    def _exact_transition(self) -> float | None:
        if self._square():
            return CRITICAL_SQUARE
        return None if isinstance(self.graph, Lattice) else transitions(int(self.graph.degree)).get("bethe")
