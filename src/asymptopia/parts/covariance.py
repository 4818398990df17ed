"""Gaussian inputs with a covariance, and the traces of its resolvent that theory needs."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from ..contract.record import StatementError, field
from ..numerics.gaussian import legendre
from ..tables import existing
from .data import Covariates

__all__ = ["Covariance", "Isotropic", "Matrices", "PowerDensity", "PowerLaw", "Spectrum"]


@dataclasses.dataclass(frozen=True)
class Traces:
    """Traces with the resolvent R = (Omega + kappa)^-1 of the inputs' covariance, shape (d, d).

    degrees:  tr(Omega R) / d.
    degrees2: tr(Omega R Omega R) / d.
    power:    b_i R b_j, shape (K, K), with b_i = E[v nu_i] for the K fields nu_i of the teacher.
    power2:   b_i R Omega R b_j, shape (K, K).
    """

    degrees: float
    degrees2: float
    power: np.ndarray
    power2: np.ndarray


class Resolvents(Protocol):
    """What the replica equations need of inputs and teacher: the traces, and rho = E[nu nu^T], shape (K, K)."""

    @property
    def rho(self) -> np.ndarray: ...

    def at(self, kappa: float) -> Traces: ...


@dataclasses.dataclass(frozen=True)
class Paired:
    """Eigenvalues of the covariance, their shares of the dimension (sum 1), and (u.b)**2 in the eigenspace of each."""

    values: np.ndarray
    shares: np.ndarray
    powers: np.ndarray
    rho: np.ndarray

    def at(self, kappa: float) -> Traces:
        shrunk = self.values / (self.values + kappa)
        power = self.powers / (self.values + kappa)
        return Traces(
            float(self.shares @ shrunk),
            float(self.shares @ shrunk**2),
            np.array([[power.sum()]]),
            np.array([[power @ shrunk]]),
        )


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """Inputs v = factor.g and teacher's field nu = direction.g of one dimension, with g ~ N(0, I_k).

    factor: shape (d, k), or (d,) if diagonal. direction: shape (k,).
    """

    factor: np.ndarray
    direction: np.ndarray

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n random inputs (n, d) and the teacher's fields (n,)."""
        g = rng.standard_normal((n, len(self.direction)))
        return (g * self.factor if self.factor.ndim == 1 else g @ self.factor.T), g @ self.direction

    def coefficients(self, w: np.ndarray) -> np.ndarray:
        """The vector k, shape (k,), with which the student's field is z = w.v / sqrt(d) = k.g."""
        return (w * self.factor if self.factor.ndim == 1 else w @ self.factor) / np.sqrt(len(w))


class Covariance(Covariates):
    """A Gaussian model of inputs v ~ N(0, Omega) and of the teacher's field nu.

    A model of your own defines `paired` (the limit) and `ensemble` (one dimension).
    """

    def paired(self) -> Paired:
        """The eigenvalues of Omega in the limit, each with the teacher's part in its eigenspace."""
        raise NotImplementedError(f"{type(self).__name__} defines no `paired(self)`.")

    def ensemble(self, d: int, rng: np.random.Generator) -> Ensemble:
        """The model in dimension d: random where its eigenvectors are."""
        raise NotImplementedError(f"{type(self).__name__} defines no `ensemble(self, d, rng)`.")

    def dimension(self) -> int | None:
        """The only dimension of the model, or None if every dimension is possible."""
        return None


class Isotropic(Covariance):
    """Omega = I, and a teacher of norm sqrt(d): the inputs of `ERM`."""

    def paired(self) -> Paired:
        one = np.ones(1)
        return Paired(one, one, one, np.ones((1, 1)))

    def ensemble(self, d: int, rng: np.random.Generator) -> Ensemble:
        theta = rng.standard_normal(d)
        return Ensemble(np.ones(d), theta / np.linalg.norm(theta))


class PowerLaw(Covariance):
    """Eigenvalues omega_k proportional to k**-exponent, and a teacher with theta_k**2 proportional to k**-alignment.

    Normalised to tr(Omega) = d and theta.Omega.theta = d. The dimension is fixed: few directions carry what matters, so
    that the limit is approached too slowly to be seen, while theory for the spectrum as it is holds well.
    """

    exponent: float = field(1.0, "decay of the eigenvalues", at_least=0, at_most=4)
    alignment: float = field(0.0, "decay of the teacher's squared components", at_least=-4, at_most=4)
    dimensions: int = field(400, "number of dimensions", at_least=1, at_most=10000)

    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        k = np.arange(1.0, self.dimensions + 1)
        values, theta2 = k**-self.exponent, k**-self.alignment
        values = values / values.mean()
        return values, theta2 / (values * theta2).mean()

    def paired(self) -> Paired:
        values, theta2 = self._spectrum()
        d = len(values)
        return Paired(values, np.full(d, 1 / d), values**2 * theta2 / d, np.ones((1, 1)))

    def ensemble(self, d: int, rng: np.random.Generator) -> Ensemble:
        values, theta2 = self._spectrum()
        return Ensemble(np.sqrt(values), np.sqrt(values * theta2 / d) * rng.choice((-1.0, 1.0), d))

    def dimension(self) -> int | None:
        return self.dimensions


class PowerDensity(Covariance):
    """Eigenvalues (1 - exponent) u**-exponent, u uniform on [0, 1], of mean 1; a teacher of components of size 1.

    In dimension d each eigenvalue is the mean over a cell of u of length 1/d.
    """

    exponent: float = field(0.3, "power of the quantile", at_least=0, at_most=0.9)

    def paired(self) -> Paired:
        """A quadrature in v = u**(1 - exponent), of which dv is the share of variance; panels shrink towards v = 0."""
        if self.exponent == 0:
            return Isotropic().paired()
        x, w = legendre(10)
        ends = np.linspace(0.0, 32.0, 33)
        y = (ends[:-1, None] + np.diff(ends)[:, None] * x).ravel()
        share = np.exp(-y) * (np.diff(ends)[:, None] * w).ravel()
        values = (1 - self.exponent) * np.exp(y * self.exponent / (1 - self.exponent))
        return Paired(values, share / values, share * values, np.ones((1, 1)))

    def ensemble(self, d: int, rng: np.random.Generator) -> Ensemble:
        values = d * np.diff((np.arange(d + 1) / d) ** (1 - self.exponent))
        return Ensemble(np.sqrt(values), np.sqrt(values / d) * rng.choice((-1.0, 1.0), d))


class Spectrum(Covariance):
    """A few eigenvalues, each with its share of the dimensions and the teacher's mean squared component there.

    `Spectrum((2.0, 0.1), shares=(0.2, 0.8), teacher=(1.0, 0.5))`. The field of the teacher has the variance rho = sum_j
    share_j value_j teacher_j.
    """

    values: tuple[float, ...] = field((1.0,), "eigenvalues of the covariance, > 0")
    shares: tuple[float, ...] = field((), "their shares of the dimension; equal if empty")
    teacher: tuple[float, ...] = field((), "the teacher's mean squared component in each eigenspace; 1 if empty")

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self._floats("values"))
        if count == 0 or min(self.values) <= 0:
            raise StatementError(f"`values` of Spectrum must be one or more numbers > 0, but is {self.values}.")
        object.__setattr__(self, "shares", self._floats("shares") or (1.0 / count,) * count)
        object.__setattr__(self, "teacher", self._floats("teacher") or (1.0,) * count)
        if len(self.shares) != count or min(self.shares) <= 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise StatementError(
                f"`shares` of Spectrum must be {count} numbers > 0 that sum to 1, but is {self.shares}."
            )
        if len(self.teacher) != count or min(self.teacher) < 0 or max(self.teacher) == 0:
            raise StatementError(
                f"`teacher` of Spectrum must be {count} numbers >= 0, not all 0, but is {self.teacher}."
            )

    def _floats(self, name: str) -> tuple[float, ...]:
        given = getattr(self, name)
        try:
            values = tuple(map(float, given))
        except (TypeError, ValueError):
            raise StatementError(f"`{name}` of Spectrum must be a tuple of numbers, but is {given!r}.") from None
        object.__setattr__(self, name, values)
        return values

    def paired(self) -> Paired:
        values, shares, theta2 = map(np.asarray, (self.values, self.shares, self.teacher))
        return Paired(values, shares, shares * values**2 * theta2, np.array([[shares @ (values * theta2)]]))

    def ensemble(self, d: int, rng: np.random.Generator) -> Ensemble:
        ends = np.round(np.cumsum(self.shares) * d).astype(int)
        block = np.searchsorted(ends, np.arange(d), side="right").clip(max=len(self.values) - 1)
        values, theta = np.asarray(self.values)[block], rng.standard_normal(d)
        for k, (share, theta2) in enumerate(zip(self.shares, self.teacher, strict=True)):
            here = block == k
            norm = np.linalg.norm(theta[here])
            theta[here] *= np.sqrt(share * theta2 * d) / norm if norm > 0 else 0.0
        return Ensemble(np.sqrt(values), np.sqrt(values / d) * theta)


class Matrices(Covariance):
    """Your own covariances, in an NPZ file with the arrays Omega (d, d), Phi (p, d), Psi (p, p) and theta (p,).

    The teacher acts on u ~ N(0, Psi) through nu = theta.u / sqrt(p), the student sees v ~ N(0, Omega), and
    E[u v] = Phi. None of them need commute. The dimension is d.
    """

    path: str = field("covariances.npz", "the file")

    def paired(self) -> Paired:
        Omega, b, rho, _ = _matrices(self.path, Path(self.path).stat().st_mtime_ns if Path(self.path).exists() else 0)
        values, basis = np.linalg.eigh(Omega)
        d = len(values)
        return Paired(np.maximum(values, 0.0), np.full(d, 1 / d), (basis.T @ b) ** 2, np.array([[rho]]))

    def ensemble(self, d: int, rng: np.random.Generator) -> Ensemble:
        *_, ensemble = _matrices(self.path, Path(self.path).stat().st_mtime_ns if Path(self.path).exists() else 0)
        return ensemble

    def dimension(self) -> int | None:
        return len(self.paired().values)


@lru_cache(maxsize=4)
def _matrices(path: str, changed: int) -> tuple[np.ndarray, np.ndarray, float, Ensemble]:
    """Omega, b = Phi' theta / sqrt(p), rho, and the joint distribution of v and nu."""
    names = ("Omega", "Phi", "Psi", "theta")
    try:
        with np.load(existing(path), allow_pickle=False) as file:
            Omega, Phi, Psi, theta = (np.asarray(file[k], float) for k in names)
    except StatementError:
        raise
    except (KeyError, ValueError, OSError, EOFError, AttributeError, IndexError) as error:
        raise StatementError(
            f"The file {path!r} must be an NPZ file of the arrays {', '.join(names)}: {error}"
        ) from None
    p, d = len(theta), len(Omega)
    shapes = {"Omega": (Omega, (d, d)), "Phi": (Phi, (p, d)), "Psi": (Psi, (p, p)), "theta": (theta, (p,))}
    for name, (array, shape) in shapes.items():
        if array.shape != shape or not np.isfinite(array).all():
            raise StatementError(
                f"{name} in {path!r} must have shape {shape} and finite entries, but has shape {array.shape}."
            )
    b, rho = Phi.T @ theta / np.sqrt(p), float(theta @ Psi @ theta / p)
    joint = np.block([[Omega, b[:, None]], [b[None, :], np.array([[rho]])]])
    values, basis = np.linalg.eigh(joint)
    if not np.allclose(joint, joint.T) or values[0] < -1e-8 * values[-1] or rho <= 0:
        raise StatementError(
            f"Omega, Phi and Psi in {path!r} are not the covariances of one Gaussian vector with theta.Psi.theta > 0."
        )
    factor = basis * np.sqrt(np.maximum(values, 0.0))
    return Omega, b, rho, Ensemble(factor[:-1], factor[-1])
