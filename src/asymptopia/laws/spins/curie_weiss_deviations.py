"""Large deviations of the Curie-Weiss model: how rare a magnetisation is, and what field would make it typical."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...contract.batching import generator, whole
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...contract.refusal import NoLimit
from ...numerics.arrays import Key

ELLIS = "Ellis, Entropy, Large Deviations, and Statistical Mechanics (Springer, 1985), section IV.4"
FREE = "closed form: without a field below the transition the typical magnetisation is 0"
BARRIER = "log cosh(beta m) - beta m^2 / 2 with m = tanh(beta m) in high precision"
META = "G at the two stable solutions of m = tanh(beta (m + h)) in high precision"
LARGEST = 1e290  # of beta, 1 / beta and beta h: beyond, energies or fields of systems would not be numbers


class CurieWeissDeviations(Law):
    r"""How rare a magnetisation is, of spins that all attract each other.

    The energy of n spins $s_i = \pm 1$ is $H = -(\sum_i s_i)^2 / 2n - h \sum_i s_i$. At inverse temperature $\beta$ the
    probability that their mean M is x falls as $e^{-n I(x)}$, with the entropy
    $S(m) = -\frac{1+m}{2} \log \frac{1+m}{2} - \frac{1-m}{2} \log \frac{1-m}{2}$ and

    $$G(m) = \beta \left(\frac{m^2}{2} + h m\right) + S(m), \qquad I(x) = \max_m G(m) - G(x).$$

    `rate` is I(x), and `tail_rate` that of M being x or more, the least I(m) with $m \geq x$: 0 below the typical
    magnetisation, and, against the field, that of the metastable state where x lies below it. `tilt` is the field that
    must be added for I to be stationary at x, $I'(x) / \beta = \mathrm{artanh}(x) / \beta - x - h$. With it x is the
    top of a barrier where $x^2 < 1 - 1/\beta$; elsewhere it is typical if x and the whole field have one sign, and
    metastable if they do not.

    The system is exact: the probabilities $P_n$ of all magnetisations are known for every n. Those of n and 2n spins
    give $(\log P_n - \log P_{2n}) / n$, which has corrections of order 1/n and no logarithm of n. Where x falls between
    two magnetisations one of them is drawn, with x as the mean; systems so small that x has less than one spin of the
    rarer sign are `too_small`.
    """

    beta: float = field(0.8, "inverse temperature", above=0, unit="1/energy")
    h: float = field(0.1, "external field", unit="energy")
    x: float = field(0.732, "magnetisation", above=-1, below=1)

    defaults = Defaults(size="spins", sizes=(200, 400, 800, 1600), seeds=200, block=200)
    references = References(
        source=ELLIS,
        status="proved",
        bibtex="""@book{Ellis1985,
  author = {Ellis, Richard S.},
  title = {Entropy, Large Deviations, and Statistical Mechanics},
  publisher = {Springer}, year = {1985}
}""",
    )
    observables = {
        "rate": Observable("I", "decay rate of the probability of the magnetisation, per spin", scale=0.1),
        "tail_rate": Observable("I_+", "decay rate of the probability of this magnetisation or more", scale=0.1),
        "tilt": Observable("t", "field to be added for the magnetisation to be stationary", unit="energy", scale=0.5),
    }
    exercises = (dict(beta=1.5, h=-0.05, x=0.35), dict(beta=1.3, h=0.0, x=-0.2))
    landmarks = (
        Landmark(dict(beta=0.5, h=0.0, x=0.6), "rate", 0.10274475702175743, 1e-12, FREE),
        Landmark(dict(beta=0.5, h=0.0, x=0.6), "tilt", 2 * np.log(2) - 0.6, 1e-12, FREE),
        Landmark(dict(beta=1.5, h=0.0, x=0.0), "rate", 0.11519416888149473, 1e-12, BARRIER),
        Landmark(dict(beta=1.5, h=-0.05, x=0.35), "tail_rate", 0.12849011726648702, 1e-12, META),
    )

    def predict(self) -> dict[str, Any]:
        states = _stationary(self.beta, self.h)
        top = max(self._weight(m) for m in states)
        rate = top - self._weight(self.x)
        above = [top - self._weight(m) for m in states if m >= self.x]
        tilt = np.arctanh(self.x) / self.beta - self.x - self.h
        return {"rate": rate, "tail_rate": min([rate, *above]), "tilt": tilt}

    def check(self) -> None:
        if not (1 / LARGEST <= self.beta <= LARGEST and abs(self.h) * max(self.beta, 1.0) <= LARGEST):
            raise NoLimit(
                f"CurieWeissDeviations needs `beta` between {1 / LARGEST:g} and {LARGEST:g} and `h` and `beta` * `h` "
                f"of at most {LARGEST:g}, but `beta` is {self.beta:g} and `h` is {self.h:g}."
            )

    def too_small(self, sizes: Sequence[int]) -> str | None:
        n, rarer = min(sizes), (1 - abs(self.x)) / 2
        if n * rarer >= 1:
            return None
        return f"of {n} spins {n * rarer:.2g} are of the rarer sign at x = {self.x:g}; it takes {1 / rarer:.3g} for one"

    def _weight(self, m: float) -> float:
        """G(m), the logarithm of the weight of a magnetisation, per spin."""
        from scipy.special import entr

        return float(self.beta * (m**2 / 2 + self.h * m) + entr((1 + m) / 2) + entr((1 - m) / 2))

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        rng = generator(key)
        up = [min(whole((1 + self.x) / 2 * size, rng, least=0), size - 1) for size in (n, 2 * n)]
        one, two = (_log_probabilities(size, self.beta, self.h) for size in (n, 2 * n))
        tail = [np.logaddexp.reduce(p[k:]) for p, k in zip((one, two), up, strict=True)]
        return {
            "rate": (one[up[0]] - two[up[1]]) / n,
            "tail_rate": (tail[0] - tail[1]) / n,
            "tilt": (two[up[1]] - two[up[1] + 1]) / (2 * self.beta),
        }

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `x` the typical magnetisations, where the rate is 0; without a field above beta = 1 there are two."""
        if along != "x":
            return {}
        self.check()
        states = _stationary(self.beta, self.h)
        if self.h != 0:
            return {"typical": states[-1] if self.h > 0 else states[0]}
        return {"typical": states[-1]} | ({"typical_negative": states[0]} if states[0] < states[-1] else {})


def _stationary(beta: float, h: float) -> list[float]:
    """All solutions of m = tanh(beta (m + h)), in increasing order."""
    turn = math.acosh(math.sqrt(max(beta, 1.0)))  # as m = tanh u grows, tanh u - u / beta rises between -turn and turn
    states = {_outer(beta, h, turn), 0.0 - _outer(beta, -h, turn)}
    return sorted(m for m in states | {_inner(beta, h, turn)} if not math.isnan(m))


def _outer(beta: float, h: float, turn: float) -> float:
    """The solution with atanh(m) >= turn, or nan."""
    low, high = max(turn, beta * (h + math.tanh(turn))), beta * (h + 1)
    return math.tanh(_root(beta, h, low, max(low, high))) if _excess(turn, beta, h) >= 0 else math.nan


def _inner(beta: float, h: float, turn: float) -> float:
    """The solution between the two turns, or nan."""
    if h == 0:
        return 0.0
    inside = _excess(-turn, beta, h) < 0 < _excess(turn, beta, h)
    return math.tanh(_root(beta, h, -turn, turn)) if inside else math.nan


def _excess(u: float, beta: float, h: float) -> float:
    return beta * (math.tanh(u) + h) - u


def _root(beta: float, h: float, low: float, high: float) -> float:
    """Where the excess changes its sign; the end nearest to it where rounding hides the change."""
    from scipy.optimize import brentq

    ends = _excess(low, beta, h), _excess(high, beta, h)
    if ends[0] * ends[1] >= 0:
        return low if abs(ends[0]) <= abs(ends[1]) else high
    return float(brentq(_excess, low, high, args=(beta, h), xtol=1e-30, rtol=1e-15, maxiter=1000))


def _log_probabilities(n: int, beta: float, h: float) -> np.ndarray:
    """The logarithms of the probabilities of 0 to n positive spins."""
    from scipy.special import gammaln

    up = np.arange(n + 1)
    m = (2 * up - n) / n
    weight = gammaln(n + 1) - gammaln(up + 1) - gammaln(n - up + 1) + n * beta * (m**2 / 2 + h * m)
    return np.asarray(weight - np.logaddexp.reduce(weight))
