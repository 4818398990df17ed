r"""Quadratics above a program: the slope and a diagonal curvature, carried backwards through its operations.

If what follows a value u is majorised by $g \cdot \Delta u + \frac12 |\Delta u|_C^2$ with C diagonal, and u is a linear
function of v, or a function of each entry of v, then so is what follows v: by `linear_bounds` and `unit_bounds`. Where
a value is used several times its contributions add up. Each bound holds everywhere, so the quadratic at the input does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .linear_bounds import PRODUCTS, SUMS, is_linear, pulled_curvatures, pulled_slopes
from .program_tape import ENTRYWISE, Node, Operation, Tape, entrywise, recorded, roots
from .unit_bounds import Curvature, known_curvature

Above = tuple[jax.Array, "jax.Array | None"]
KNOWN = (
    "tanh, sigmoid, softplus, gelu, silu, erf, relu, sin, cos, and even losses f whose f'(r)/r does not rise, such as "
    "the square's and Huber's"
)


class Field(NamedTuple):
    """Where a program applies a function of one number: the values z, the function, and the operation it ends in."""

    z: jax.Array
    function: Callable[[Any], Any]
    name: str


def majorised(tape: Tape, slope: jax.Array, curvature: jax.Array | None, fields: list[Field] | None = None) -> Above:
    """Slope and curvature of a quadratic above the rest of a program at the input of this one, from its output's.

    A curvature is that of each entry, of the shape of the value; None if all that follows is linear.
    fields: if given, what it meets is added. Raises `StatementError` for operations without a majoriser.
    """
    fields = [] if fields is None else fields
    if tape.output.active:
        tape.output.receive(slope, curvature)
    for operation in reversed(tape.operations):
        if any(node.slope is not None for node in operation.outputs):
            _down(operation, fields)
    root = tape.root
    return jnp.zeros_like(root.value) if root.slope is None else root.slope, root.curvature


def loss_above(
    loss: Callable[[Any, Any], Any], softmax: bool, label: ArrayLike, z: jax.Array, fields: list[Field] | None = None
) -> Above:
    """Slope and curvature of a quadratic above a loss at the outputs z of one sample.

    softmax: whether `has_softmax_curvature`; its curvature is w/2 (Boehning, Ann. Inst. Stat. Math. 44 (1992) 197).
    fields: as of `majorised`.
    """
    if softmax:
        slope = jax.grad(loss, argnums=1)(label, z)
        return slope, jnp.broadcast_to(_weights(loss, label, z) / 2, z.shape)
    tape = recorded(lambda u: loss(label, u), z)
    return majorised(tape, jnp.ones_like(tape.output.value), None, fields)


def has_softmax_curvature(loss: Callable[[Any, Any], Any], y: jax.Array, z: jax.Array) -> bool:
    r"""Whether the Hessian in the outputs is $w (\mathrm{diag}(p) - p p^T)$, p their softmax along the last axis.

    True of the cross-entropy, weighted or of mixed labels. Compared for all labels, at two random places, as are the
    rises of the loss itself, which its derivatives do not tell where a gradient is stopped.

    z: outputs of all samples, (n, ...).
    """
    if z.ndim < 2 or z.shape[-1] < 2:
        return False

    def deviation(label: jax.Array, place: jax.Array, direction: jax.Array) -> tuple[jax.Array, jax.Array]:
        w, p = _weights(loss, label, place), jax.nn.softmax(place)
        bent = _curved(loss, label, place, direction)
        expected = w * p * (direction - jnp.sum(p * direction, axis=-1, keepdims=True))
        start = jnp.zeros_like(place)
        straight = (jax.grad(loss, argnums=1)(label, start) - w / place.shape[-1]) * place
        rise = loss(label, place) - loss(label, start) - straight.sum()
        rise -= jnp.sum(w[..., 0] * (jax.nn.logsumexp(place, axis=-1) - jax.nn.logsumexp(start, axis=-1)))
        slack = tolerance * (jnp.abs(straight).sum() + w.sum())
        away = jnp.maximum(jnp.abs(bent - expected).max(), jnp.maximum(jnp.abs(rise) - slack, 0.0))
        return away, jnp.where(w >= 0, w, jnp.nan).max()

    tolerance = 1e3 * np.finfo(z.dtype).eps
    for key in jax.random.split(jax.random.key(0)):
        place, direction = jax.random.normal(key, (2, *z.shape), z.dtype)
        away, w = jax.jit(jax.vmap(deviation))(y, 2 * place, direction)
        if not bool((away <= tolerance * w).all()) or not bool(w.max() > 0):
            return False
    return True


def _weights(loss: Callable[[Any, Any], Any], label: ArrayLike, z: jax.Array) -> jax.Array:
    """The weight w of each softmax, from the curvature of its first score where all scores are 0."""
    first = jnp.zeros_like(z).at[..., 0].set(1.0)
    K = z.shape[-1]
    return _curved(loss, label, jnp.zeros_like(z), first)[..., :1] * (K**2 / (K - 1))


def _curved(loss: Callable[[Any, Any], Any], label: ArrayLike, z: jax.Array, direction: jax.Array) -> jax.Array:
    return jax.jvp(lambda u: jax.grad(loss, argnums=1)(label, u), (z,), (direction,))[1]


def check_field(field: Field, z: np.ndarray) -> None:
    """Raise `StatementError` if a function, known by its values on a grid, is another one at the values z."""
    if known_curvature(field.function, z.dtype, z) is None:
        raise StatementError(
            f"There is no majoriser for the function that ends in `{field.name}`: where the data are, between "
            f"{z.min():g} and {z.max():g}, it is other than its values on a grid show. Use `kfac_model` or `soap`."
        )


def _down(operation: Operation, fields: list[Field]) -> None:
    """From the outputs of an operation to its inputs, or to that of the function of one number that it ends."""
    active = [node for node in operation.inputs if node.active]
    if not is_linear(operation) or (operation.name in SUMS and len(active) > 1):
        unit = _unit(operation) if operation.name in ENTRYWISE else None
        if unit is not None:
            fields.append(Field(unit[0].value, unit[1], operation.name))
            _through_unit(operation.outputs[0], *unit)
            return
        if not is_linear(operation):
            raise StatementError(_refusal(operation, len(active)))
    slopes = [jnp.zeros_like(n.value) if n.slope is None else n.slope for n in operation.outputs]
    bends = [n.curvature for n in operation.outputs]
    below = pulled_slopes(operation, slopes)
    curvatures: list[Any] = [None] * len(active)
    if any(c is not None for c in bends):
        filled = [jnp.zeros_like(n.value) if n.curvature is None else n.curvature for n in operation.outputs]
        curvatures = list(pulled_curvatures(operation, filled))
    for node, slope, curvature in zip(active, below, curvatures, strict=True):
        node.receive(slope, curvature)


def _unit(operation: Operation) -> tuple[Node, Callable[[Any], Any], Curvature] | None:
    """The nearest value of which the result is a known function, entry by entry."""
    for root in roots(operation.outputs[0]):
        function = entrywise(operation.outputs[0], root)
        if function is not None:
            curvature = known_curvature(function, root.value.dtype)
            if curvature is not None:
                return root, function, curvature
    return None


def _through_unit(output: Node, root: Node, function: Callable[[Any], Any], curvature: Curvature) -> None:
    z = root.value
    steep = jax.jvp(function, (z,), (jnp.ones_like(z),))[1]
    root.receive(output.slope * steep, curvature(output.slope, output.curvature, z))


def _refusal(operation: Operation, active: int) -> str:
    if operation.name in PRODUCTS and active > 1:
        return (
            f"There is no majoriser where two values that both depend on a layer are multiplied (`{operation.name}`): "
            "their product bends without bound. Use `kfac_model` or `soap`."
        )
    if operation.name == "stop_gradient":
        return (
            "There is no majoriser for `stop_gradient` of values that depend on a layer: its slope is not that of the "
            "loss, and no quadratic with this slope lies above. Use `kfac_model` or `soap`."
        )
    if operation.name in ENTRYWISE:
        return (
            f"There is no majoriser for the function that ends in `{operation.name}`: known are {KNOWN}. Use "
            "`kfac_model` or `soap`."
        )
    return (
        f"There is no majoriser for `{operation.name}` of values that depend on a layer: known are sums, products with "
        f"constants, matrices, convolutions, mean pooling, reshaping and slicing, and {KNOWN}. Use `kfac_model` or "
        "`soap`."
    )
