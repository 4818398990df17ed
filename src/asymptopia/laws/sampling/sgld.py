"""SGLD of a linear regression, whose stationary distribution is known at every step size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...parts.data import Bundled, Data

WELLING_TEH = "Welling and Teh, Proc. 28th ICML (2011) 681"
VOLLMER = "Vollmer, Zygalakis and Teh, J. Machine Learning Research 17 (2016) 159, section 3"
RECURSION = "1 / (1 - h lambda / 2), the fixed point of the variance's recursion; " + VOLLMER


class SGLD(Law):
    r"""Weights of a Bayesian linear regression, sampled with gradients of random minibatches.

    The first `columns` columns $x_i$ of a data set explain its target, $y_i = \theta\cdot x_i + \mathcal N(0, s^2)$
    with $s^2$ = noise and a prior of precision `ridge`: the posterior is normal, with mean m and precision $\Lambda$.
    Stochastic gradient Langevin dynamics

    $$\theta' = \theta + h\,\hat g(\theta) + \sqrt{2 h T}\, z, \qquad h = \mathrm{step} / \lambda_{\max}(\Lambda),$$

    estimates the gradient from `batch` samples, drawn with replacement. As the number n of steps grows, means over the
    steps tend to those of its stationary law. Its mean is m, but its covariance S is not $T \Lambda^{-1}$: it solves

    $$S = (1 - h \Lambda) S (1 - h\Lambda) + 2 h T + h^2\, V(S),$$

    where V, the covariance of the gradient estimate, is linear in S. Without minibatches (V = 0) the variance is
    $T/(\lambda (1 - h \lambda/2))$ in the direction of precision $\lambda$. In a direction in which V is a constant
    $V_g$ it is $(2 h T + h^2 V_g)/(1 - (1 - h \lambda)^2)$. Both biases are of first order in the step.

    `mean` and `variance` are relative to the exact posterior, along its principal axes, widest first: the distance from
    m in standard deviations, and the mean square of it. `correlation` is that of the first axis with the last.

    The system is the library's SGLD from $\theta = 0$; its corrections are of order 1/n. Raises `NoLimit` if the
    variance grows without end.
    """

    data: Data = field(Bundled(name="diabetes"), "inputs and the target")
    columns: int = field(3, "number of columns used", at_least=1, at_most=12)
    noise: float = field(0.5, "variance of the target given the inputs", above=0)
    ridge: float = field(1.0, "precision of the prior of every weight", above=0)
    temperature: float = field(1.0, "temperature T", above=0)
    step: float = field(0.2, "step h times the largest precision of the posterior", above=0, below=2)
    batch: int | None = field(20, "samples in a minibatch, drawn with replacement; None: all samples, each once")

    defaults = Defaults(size="steps", sizes=(2000, 4000, 8000), seeds=200, block=200)
    references = References(
        source=WELLING_TEH + "; " + VOLLMER,
        status="proved",
        bibtex="""@inproceedings{WellingTeh2011,
  author = {Welling, Max and Teh, Yee Whye},
  title = {{Bayesian} learning via stochastic gradient {Langevin} dynamics},
  booktitle = {Proceedings of the 28th International Conference on Machine Learning},
  pages = {681--688}, year = {2011}
}
@article{VollmerZygalakisTeh2016,
  author = {Vollmer, Sebastian J. and Zygalakis, Konstantinos C. and Teh, Yee Whye},
  title = {Exploration of the (non-)asymptotic bias and variance of stochastic gradient {Langevin} dynamics},
  journal = {Journal of Machine Learning Research},
  volume = {17}, number = {159}, pages = {1--48}, year = {2016}
}""",
    )
    observables = {
        "mean": Observable(r"\mu", "distance from the posterior's mean, in its units", dims=("axis",), scale=1.0),
        "variance": Observable("v", "variance over that of the posterior", dims=("axis",)),
        "correlation": Observable(
            "c", "covariance of first and last axis, in units of the posterior", scale=1.0, resolution=0.1
        ),
    }
    exercises = (dict(noise=0.7, ridge=1200.0, temperature=1.5, step=0.3),)
    landmarks = tuple(
        Landmark(
            dict(columns=1, batch=None, step=s, temperature=T), "variance", T / (1 - s / 2), 1e-9, RECURSION, at=(0,)
        )
        for s, T in ((0.1, 0.5), (0.6, 1.0), (1.0, 1.0))
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch is not None and self.batch < 1:
            raise StatementError(f"`batch` of SGLD must be >= 1 or None, but is {self.batch}.")

    def check(self) -> None:
        known = self.data.samples().shape[1]
        if self.columns > known:
            raise NoLimit(f"`columns` of SGLD must be <= {known}, as many as the data has, but is {self.columns}.")
        growth = np.abs(np.linalg.eigvals(np.asarray(self._covariance()[1]))).max()
        if growth >= 1:
            raise NoLimit(
                f"With `step` {self.step:g} and `batch` {self.batch} the variance grows {growth:.3g}-fold in a step: "
                "it has a limit for smaller steps or larger batches."
            )

    def predict(self) -> dict[str, Any]:
        import jax.numpy as jnp

        S, _, scale = self._covariance()
        relative = S / scale[:, None] / scale[None]
        return {
            "mean": jnp.zeros(self.columns),
            "variance": jnp.diagonal(relative),
            "correlation": relative[0, -1] if self.columns > 1 else jnp.zeros(()),
        }

    def _covariance(self) -> tuple[Any, Any, Any]:
        """Stationary covariance along the axes, the linear map of its recursion, and the posterior's deviations."""
        import jax.numpy as jnp

        X, y = self._table()
        mean, precision, axes = self._posterior()
        h, d, N = self.step / precision.max(), self.columns, len(y)
        x, rest = X @ axes, y - X @ mean
        decay, eye = 1 - h * precision, jnp.eye(d)
        constant = 2 * h * self.temperature * eye
        recursion = jnp.kron(jnp.diag(decay), jnp.diag(decay))
        if self.batch is not None:
            pairs = (x[:, :, None] * x[:, None]).reshape(N, -1)
            power = h**2 / self.batch
            m = axes.T @ mean
            noise = N / self.noise**2 * jnp.tensordot(rest**2, pairs, 1).reshape(d, d)
            constant = constant + power * (noise - self.ridge**2 * jnp.outer(m, m))
            pull = jnp.diag(self.ridge - precision)
            recursion = recursion + power * (N / self.noise**2 * pairs.T @ pairs - jnp.kron(pull, pull))
        S = jnp.linalg.solve(jnp.eye(d * d) - recursion, constant.reshape(-1)).reshape(d, d)
        return S, recursion, precision**-0.5

    def _table(self) -> tuple[np.ndarray, np.ndarray]:
        samples = self.data.samples()
        return samples.X[:, : self.columns], samples.y

    def _posterior(self) -> tuple[Any, Any, Any]:
        """Mean, precisions (ascending), and principal axes as columns, of the posterior at temperature 1."""
        import jax.numpy as jnp

        X, y = self._table()
        precision, axes = jnp.linalg.eigh(X.T @ X / self.noise + self.ridge * jnp.eye(self.columns))
        return axes @ ((axes.T @ (X.T @ y)) / self.noise / precision), precision, axes

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        from ...algorithms.samplers import minibatch, sgld

        X, y = (jnp.asarray(a) for a in self._table())

        def log_prior(w: ArrayLike) -> Any:
            return -self.ridge * jnp.sum(w**2) / 2

        def log_likelihood(w: ArrayLike, sample: Any) -> Any:
            return -((sample[1] - sample[0] @ w) ** 2) / (2 * self.noise)

        def whole(key: Key, w: ArrayLike) -> Any:
            return X.T @ (y - X @ w) / self.noise - self.ridge * w

        gradient = whole if self.batch is None else minibatch(log_prior, log_likelihood, (X, y), self.batch)
        mean, precision, axes = self._posterior()
        sampler = sgld(gradient, self.step / precision.max(), self.temperature)

        def one(carry: PyTree, key: Key) -> Any:
            state, first, second = carry
            state, _ = sampler.step(key, state)
            z = axes.T @ (state.position - mean) * precision**0.5
            return (state, first + z, second + jnp.outer(z, z)), None

        d = self.columns
        start: Any = (sampler.init(jnp.zeros(d)), jnp.zeros(d), jnp.zeros((d, d)))
        (_, first, second), _ = jax.lax.scan(one, start, jax.random.split(key, n))
        return {
            "mean": first / n,
            "variance": jnp.diagonal(second) / n,
            "correlation": second[0, -1] / n if d > 1 else jnp.zeros(()),
        }

    def coords(self) -> dict[str, Any]:
        return {"axis": np.arange(1, self.columns + 1)}
