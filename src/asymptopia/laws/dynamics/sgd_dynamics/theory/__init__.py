"""Dynamical mean-field theory of gradient descent in discrete time: causal, in one pass."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .....contract.record import StatementError
from .bounds import NETS, points_of_a_net, stable_rate
from .labels import Average

if TYPE_CHECKING:
    from .. import SGDDynamics

BLOWN_UP = 1e8  # squared norm, in units of that of start and teacher, that no descent that works reaches


class Samples(Protocol):
    """The effective process of a sample, one time after the other."""

    def step(self, t: int, overlap: np.ndarray, covariance: np.ndarray, reaction: np.ndarray) -> Average:
        """The averages at time t.

        overlap:    m(s) for s <= t; shape (t + 1,).
        covariance: of kappa(t) with kappa(s) for s <= t; shape (t + 1,).
        reaction:   rate times the response R(t, s + 1), for s < t; shape (t,).
        """
        ...


@dataclasses.dataclass(frozen=True)
class Solution:
    """The kernels for T + 1 times.

    overlap:    m(t) = w(t).w_star / d; shape (T + 1,).
    covariance: of the part of w(t) across w_star; shape (T + 1, T + 1).
    response:   R(t, s), of w(t) to a kick to w(s); shape (T + 1, T + 1), lower triangular, 1 on the diagonal.
    memory:     M(t, s), of the force f(t) to a kick to the field at s; shape (T + 1, T + 1).
    loss:       mean loss of the training samples; shape (T + 1,).
    """

    overlap: np.ndarray
    covariance: np.ndarray
    response: np.ndarray
    memory: np.ndarray
    loss: np.ndarray

    @property
    def correlation(self) -> np.ndarray:
        """w(t).w(s) / d."""
        return self.covariance + np.outer(self.overlap, self.overlap)


def solve(law: SGDDynamics, samples: Samples) -> Solution:
    r"""The kernels of `law`, with the averages over a typical sample taken by `samples`.

    The weights follow $w(t+1) = (1 - \eta \lambda) w(t) - \eta (\alpha \sum_s M(t,s) w(s) + u(t)) + \ldots$, with u of
    covariance $\alpha E f(t) f(s)$. As this is linear, R and C close; every new row costs $t^2$ operations.
    """
    T, alpha, eta, decay = law.steps, law.alpha, law.rate, 1 - law.rate * law.ridge
    m, loss = np.zeros(T + 1), np.zeros(T + 1)
    K, R, M = (np.zeros((T + 1, T + 1)) for _ in range(3))
    m[0], K[0, 0] = law.start_overlap, law.start_variance
    np.fill_diagonal(R, 1.0)
    for t in range(T + 1):
        now = slice(0, t + 1)
        moments = samples.step(t, m[now], K[t, now], eta * R[t, 1 : t + 1])
        M[t, now], loss[t] = moments.memory, moments.loss
        if t == T:
            break
        push = -eta * alpha * moments.memory
        push[t] += decay
        m[t + 1] = decay * m[t] - eta * alpha * moments.signal
        R[t + 1, now] = push @ R[now, now]
        noise = -eta * alpha * R[: t + 2, 1 : t + 2] @ moments.forces  # E u(t) w(s)
        K[t + 1, now] = K[now, t + 1] = push @ K[now, now] - eta * noise[now]
        K[t + 1, t + 1] = push @ K[now, t + 1] - eta * noise[t + 1] + 2 * eta * law.temperature
        _check_size(law, t + 1, m[t + 1] ** 2 + K[t + 1, t + 1])
    return Solution(m, K, R, M, loss)


def _check_size(law: SGDDynamics, step: int, norm: float) -> None:
    start = 1 + law.start_overlap**2 + law.start_variance + law.temperature * law.rate * step
    if norm < BLOWN_UP * start:
        return
    bound = stable_rate(law)
    advice = "Lower `rate`." if bound is None else f"It cannot do so for rate < {bound:.4g}."
    raise StatementError(
        f"The descent blows up: at step {step} the squared norm per dimension is {norm:.3g} with rate={law.rate:g}, "
        f"batch={law.batch:g}. {advice}"
    )


def predict(law: SGDDynamics) -> dict[str, Any]:
    """The observables of `law`, each with the standard error over independent nets of points."""
    from .labels import test_error
    from .process import SampledProcess, SquareProcess

    if law.closed:
        runs = [solve(law, SquareProcess(law))]
    else:
        runs = [solve(law, SampledProcess(law, points_of_a_net(law), seed)) for seed in range(NETS)]
    observed: dict[str, list[np.ndarray]] = {}
    for run in runs:
        C, m = run.correlation, run.overlap
        q = np.diag(C)
        error = [test_error(law.teacher, law.loss, *pair) for pair in zip(m, q, strict=True)]
        values = dict(train_loss=run.loss, test_error=np.array(error), norm=q, overlap=m, correlation=C)
        for name, value in values.items():
            observed.setdefault(name, []).append(value)
    mean = {k: np.mean(v, axis=0) for k, v in observed.items()}
    spread = {f"{k}_error": np.std(v, axis=0, ddof=len(v) > 1) / np.sqrt(len(v)) for k, v in observed.items()}
    return mean | spread
