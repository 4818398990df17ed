"""Round trips of replicas on a ladder of temperatures, with alternating or random exchanges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Landmark, Law, Observable
from ...contract.record import field
from ...problem.annealing import AnnealingPath, FieldSpins, GaussianScale, GaussianShift

if TYPE_CHECKING:
    import jax

SYED = "Syed, Bouchard-Cote, Deligiannidis and Doucet, J. R. Statist. Soc. B 84 (2022) 321, corollary 2 and theorem 3"
CLOSED = "in closed form"


def _landmarks() -> tuple[Landmark, ...]:
    wide, few = GaussianScale(variance=10.0, dimension=2), "stochastic"
    rows = [
        Landmark(dict(target=GaussianShift(3.0)), "barrier", 3 / math.pi**0.5, 1e-12, CLOSED + ": mean / sqrt(pi)"),
        Landmark(dict(target=GaussianScale(4.0, 100)), "barrier", 5.516705549783914, 1e-10, SYED),
        Landmark(dict(target=GaussianScale(4.0, 100)), "round_trip_rate", 0.07672588490922064, 1e-12, SYED),
        Landmark(dict(target=GaussianShift(3.0)), "round_trip_rate", 0.1856962797627906, 1e-12, SYED),
        Landmark(dict(target=FieldSpins(1.0, 1)), "barrier", math.tanh(1.0) / 2, 1e-12, CLOSED + ": tanh(field) / 2"),
        Landmark(dict(swaps=few), "scaled_rate", 0.5, 1e-12, SYED),
        Landmark(dict(ladder=4), "finite_round_trip_rate", 0.003959999913898845, 1e-12, SYED),
    ]
    for swaps, ladder, value in (
        (few, 4, 0.10567133768426955),
        ("deterministic", 8, 0.21157445740588401),
        (few, 8, 0.05978548325098229),
        (few, 32, 0.015530299934698151),
    ):
        fields = dict(target=wide, swaps=swaps, ladder=ladder)
        rows.append(Landmark(fields, "finite_round_trip_rate", value, 1e-11, SYED))
    return tuple(rows)


class NonReversibleTempering(Law):
    r"""How often replicas travel the whole ladder of parallel tempering and back.

    n replicas stand at places $b_0 = 0 < \dots < b_{n-1} = 1$ of the path $\pi_0^{1-b} \pi_1^b$ from a reference to a
    target. At every scan each draws a fresh state of its own distribution (exploration is efficient), and neighbours
    exchange by Metropolis' rule: the even and the odd pairs in turn (`deterministic`), or one of the two by the flip of
    a coin (`stochastic`). A round trip leads a state's machine from the reference to the target and back.

    Limit: n to infinity. With $V = -\log(\pi_1/\pi_0)$ at b and an independent copy $V'$, the sum of the probabilities
    of rejection tends to the `barrier`, and the number of round trips of all machines per scan to `round_trip_rate`,

    $$\Lambda = \int_0^1 \tfrac12 E |V - V'| \, db, \qquad \tau = \frac{1}{2 + 2\Lambda},$$

    for deterministic exchanges; for stochastic ones it falls as 1/n, and n times the rate tends to 1/2. `scaled_rate`
    is the rate, times n for stochastic exchanges. With finitely many replicas (`ladder`; None for infinitely many) and
    probabilities $r_k$ of rejection between its N + 1 replicas the rates are (`finite_round_trip_rate`)

    $$\frac{1}{2 + 2E} \quad \text{and} \quad \frac{1}{2N + 2E}, \qquad E = \sum_k \frac{r_k}{1 - r_k} .$$

    The ladder has equal steps of the standard deviation of V, integrated over b. Corrections are of order 1/n. Real
    moves that do not forget the state at once lower the rate. The system counts trips over a number of scans that grows
    with n, after a start that lets machines mix.
    """

    target: AnnealingPath = field(GaussianScale(), "path from the reference to the target")
    swaps: str = field("deterministic", "which pairs exchange", one_of=("deterministic", "stochastic"))
    ladder: int | None = field(None, "replicas of `finite_round_trip_rate`; None for infinitely many", at_least=2)

    size = "replicas"
    sizes = (16, 32, 64, 128)
    seeds = 24
    block = 24
    source = SYED
    bibtex = """@article{SyedBouchardCoteDeligiannidisDoucet2022,
  author = {Syed, Saifuddin and Bouchard-C{\\^o}t{\\'e}, Alexandre and Deligiannidis, George and Doucet, Arnaud},
  title = {Non-reversible parallel tempering: a scalable highly parallel {MCMC} scheme},
  journal = {Journal of the Royal Statistical Society Series B},
  volume = {84}, pages = {321--350}, year = {2022}
}"""
    status = "proved where states are drawn afresh at every scan"
    compiled = False
    observables = {
        "barrier": Observable(r"\Lambda", "sum of the probabilities of rejection", bias=2.0, resolution=0.1),
        "round_trip_rate": Observable(r"\tau", "round trips per scan", unit="1/scan", scale=0.5, resolution=0.1),
        "scaled_rate": Observable(r"\tau n", "the same, times n if exchanges are stochastic", resolution=0.1),
        "finite_round_trip_rate": Observable(r"\tau_N", "round trips per scan of `ladder` replicas", limit_only=True),
    }
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        barrier = self.target.barrier()
        alternating = self.swaps == "deterministic"
        rate = 1 / (2 + 2 * barrier) if alternating else 0.0
        return {
            "barrier": barrier,
            "round_trip_rate": rate,
            "scaled_rate": rate if alternating else 0.5,
            "finite_round_trip_rate": rate if self.ladder is None else self._finite_rate(self.ladder),
        }

    def _finite_rate(self, replicas: int) -> float:
        r = self.target.rejections(self.target.ladder(replicas))
        lost = float(np.sum(r / (1 - r)))
        return 1 / (2 + 2 * lost) if self.swaps == "deterministic" else 1 / (2 * (replicas - 1) + 2 * lost)

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        return {k: v[0] for k, v in self.realize_all(n, [key]).items()}

    def realize_all(self, n: int, keys: Sequence[jax.Array]) -> dict[str, Any]:
        rejected, trips = np.empty(len(keys)), np.empty(len(keys))
        for i, key in enumerate(keys):
            rejected[i], trips[i] = self._travel(n, generator(key))
        scale = 1.0 if self.swaps == "deterministic" else float(n)
        return {"barrier": rejected, "round_trip_rate": trips, "scaled_rate": scale * trips}

    def _travel(self, n: int, rng: np.random.Generator) -> tuple[float, float]:
        """The sum over pairs of the shares of proposals rejected, and round trips per scan."""
        from ...algorithms.samplers.index_process import travel

        ladder = self.target.ladder(n)
        scans = 200 * n if self.swaps == "deterministic" else 20 * n**2
        burn = 10 * n if self.swaps == "deterministic" else 4 * n**2

        def draw(count: int) -> np.ndarray:
            return self.target.draw(ladder, count, rng)

        return travel(ladder, draw, scans, burn, self.swaps == "deterministic", rng)

    def valid(self) -> str | None:
        if isinstance(self.target, FieldSpins) and self.target.field > 20:
            return "in a strong field the replicas next to the target differ by single spins only, and exchange always"
        return None
