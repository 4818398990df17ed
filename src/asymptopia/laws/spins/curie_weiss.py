"""The Curie-Weiss model: the simplest mean field, with its fluctuations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import ArrayLike, Key

if TYPE_CHECKING:
    import jax

ELLIS_NEWMAN = "Ellis and Newman, Z. Wahrscheinlichkeitstheorie verw. Gebiete 44 (1978) 117, theorems 2.1 and 2.2"
RECOMPUTED = "independent root of m = tanh(beta (m + h)) in high precision"


def _landmarks() -> tuple[Landmark, ...]:
    magnetised = [
        (1.1, 0.5029405749, 4.19116590),
        (1.2, 0.6585696604, 1.76712121),
        (1.5, 0.8585596366, 0.43401189),
        (2.0, 0.9575040241, 0.09978798),
    ]
    rows = []
    for beta, m, chi in magnetised:
        rows.append(Landmark(dict(beta=beta, h=0.0), "magnetisation", m, 1e-9, RECOMPUTED))
        rows.append(Landmark(dict(beta=beta, h=0.0), "susceptibility", chi, 1e-8, RECOMPUTED))
    rows.append(Landmark(dict(beta=0.5, h=0.0), "susceptibility", 2.0, 1e-12, ELLIS_NEWMAN))
    free = -1.3862943611198906
    rows.append(Landmark(dict(beta=0.5, h=0.0), "free_energy", free, 1e-12, "-2 log 2: no interaction is left"))
    rows.append(Landmark(dict(h=0.0), "transition", 1.0, 1e-12, ELLIS_NEWMAN, along="beta"))
    return tuple(rows)


class CurieWeiss(Law):
    r"""Spins that all attract each other, in a field.

    The energy of n spins $s_i = \pm 1$ is $H = -(\sum_i s_i)^2 / 2n - h \sum_i s_i$. At inverse temperature
    $\beta$ the magnetisation $M = \frac1n \sum_i s_i$, which has the sign of the field
    (for $h = 0$ and $\beta > 1$ it is counted as positive), tends as $n \to \infty$ to the solution of largest
    $\beta (m^2/2 + h m) + S(m)$, with $S$ the entropy of a spin of mean $m$, of

    $$m = \tanh(\beta (m + h)),$$

    its fluctuations $\sqrt n (M - m)$ to a normal distribution of variance

    $$\chi = \frac{1 - m^2}{1 - \beta (1 - m^2)},$$

    and the free energy per spin to $m^2/2 - \frac1\beta \log 2\cosh(\beta (m + h))$.
    At $\beta = 1$, $h = 0$ the variance diverges and $n^{1/4} M$ is no longer normal: `valid` warns there, and the law
    `CriticalCurieWeiss` takes over.

    The system is sampled exactly: the distribution of $\sum_i s_i$ is known for every $n$, and its normalisation is the
    finite free energy.
    """

    beta: float = field(0.8, "inverse temperature", above=0, unit="1/energy")
    h: float = field(0.1, "external field", unit="energy")

    defaults = Defaults(size="spins", sizes=(100, 400, 1600, 6400), seeds=10_000, block=10_000)
    references = References(
        source=ELLIS_NEWMAN,
        status="proved",
        bibtex="""@article{EllisNewman1978,
  author = {Ellis, Richard S. and Newman, Charles M.},
  title = {Limit theorems for sums of dependent random variables occurring in statistical mechanics},
  journal = {Zeitschrift f{\\"u}r Wahrscheinlichkeitstheorie und verwandte Gebiete},
  volume = {44}, pages = {117--139}, year = {1978}
}""",
    )
    observables = {
        "magnetisation": Observable("m", "mean spin; without a field its modulus, if beta > 1", scale=1.0),
        "susceptibility": Observable(r"\chi", "variance of the magnetisation, times n", fluctuation_of="magnetisation"),
        "free_energy": Observable("f", "free energy per spin", unit="energy"),
    }
    exercises = (dict(beta=0.5, h=-0.5),)
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        import jax.numpy as jnp

        m = jnp.where(self.h < 0, -1.0, 1.0) * _magnetisation(self.beta, jnp.abs(self.h))
        return {
            "magnetisation": m,
            "susceptibility": (1 - m**2) / (1 - self.beta * (1 - m**2)),
            "free_energy": m**2 / 2 - jnp.logaddexp(x := self.beta * (m + self.h), -x) / self.beta,
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax.numpy as jnp

        from ...algorithms.spins.complete_graph import magnetisation

        drawn, log_partition = magnetisation(n, self.beta, self.h, key)
        direction = jnp.where((self.h == 0) & (self.beta > 1), jnp.sign(drawn), 1.0)
        return {"magnetisation": direction * drawn, "free_energy": -log_partition / (n * self.beta)}

    def valid(self) -> str | None:
        if self.h == 0 and abs(self.beta - 1) < 0.05:
            return (
                "near beta = 1 without a field the fluctuations grow as n**(1/2) and are not normal; "
                "the limit is reached only for n much larger than 1 / (beta - 1)**2"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `beta` without a field 1 (a field smears it); along `h`, of first order at 0 if beta > 1."""
        if along == "beta" and self.h == 0:
            return {"transition": 1.0}
        if along == "h" and self.beta > 1:
            return {"first_order": 0.0}
        return {}


def _magnetisation(beta: ArrayLike, h: ArrayLike) -> Any:
    """The largest solution of m = tanh(beta (m + h)), differentiable in both arguments."""
    import jax.numpy as jnp
    from jax import lax

    def residual(m: ArrayLike) -> Any:
        return m - jnp.tanh(beta * (m + h))

    def solve(f: Any, _: Any) -> Any:
        def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> Any:
            low, high = ends
            middle = (low + high) / 2
            above = f(middle) > 0
            return jnp.where(above, low, middle), jnp.where(above, middle, high)

        # below the largest root (and above the smaller ones) the residual is negative, above it positive
        bottom = jnp.where(beta > 1, jnp.sqrt(jnp.maximum(1 - 1 / beta, 0)), 0.0)
        low, high = lax.fori_loop(0, 60, halve, (bottom, jnp.ones_like(bottom)))
        return (low + high) / 2

    def tangent(g: Callable[[Any], Any], y: ArrayLike) -> Any:
        return y / g(jnp.ones_like(y))

    start = jnp.zeros_like(jnp.asarray(beta, float))
    m = lax.custom_root(residual, start, solve, tangent)
    return jnp.where((h == 0) & (beta <= 1), 0.0, m)
