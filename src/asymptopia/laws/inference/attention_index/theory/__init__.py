"""State evolution of the minima of attention's training loss: overlaps, the stability of a minimum, the crossing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .....contract.law import NoLimit
from .....numerics.fixed_points import NotConverged, fixed_point
from .moreau import curvature, nearest, shares

if TYPE_CHECKING:
    from .. import AttentionIndex

POSITIONS = np.array([1.0, -1.0])  # the encodings of the two tokens are p and -p
FIRST, COARSE, FINE = 8, 12, 16  # Gauss-Hermite nodes per field: to find the minimum, its error, and its values
LIGHTEST = 1e-10  # weight below which a node is left out
SMALL = 1e-4  # a cosine with the other direction that tests whether a minimum is one
LEAST = 1e-6  # a smaller |Q|^2/d that still falls ends at none
LOST = 1e-3  # a cosine below this is none


@dataclass(frozen=True)
class Minimum:
    """A minimum of the training loss, as |Q|^2/d, Q.Q*/d, Q.p/sqrt(d) and the response V of a field."""

    norm: float
    semantic: float
    positional: float
    response: float
    test_error: float
    train_loss: float
    slope: float  # of the least penalised loss along alpha
    replicon: float  # below 1 where a small noise in Q dies out
    outward: float  # below 1 where a small overlap with the other direction dies out
    unknowns: np.ndarray  # those of the fixed point

    def least(self, law: AttentionIndex) -> float:
        """The penalised training loss, per dimension."""
        return law.alpha * self.train_loss + law.ridge * self.norm / 2

    def cosines(self, law: AttentionIndex) -> tuple[float, float]:
        length = np.sqrt(self.norm)
        return self.semantic / length, self.positional / (length * np.sqrt(law.encoding))


def predict(law: AttentionIndex) -> dict[str, float]:
    """The observables at the minimum, with what the order of the quadrature changes as their error."""
    fine, coarse = _observables(law, FINE), _observables(law, COARSE)
    return fine | {f"{name}_error": abs(fine[name] - coarse[name]) for name in fine}


def _observables(law: AttentionIndex, order: int) -> dict[str, float]:
    best = minimum(law, order)
    semantic, positional = best.cosines(law)
    return {
        "semantic_overlap": semantic,
        "positional_overlap": positional,
        "norm": best.norm,
        "test_error": best.test_error,
        "train_loss": best.train_loss,
    }


@lru_cache(maxsize=64)
def minimum(law: AttentionIndex, order: int = FINE) -> Minimum:
    """The minimum that descent from the start reaches; raises `NoLimit` where it keeps nothing of the start."""
    evolution = Evolution(law, order)
    x = _begun(law, evolution) if order == FIRST else minimum(law, COARSE if order == FINE else FIRST).unknowns
    try:
        x = fixed_point(evolution, x, damping=0.85, tolerance=1e-9, iterations=300)
    except NotConverged as reason:
        raise NotConverged(f"The {law.start} minimum of {law!r} was not reached. {reason}") from None
    best = evolution.at(x * np.array([1, np.sign(x[1]), 1]))  # Q and -Q attend alike
    if max(best.cosines(law)) < LOST:
        raise NoLimit(_nothing(law))
    return best


def _begun(law: AttentionIndex, evolution: Evolution) -> np.ndarray:
    """Unknowns near those that descent from the start begins with, as far as steps can be taken."""
    x = np.array([np.log(law.variance / 4), 1.0, -np.log(law.ridge / law.variance + law.alpha * law.variance)])
    for _ in range(10):
        ahead = evolution(x)
        if not np.isfinite(ahead).all():
            break
        x = 0.7 * x + 0.3 * ahead
    return x


def _nothing(law: AttentionIndex) -> str:
    return (
        f"There is no {law.start} minimum: from there the loss falls to weights that know nothing of the direction of "
        "the start. Take more sentences, `alpha`, or a smaller `ridge`."
    )


class Evolution:
    """One step of state evolution, on a tensor grid of the fields of target and student."""

    def __init__(self, law: AttentionIndex, order: int):
        self.law = law
        x, w = np.polynomial.hermite_e.hermegauss(order)
        grid = np.stack(np.meshgrid(x, x, x, x, indexing="ij"), axis=-1).reshape(-1, 4)
        weight = np.prod(np.stack(np.meshgrid(*4 * [w / w.sum()], indexing="ij"), axis=-1).reshape(-1, 4), axis=1)
        keep = weight > LIGHTEST
        self.weight = weight[keep] / weight[keep].sum()
        self.star, self.own = np.sqrt(law.variance) * grid[keep, :2], grid[keep, 2:]
        self.target = (1 - law.positional) * shares(self.star) + law.positional * law.share

    def fields(self, q: float, m: float, theta: float) -> np.ndarray:
        """The student's fields of the two tokens, without the response, shape (N, 2)."""
        rest = np.sqrt(max(q - m**2 / self.law.variance, 0.0))
        return m / self.law.variance * self.star + rest * self.own + theta * POSITIONS

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The next unknowns: by symmetry the overlap with the other direction stays zero."""
        before = np.exp(x[0]) / self.law.variance
        q, m, theta, V = self.step(*self.overlaps(x))
        if before < LEAST and q / self.law.variance < before:
            raise NoLimit(_nothing(self.law))
        with np.errstate(invalid="ignore", divide="ignore"):  # a step too long gives nan, and is then made shorter
            return np.array([np.log(q), np.arctanh(self.cosine(q, m, theta)), np.log(V)])

    def cosine(self, q: float, m: float, theta: float) -> float:
        """The cosine of Q with the direction of the start."""
        s2 = self.law.variance
        own = m / np.sqrt(s2 * q) if self.law.start == "semantic" else theta * np.sqrt(s2 / (self.law.encoding * q))
        return float(np.clip(own, -1 + 1e-12, 1 - 1e-12))

    def overlaps(self, x: np.ndarray, other: float = 0.0) -> tuple[float, float, float, float]:
        """q, m, theta and V of the unknowns log q, artanh of the start's cosine and log V, and the other's cosine."""
        q, cosine, V = float(np.exp(x[0])), float(np.tanh(x[1])), float(np.exp(x[2]))
        c, p = (cosine, other) if self.law.start == "semantic" else (other, cosine)
        return q, c * np.sqrt(self.law.variance * q), p * np.sqrt(self.law.encoding * q / self.law.variance), V

    def step(self, q: float, m: float, theta: float, V: float) -> tuple[float, float, float, float]:
        law, s2 = self.law, self.law.variance
        fields = self.fields(q, m, theta)
        z = nearest(fields, V, self.target, s2)
        g = (z - fields) / V
        jacobian = _response(z, V, self.target, s2)
        v_hat = law.alpha * self.mean(2 - jacobian[:, 0, 0] - jacobian[:, 1, 1]) / V
        q_hat = law.alpha * self.mean(np.sum(g**2, axis=1))
        m_hat = (law.alpha * self.mean(np.sum(g * self.star, axis=1)) + m * v_hat) / s2
        theta_hat = law.alpha * self.mean(g @ POSITIONS)
        pull = law.ridge + v_hat * s2
        q = s2 * (s2 * q_hat + s2**2 * m_hat**2 + law.encoding * theta_hat**2) / pull**2
        return q, s2**2 * m_hat / pull, law.encoding * theta_hat / pull, s2 / pull

    def at(self, x: np.ndarray) -> Minimum:
        """The minimum with these overlaps of fields."""
        law, s2 = self.law, self.law.variance
        q, m, theta, V = self.overlaps(x)
        fields = self.fields(q, m, theta)
        z = nearest(fields, V, self.target, s2)
        loss = s2 * np.sum((self.target - shares(z)) ** 2, axis=1)
        tilted = self.overlaps(x, SMALL)
        moved = self.step(*tilted)
        other = 2 if law.start == "semantic" else 1
        change = _response(z, V, self.target, s2) - np.eye(2)
        return Minimum(
            norm=q / s2,
            semantic=m / s2,
            positional=theta,
            response=V,
            test_error=s2 * self.mean(np.sum((self.target - shares(fields)) ** 2, axis=1)),
            train_loss=self.mean(loss),
            slope=self.mean(loss + np.sum((z - fields) ** 2, axis=1) / (2 * V)),
            replicon=law.alpha * self.mean(np.sum(change**2, axis=(1, 2))),
            outward=moved[other] / tilted[other],
            unknowns=x,
        )

    def mean(self, values: np.ndarray) -> float:
        return float(self.weight @ values)


def _response(z: np.ndarray, V: float, target: np.ndarray, scale: float) -> np.ndarray:
    """The derivative of the nearest point by the fields, shape (N, 2, 2)."""
    return np.asarray(np.linalg.inv(np.eye(2) + V * curvature(z, target, scale)))


def crossing(law: AttentionIndex) -> float:
    """The alpha where the penalised training losses of the two minima are equal, by Newton from the law's own."""
    alpha = law.alpha
    for _ in range(30):
        here = law.replace(alpha=alpha)
        semantic, positional = (minimum(here.replace(start=start), COARSE) for start in ("semantic", "positional"))
        gap, slope = semantic.least(here) - positional.least(here), semantic.slope - positional.slope
        step = np.clip(-gap / slope, -alpha / 2, alpha)
        alpha += step
        if abs(step) < 1e-7 * alpha:
            return float(alpha)
    raise NotConverged(f"The losses of the two minima were not made equal: alpha is near {alpha:g}.")


def unstable(law: AttentionIndex) -> str | None:
    """Why the replica-symmetric minimum is none, or None."""
    best = minimum(law)
    if best.outward >= 1:
        other = "encodings" if law.start == "semantic" else "target's direction"
        return f"the {law.start} solution is a saddle: a small overlap with the {other} grows"
    if best.replicon >= 1:
        return f"the replica-symmetric minimum is unstable: alpha E |dz/dw - 1|^2 is {best.replicon:.3g}, not below 1"
    return None
