r"""The flow of neurons on nodes, and its adjoint: what an output owes to each neuron's weight and to each sample.

With $r = g - y$, $\rho_x = \sum_k \lambda_k \cdot \nabla\phi(x; \theta_k)$ and the sensitivity $\lambda_k$ of an
output to where the neuron k is,

$$-\dot\lambda_k = -a\Big(\sum_x p_x r_x \nabla^2\phi(x; \theta_k)\,\lambda_k
  + w_k \sum_x p_x \rho_x \nabla\phi(x; \theta_k)\Big), \qquad
  -\dot\psi_k = -a \sum_x p_x \rho_x \phi(x; \theta_k),$$

from $\lambda_k = w_k \nabla\phi(x'; \theta_k)$ and $\psi_k = \phi(x'; \theta_k)$ at the time and probe of the output,
back to the start, where $\psi_k$ is what one more neuron does. A sample drawn at time s moves the output by
$-a \rho_x r_x$.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...numerics.arrays import ArrayLike, PyTree
from ...numerics.compiled import compiled

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float, Int, Real

    from ...parts.activation import Activation
    from ...parts.neurons import Neurons


@compiled("kind", "activation")
def _jet(
    kind: type[Neurons], activation: Activation, theta: Float[jax.Array, "K p"], X: Float[jax.Array, "n d"]
) -> Any:
    """Outputs of the neurons and their derivatives by each parameter, shape (1 + p, K, n)."""
    import jax
    import jax.numpy as jnp

    def along(direction: jax.Array) -> Any:
        return jax.jvp(lambda t: kind.outputs(activation, t, X), (theta,), (jnp.broadcast_to(direction, theta.shape),))

    values, slopes = jax.vmap(along, out_axes=(None, 0))(jnp.eye(theta.shape[1]))
    return jnp.concatenate([values[None], slopes])


def _pulled(
    kind: type[Neurons],
    activation: Activation,
    theta: Float[jax.Array, "K p"],
    X: Float[jax.Array, "n d"],
    pull: Float[jax.Array, " n"],
) -> Any:
    """The sum over inputs of pull_x times the gradient of a neuron's output there, shape (K, p)."""
    import jax
    import jax.numpy as jnp

    _, back = jax.vjp(lambda t: kind.outputs(activation, t, X), theta)
    return back(jnp.broadcast_to(pull, (theta.shape[0], len(pull))))[0]


@compiled("kind", "activation")
def mean_square(kind: type[Neurons], activation: Activation, nodes: PyTree) -> Any:
    """The mean square of a neuron's gradient: at the start no rate of relaxation is larger."""
    import jax.numpy as jnp

    return jnp.einsum("ikn,k,n->", _jet(kind, activation, nodes.theta, nodes.X)[1:] ** 2, nodes.w, nodes.p)


@compiled("kind", "activation")
def _path(
    kind: type[Neurons], activation: Activation, nodes: PyTree, h: Float[jax.Array, " S"], rate: Real[ArrayLike, ""]
) -> Any:
    """Where the neurons are before and after every step of Runge and Kutta, shape (S + 1, K, p)."""
    import jax
    import jax.numpy as jnp

    def velocity(theta: jax.Array) -> Any:
        left = nodes.w @ kind.outputs(activation, theta, nodes.X) - nodes.y
        return -rate * _pulled(kind, activation, theta, nodes.X, nodes.p * left)

    def step(theta: jax.Array, dt: jax.Array) -> Any:
        k1 = velocity(theta)
        k2 = velocity(theta + dt / 2 * k1)
        k3 = velocity(theta + dt / 2 * k2)
        k4 = velocity(theta + dt * k3)
        after = theta + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return after, after

    rest = jax.lax.scan(step, nodes.theta, h)[1]
    return jnp.concatenate([nodes.theta[None], rest])


@compiled("kind", "activation")
def outputs_and_risks(
    kind: type[Neurons],
    activation: Activation,
    nodes: PyTree,
    h: Float[jax.Array, " S"],
    ends: Int[jax.Array, " T"],
    probes: Float[jax.Array, "P d"],
    rate: Real[ArrayLike, ""],
) -> Any:
    """Outputs at the probes (T, P) and the risk (T,), after these numbers of steps."""
    import jax

    path = _path(kind, activation, nodes, h, rate)[ends]
    output = jax.vmap(lambda theta: nodes.w @ kind.outputs(activation, theta, probes))(path)
    left = jax.vmap(lambda theta: nodes.w @ kind.outputs(activation, theta, nodes.X) - nodes.y)(path)
    return output, left**2 @ nodes.p / 2


@compiled("kind", "activation")
def _around(kind: type[Neurons], activation: Activation, nodes: PyTree, theta: Float[jax.Array, "K p"]) -> Any:
    """Outputs and gradients at the inputs (1 + p, K, n), residuals (n,), and the sum of Hessians (p, K, p)."""
    import jax
    import jax.numpy as jnp

    jet = _jet(kind, activation, theta, nodes.X)
    left = nodes.w @ jet[0] - nodes.y

    def along(direction: jax.Array) -> Any:
        moved = jnp.broadcast_to(direction, theta.shape)
        return jax.jvp(lambda t: _pulled(kind, activation, t, nodes.X, nodes.p * left), (theta,), (moved,))[1]

    return jet, left, jax.vmap(along)(jnp.eye(theta.shape[1]))


def adjoint(
    kind: type[Neurons],
    activation: Activation,
    nodes: PyTree,
    h: Float[np.ndarray, " S"],
    ends: Int[np.ndarray, " T"],
    probes: Float[np.ndarray, "P d"],
    rate: float,
    noise: float | None,
) -> Any:
    """The influence of each neuron on each output (T, P, K), and the variance (T, P) that samples one by one add.

    noise: variance of the labels' noise, or None for gradient flow, where no samples are drawn.

    Runge-Kutta steps back in time, each over two steps of the path.
    """
    path = np.asarray(_path(kind, activation, nodes, h, rate))
    (K, q), P = nodes.theta.shape, len(probes)
    lam, psi, spread = np.zeros((len(ends) * P, q, K)), np.zeros((len(ends) * P, K)), np.zeros(len(ends) * P)

    def begin(index: int) -> None:
        """Sensitivities and influences of the outputs whose time this is."""
        jet = np.asarray(_jet(kind, activation, path[index], probes))
        for i in np.flatnonzero(ends == index):
            lam[i * P : (i + 1) * P] = (nodes.w[:, None] * jet[1:]).transpose(2, 0, 1)
            psi[i * P : (i + 1) * P] = jet[0].T

    here = _Point(*map(np.asarray, _around(kind, activation, nodes, path[-1])))
    for last in range(len(h), 0, -2):
        begin(last)
        dt = h[last - 1] + h[last - 2]
        if dt == 0:
            continue
        half, sooner = (_Point(*map(np.asarray, _around(kind, activation, nodes, path[last - i]))) for i in (1, 2))
        a1, b1, rho1 = _rates(lam, here, nodes, rate)
        a2, b2, _ = _rates(lam + dt / 2 * a1, half, nodes, rate)
        a3, b3, _ = _rates(lam + dt / 2 * a2, half, nodes, rate)
        a4, b4, _ = _rates(lam + dt * a3, sooner, nodes, rate)
        before = lam.copy()
        lam += dt / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        psi += dt / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
        if noise is not None:
            a5, _, rho3 = _rates(lam, sooner, nodes, rate)
            rho2 = _seen((before + lam) / 2 + dt / 8 * (a1 - a5), half)
            for weight, rho, point in ((1, rho1, here), (4, rho2, half), (1, rho3, sooner)):
                spread += dt / 6 * weight * _variance(rate * rho, point.left, nodes.p, noise)
        here = sooner
    begin(0)
    return psi.reshape(len(ends), P, K), spread.reshape(len(ends), P)


class _Point(NamedTuple):
    """The linearised flow around the neurons at one time."""

    jet: Float[np.ndarray, "q K n"]
    left: Float[np.ndarray, " n"]
    bend: Float[np.ndarray, "p K p"]


def _rates(
    lam: Float[np.ndarray, "O p K"], here: _Point, nodes: PyTree, rate: float
) -> tuple[Float[np.ndarray, "O p K"], Float[np.ndarray, "O K"], Float[np.ndarray, "O n"]]:
    """How sensitivities (O, p, K) and influences (O, K) grow back in time, and what samples do (O, n)."""
    count, q, K = lam.shape
    rho = _seen(lam, here)
    back = ((nodes.p * rho) @ here.jet.reshape((q + 1) * K, -1).T).reshape(count, q + 1, K)
    bent = np.einsum("oik,ikj->ojk", lam, here.bend)
    return -rate * (bent + nodes.w * back[:, 1:]), -rate * back[:, 0], rho


def _seen(lam: Float[np.ndarray, "O p K"], here: _Point) -> Float[np.ndarray, "O n"]:
    """What samples do (O, n): sensitivities times gradients."""
    return np.asarray(lam.reshape(len(lam), -1) @ here.jet[1:].reshape(lam[0].size, -1))


def _variance(
    rho: Float[np.ndarray, "O n"], left: Float[np.ndarray, " n"], p: Float[np.ndarray, " n"], noise: float
) -> Float[np.ndarray, " O"]:
    """The variance over samples of what a sample does: rho (O, n) for each unit of its residual."""
    return np.asarray(rho**2 @ (p * (left**2 + noise)) - (rho @ (p * left)) ** 2)
