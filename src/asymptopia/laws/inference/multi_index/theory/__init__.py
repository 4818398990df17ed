"""Weak recovery, exponents and state evolution of multi-index models."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .....contract.record import StatementError
from .....numerics.gaussian import legendre
from .. import Door, Link, Monomial, Norm, Product, SignProduct, Square
from .moments import Conditional, binned, monomial, noisy, noisy_monomial, noisy_norm, single

if TYPE_CHECKING:
    from .. import MultiIndex

NONE = 1e-6  # a squared conditional moment below this counts as zero


def predict(law: MultiIndex) -> dict[str, Any]:
    """The observables of the law."""
    law.check()
    p = law.link.size
    m, error = _state(law) if curve_known(law) else (math.nan, math.nan)
    return {
        "overlap": m * np.eye(p),
        "test_error": error,
        "information_exponent": information_exponent(law.link),
        "generative_exponent": generative_exponent(law.link),
    }


def curve_known(law: MultiIndex) -> bool:
    """Whether the overlap of this link is computed."""
    parity = isinstance(law.link, SignProduct) and law.link.size == 2
    return parity or (isinstance(law.link, (Norm, Square)) and law.noise == 0)


def _state(law: MultiIndex) -> tuple[float, float]:
    """The overlap m that message passing reaches from nothing, and the test error."""
    p = law.link.size
    parity = isinstance(law.link, SignProduct)
    edge = weak_recovery(law)
    if law.alpha <= edge:
        m = 0.0
    else:
        m = _first(lambda m: _parity_curve(m, law.flip) if parity else norm_curve(m, p), law.alpha)
    if parity:
        e = math.acos(math.sqrt(m)) / math.pi
        return m, 2 * e * (1 - e)
    return m, 2 * p * (1 - m**2)


def _first(curve: Any, alpha: float) -> float:
    """The least m > 0 with curve(m) = alpha, or 1 if there is none."""
    from scipy.optimize import brentq

    grid = np.concatenate([np.geomspace(1e-6, 0.02, 12), np.linspace(0.03, 0.99, 49), [0.995, 0.999]])
    last = grid[0]
    for m in grid[1:]:
        if curve(m) > alpha:
            return float(brentq(lambda x: curve(x) - alpha, last, m, xtol=1e-14))
        last = m
    return 1.0


@lru_cache(maxsize=4096)
def norm_curve(m: float, p: int) -> float:
    """alpha at which the overlap of the link Norm is m."""
    from scipy.special import gammaln, ive

    v = 1 - m
    x, w = legendre(96)
    reach = math.sqrt(m) * (math.sqrt(p) + 8.5)
    r, dr = x * reach, w * reach  # |omega|
    chi = (p - 1) * np.log(r) - r**2 / (2 * m) - p / 2 * math.log(m) - (p / 2 - 1) * math.log(2) - gammaln(p / 2)
    low = np.maximum(r - 9.5 * math.sqrt(v), 0.0)
    high = r + (9.5 + math.sqrt(p)) * math.sqrt(v)
    s = low[:, None] + (high - low)[:, None] * x  # |z|
    ds = (high - low)[:, None] * w
    t = s * r[:, None] / v
    bessel = ive(p / 2 - 1, t)
    log_s = p / 2 * np.log(s) + (1 - p / 2) * np.log(r)[:, None] - (s - r[:, None]) ** 2 / (2 * v) - math.log(v)
    mass = np.exp(chi)[:, None] * dr[:, None] * ds * np.exp(log_s) * bessel
    square = float(np.sum(mass * s**2 * (ive(p / 2, t) / np.maximum(bessel, 1e-300)) ** 2))
    return m * (1 - m) / (square / p - m)


def algorithmic(p: int) -> float:
    """The largest alpha at which message passing is not perfect for the link Norm."""
    from scipy.optimize import minimize_scalar

    maximum = minimize_scalar(
        lambda m: -norm_curve(m, p), bounds=(0.3, 0.9999), method="bounded", options={"xatol": 1e-9}
    )
    return float(-maximum.fun)


def _parity_curve(m: float, flip: float) -> float:
    """alpha at which the overlap of a parity of two is m."""
    from scipy.special import ndtr

    z = np.linspace(0, 9, 181)
    w = np.exp(-(z**2) / 2)
    w[0] /= 2
    w /= w.sum()
    u = math.sqrt(m / (1 - m)) * z
    sign, kept = 2 * ndtr(u) - 1, 1 - 2 * flip
    left = 4 * ndtr(u) * ndtr(-u)  # 1 - sign**2
    bell = np.exp(-(u**2)) / (2 * math.pi * (1 - m))
    doubt = 1 - kept**2 + kept**2 * (left[:, None] + sign[:, None] ** 2 * left)
    gain = 4 * kept**2 * float((w * bell) @ (1 / np.maximum(doubt, 1e-300)) @ (w * sign**2))
    return m / ((1 - m) * gain)


def weak_recovery(law: MultiIndex) -> float:
    """The alpha above which directions are found from nothing: 0, finite or inf."""
    conditional = _conditional(law.link, law.noise, law.flip)
    if conditional.first > NONE:
        return 0.0
    return 1 / conditional.radius if conditional.radius > NONE else math.inf


@lru_cache(maxsize=128)
def _conditional(link: Link, noise: float, flip: float) -> Conditional:
    """What the label says of first and second moments of the fields."""
    p = link.size
    if isinstance(link, SignProduct):
        kept = (1 - 2 * flip) ** 2
        return Conditional(*{1: (kept * 2 / math.pi, 0.0), 2: (0.0, kept * 4 / math.pi**2)}.get(p, (0.0, 0.0)))
    if isinstance(link, Norm):
        return noisy_norm(p, noise) if noise > 0 else Conditional(0.0, 2 / p)
    if (powers := _powers(link)) is not None:
        return noisy_monomial(powers, noise) if noise > 0 else monomial(powers)
    if noise > 0:
        if p > 2:
            raise StatementError(
                "With noise, weak recovery of more than two directions is computed for products and norms."
            )
        return noisy(link, noise)
    if p == 1:
        return single(link, flip if isinstance(link, Door) else 0.0)
    if p == 2:
        return binned(link)
    raise StatementError("Weak recovery of a function of your own is computed for one or two directions only.")


def information_exponent(link: Link) -> float:
    """The least k >= 1 with E[y He_k(z)] != 0; nan if it is not known."""
    powers = _powers(link)
    if powers is not None:
        odd = sum(p % 2 for p in powers)
        return float(odd or 2)
    if isinstance(link, SignProduct):
        return float(link.size)
    if isinstance(link, Norm):
        return 2.0
    return _least(link, 12, given=False) if link.size == 1 else math.nan


def generative_exponent(link: Link) -> float:
    """The least k >= 1 with E[He_k(z) | y] != 0 with positive probability; nan if it is not known."""
    powers = _powers(link)
    if powers is not None:
        return 1.0 if sum(p % 2 for p in powers) == 1 else 2.0
    if isinstance(link, SignProduct):
        return float(link.size)
    if isinstance(link, Norm):
        return 2.0
    if link.size == 1:
        return _least(link, 8, given=True)
    conditional = _conditional(link, 0.0, 0.0) if link.size == 2 else None
    return (
        math.nan
        if conditional is None
        else 1.0
        if conditional.first > NONE
        else 2.0
        if conditional.radius > NONE
        else math.nan
    )


def _powers(link: Link) -> tuple[int, ...] | None:
    if isinstance(link, Product):
        return (1,) * link.size
    return link.powers if isinstance(link, Monomial) else None


def _least(link: Link, most: int, given: bool) -> float:
    """The least order whose moment, with y or given y, is not zero."""
    from .moments import hermite_given, hermite_with

    moment = hermite_given if given else hermite_with
    return next((float(k) for k in range(1, most + 1) if moment(link, k) > NONE), math.nan)
