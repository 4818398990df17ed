r"""The spectrum of Kramers' generator, on a grid of positions and in Hermite functions of the velocity.

Functions are $f = e^{-U/2T} \sum_n c_n(x) \varphi_n(v)$ with Hermite functions $\varphi_n$, and $c_n$ on a grid of sinc
functions. With $A = \sqrt T \partial_x + U'/2\sqrt T$ the equation is

$$\dot c_n = -\gamma n\,c_n - \sqrt n A c_{n-1} + \sqrt{n+1} A^T c_{n+1},$$

whose truncation is dissipative.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .....parts.potential import Potential

COARSE, FINE = (64, 44), (80, 56)  # points of the position, modes of the velocity
HEIGHT = 50.0  # of the grid's edges above the minima, in temperatures


class Kinetic(NamedTuple):
    """The truncated equation: the grid x, U / 2T on it up to a constant, A, and the number of modes."""

    x: np.ndarray
    half: np.ndarray
    A: np.ndarray
    modes: int
    temperature: float
    potential: Potential

    @classmethod
    def of(cls, potential: Potential, T: float, points: int, modes: int) -> Kinetic:
        basin = potential.basin(T, HEIGHT)
        assert basin is not None
        x = np.linspace(*basin, points)
        U = potential.values(x)
        gap = np.arange(points)[:, None] - np.arange(points)
        with np.errstate(divide="ignore", invalid="ignore"):
            D = np.where(gap == 0, 0.0, (1.0 - 2.0 * (gap % 2)) / gap) / (x[1] - x[0])
        A = math.sqrt(T) * D + np.diag(np.asarray(potential.slope(x))) / (2 * math.sqrt(T))
        return cls(x, (U - U.min()) / (2 * T), A, modes, T, potential)

    def gap(self, friction: float) -> float:
        """The least nonzero real part of the spectrum, sought around 0 and around the frequencies of the wells."""
        bend = np.sqrt(max(float(np.asarray(self.potential.curvature(self.x[np.argmin(self.half)]))), 0.0))
        eigenvalues = np.concatenate([self._near(friction, s) for s in (0.0, 0.6j * bend, 1.0j * bend)])
        eigenvalues = eigenvalues[np.abs(eigenvalues) > 1e-9]
        return float(-eigenvalues.real.max())

    def _near(self, friction: float, place: complex) -> np.ndarray:
        """Eigenvalues of the generator near a place, by Arnoldi's iteration on the inverse."""
        from scipy.sparse.linalg import LinearOperator, eigs

        solve = self._inverse(friction, place)
        size = self.modes * len(self.x)
        operator = LinearOperator((size, size), matvec=solve, dtype=complex if place else float)
        start = np.random.default_rng(0).standard_normal(size)
        inverse = eigs(operator, k=4, v0=start, tol=1e-12, return_eigenvectors=False)
        return np.asarray(place + (1e-7 if not place else 0.0) + 1 / inverse)

    def _inverse(self, friction: float, place: complex) -> Any:
        """y -> (L - place)^-1 y, by block elimination from the highest mode down."""
        shift = place if place else 1e-7
        eye = np.eye(len(self.x))
        inverses: list[Any] = []
        for n in range(self.modes - 1, -1, -1):
            block = (-friction * n - shift) * eye
            if inverses:  # couplings are sqrt(n + 1) A upwards and -sqrt(n + 1) A' downwards
                block = block + (n + 1) * self.A.T @ inverses[-1] @ self.A
            inverses.append(np.linalg.inv(block))
        inverses = inverses[::-1]
        roots = np.sqrt(np.arange(self.modes))

        def solve(y: np.ndarray) -> np.ndarray:
            b = np.array(y, dtype=type(shift)).reshape(self.modes, -1)
            for n in range(self.modes - 1, 0, -1):
                b[n] = inverses[n] @ b[n]
                b[n - 1] += roots[n] * (self.A.T @ b[n])
            b[0] = inverses[0] @ b[0]
            for n in range(1, self.modes):
                b[n] -= inverses[n] @ (roots[n] * (self.A @ b[n - 1]))
            return b.ravel()

        return solve
