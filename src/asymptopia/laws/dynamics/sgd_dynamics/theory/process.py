"""The effective process of a sample under SGD: sampled on a net for any loss, in closed form for the square loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .causal import GrowingFactor, volterra_row
from .kinks import DividedPaths, linear_in_pieces
from .labels import Average, points, second_moments

if TYPE_CHECKING:
    from .. import SGDDynamics

RESPONDING = 100  # beyond so many steps the response is averaged over fewer points, so that the cost stays quadratic


class SampledProcess:
    r"""N points of $z(t) = m(t) z^\star + \kappa(t) - \eta \sum_{s<t} R(t,s+1) f(s)$, $f = 1_B \ell'(y,z) / b$.

    The normal numbers behind $z^\star$, $\kappa$, the label and the batches are those of a scrambled Sobol net, in
    the order of time, so that the first coordinates, which matter most, are the most even.
    """

    def __init__(self, law: SGDDynamics, count: int, seed: int) -> None:
        from scipy.special import ndtri
        from scipy.stats.qmc import Sobol

        T = law.steps + 1
        self.law, self.factor = law, GrowingFactor(T)
        random = law.batch < 1
        self.fresh = law.persistence == 1  # membership is independent of the past, and averaged exactly
        net = Sobol(2 + T * (1 + random), seed=np.random.default_rng(seed)).random_base2(int(np.log2(count)))
        net = np.clip(net.T, 1e-16, 1 - 1e-16)
        self.star, self.y = points(law.teacher, ndtri(net[0]), net[1])
        self.normal = ndtri(net[2 : 2 + T] if not random else net[2::2])
        self.uniform = net[3::2] if random else None
        self.member = np.ones(count, bool)
        self.force, self.gain = np.zeros((T, count)), np.zeros((T, count))
        responding = max(64, int(count * min(1.0, RESPONDING / T)))
        self.responding = slice(0, 2 ** int(np.log2(responding)))
        self.kernel = np.zeros((T, T))
        divided = linear_in_pieces(law.loss)
        self.paths = DividedPaths(law.loss, self.y[self.responding], T) if divided else None

    def step(self, t: int, overlap: np.ndarray, covariance: np.ndarray, reaction: np.ndarray) -> Average:
        law = self.law
        row = self.factor.append(covariance)
        z = overlap[t] * self.star + row @ self.normal[: t + 1] - reaction @ self.force[:t]
        slope, bend = law.loss.gradient(self.y, z), law.loss.curvature(self.y, z)
        weight = self._weights(t)
        self.force[t], self.gain[t] = weight * slope, weight * bend
        self.kernel[t, :t] = reaction
        f, c = (slope, bend) if self.fresh else (self.force[t], self.gain[t])
        forces = self.force[: t + 1] @ self.force[t] / len(z)  # as it is, and so certainly a covariance
        some = self.responding
        if self.paths is None:
            memory = volterra_row(self.kernel[: t + 1, : t + 1], self.gain[: t + 1, some], c[some]).mean(axis=1)
        else:
            memory = self._divide(self.paths, t, row, z[some], np.broadcast_to(weight, z.shape)[some])
        return Average(float(np.mean(f * self.star)), forces, memory, float(np.mean(law.loss(self.y, z))))

    def _divide(self, paths: DividedPaths, t: int, row: np.ndarray, z: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The memory of a slope that jumps."""
        past = self.force[:t, self.responding]
        paths.advance(row, z, past, self.kernel[t, :t], weight)
        paths.divide(row, z, past, self.normal[t, self.responding], weight)
        return paths.memory(t)

    def _weights(self, t: int) -> np.ndarray | float:
        """Membership of the batch over its probability; it is drawn anew with probability 1 / persistence."""
        law = self.law
        if self.uniform is None:
            return 1.0
        kept = 0.0 if t == 0 else 1 - 1 / law.persistence
        self.member = self.uniform[t] < kept * self.member + (1 - kept) * law.batch
        return self.member / law.batch


class SquareProcess:
    r"""The averages for the square loss and batches without memory, in closed form.

    The residual $e = z - y$ obeys $e(t) = \omega(t) - \eta \sum_{s<t} R(t,s+1) \phi(s)$ with the Gaussian
    $\omega = m z^\star + \kappa - y$ and $\phi = 1_B e / b$. Membership at s is independent of e up to s, so that the
    second moments of e, $\phi$ and $\omega$ close.
    """

    def __init__(self, law: SGDDynamics) -> None:
        T = law.steps + 1
        self.law, self.moments = law, second_moments(law.teacher)
        self.signal = np.zeros(T)
        self.drive, self.forces, self.tangent = (np.zeros((T, T)) for _ in range(3))
        self.kernel = np.zeros((T, T))

    def step(self, t: int, overlap: np.ndarray, covariance: np.ndarray, reaction: np.ndarray) -> Average:
        power, cross, label = self.moments
        m, r, past = overlap, reaction, slice(0, t)
        self.kernel[t, :t] = r
        self.signal[t] = power * m[t] - cross - r @ self.signal[past]
        omega = covariance + power * m[t] * m - cross * (m[t] + m) + label  # E omega(t) omega(s)
        drive = self.drive[t]  # E omega(t) e(s) for s <= t
        for s in range(t + 1):
            drive[s] = omega[s] - self.kernel[s, :s] @ drive[:s]
        self.forces[t, past] = drive[past] - r @ self.forces[past, past]
        self.forces[past, t] = self.forces[t, past]
        square = drive[t] - r @ self.forces[t, past]
        self.forces[t, t] = square / self.law.batch
        self.tangent[t, past] = -r @ self.tangent[past, past]
        self.tangent[t, t] = 1.0
        now = slice(0, t + 1)
        return Average(
            float(self.signal[t]), self.forces[t, now].copy(), self.tangent[t, now].copy(), float(square / 2)
        )
