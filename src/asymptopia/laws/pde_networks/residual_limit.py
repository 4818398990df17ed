"""Residual networks of growing depth: an ordinary differential equation, and what layers dropped at random add."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import ArrayLike, Key
from ...parts.activation import Activation, Identity, Tanh

HABER_RUTHOTTO = "Haber and Ruthotto, Inverse Problems 34 (2018) 014004, section 2"
HUANG = "Huang, Sun, Liu, Sedra and Weinberger, Eur. Conf. Comput. Vis. (2016) 646, section 3"
HAYOU_YANG = "Hayou and Yang, Proc. Mach. Learn. Res. 202 (2023) 12700, theorem 1"

FEWEST = 2  # layers kept in the mean


class ResidualLimit(Law):
    r"""A residual network grows deep: it becomes a flow, or a diffusion if its weights are independent.

    **Weights that vary slowly.** n layers $y_{k+1} = y_k + \frac{b_k}{n p}\, \sigma(W(k/n)\, y_k)$ in d = `width`
    dimensions, with $W(t) = A \cos \pi t + B \sin \pi t$ and matrices A, B of entries of variance $g^2/d$ that are part
    of the statement (numbered by `weights`). Each layer is kept, $b_k = 1$, with probability p, `keep`, else skipped.
    As $n \to \infty$ the state follows

    $$\dot y = \sigma(W(t)\, y), \qquad y(0) = (1, \dots, 1),$$

    `outputs` being y(1), reached with an error of order 1/n (of $n^{-1/2}$ if layers are skipped and $\sigma$ has a
    kink). The gradient of the sum of the outputs in the input solves
    $\dot a = -J^T a$ backwards in time, J the derivative of the right side in y, and the fluctuations
    $\sqrt n (y_n - y(1))$ that skipped layers make are normal, of covariance P(1),

    $$\dot P = J P + P J^T + \frac{1 - p}{p}\, \sigma \sigma^T, \qquad P(0) = 0 .$$

    **Independent weights.** If each layer draws its own, $y_{k+1} = y_k + n^{-1/2}\, W_k\, \sigma(y_k)$ with entries
    of variance $g^2/d$, the state diffuses. With a width that grows like the depth, here d = n, its squared length per
    unit follows

    $$\dot q = g^2\, \mathbb{E}\, \sigma(\sqrt q\, \xi)^2, \qquad q(0) = 1, \quad \xi \sim N(0, 1),$$

    whose value at time 1 is `length`.
    """

    activation: Activation = field(Tanh(), "activation, elementwise")
    gain: float = field(1.5, "scale g of the weights", above=0)
    keep: float = field(0.8, "probability p that a layer is kept", above=0, at_most=1)
    width: int = field(4, "dimension d of the state of the network with slowly varying weights", at_least=1)
    weights: int = field(0, "which matrices A and B, by the seed that draws them", at_least=0)

    defaults = Defaults(size="layers", sizes=(16, 32, 64, 128), seeds=9000, block=1000)
    references = References(
        source=HABER_RUTHOTTO + "; " + HUANG + "; " + HAYOU_YANG,
        status="proved, for Lipschitz activations",
        bibtex=r"""@article{HaberRuthotto2018,
  author = {Haber, Eldad and Ruthotto, Lars},
  title = {Stable architectures for deep neural networks},
  journal = {Inverse Problems}, volume = {34}, pages = {014004}, year = {2018}
}
@inproceedings{Huang2016,
  author = {Huang, Gao and Sun, Yu and Liu, Zhuang and Sedra, Daniel and Weinberger, Kilian},
  title = {Deep networks with stochastic depth},
  booktitle = {European Conference on Computer Vision}, pages = {646--661}, year = {2016}
}
@inproceedings{HayouYang2023,
  author = {Hayou, Soufiane and Yang, Greg},
  title = {Width and depth limits commute in residual networks},
  booktitle = {International Conference on Machine Learning}, series = {Proceedings of Machine Learning Research},
  volume = {202}, pages = {12700--12723}, year = {2023}
}""",
    )
    observables = {
        "outputs": Observable("y(1)", "state after the last layer", dims=("unit",)),
        "fluctuation": Observable(
            r"n \mathrm{Var}\, y_n", "n times the variance of the state", dims=("unit",), fluctuation_of="outputs"
        ),
        "gradient": Observable(r"a(0)", "gradient of the sum of the outputs in the input", dims=("unit",)),
        "length": Observable("q(1)", "squared length per unit with independent weights"),
    }
    landmarks = (
        Landmark(
            dict(activation=Identity(), gain=1.0),
            "length",
            2.718281828459045,
            1e-9,
            "linear layers: q' = q; " + HAYOU_YANG,
        ),
    )

    def predict(self) -> dict[str, Any]:
        y, covariance, gradient = self._flow()
        return {
            "outputs": y,
            "fluctuation": np.diag(covariance),
            "gradient": gradient,
            "length": self._length(),
        }

    def valid(self) -> str | None:
        if self.keep == 1:
            return "no layer is skipped: the network does not fluctuate, and `fluctuation` has no logarithm to compare"
        if self.activation.breaks():
            return (
                "skipped layers carry the state over kinks of the activation: corrections fall as n**(-1/2) beside "
                "those of 1/n, and sizes of a hundred layers are far from the limit"
            )
        return None

    def too_small(self, sizes: Sequence[int]) -> str | None:
        count = min(sizes) * self.keep
        if count >= FEWEST:
            return None
        needed = math.ceil(FEWEST / self.keep)
        return f"of {min(sizes)} layers {count:.2g} are kept in the mean; it takes at least {needed} layers"

    def unstable(self, n: int) -> str | None:
        return (
            f"states of {self.activation!r} can grow without bound within {n} layers; take a smaller `gain` or an "
            "`activation` that grows no faster than a line."
        )

    def _flow(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The state, the covariance of its fluctuations and the gradient, all in one system of equations.

        The gradient is the sum over outputs of the fundamental matrix, which solves M' = J M.
        """
        d = self.width
        noise = (1 - self.keep) / self.keep

        def slope(t: float, flat: np.ndarray) -> np.ndarray:
            y, P, M = flat[:d], flat[d : d + d * d].reshape(d, d), flat[d + d * d :].reshape(d, d)
            W = self._weights_at(t)
            speed = np.asarray(self.activation(W @ y), float)
            J = np.asarray(self.activation.derivative(W @ y), float)[:, None] * W
            spread = J @ P + P @ J.T + noise * np.outer(speed, speed)
            return np.concatenate([speed, spread.ravel(), (J @ M).ravel()])

        begun = np.concatenate([np.ones(d), np.zeros(d * d), np.eye(d).ravel()])
        end = self._end(slope, begun, "state")
        return end[:d], end[d : d + d * d].reshape(d, d), end[d + d * d :].reshape(d, d).sum(axis=0)

    def _length(self) -> float:
        from ...numerics.gaussian import expectation

        breaks = self.activation.breaks()

        def second_moment(z: np.ndarray) -> np.ndarray:
            return np.asarray(self.activation(z), float) ** 2

        def slope(_: float, q: np.ndarray) -> np.ndarray:
            return np.array([self.gain**2 * expectation(second_moment, 0.0, float(q[0]), breaks)])

        return float(self._end(slope, np.ones(1), "squared length")[0])

    def _end(self, slope: Callable[[float, np.ndarray], np.ndarray], begun: np.ndarray, what: str) -> np.ndarray:
        """The solution at time 1 of an equation with this right side; raises `NoLimit` where it grows without bound."""
        from scipy.integrate import solve_ivp

        with np.errstate(over="ignore", invalid="ignore"):
            solution = solve_ivp(slope, (0.0, 1.0), begun, method="DOP853", rtol=1e-10, atol=1e-12)
        if not solution.success or not np.isfinite(solution.y[:, -1]).all():
            raise NoLimit(
                f"The {what} of {self.short()} grows without bound before the last layer, at the time "
                f"{solution.t[-1]:.4g} of 1: take a smaller `gain` or an `activation` that grows no faster than a line."
            )
        return np.asarray(solution.y[:, -1])

    def _weights_at(self, t: ArrayLike) -> Any:
        import jax.numpy as jnp

        A, B = matrices(self.width, self.weights)
        xp = np if isinstance(t, float) else jnp
        return self.gain * (A * xp.cos(np.pi * t) + B * xp.sin(np.pi * t))

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        first, second = jax.random.split(key)
        kept = jax.random.bernoulli(first, self.keep, (n,)) / (n * self.keep)

        def network(y: ArrayLike) -> Any:
            def layer(y: ArrayLike, at: Any) -> tuple[Any, None]:
                k, share = at
                return y + share * self.activation(self._weights_at(k / n) @ y), None

            return jax.lax.scan(layer, y, (jnp.arange(n), kept))[0]

        outputs, pull = jax.vjp(network, jnp.ones(self.width))
        return {
            "outputs": outputs,
            "gradient": pull(jnp.ones(self.width))[0],
            "length": self._diffused(n, second),
        }

    def _diffused(self, n: int, key: Key) -> Any:
        """The squared length per unit of n layers of n units, each with weights of its own."""
        import jax
        import jax.numpy as jnp

        def layer(y: ArrayLike, key: Key) -> tuple[Any, None]:
            fresh = self.activation(y)  # W times it is normal, as no later layer meets W again
            return y + self.gain * jnp.sqrt((fresh**2).mean() / n) * jax.random.normal(key, (n,)), None

        first, second = jax.random.split(key)
        start = jax.random.normal(first, (n,))
        start = start * jnp.sqrt(n / (start**2).sum())
        return (jax.lax.scan(layer, start, jax.random.split(second, n))[0] ** 2).mean()

    def coords(self) -> dict[str, Any]:
        return {"unit": np.arange(1, self.width + 1)}


def matrices(width: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The matrices A and B of a statement, of entries of variance 1 / width."""
    A, B = np.random.default_rng(number).standard_normal((2, width, width)) / np.sqrt(width)
    return A, B
