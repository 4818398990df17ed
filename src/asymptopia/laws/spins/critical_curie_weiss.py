"""The Curie-Weiss model at its critical point, where the central limit theorem fails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key
from ...numerics.gaussian import legendre

ELLIS_NEWMAN = "Ellis and Newman, Z. Wahrscheinlichkeitstheorie verw. Gebiete 44 (1978) 117, theorem 2.1"


class CriticalCurieWeiss(Law):
    r"""Spins that all attract each other, at the point where they start to order.

    The energy of n spins $s_i = \pm 1$ is $H = -(\sum_i s_i)^2 / 2n - h_n \sum_i s_i$, at the inverse temperature
    $\beta = 1 + b\,n^{-1/2}$ and in the field $h_n = h\,n^{-3/4}$: at $b = h = 0$ the critical point itself, else its
    neighbourhood on the scale on which n spins notice. The mean spin M is of order $n^{-1/4}$, not $n^{-1/2}$, and
    $X = n^{1/4} M$ tends as $n \to \infty$ to the distribution of density

    $$p(x) \propto \exp\left(-\frac{x^4}{12} + \frac{b x^2}{2} + h x\right),$$

    which is not normal. The partition function, divided by $2^n n^{1/4}$, tends to the integral of that exponential
    over $\sqrt{2\pi}$. Corrections fall as $n^{-1/2}$.

    The system is sampled exactly: the distribution of $\sum_i s_i$ is known for every n.
    """

    b: float = field(0.0, "distance of the inverse temperature to 1, times n**(1/2)")
    h: float = field(0.0, "external field, times n**(3/4)", unit="energy")

    defaults = Defaults(size="spins", sizes=(400, 1600, 6400, 25600), seeds=30_000, bias=0.5, block=10_000)
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
        "magnetisation": Observable("E X", "mean spin, times n**(1/4)", scale=1.0),
        "modulus": Observable("E |X|", "absolute value of the mean spin, times n**(1/4)"),
        "square": Observable("E X^2", "square of the mean spin, times n**(1/2)"),
        "fourth": Observable("E X^4", "fourth power of the mean spin, times n"),
        "log_partition": Observable(r"\log Z", "logarithm of the partition function over 2**n n**(1/4)", scale=1.0),
        "binder": Observable("B", "Binder's cumulant, 1 - E M^4 / 3 (E M^2)^2", limit_only=True),
    }
    landmarks = (
        Landmark({}, "square", 1.1708286566075286, 1e-12, ELLIS_NEWMAN),
        Landmark({}, "fourth", 3.0, 1e-12, "by parts: E X (X^3 / 3) = 1"),
        Landmark({}, "binder", 0.2705201282578408, 1e-12, ELLIS_NEWMAN),
    )

    def predict(self) -> dict[str, Any]:
        x, weight, log_integral = _quartic(float(self.b), float(self.h))
        first, modulus, square, fourth = (float(weight @ f) for f in (x, abs(x), x**2, x**4))
        return {
            "magnetisation": first,
            "modulus": modulus,
            "square": square,
            "fourth": fourth,
            "log_partition": log_integral - math.log(2 * math.pi) / 2,
            "binder": 1 - fourth / (3 * square**2),
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax.numpy as jnp

        from ...algorithms.spins.complete_graph import magnetisation

        m, log_partition = magnetisation(n, 1 + self.b / n**0.5, self.h / n**0.75, key)
        x = n**0.25 * m
        scaled = log_partition - n * math.log(2) - math.log(n) / 4
        return {"magnetisation": x, "modulus": jnp.abs(x), "square": x**2, "fourth": x**4, "log_partition": scaled}

    def valid(self) -> str | None:
        """Far from the critical point the limit is reached only by very large systems."""
        if max(abs(self.b), abs(self.h)) > 5:
            return (
                "far from the critical point, beyond |b| or |h| of about 5, the quartic density is reached only for n "
                "much larger than b**4 and h**(4/3)"
            )
        return None


def _quartic(b: float, h: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Points, their probabilities in the limit, and the logarithm of the integral that normalises them.

    Panels end at 0, where the modulus has a kink, and are narrower than the narrowest peak, of width (2 b)**(-1/2).
    """
    reach = max(np.abs(np.roots([-1 / 3, 0.0, b, h])).max() + 6.0, 8.0)
    panels = math.ceil(reach * math.sqrt(1 + abs(b) + abs(h) ** (2 / 3)))
    nodes, weights = legendre(16)
    half = (np.arange(panels)[:, None] + nodes).ravel() * reach / panels
    x, measure = np.r_[-half[::-1], half], np.tile(weights, 2 * panels) * reach / panels
    exponent = -(x**4) / 12 + b * x**2 / 2 + h * x
    mass = measure * np.exp(exponent - exponent.max())
    return x, mass / mass.sum(), float(exponent.max() + math.log(mass.sum()))
