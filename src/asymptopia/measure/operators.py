"""Curvature of a loss at given parameters, as matrix-free linear operators.

Parameters are any tree of JAX arrays, or a PyTorch module (see `measure.pytorch`); an operator acts on them as one flat
vector. They are instances of `scipy.sparse.linalg.LinearOperator`, and `measure.spectra` takes any such operator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import PyTree
from ..numerics.trained import trained_arrays
from . import pytorch
from .functions import HALF, OF_OUTPUTS, check_arguments, check_scalar, first_line, shape_of

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float
    from scipy.sparse.linalg import LinearOperator


def hessian(loss: Callable[[Any], Any], parameters: PyTree) -> LinearOperator:
    """The Hessian of `loss(parameters)`, a scalar, at `parameters`.

    Raises `StatementError` if the loss is not a scalar, if it or its gradient is not finite there, or if it cannot be
    differentiated twice.
    """
    if pytorch.is_module(parameters):
        return pytorch.hessian(loss, parameters)
    import jax

    flat, unravel = flat_parameters(parameters)
    gradient = jax.grad(finite_scalar(loss, flat, unravel))

    return _operator(lambda: jax.linearize(gradient, flat)[1], flat, "loss")


def gauss_newton(model: Callable[[Any], Any], loss: Callable[[Any], Any], parameters: PyTree) -> LinearOperator:
    """The Gauss-Newton matrix $J^T H J$ of `loss(model(parameters))`.

    J is the Jacobian of the outputs `model(parameters)`, an array, and H the Hessian of the scalar `loss(outputs)`. For
    the negative log-likelihood of an exponential family in its natural parameters it is the Fisher matrix.
    """
    if pytorch.is_module(parameters):
        return pytorch.gauss_newton(model, loss, parameters)
    import jax

    flat, unravel = flat_parameters(parameters)
    check_arguments(loss, "loss", 1, OF_OUTPUTS)

    def outputs(at: Any) -> Any:
        return model(unravel(at))

    _check_outputs(model, outputs, flat, "model")
    finite_scalar(lambda p: loss(model(p)), flat, unravel)

    def product() -> Callable[[Any], Any]:
        value, push = jax.linearize(outputs, flat)
        curve, pull = jax.linearize(jax.grad(loss), value)[1], jax.linear_transpose(push, flat)
        return lambda vector: pull(curve(push(vector)))[0]

    return _operator(product, flat, "loss")


def fisher(log_likelihoods: Callable[[Any], Any], parameters: PyTree) -> LinearOperator:
    """The empirical Fisher matrix, the mean of $g g^T$ over the gradients g of `log_likelihoods(parameters)`, (n,)."""
    if pytorch.is_module(parameters):
        return pytorch.fisher(log_likelihoods, parameters)
    import jax

    flat, unravel = flat_parameters(parameters)

    def each(at: Any) -> Any:
        return log_likelihoods(unravel(at))

    _check_outputs(log_likelihoods, each, flat, "log-likelihood")

    def product() -> Callable[[Any], Any]:
        value, push = jax.linearize(each, flat)
        pull = jax.linear_transpose(push, flat)
        return lambda vector: pull(push(vector))[0] / value.size

    return _operator(product, flat, "log-likelihood")


def tangent_kernel(model: Callable[[Any], Any], parameters: PyTree) -> LinearOperator:
    """The tangent kernel $J J^T$ of the outputs `model(parameters)`, flattened."""
    if pytorch.is_module(parameters):
        return pytorch.tangent_kernel(model, parameters)
    import jax

    flat, unravel = flat_parameters(parameters)
    shaped = _check_outputs(model, lambda at: model(unravel(at)), flat, "model")

    def outputs(at: Any) -> Any:
        return jax.numpy.ravel(model(unravel(at)))

    def product() -> Callable[[Any], Any]:
        push = jax.linearize(outputs, flat)[1]
        pull = jax.linear_transpose(push, flat)
        return lambda vector: push(pull(vector)[0])

    return _operator(product, jax.numpy.zeros(shaped.size, shaped.dtype), "model")


def flat_parameters(parameters: PyTree) -> tuple[Float[jax.Array, " n"], Callable[[Any], Any]]:
    """A tree of parameters as one vector, and the way back. Raises `StatementError` unless they are finite and real."""
    import jax
    from jax.flatten_util import ravel_pytree

    trained, whole = trained_arrays(parameters)
    leaves = jax.tree_util.tree_leaves_with_path(trained)
    if not sum(np.size(leaf) for _, leaf in leaves):
        raise StatementError("There are no parameters: `parameters` has no array with an entry.")
    for path, leaf in leaves:
        array, name = np.asarray(leaf), jax.tree_util.keystr(path) or "the array"
        if str(array.dtype) in HALF:
            raise StatementError(
                f"`parameters` must be in single or double precision, but {name} is {array.dtype}: second derivatives "
                "in half precision are mostly round-off. Convert with .astype(float32)."
            )
        if not np.issubdtype(array.dtype, np.floating):
            raise StatementError(
                f"`parameters` must be real floating-point numbers, but {name} is {array.dtype}: leave out what is not "
                "trained."
            )
        if not np.isfinite(array).all():
            raise StatementError(f"`parameters` must be finite, but {name} has a nan or an infinity.")
    flat, unravel = ravel_pytree(trained)
    return flat, lambda at: whole(unravel(at))


def finite_scalar(
    loss: Callable[[Any], Any], flat: Float[jax.Array, " n"], unravel: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """The loss as a function of the vector of parameters; raises `StatementError` unless it is a finite scalar."""
    import jax.numpy as jnp

    check_arguments(loss, "loss", 1, "the parameters alone; bind its data, as in `lambda p: loss(p, data)`")
    check_scalar(lambda at: loss(unravel(at)), flat, "loss")

    def value(at: Any) -> Any:
        return jnp.asarray(loss(unravel(at)))

    first, again = float(value(flat)), float(value(flat))
    if not np.isfinite(first):
        raise StatementError(f"The loss must be finite at `parameters`, but it is {first}.")
    if first != again and abs(first - again) > 1e-3 * max(abs(first), abs(again)):
        raise StatementError(f"The loss must be a function, but is {first} and then {again}: fix its random numbers.")
    return value


def _check_outputs(
    function: Callable[..., Any], of_vector: Callable[[Any], Any], flat: Float[jax.Array, " n"], name: str
) -> jax.ShapeDtypeStruct:
    check_arguments(function, name, 1, "the parameters alone; bind its data, as in `lambda p: model(p, data)`")
    return shape_of(of_vector, flat, name)


def _operator(prepare: Callable[[], Callable[[Any], Any]], flat: Float[jax.Array, " n"], what: str) -> Any:
    """The operator on vectors like `flat` of the product that `prepare` returns: a linear map, prepared once."""
    import jax

    try:
        compiled = jax.jit(prepare())
        jax.eval_shape(compiled, jax.numpy.zeros(flat.size, flat.dtype))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise StatementError(f"The {what} cannot be differentiated as often as needed: {first_line(error)}") from error

    def checked(product: Any) -> np.ndarray:
        numbers = np.asarray(product, float)
        if not np.isfinite(numbers).all():
            raise StatementError(f"The {what} cannot be differentiated as often as needed at `parameters`: nan.")
        return numbers

    many = jax.jit(jax.vmap(compiled))
    return operator_of(lambda v: checked(compiled(v)), lambda v: checked(many(v)), flat)


def operator_of(one: Callable[[Any], np.ndarray], many: Callable[[Any], np.ndarray], flat: Any) -> LinearOperator:
    """The symmetric operator on vectors like `flat` of its products with one vector, and with rows (K, n) at once."""
    from scipy.sparse.linalg import LinearOperator

    size = flat.size
    chunk = pytorch.together(size)

    def apply(vector: np.ndarray) -> np.ndarray:
        return one(np.asarray(vector, flat.dtype).ravel())

    def apply_all(vectors: np.ndarray) -> np.ndarray:
        rows = np.asarray(vectors.T, flat.dtype)
        if chunk == 1 or len(rows) == 1:
            return np.stack([apply(row) for row in rows], axis=1)
        products = []
        for k in range(0, len(rows), chunk):
            some = rows[k : k + chunk]
            count = min(chunk, 1 << (len(some) - 1).bit_length())  # few shapes, compiled once each
            filled = np.zeros((count, size), flat.dtype)
            filled[: len(some)] = some
            products.append(many(filled)[: len(some)])
        return np.concatenate(products).T

    return LinearOperator((size, size), matvec=apply, matmat=apply_all, rmatvec=apply, dtype=np.dtype(flat.dtype))
