"""Linear regression learned in context by linear attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator, whole
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from .common import none_drawn

if TYPE_CHECKING:
    import jax

LU = "Lu, Letey, Zavatone-Veth, Maiti and Pehlevan, Proc. Natl. Acad. Sci. 122 (2025), ridgeless error in context"
ALGEBRA = "the same moments by numerical integration over Marchenko and Pastur's law"


def _landmarks() -> tuple[Landmark, ...]:
    first = dict(alpha=1.0, kappa=1.0, tau=2.0, noise=0.1, ridge=0.0)
    second = dict(alpha=10.0, kappa=0.5, tau=4.0, noise=0.25, ridge=0.0)
    few = dict(alpha=5.0, kappa=0.5, tau=1.0, noise=0.1, ridge=0.1)
    return (
        Landmark(first, "test_error", 1.2881120030, 1e-9, LU),
        Landmark(first, "seen_task_error", 0.9046017579, 1e-9, ALGEBRA),
        Landmark(second, "test_error", 1.0655333871, 1e-9, LU),
        Landmark(second, "seen_task_error", 0.1581763239, 1e-9, ALGEBRA),
        Landmark(few, "test_error", 0.9159655489, 1e-9, ALGEBRA),
        Landmark(few, "seen_task_error", 0.2746081965, 1e-9, ALGEBRA),
        Landmark(few, "train_loss", 0.0480419931, 1e-9, ALGEBRA),
        Landmark(dict(ridge=1e9), "test_error", 1.0, 1e-6, "a model that predicts zero: E (w.x)^2 = 1"),
        Landmark(dict(ridge=1e9), "train_loss", 1.25, 1e-6, "a model that predicts zero: 1 + noise"),
        Landmark(dict(ridge=0.0), "interpolation", 1.0, 1e-12, LU, along="tau"),
    )


class InContextRegression(Law):
    r"""Linear attention learns to do linear regression on the examples in its prompt.

    There are $k = \kappa d$ training tasks, vectors w of independent directions with $|w|^2 = d$. Each of
    $n = \tau d^2$ prompts takes one of them at random and shows $l = \alpha d$ examples $x \sim N(0, I/d)$,
    $y = w \cdot x + N(0, \rho)$, with $\rho$ the `noise`, and a query $x_q$. Linear attention, reduced, predicts

    $$\hat y = x_q^T \Gamma \begin{pmatrix} h \\ s \end{pmatrix}, \quad h = \frac dl \sum_i y_i x_i, \quad
      s = \frac1l \sum_i y_i^2,$$

    and the matrix $\Gamma$, of size d x (d + 1), minimises
    $\sum (y_q - \hat y)^2 + \frac nd\,\text{ridge}\,|\Gamma|^2$ over the prompts (squares without 1/2).

    Limit: d to infinity. With $x = (1 + \rho)/\alpha$, r an eigenvalue of $\frac1k \sum w w^T$ (Marchenko and Pastur's
    law of ratio $1/\kappa$ and mean 1) and $b = r + x$, the effective ridge $\nu$ solves
    $\text{ridge} = \nu\,(1 - E[b/(b+\nu)]/\tau)$, and on the training tasks and on new ones

    $$e_{seen} = \frac{\rho + E[x r/b] + \nu^2 E[r^2/(b (b+\nu)^2)]}{1 - E[b^2/(b+\nu)^2]/\tau},$$

    $$e_{new} = 1 + \rho - 2 E\Big[\frac{r}{b+\nu}\Big] + (1 + x) \Big( E\Big[\frac{r^2}{(b+\nu)^2}\Big]
      + \frac{e_{seen}}{\tau} E\Big[\frac{b}{(b+\nu)^2}\Big] \Big).$$

    `test_error` $= e_{new} - \rho$ is the squared error on tasks never seen, `seen_task_error` $= e_{seen} - \rho$ that
    on the training tasks, both without the noise of the query's answer; `train_loss` is the mean squared residual of
    the training prompts, $(1 - E[b/(b+\nu)]/\tau)^2 e_{seen}$. Without ridge the errors peak at $\tau = 1$, where
    prompts are as many as weights. Around $\kappa = 1$ the model turns from remembering tasks to solving any.

    Corrections are of order 1/d and large: about 1.5/d at the defaults. In the system errors are exact given $\Gamma$.
    """

    alpha: float = field(2.0, "examples in a prompt per dimension, l / d", above=0)
    kappa: float = field(1.0, "training tasks per dimension, k / d", above=0)
    tau: float = field(4.0, "prompts per weight, n / d^2", above=0)
    noise: float = field(0.25, "variance of the noise of an answer", at_least=0)
    ridge: float = field(0.1, "strength of the penalty (n/d) ridge |Gamma|^2", at_least=0)

    defaults = Defaults(size="dimension", sizes=(6, 10, 17, 28), seeds=240, block=20)
    references = References(
        source=LU,
        status="heuristic (deterministic equivalents of a random matrix with dependent entries)",
        bibtex="""@article{LuLeteyZavatoneVethMaitiPehlevan2025,
  author = {Lu, Yue M. and Letey, Mary I. and Zavatone-Veth, Jacob A. and Maiti, Anindita and Pehlevan, Cengiz},
  title = {Asymptotic theory of in-context learning by linear attention},
  journal = {Proceedings of the National Academy of Sciences},
  volume = {122}, year = {2025}
}""",
    )
    vectorised = True
    observables = {
        "test_error": Observable(
            r"e_{new}", "squared error on new tasks, without the noise of the answer", resolution=0.1
        ),
        "seen_task_error": Observable(
            r"e_{seen}", "squared error on the training tasks, without the noise", resolution=0.1
        ),
        "train_loss": Observable(r"e_{train}", "mean squared residual of the training prompts"),
    }
    exercises = (dict(alpha=1.5, kappa=0.8, tau=2.0, noise=0.5, ridge=2.0),)
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        a, kappa, tau, noise, ridge = np.broadcast_arrays(
            *(np.asarray(v, float) for v in (self.alpha, self.kappa, self.tau, self.noise, self.ridge))
        )
        x = (1 + noise) / a
        nu = _effective_ridge(x, kappa, tau, ridge)
        z = x + nu
        m, m2 = _resolvent(z, kappa)
        m_x, _ = _resolvent(x, kappa)
        bias = nu**2 * (m - (nu + 2 * x) * m2) + x**2 * (m_x - m - nu * m2)
        degrees, degrees2 = 1 - nu * m, 1 - 2 * nu * m + nu**2 * m2
        seen = (noise + x * (1 - x * m_x) + bias) / (1 - degrees2 / tau)
        new = noise - 1 + 2 * z * m + (1 + x) * (1 - 2 * z * m + z**2 * m2 + seen / tau * (m - nu * m2))
        return {
            "test_error": new - noise,
            "seen_task_error": seen - noise,
            "train_loss": (1 - degrees / tau) ** 2 * seen,
        }

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        rng = generator(key)
        tasks = rng.standard_normal((whole(self.kappa * n, rng), n))
        tasks *= np.sqrt(n) / np.linalg.norm(tasks, axis=1, keepdims=True)
        prompts, length = whole(self.tau * n**2, rng), whole(self.alpha * n, rng)
        features, labels = self._prompts(tasks, prompts, length, rng)
        gamma = _ridge_regression(features, labels, prompts / n * self.ridge).reshape(n, n + 1)
        own = (tasks.T @ tasks / len(tasks), tasks.mean(axis=0))
        return {
            "test_error": self._error(gamma, length, np.eye(n), np.zeros(n)),
            "seen_task_error": self._error(gamma, length, *own),
            "train_loss": np.mean((labels - features @ gamma.ravel()) ** 2),
        }

    def _prompts(
        self, tasks: np.ndarray, prompts: int, length: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The features x_q (h, s) of the prompts, shape (n, d (d + 1)), and the answers to their queries."""
        d = tasks.shape[1]
        features, labels = np.empty((prompts, d * (d + 1))), np.empty(prompts)
        part = max(1, 2_000_000 // (length * d))
        for start in range(0, prompts, part):
            here = slice(start, min(start + part, prompts))
            count = here.stop - here.start
            w = tasks[rng.integers(len(tasks), size=count)]
            x = rng.standard_normal((count, length + 1, d)) / np.sqrt(d)
            y = np.einsum("nld,nd->nl", x, w) + np.sqrt(self.noise) * rng.standard_normal((count, length + 1))
            h = d / length * np.einsum("nl,nld->nd", y[:, 1:], x[:, 1:])
            seen = np.column_stack([h, np.mean(y[:, 1:] ** 2, axis=1)])
            features[here] = (x[:, 0, :, None] * seen[:, None, :]).reshape(count, -1)
            labels[here] = y[:, 0]
        return features, labels

    def _error(self, gamma: np.ndarray, length: int, second: np.ndarray, mean: np.ndarray) -> float:
        """E |w - Gamma (h, s)|^2 / d over examples and tasks with |w|^2 = d, E w w' = second, E w = mean."""
        d, variance = len(gamma), 1 + self.noise
        square = np.empty((d + 1, d + 1))
        square[:d, :d] = (1 + 1 / length) * second + variance * d / length * np.eye(d)
        square[:d, d] = square[d, :d] = variance * (1 + 2 / length) * mean
        square[d, d] = variance**2 * (1 + 2 / length)
        cross = np.trace(gamma[:, :d] @ second) + variance * gamma[:, d] @ mean
        return float(1 - 2 * cross / d + np.einsum("ij,jk,ik->", gamma, square, gamma) / d)

    def check(self) -> None:
        if np.any((np.asarray(self.ridge) == 0) & (np.asarray(self.tau) == 1)):
            raise NoLimit("`tau` must not be 1 without a ridge: the errors diverge there.")

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"examples in a prompt": self.alpha, "training tasks": self.kappa}, sizes)

    def valid(self) -> str | None:
        if self.ridge < 0.01 and abs(self.tau - 1) < 0.1:
            return (
                "close to the interpolation threshold tau = 1 and with little ridge the errors of finite systems are "
                "heavy-tailed, and their corrections large"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `tau`: `interpolation`, where an unpenalised model first fits every prompt; {} with a ridge."""
        if along != "tau":
            raise StatementError(
                f"InContextRegression has no known transition along {along!r}; there is one along 'tau'."
            )
        return {"interpolation": 1.0} if self.ridge == 0 else {}


def _resolvent(z: np.ndarray, kappa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E 1/(r + z) and E 1/(r + z)^2 over Marchenko and Pastur's law of ratio 1/kappa and mean 1."""
    a = z + 1 - 1 / kappa
    root = np.sqrt(a**2 + 4 * z / kappa)
    m = np.where(a > 0, 2 / (np.abs(a) + root), (root + np.abs(a)) * kappa / (2 * z))
    return m, (m**2 / kappa + m) / root


def _effective_ridge(x: np.ndarray, kappa: np.ndarray, tau: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """nu >= 0 with E[b/(b + nu)] = tau (1 - ridge / nu); 0 without a ridge if tau > 1."""
    from ...numerics.roots import bracketed_roots

    shape = x.shape
    x, kappa, tau, ridge = (np.atleast_1d(v).ravel() for v in (x, kappa, tau, ridge))
    nu, open_ = np.zeros(len(x)), (ridge > 0) | (tau < 1)
    x, kappa, tau, ridge = (v[open_] for v in (x, kappa, tau, ridge))

    def excess(log_nu: np.ndarray, members: np.ndarray) -> np.ndarray:
        v = np.exp(log_nu)
        m, _ = _resolvent(x[members] + v, kappa[members])
        return 1 - v * m + tau[members] * (ridge[members] / v - 1)

    low = np.maximum(ridge, x * np.maximum(1 - tau, 0) / tau)
    high = (1 + x) / tau + ridge
    nu[open_] = np.exp(bracketed_roots(excess, np.log(low) - 1e-9, np.log(high) + 1e-9, tolerance=1e-15))
    return nu.reshape(shape)


def _ridge_regression(X: np.ndarray, y: np.ndarray, strength: float) -> np.ndarray:
    """The w of least |y - X w|^2 + strength |w|^2; without a strength that of least norm."""
    from scipy.linalg import solve
    from scipy.linalg.blas import dsyrk

    if strength == 0:
        return np.asarray(np.linalg.lstsq(X, y, rcond=None)[0])
    if len(X) > X.shape[1]:
        gram = dsyrk(1.0, X.T) + strength * np.eye(X.shape[1])  # its upper half, at half the price
        return np.asarray(solve(gram, X.T @ y, assume_a="pos"))
    return np.asarray(X.T @ np.linalg.solve(X @ X.T + strength * np.eye(len(X)), y))
