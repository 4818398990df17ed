"""Round trips of replicas on a ladder of temperatures, with alternating or random exchanges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import Record, StatementError, field
from ...contract.record import field as field_

if TYPE_CHECKING:
    import jax

SYED = "Syed, Bouchard-Cote, Deligiannidis and Doucet, J. R. Statist. Soc. B 84 (2022) 321, corollary 2 and theorem 3"
CLOSED = "in closed form"


class AnnealingPath(Record):
    r"""A path of distributions from a reference to a target, at b proportional to $\pi_0^{1-b} \pi_1^b$.

    Of a state at b an exchange only sees $V = -\log(\pi_1/\pi_0)$. A path of your own defines
    the ladder, how V is drawn, and, for the limit, its barrier and rejections.
    """

    def ladder(self, replicas: int) -> np.ndarray:
        """The places b of the replicas, from 0 to 1: equal steps of the integrated standard deviation of V."""
        raise NotImplementedError(f"{type(self).__name__} defines no `ladder(self, replicas)`.")

    def draw(self, ladder: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """V of `count` independent states at each place of the ladder, shape (count, replicas)."""
        raise NotImplementedError(f"{type(self).__name__} defines no `draw(self, ladder, count, rng)`.")

    def barrier(self) -> float:
        """The integral over b of E |V - V'| / 2, with V' an independent copy of V."""
        raise NotImplementedError(f"{type(self).__name__} defines no `barrier(self)`.")

    def rejections(self, ladder: np.ndarray) -> np.ndarray:
        """The probability that an exchange between neighbours is rejected, shape (replicas - 1,)."""
        raise NotImplementedError(f"{type(self).__name__} defines no `rejections(self, ladder)`.")


class GaussianScale(AnnealingPath):
    """From N(0, variance I_d) to N(0, I_d)."""

    variance: float = field(100.0, "variance of the reference, not 1", above=0)
    dimension: int = field(10, "dimension d", at_least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variance == 1:
            raise StatementError("`variance` of GaussianScale must not be 1: reference and target are equal then.")

    def ladder(self, replicas: int) -> np.ndarray:
        precision = self.variance ** (np.linspace(0, 1, replicas) - 1)
        return np.asarray((precision - 1 / self.variance) / (1 - 1 / self.variance))

    def _precision(self, b: np.ndarray) -> np.ndarray:
        return (1 - b) / self.variance + b

    def draw(self, ladder: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        square = rng.chisquare(self.dimension, (count, len(ladder))) / self._precision(ladder)
        return (1 - 1 / self.variance) * square / 2

    def barrier(self) -> float:
        from scipy.special import beta

        return float(abs(math.log(self.variance)) / beta(0.5, self.dimension / 2))

    def rejections(self, ladder: np.ndarray) -> np.ndarray:
        from scipy.special import betainc

        precision, half = self._precision(ladder), self.dimension / 2
        higher, lower = np.maximum(precision[1:], precision[:-1]), np.minimum(precision[1:], precision[:-1])
        return 1 - 2 * betainc(half, half, lower / (lower + higher))


class GaussianShift(AnnealingPath):
    """From N(0, 1) to N(mean, 1)."""

    mean: float = field(3.0, "mean of the target", above=0)

    def ladder(self, replicas: int) -> np.ndarray:
        return np.linspace(0, 1, replicas)

    def draw(self, ladder: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        return -self.mean * (ladder * self.mean + rng.standard_normal((count, len(ladder))))

    def barrier(self) -> float:
        return self.mean / math.sqrt(math.pi)

    def rejections(self, ladder: np.ndarray) -> np.ndarray:
        from scipy.special import erf

        return np.asarray(erf(self.mean * np.diff(ladder) / 2))


class FieldSpins(AnnealingPath):
    """From uniform spins to independent spins in a field, of weight exp(field sum s)."""

    field: float = field_(1.0, "field of the target", above=0, at_most=100)
    spins: int = field_(10, "number of spins", at_least=1, at_most=10_000)

    def ladder(self, replicas: int) -> np.ndarray:
        angle = np.linspace(0, math.asin(math.tanh(self.field)), replicas)
        return np.append(np.arctanh(np.sin(angle[:-1])) / self.field, 1.0)

    def draw(self, ladder: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        up = rng.binomial(self.spins, self._up(ladder), (count, len(ladder)))
        return -self.field * (2 * up - self.spins)

    def _up(self, b: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-2 * self.field * b))

    def _chances(self, b: np.ndarray) -> np.ndarray:
        """The law of the number of spins that are up, shape (len(b), spins + 1)."""
        from scipy.special import gammaln, xlog1py, xlogy

        k, up = np.arange(self.spins + 1), self._up(b)[:, None]
        ways = gammaln(self.spins + 1) - gammaln(k + 1) - gammaln(self.spins - k + 1)
        return np.exp(ways + xlogy(k, up) + xlog1py(self.spins - k, -up))

    def barrier(self) -> float:
        u, w = np.polynomial.legendre.leggauss(max(40, math.ceil(8 * self.field)))
        F = np.cumsum(self._chances((u + 1) / 2), axis=1)
        return float(w / 2 @ (2 * self.field * np.sum(F * (1 - F), axis=1)))

    def rejections(self, ladder: np.ndarray) -> np.ndarray:
        p = self._chances(ladder)
        below = np.cumsum(p, axis=1) - p
        return np.asarray(np.sum(p[1:] * below[:-1], axis=1) - np.sum(p[:-1] * below[1:], axis=1))


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

    defaults = Defaults(size="replicas", sizes=(32, 64, 128, 256), seeds=24, block=24)
    references = References(
        source=SYED,
        status="proved where states are drawn afresh at every scan",
        bibtex="""@article{SyedBouchardCoteDeligiannidisDoucet2022,
  author = {Syed, Saifuddin and Bouchard-C{\\^o}t{\\'e}, Alexandre and Deligiannidis, George and Doucet, Arnaud},
  title = {Non-reversible parallel tempering: a scalable highly parallel {MCMC} scheme},
  journal = {Journal of the Royal Statistical Society Series B},
  volume = {84}, pages = {321--350}, year = {2022}
}""",
    )
    observables = {
        "barrier": Observable(r"\Lambda", "sum of the probabilities of rejection", bias=2.0, resolution=0.1),
        "round_trip_rate": Observable(r"\tau", "round trips per scan", unit="1/scan", scale=0.5, resolution=0.1),
        "scaled_rate": Observable(r"\tau n", "the same, times n if exchanges are stochastic", resolution=0.1),
        "finite_round_trip_rate": Observable(r"\tau_N", "round trips per scan of `ladder` replicas", limit_only=True),
    }
    exercises = (
        dict(target=GaussianShift(2.0), swaps="stochastic", ladder=6),
        dict(target=GaussianScale(variance=4.0, dimension=5)),
    )
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
