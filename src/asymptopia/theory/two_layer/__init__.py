r"""The flow of infinitely many neurons, on nodes of their start, and what finite networks fluctuate by.

The neurons move along characteristics $\dot\theta = -a \sum_x p_x (g(x) - y)\nabla\phi(x; \theta)$,
$g = \sum_k w_k \phi(\cdot\,; \theta_k)$. What one more neuron that starts at $\theta_k$ does to an output is the
derivative with respect to its weight $w_k$, and what one more sample x at time s does is that with respect to the
residual there: both follow from the adjoint of the linearised flow, which runs back in time (`adjoint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...contract.law import NoLimit
from ...numerics.product_normal import nets, smooth_nodes
from ...parts.activation import Activation
from ...parts.neurons import Neurons
from .adjoint import adjoint, mean_square, outputs_and_risks

if TYPE_CHECKING:
    from jaxtyping import Float

FEWEST, MOST = 16, 1 << 13
PER_RATE = 6.0
EXACT = 3e-8
MANY = 100_000  # neurons times inputs


class Setting(NamedTuple):
    """A mean-field training problem apart from the quadrature nodes.

    probes: (P, d). batch: samples a step of SGD, 0 for gradient flow; noise: variance of the labels' noise.
    """

    activation: Activation
    neurons: Neurons
    inputs: Any
    probes: Float[np.ndarray, "P d"]
    times: Sequence[float]
    rate: float
    batch: int = 0
    noise: float = 0.0


class Nodes(NamedTuple):
    """Quadrature nodes: neurons theta (K, p) of weights w (K,), and inputs X (n, d), y (n,) of weights p (n,)."""

    theta: Float[np.ndarray, "K p"]
    w: Float[np.ndarray, " K"]
    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    p: Float[np.ndarray, " n"]


Found = dict[str, np.ndarray]


def solve(setting: Setting, fluctuations: bool = False, points: int = 256) -> Found:
    """Outputs (T, P) and risk (T,), or the fluctuation of the outputs (T, P), each with its `<name>_error`.

    In up to three parameters a neuron on two products of Gauss rules, whose difference is the error; in more on eight
    nets of `points` each, whose scatter is. Raises `NoLimit` where the flow does not stay finite.
    """
    p = setting.neurons.parameters(setting.inputs.dimension)
    fine = _nodes(setting, p, 1, points)
    steps = _steps(setting, fine)
    while True:
        coarse = _nodes(setting, p, 0, points)
        rough, half = (_run(setting, _padded(coarse, fine), steps, fluctuations, skip) for skip in (1, 2))
        scale = max(float(np.abs(v).max()) for v in rough.values())
        slip = {k: np.abs(rough[k] - half[k]) / 15 for k in rough}
        if not np.isfinite(scale):
            raise NoLimit(_DIVERGES.format(setting.rate, setting.times[-1]))
        if max(float(v.max()) for v in slip.values()) <= EXACT * max(scale, 1.0) or sum(steps) >= MOST:
            break
        steps = [2 * s for s in steps]
    values = _run(setting, fine, steps, fluctuations, 1)
    errors = {k: np.abs(values[k] - rough[k]) for k in values}
    if smooth_nodes(p, 1, setting.neurons.linear) is None:
        count = len(fine.w) // points
        parts = [_run(setting, _net(fine, i, points), steps, fluctuations, 1) for i in range(count)]
        errors = {k: np.std([f[k] for f in parts], axis=0, ddof=1) / np.sqrt(count) for k in values}
    return values | {f"{k}_error": errors[k] + slip[k] for k in values}


_DIVERGES = "At `rate` {:g} the neurons do not stay finite up to time {:g}: there is no limit; choose earlier `times`."


def _nodes(setting: Setting, p: int, level: int, points: int) -> Nodes:
    X, y, weights = setting.inputs.nodes(level)
    rule = smooth_nodes(p, level, setting.neurons.linear)
    if rule is None:
        z = nets(p, points)
        z = z.reshape(-1, p) if level else z[0]
        rule = z, np.full(len(z), 1 / len(z))
    return Nodes(setting.neurons.place(rule[0]), rule[1], X, y, weights)


def _net(nodes: Nodes, i: int, points: int) -> Nodes:
    """The i-th net alone."""
    part = slice(i * points, (i + 1) * points)
    return nodes._replace(theta=nodes.theta[part], w=np.full(points, 1 / points))


def _padded(coarse: Nodes, fine: Nodes) -> Nodes:
    """The coarse nodes in arrays of the fine ones' shape, so that nothing is compiled again; the rest has weight 0.

    Where there are many, they stay as they are: to compile is quicker than to follow neurons that count for nothing.
    """
    if len(fine.w) * len(fine.p) > MANY:
        return coarse
    return Nodes(
        *(
            np.concatenate([a, np.repeat(a[-1:], len(b) - len(a), axis=0) * (name not in ("w", "p"))])
            for name, a, b in zip(Nodes._fields, coarse, fine, strict=True)
        )
    )


def _steps(setting: Setting, nodes: Nodes) -> list[int]:
    """Runge-Kutta steps between neighbouring times, multiples of four, from how fast the flow is at its start."""
    squares = float(mean_square(type(setting.neurons), setting.activation, nodes))
    spans = np.diff(np.concatenate([[0.0], setting.times]))
    wanted = np.clip(PER_RATE * setting.rate * squares * spans, FEWEST * spans / max(spans.max(), 1e-300), MOST)
    return [4 * int(np.ceil(s / 4)) for s in wanted]


def _run(setting: Setting, nodes: Nodes, steps: Sequence[int], fluctuations: bool, skip: int) -> Found:
    """One solution; with `skip` 2 in steps twice as long, the other half of them of length zero."""
    spans = np.diff(np.concatenate([[0.0], setting.times]))
    real = [np.arange(s) % 4 < 4 // skip for s in steps]
    h = np.concatenate([np.where(r, skip * d / max(s, 1), 0.0) for r, s, d in zip(real, steps, spans, strict=True)])
    kind, activation = type(setting.neurons), setting.activation
    arguments = (kind, activation, nodes, h, np.cumsum(steps), setting.probes, setting.rate)
    if not fluctuations:
        output, risk = outputs_and_risks(*arguments)
        return {"output": np.asarray(output), "risk": np.asarray(risk)}
    influence, drawn = adjoint(*arguments, setting.noise if setting.batch else None)
    variance = (influence**2) @ nodes.w - (influence @ nodes.w) ** 2
    return {"fluctuation": variance + drawn / setting.batch if setting.batch else variance}
