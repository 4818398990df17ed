"""Training of wide networks in the tangent regime."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...parts.activation import Activation, Erf, Identity

if TYPE_CHECKING:
    import jax

LEE = (
    "Lee, Xiao, Schoenholz, Bahri, Novak, Sohl-Dickstein and Pennington, NeurIPS 32 (2019) 8572, equations 14 to 16 "
    "and theorem 2.1"
)
DYER = "Dyer and Gur-Ari, ICLR (2020), section 4"

MOST = 10_000  # steps between two times


class LazyTraining(Law):
    r"""Gradient flow of a wide dense network on given samples, which stays near its linearisation.

    The network of `WideNetworkKernel`, with `depth` hidden layers of n units in the tangent parametrisation, is trained
    from random weights by the flow $\dot\theta = -\nabla \frac12 \sum_i (f(x_i) - y_i)^2$. As $n \to \infty$ its
    tangent kernel stays what it is at the start, $\Theta$, and its outputs are those of the model linearised there:
    with $\Theta = \Theta(X, X)$, K the covariance of the outputs at the start, and
    $A_t = \Theta(x, X) \Theta^{-1} (1 - e^{-\Theta t})$, the output at x is Gaussian over networks with

    $$E f_t(x) = A_t y, \quad \mathrm{Var} f_t(x) = K(x, x) - 2 A_t K(X, x) + A_t K A_t^T,$$

    and of P samples the mean of $\frac{1}{2P} \sum_i (f_t(x_i) - y_i)^2$ is
    $(|e^{-\Theta t} y|^2 + \mathrm{tr}\, e^{-\Theta t} K e^{-\Theta t}) / 2P$.

    The `distance` of a network from its own linearisation, a root mean square over samples, probe and times, is bounded
    by a multiple of $n^{-1/2}$ in theory (Lee et al.; Chizat, Oyallon and Bach 2019); it falls as $n^{-1}$, since the
    second derivatives have random signs (Dyer and Gur-Ari 2020), the exponent here. Below some hundred units
    it falls more slowly.
    """

    inputs: tuple = field(((1.0, 0.8), (-0.6, 1.1), (0.9, -1.2)), "the samples' inputs x, one tuple of numbers each")
    labels: tuple = field((1.0, -1.0, 0.5), "their labels y")
    probe: tuple = field((0.3, 1.0), "the input at which outputs are seen")
    times: tuple = field((0.1, 0.3, 0.6), "times, from 0 up", at_least=0, axis="time")
    depth: int = field(1, "number of hidden layers", at_least=1)
    activation: Activation = field(Erf(), "what a hidden unit makes of its preactivation")
    weight_variance: float = field(1.5, "variance of the weights, times their number", above=0)
    bias_variance: float = field(0.1, "variance of the biases", at_least=0)

    defaults = Defaults(size="width", sizes=(200, 400, 800), seeds=5200, block=400)
    references = References(
        source=f"{LEE}; {DYER}",
        status="proved for smooth activations; the exponent of the distance by diagrams, heuristic",
        bibtex="""@inproceedings{LeeEtAl2019,
  author = {Lee, Jaehoon and Xiao, Lechao and Schoenholz, Samuel S. and Bahri, Yasaman and Novak, Roman and
            Sohl-Dickstein, Jascha and Pennington, Jeffrey},
  title = {Wide neural networks of any depth evolve as linear models under gradient descent},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {32}, pages = {8572--8583}, year = {2019}
}
@inproceedings{ChizatOyallonBach2019,
  author = {Chizat, L{\\'e}na{\\"i}c and Oyallon, Edouard and Bach, Francis},
  title = {On lazy training in differentiable programming},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {32}, pages = {2937--2947}, year = {2019}
}
@inproceedings{DyerGurAri2020,
  author = {Dyer, Ethan and Gur-Ari, Guy},
  title = {Asymptotics of wide networks from {F}eynman diagrams},
  booktitle = {International Conference on Learning Representations}, year = {2020}
}""",
    )
    observables = {
        "outputs": Observable("f", "output at the probe", dims=("time",), scale=1.0, resolution=0.1),
        "squared_outputs": Observable(
            "f^2", "square of the output at the probe", dims=("time",), scale=1.0, resolution=0.1
        ),
        "train_loss": Observable(
            r"\ell_{train}", "half the mean squared error of the samples", dims=("time",), resolution=0.1
        ),
        "distance": Observable(
            r"\Delta",
            "distance from the outputs of the linearisation, over samples, probe and times",
            scale=1.0,
        ),
        "rate": Observable("b", "exponent of the distance over the width", exponent_of="distance"),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        given = {"inputs": self.inputs, "labels": (self.labels,), "probe": (self.probe,)}
        for name, rows in given.items():
            try:
                table = np.asarray(rows, float)
            except (TypeError, ValueError):
                table = np.full((1, 1), np.nan)
            if table.ndim != 2 or not table.size or not np.isfinite(table).all():
                raise StatementError(
                    f"`{name}` of LazyTraining must be finite numbers, as many in each input, "
                    f"but is {getattr(self, name)!r}."
                )
        if len(self.labels) != len(self.inputs):
            raise StatementError(
                f"`labels` of LazyTraining must be {len(self.inputs)} numbers, one for each input, "
                f"but is {self.labels!r}."
            )
        if len(self.probe) != len(self.inputs[0]):
            raise StatementError(
                f"`probe` of LazyTraining must be {len(self.inputs[0])} numbers, as each input, but is {self.probe!r}."
            )

    def predict(self) -> dict[str, Any]:
        from ...parts.architecture import Dense
        from ...parts.network_kernels import kernels

        points, y = np.asarray((*self.inputs, self.probe), float), np.asarray(self.labels, float)
        scales = float(self.weight_variance), float(self.bias_variance)
        nngp, ntk = kernels(points, self.depth, self.activation, *scales, Dense())
        if not np.isfinite(ntk).all():
            raise StatementError(
                f"{self.activation!r} has no tangent kernel: the derivative has no second moment. "
                "`activation` of LazyTraining must be differentiable almost everywhere, and continuous."
            )
        K, across, alone = nngp[:-1, :-1], nngp[:-1, -1], nngp[-1, -1]
        values, basis = np.linalg.eigh(ntk[:-1, :-1])
        values = np.maximum(values, 1e-14 * values[-1])
        outputs, squares, losses = [], [], []
        for t in np.asarray(self.times, float):
            A = ntk[-1, :-1] @ basis @ np.diag(-np.expm1(-values * t) / values) @ basis.T
            left = basis @ np.diag(np.exp(-values * t)) @ basis.T
            outputs.append(A @ y)
            squares.append((A @ y) ** 2 + alone - 2 * A @ across + A @ K @ A)
            losses.append((np.sum((left @ y) ** 2) + np.trace(left @ K @ left)) / (2 * len(y)))
        return {
            "outputs": np.array(outputs),
            "squared_outputs": np.array(squares),
            "train_loss": np.array(losses),
            "distance": 0.0,
            "rate": -1.0,
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        from ...measure.network_tangent import contracted, passes

        points, y = jnp.asarray((*self.inputs, self.probe), float), jnp.asarray(self.labels, float)
        widths = (points.shape[1], *[n] * self.depth, 1)
        factors = [(jnp.sqrt(self.weight_variance / m), jnp.sqrt(self.bias_variance)) for m in widths[:-1]]
        keys = jax.random.split(key, (self.depth + 1, 2))
        weights = [
            (jax.random.normal(a, (above, below)), jax.random.normal(b, (above,)))
            for (a, b), below, above in zip(keys, widths[:-1], widths[1:], strict=True)
        ]

        def scaled(weights: PyTree) -> Any:
            return [(s * W, t * b) for (W, b), (s, t) in zip(weights, factors, strict=True)]

        def outputs(weights: PyTree) -> Any:
            h = points
            *hidden, (W, b) = scaled(weights)
            for V, c in hidden:
                h = self.activation(h @ V.T + c)
            return (h @ W.T + b)[:, 0]

        start = passes(scaled(weights), self.activation, points)
        tangent = contracted(start, start, factors)[:, :-1, 0, 0]

        def velocity(state: PyTree) -> Any:
            weights, linear = state
            values, back = jax.vjp(outputs, weights)
            pull = jnp.append(y - values[:-1], 0.0)
            return back(pull)[0], tangent @ (y - linear[:-1])

        seen, linear = followed(
            velocity, (weights, outputs(weights)), self.times, n**0.25 * jnp.trace(tangent[:-1]) / 4, outputs
        )
        return {
            "outputs": seen[:, -1],
            "squared_outputs": seen[:, -1] ** 2,
            "train_loss": jnp.square(seen[:, :-1] - y).mean(axis=1) / 2,
            "distance": jnp.sqrt(jnp.square(seen - linear).mean()),
        }

    def unstable(self, n: int) -> str | None:
        return (
            f"until time {max(self.times):g} training takes more than {MOST} steps of what its fastest direction "
            "allows, or grows without bound; choose earlier `times`, or a smaller `weight_variance` or `depth`."
        )

    def valid(self) -> str | None:
        if self.depth > 20:
            return (
                f"at depth {self.depth} networks leave their linearisation by depth / width: small for very wide ones"
            )
        return None


def followed(velocity: Any, state: PyTree, times: Any, rate: ArrayLike, outputs: Any) -> tuple[Any, Any]:
    """Outputs of the network and of its linearisation at these times, by Runge and Kutta's steps of length 1 / rate.

    They are nan after a gap of times that would take more than `MOST` steps.
    """
    import jax
    import jax.numpy as jnp

    def moved(state: PyTree, by: PyTree, h: ArrayLike) -> Any:
        return jax.tree.map(lambda a, b: a + h * b, state, by)

    def until(state: PyTree, gap: jax.Array) -> tuple[Any, Any]:
        needed = jnp.ceil(gap * rate)
        count = jnp.where(needed <= MOST, needed, 1).astype(int)
        h = jnp.where(needed <= MOST, gap / jnp.maximum(count, 1), jnp.nan)

        def step(_: Any, now: Any) -> Any:
            a = velocity(now)
            b = velocity(moved(now, a, h / 2))
            c = velocity(moved(now, b, h / 2))
            d = velocity(moved(now, c, h))
            return jax.tree.map(lambda x, p, q, r, s: x + h / 6 * (p + 2 * q + 2 * r + s), now, a, b, c, d)

        state = jax.lax.fori_loop(0, count, step, state)
        return state, (outputs(state[0]), state[1])

    gaps = jnp.diff(jnp.asarray(times, float), prepend=0.0)
    return jax.lax.scan(until, state, gaps)[1]


def _landmarks() -> tuple[Landmark, ...]:
    line = dict(
        inputs=((1.0,),),
        labels=(1.0,),
        probe=(2.0,),
        times=(0.0, 0.5),
        depth=1,
        activation=Identity(),
        weight_variance=1.0,
        bias_variance=0.0,
    )
    # K(x, y) = x y and Theta(x, y) = 2 x y: f_t(2) = 2 (1 - e) y + 2 e f_0(1), e = exp(-2 t)
    e = math.exp(-1)
    source = "a linear network with one input, in closed form"
    return (
        Landmark(line, "outputs", 2 * (1 - e), 1e-12, source, at=(1,)),
        Landmark(line, "squared_outputs", 4 * (1 - e) ** 2 + 4 * e**2, 1e-12, source, at=(1,)),
        Landmark(line, "squared_outputs", 4.0, 1e-12, source, at=(0,)),
        Landmark(line, "train_loss", e**2, 1e-12, source, at=(1,)),
    )


LazyTraining.landmarks = _landmarks()
