"""Hopfield's model of associative memory."""

from __future__ import annotations

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from .landmarks import AGS, LANDMARKS


class Hopfield(Law):
    r"""Spins that store random patterns in their couplings, started at one of them.

    n spins and $\alpha n$ patterns of independent entries $\xi = \pm 1$ of mean a (`pattern_bias`), with
    $H = -\frac1{2n} \sum_{i \ne j} \sum_\mu \tilde\xi_i^\mu \tilde\xi_j^\mu s_i s_j$ and $\tilde\xi = \xi - a$ of
    variance $\Delta = 1 - a^2$, at temperature $T = 1 / \beta$. In the state around a pattern, as $n \to \infty$, the
    field of a spin is $\tilde\xi m + \sqrt{\alpha r}\,z$ with a standard normal z, and

    $$m = E\,\tilde\xi \tanh(\beta (\tilde\xi m + \sqrt{\alpha r} z)), \quad
      q = E \tanh^2(\beta (\tilde\xi m + \sqrt{\alpha r} z)), \quad
      r = \frac{\Delta^2 q}{(1 - \beta \Delta (1 - q))^2}, \quad \beta \Delta (1 - q) < 1 .$$

    The `overlap` is $\frac1n \tilde\xi \cdot s / \Delta \to m / \Delta$, 1 if the pattern is recalled without error.
    The state exists up to the load `retrieval`; up to `thermodynamic` it has the least free energy, beyond it is
    metastable but entered from the pattern all the same. Below $T = \Delta (1 + \sqrt\alpha)$ (`spin_glass`) spins
    freeze without an overlap too. Beyond retrieval the limit given is that of this spin glass: `valid` warns. The
    equations are replica-symmetric: very slightly wrong at the lowest temperatures, where symmetry breaks (the capacity
    at T = 0 is 0.138 with breaking too).

    They are solved along the curves of constant $m / \sqrt{\alpha r}$, on which temperature and deviation determine
    the load, so that no iteration can end on an unphysical branch.

    A system starts in a pattern and follows heat-bath dynamics.
    """

    alpha: float = field(0.05, "patterns per spin", above=0)
    temperature: float = field(0.3, "temperature", at_least=0, unit="energy")
    pattern_bias: float = field(0.0, "mean of a pattern's entries", above=-1, below=1)

    defaults = Defaults(size="spins", sizes=(200, 400, 800), seeds=60, block=20)
    references = References(
        source=AGS + ", (3.14)-(3.21)",
        status="heuristic (replica symmetry; proved by Talagrand, 1998, for small loads)",
        bibtex="""@article{AmitGutfreundSompolinsky1987,
  author = {Amit, Daniel J. and Gutfreund, Hanoch and Sompolinsky, Haim},
  title = {Statistical mechanics of neural networks near saturation},
  journal = {Annals of Physics}, volume = {173}, pages = {30--67}, year = {1987}
}""",
    )
    observables = {
        "overlap": Observable("m", "overlap with the pattern of the start", scale=1.0),
        "energy": Observable("e", "energy per spin", unit="energy"),
        "free_energy": Observable("f", "free energy per spin", unit="energy", limit_only=True),
        "freezing": Observable("q", "overlap of two configurations of the state", limit_only=True),
    }
    exercises = (dict(alpha=0.02, temperature=0.45, pattern_bias=0.25),)
    landmarks = LANDMARKS

    def valid(self) -> str | None:
        """Beyond retrieval the dynamics from a pattern is not described, nor at T = 0 which minimum it ends in."""
        from . import theory as theory

        largest, _ = theory.capacity(theory.Model(float(self.temperature), abs(float(self.pattern_bias))))
        if self.alpha > largest:
            beyond = f" beyond alpha = {largest:.6g}" if largest > 0 else ""
            return (
                f"there is no retrieval state{beyond}: the limit is that of equilibrium, which "
                "the dynamics from a pattern approaches very slowly if it is a spin glass"
            )
        if self.alpha > 0.7 * largest:
            return (
                f"close to the largest load of retrieval, {largest:.6g}, systems of hundreds of spins leave the "
                "retrieval state"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha` and `temperature`: `retrieval`, `thermodynamic` and `spin_glass`, where they exist."""
        from . import theory as theory

        bias = abs(float(self.pattern_bias))
        if along == "alpha":
            model = theory.Model(float(self.temperature), bias)
            transitions = {"thermodynamic": theory.coexistence(model), "retrieval": theory.capacity(model)[0]}
            frozen = (model.temperature / model.variance - 1) ** 2 if model.temperature > model.variance else 0.0
            return {k: v for k, v in (transitions | {"spin_glass": frozen}).items() if v > 0}
        if along == "temperature":
            return theory.melting(bias, float(self.alpha))
        raise StatementError(
            f"Hopfield has no known transition along {along!r}; there are some along 'alpha' and 'temperature'."
        )
