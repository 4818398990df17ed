"""Associative memories with steep energies, that hold many more patterns than spins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....contract.law import Defaults, Landmark, Law, Observable, References
from ....contract.record import Record, StatementError, field

if TYPE_CHECKING:
    import jax

KROTOV = "Krotov and Hopfield, NeurIPS 29 (2016) 1172, equation 5, at a fixed load"
LUCIBELLO = "Lucibello and Mezard, Phys. Rev. Lett. 132 (2024) 077301, the random energy model of the noise"
DEMIRCIGIL = "Demircigil, Heusel, Loewe, Upgang and Vermet, J. Stat. Phys. 168 (2017) 288"
MOST = 3_000_000
LEAST_LOG_PATTERNS = 2.0


class MemoryEnergy(Record):
    """The energy $-\\sum_\\mu F(\\xi^\\mu \\cdot s)$ of a state s among patterns $\\xi^\\mu$."""


class Polynomial(MemoryEnergy):
    """F(z) = z**degree; patterns are stored in numbers that grow as n**(degree - 1). Degree 2 is Hopfield's."""

    degree: int = field(3, "degree", at_least=2, at_most=20)


class Exponential(MemoryEnergy):
    """F(z) = exp(sharpness z); patterns are stored in numbers that grow exponentially with n."""

    sharpness: float = field(1.0, "slope of the exponent", above=0, at_most=100)


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for degree, load, start, value in (
        (2, 0.2, 1.0, 0.9746526813225317),
        (3, 0.1, 1.0, 0.932110845138171),
        (3, 0.3, 1.0, 0.7081594548562115),
        (4, 0.01, 0.7, 0.6241788509506303),
        (5, 0.003, 1.0, 0.9252086224130558),
    ):
        fields = dict(energy=Polynomial(degree), load=load, start=start)
        rows.append(Landmark(fields, "overlap", value, 1e-11, KROTOV))
    for sharpness, patterns, update, value in (
        (1.0, "spins", "softmax", 1 - math.log(math.cosh(1))),
        (2.0, "spins", "softmax", 2 - math.log(math.cosh(2))),
        (1.0, "spins", "sign", 2 - math.log(math.cosh(2))),
        (1.0, "spherical", "softmax", 0.6225719237799069),
        (5.0, "spherical", "softmax", 1.3296981851062086),
        (0.5, "gaussian", "softmax", 0.375),
        (2.0, "gaussian", "softmax", 0.5),
    ):
        fields = dict(energy=Exponential(sharpness), patterns=patterns, update=update)
        rows.append(Landmark(fields, "retrieval", value, 1e-9, LUCIBELLO, along="load"))
    for sharpness in (1.0, 2.0):
        value = sharpness * math.tanh(sharpness) - math.log(math.cosh(sharpness))
        fields = dict(energy=Exponential(sharpness), update="softmax")
        rows.append(Landmark(fields, "condensation", value, 1e-12, LUCIBELLO, along="load"))
    fields = dict(energy=Exponential(1.0), load=0.1)
    rows.append(Landmark(fields, "noise_free_entropy", 0.4395892523228195, 1e-10, LUCIBELLO))
    return tuple(rows)


class DenseAssociativeMemory(Law):
    r"""One step of recall in a memory that stores far more patterns than it has spins.

    A state s of n spins starts at the overlap $m_0$ with pattern 1 (`start`; exactly $n(1-m_0)/2$ spins differ) and
    takes one synchronous step. With $h_i^\mu = \sum_{j \ne i} \xi_j^\mu s_j$, without the spin itself, the step is

    $$s_i' = \mathrm{sign} \sum_\mu [F(h_i^\mu + \xi_i^\mu) - F(h_i^\mu - \xi_i^\mu)],$$

    for the energy $-\sum_\mu F(\xi^\mu \cdot s)$ (`update="sign"`); for an exponential energy also
    $s_i' = \sum_\mu \xi_i^\mu F(h_i^\mu) / \sum_\mu F(h_i^\mu)$ (`"softmax"`: attention). Patterns that are not spins
    have the norm $\sqrt n$ (`spherical`) or N(0, 1) entries (`gaussian`); then `sign` rescales the field to that norm.

    Limit: n to infinity. With $F(z) = z^p$ and $\text{load} \cdot n^{p-1}$ patterns the noise of the others is
    Gaussian, and after one step the `overlap` with pattern 1 is

    $$\mathrm{erf}\, \frac{m_0^{p-1}}{\sqrt{2\,\text{load}\,(2p-3)!!}} .$$

    With $F(z) = e^{\lambda z}$ and $e^{\text{load} \cdot n}$ patterns the noise is a random energy model,
    $\phi(\lambda) = \lim \frac1n \log \sum_{\mu>1} e^{\lambda \xi^\mu \cdot s}$ (`noise_free_entropy`; 0 for
    polynomials). The overlap is 1 below `retrieval` and 0 above: where $\lambda m_0 = \phi(\lambda)$ for softmax, and,
    as random signs cancel, $\lambda m_0 = \phi(2\lambda)/2$ for sign. Below the load `condensation` the noise is owed
    to a few patterns.

    Only the first step is described: later ones meet noise that depends on the state.
    """

    energy: MemoryEnergy = field(Polynomial(), "how steeply patterns attract")
    load: float = field(0.1, "patterns / n^(degree - 1), or log(patterns) / n if the energy is exponential", above=0)
    start: float = field(1.0, "overlap of the start with pattern 1", above=0, at_most=1)
    patterns: str = field("spins", "the law of the patterns", one_of=("spins", "spherical", "gaussian"))
    update: str = field("sign", "what becomes of a spin's field", one_of=("sign", "softmax"))

    defaults = Defaults(size="spins", sizes=(40, 60, 80, 100), seeds=160, block=20)
    references = References(
        source=f"{KROTOV}; {LUCIBELLO}; {DEMIRCIGIL}",
        status="heuristic for the value of the overlap; its threshold is proved for spins by large deviations",
        bibtex="""@inproceedings{KrotovHopfield2016,
  author = {Krotov, Dmitry and Hopfield, John J.},
  title = {Dense associative memory for pattern recognition},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {29}, pages = {1172--1180}, year = {2016}
}
@article{DemircigilHeuselLoeweUpgangVermet2017,
  author = {Demircigil, Mete and Heusel, Judith and L{\\"o}we, Matthias and Upgang, Sven and Vermet, Franck},
  title = {On a model of associative memory with huge storage capacity},
  journal = {Journal of Statistical Physics},
  volume = {168}, pages = {288--299}, year = {2017}
}
@article{LucibelloMezard2024,
  author = {Lucibello, Carlo and M{\\'e}zard, Marc},
  title = {The exponential capacity of dense associative memories},
  journal = {Physical Review Letters},
  volume = {132}, pages = {077301}, year = {2024}
}""",
    )
    observables = {
        "overlap": Observable("m", "overlap with pattern 1 after one step", scale=1.0, self_averaging=True),
        "noise_free_entropy": Observable(r"\phi", "rate of the noise of the other patterns", limit_only=True),
    }
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        from . import theory

        if isinstance(self.energy, Polynomial):
            return {
                "overlap": theory.one_step(self.energy.degree, self.load, self.start),
                "noise_free_entropy": 0.0,
            }
        patterns = theory.ENSEMBLES[self.patterns]
        noise = theory.free_entropy(patterns, self._sharpness(), self.load)
        return {"overlap": float(self.load < self._capacity()), "noise_free_entropy": noise}

    def _sharpness(self) -> float:
        assert isinstance(self.energy, Exponential)
        return self.energy.sharpness

    def _capacity(self) -> float:
        from . import theory

        slope = self._sharpness() * (2 if self.update == "sign" else 1)
        return theory.capacity(theory.ENSEMBLES[self.patterns], slope, self.start)

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        rng = generator(key)
        first = self._patterns(1, n, rng)[0]
        if self.patterns == "spins":
            flipped = whole(n * (1 - self.start) / 2, rng, least=0)
            state = first * np.where(rng.permutation(n) < flipped, -1.0, 1.0)
        else:
            aside = rng.standard_normal(n)
            aside -= (aside @ first) / (first @ first) * first
            unit = first * np.sqrt(n) / np.linalg.norm(first)
            state = self.start * unit + np.sqrt(n * (1 - self.start**2)) * aside / np.linalg.norm(aside)
        after = self._step(first, state, self._count(n, rng), rng)
        return {"overlap": first @ after / n}

    def _count(self, n: int, rng: np.random.Generator) -> int:
        """How many patterns there are; `StatementError` if they are more than a machine can draw."""
        if isinstance(self.energy, Polynomial):
            expected = self.load * n ** (self.energy.degree - 1.0)
        else:
            expected = math.exp(min(self.load * n, 700.0))
        if expected > MOST:
            raise StatementError(
                f"{n} spins at load {self.load:g} have {expected:.2g} patterns, and at most {MOST} can be drawn: "
                "choose smaller `sizes`."
            )
        return whole(expected, rng)

    def _patterns(self, count: int, n: int, rng: np.random.Generator) -> np.ndarray:
        if self.patterns == "spins":
            return np.where(rng.integers(0, 2, (count, n), dtype=np.int8) > 0, 1.0, -1.0)
        drawn = rng.standard_normal((count, n))
        if self.patterns == "spherical":
            drawn *= np.sqrt(n) / np.linalg.norm(drawn, axis=1, keepdims=True)
        return drawn

    def _step(self, first: np.ndarray, state: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """The state after one step, with `count - 1` further patterns drawn a few thousand at a time."""
        n = len(first)
        field_, total, scale = np.zeros(n), np.zeros(n), -np.inf
        part = max(1, 400_000 // n)
        left = count - 1
        X = first[None]
        while len(X):
            h = (X @ state)[:, None] - X * state
            higher = max(scale, self._highest(h, X))
            field_, total = (sum_ * np.exp(scale - higher) for sum_ in (field_, total))
            scale = higher
            signed, weight = self._terms(h, X, scale)
            field_ += signed.sum(axis=0)
            total += weight.sum(axis=0)
            X = self._patterns(min(left, part), n, rng)
            left -= len(X)
        if self.update == "softmax":
            return field_ / total
        if self.patterns == "spins":
            return np.where(field_ == 0, rng.choice((-1.0, 1.0), n), np.sign(field_))
        return field_ * np.sqrt(n) / np.linalg.norm(field_)

    def _highest(self, h: np.ndarray, X: np.ndarray) -> float:
        """The largest logarithm of a term: it is taken off all, so that exponentials stay finite."""
        return float(self._sharpness() * np.max(h + np.abs(X))) if isinstance(self.energy, Exponential) else 0.0

    def _terms(self, h: np.ndarray, X: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """What patterns X, seen through fields h, add to the field of each spin and to the normalisation."""
        if isinstance(self.energy, Polynomial):
            p = self.energy.degree
            return (h + X) ** p - (h - X) ** p, np.abs(h) ** p
        slope = self._sharpness()
        weight = np.exp(slope * h - scale)
        if self.update == "softmax":
            return X * weight, weight
        return np.exp(slope * (h + X) - scale) - np.exp(slope * (h - X) - scale), weight

    def check(self) -> None:
        if isinstance(self.energy, Polynomial) and (self.patterns != "spins" or self.update != "sign"):
            raise StatementError(
                'A polynomial energy is for `patterns="spins"` and `update="sign"`; others go with Exponential().'
            )

    def valid(self) -> str | None:
        if isinstance(self.energy, Polynomial):
            return None
        capacity = self._capacity()
        if abs(self.load / capacity - 1) < 0.2:
            return (
                f"close to the load of retrieval, {capacity:.6g}, signal and noise differ by factors of exp(n / 10) or "
                "less, and the corrections are of order log(n) / n"
            )
        return None

    def too_small(self, sizes: Sequence[int]) -> str | None:
        if isinstance(self.energy, Polynomial) or self.load * min(sizes) >= LEAST_LOG_PATTERNS:
            return None
        return (
            f"exp(load n) is {math.exp(self.load * min(sizes)):.2g} patterns at the smallest of the sizes, too few for "
            f"their noise; it takes sizes of at least {math.ceil(LEAST_LOG_PATTERNS / self.load)}"
        )

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `load`, for an exponential energy: `retrieval`, and `condensation` of the noise."""
        from . import theory

        if along != "load" or isinstance(self.energy, Polynomial):
            raise StatementError(
                f"DenseAssociativeMemory has no known transition along {along!r} with {self.energy!r}; with "
                "Exponential() there are two along 'load'."
            )
        patterns = theory.ENSEMBLES[self.patterns]
        return {"retrieval": self._capacity(), "condensation": theory.condensation(patterns, self._sharpness())}
