r"""Diagonal matrices above $L^T C L$, for the linear operations L of a program and diagonal C."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .majorisers import spectral_norm
from .program_tape import Operation

SUMS = frozenset({"add", "sub", "add_any"})
PRODUCTS = frozenset({"mul", "dot_general", "conv_general_dilated"})
_PLAIN = """
neg copy copy_p reduce_precision reshape transpose broadcast_in_dim squeeze
expand_dims slice dynamic_slice gather concatenate rev reduce_sum cumsum reduce_window_sum select_n pad split
"""
PLAIN = frozenset(_PLAIN.split())
FINE = 8  # frequencies for each place of a kernel


def is_linear(operation: Operation) -> bool:
    """Whether an operation is linear, up to a constant, in all that depends on the input."""
    active = [node.active for node in operation.inputs]
    match operation.name:
        case "convert_element_type":
            types = (operation.inputs[0].value.dtype, operation.params["new_dtype"])
            return all(jnp.issubdtype(kind, jnp.inexact) for kind in types)
        case "div":
            return not active[1]
        case "select_n" | "gather" | "dynamic_slice":
            steered = active[:1] if operation.name == "select_n" else active[1:]
            return not any(steered)
        case name if name in PRODUCTS:
            return sum(active) == 1 and not (name == "conv_general_dilated" and active[1])
    return operation.name in SUMS or operation.name in PLAIN


def pulled_slopes(operation: Operation, slopes: list[jax.Array]) -> list[jax.Array]:
    """The slopes at the active inputs of a linear operation, from those at its outputs."""
    values = [node.value for node in operation.inputs]
    places = [k for k, node in enumerate(operation.inputs) if node.active]

    def forward(*chosen: Any) -> Any:
        given = list(values)
        for k, value in zip(places, chosen, strict=True):
            given[k] = value
        return operation(given)

    pull = jax.vjp(forward, *(values[k] for k in places))[1]
    return list(pull(slopes if operation.primitive.multiple_results else slopes[0]))


def pulled_curvatures(operation: Operation, curvatures: list[jax.Array]) -> list[jax.Array]:
    r"""Diagonal curvatures at the active inputs of a linear operation, from those at its outputs.

    By convexity, $(\sum_j L_{kj} x_j)^2 \leq \sum_j |L_{kj}| \sum_j |L_{kj}| x_j^2$; of a matrix or a convolution by
    its spectral norm, if that is less in sum.
    """
    places = [k for k, node in enumerate(operation.inputs) if node.active]
    ones = [jnp.ones_like(operation.inputs[k].value) for k in places]
    reach, pull = jax.vjp(lambda *chosen: _absolute(operation, dict(zip(places, chosen, strict=True))), *ones)
    if operation.primitive.multiple_results:
        return list(pull([c * r for c, r in zip(curvatures, reach, strict=True)]))
    convex = list(pull(curvatures[0] * reach))
    norm = operator_norm(operation)
    if norm is None:
        return convex
    flat = jnp.full_like(convex[0], 1.0) * curvatures[0].max() * norm**2
    return [jnp.where(flat.sum() < convex[0].sum(), flat, convex[0])]


def _absolute(operation: Operation, chosen: dict[int, jax.Array]) -> Any:
    """The linear part of an operation, with the moduli of its coefficients."""
    if operation.name in SUMS or operation.name == "neg":
        return jnp.broadcast_to(sum(chosen.values()), operation.outputs[0].value.shape)
    given = []
    for k, node in enumerate(operation.inputs):
        if k in chosen:
            given.append(chosen[k])
        elif operation.name in PRODUCTS or operation.name == "div":
            given.append(jnp.abs(node.value))
        else:
            given.append(_without_constants(node.value))
    return operation(given)


def _without_constants(value: Any) -> Any:
    return jnp.zeros_like(value) if jnp.issubdtype(jnp.result_type(value), jnp.inexact) else value


def operator_norm(operation: Operation) -> jax.Array | None:
    """A bound of the spectral norm of a matrix product or a convolution; None of another operation, or in groups."""
    params = operation.params
    if operation.name == "dot_general":
        contracted, batched = params["dimension_numbers"]
        which = 0 if operation.inputs[1].active else 1
        if batched[0]:
            return None
        M = jnp.moveaxis(operation.inputs[which].value, contracted[which], range(len(contracted[which])))
        rows = int(np.prod(M.shape[: len(contracted[which])], dtype=int))
        return spectral_norm(M.reshape(rows, -1))
    if operation.name == "conv_general_dilated" and params["feature_group_count"] * params["batch_group_count"] == 1:
        return kernel_norm(jnp.transpose(operation.inputs[1].value, params["dimension_numbers"].rhs_spec))
    return None


def kernel_norm(kernel: jax.Array) -> jax.Array:
    r"""A bound of the spectral norm of a convolution by its kernel (outputs, inputs, ...), for all sizes and paddings.

    The norm without borders is the largest over frequencies of the spectral norm of the kernel's transform, a
    trigonometric polynomial with k coefficients along each axis. It exceeds its largest value at N > k frequencies
    equally apart by $1/\cos(\pi (k - 1)/2N)$ at most, for each axis (Ehlich and Zeller, Math. Z. 86 (1964) 41). Zeros
    around the input, strides and gaps only lower the norm.
    """
    places = kernel.shape[2:]
    sizes = [FINE * k if k > 1 else 1 for k in places]
    transform = jnp.fft.fftn(kernel, s=sizes, axes=tuple(range(2, kernel.ndim)))
    M = jnp.moveaxis(transform.reshape(*kernel.shape[:2], -1), 2, 0)
    wide = M.shape[1] < M.shape[2]
    gram = jnp.einsum("fij,fkj->fik", M, M.conj()) if wide else jnp.einsum("fji,fjk->fik", M.conj(), M)
    excess = np.prod([np.cos(np.pi * (k - 1) / (2 * N)) for k, N in zip(places, sizes, strict=True)])
    return jnp.sqrt(jnp.maximum(jnp.linalg.eigvalsh(gram).max(), 0.0)) / excess
