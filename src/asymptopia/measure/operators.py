"""Curvature of a loss at given parameters, as linear operators that are never written out.

Parameters are any tree of JAX arrays; an operator acts on them as one flat vector. `scipy.sparse.linalg.LinearOperator`
is what `measure.spectra` takes, so that operators made elsewhere (of a PyTorch model, say) serve as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator


def hessian(loss: Callable[[Any], Any], parameters: Any) -> LinearOperator:
    """The Hessian of `loss(parameters)`, a scalar, at `parameters`.

    Raises `StatementError` if the loss is not a scalar, if it or its gradient is not finite there, or if it cannot be
    differentiated twice.
    """
    import jax

    flat, unravel = flat_parameters(parameters)
    gradient = jax.grad(finite_scalar(loss, flat, unravel))

    def product(vector: Any, at: Any) -> Any:
        return jax.jvp(gradient, (at,), (vector,))[1]

    return _operator(product, flat, "loss")


def gauss_newton(model: Callable[[Any], Any], loss: Callable[[Any], Any], parameters: Any) -> LinearOperator:
    """The Gauss-Newton matrix $J^T H J$ of `loss(model(parameters))`.

    J is the Jacobian of the outputs `model(parameters)`, an array, and H the Hessian of the scalar `loss(outputs)`. For
    the negative log-likelihood of an exponential family in its natural parameters it is the Fisher matrix.
    """
    import jax

    flat, unravel = flat_parameters(parameters)

    def outputs(at: Any) -> Any:
        return model(unravel(at))

    finite_scalar(lambda p: loss(model(p)), flat, unravel)

    def product(vector: Any, at: Any) -> Any:
        value, push = jax.jvp(outputs, (at,), (vector,))
        curved = jax.jvp(jax.grad(loss), (value,), (push,))[1]
        return jax.vjp(outputs, at)[1](curved)[0]

    return _operator(product, flat, "loss")


def fisher(log_likelihoods: Callable[[Any], Any], parameters: Any) -> LinearOperator:
    """The empirical Fisher matrix, the mean of $g g^T$ over the gradients g of `log_likelihoods(parameters)`, (n,)."""
    import jax

    flat, unravel = flat_parameters(parameters)

    def each(at: Any) -> Any:
        return log_likelihoods(unravel(at))

    def product(vector: Any, at: Any) -> Any:
        value, push = jax.jvp(each, (at,), (vector,))
        return jax.vjp(each, at)[1](push)[0] / value.size

    return _operator(product, flat, "log-likelihood")


def tangent_kernel(model: Callable[[Any], Any], parameters: Any) -> LinearOperator:
    """The tangent kernel $J J^T$ of the outputs `model(parameters)`, flattened."""
    import jax

    flat, unravel = flat_parameters(parameters)
    shape = jax.eval_shape(lambda at: model(unravel(at)), flat).shape

    def outputs(at: Any) -> Any:
        return model(unravel(at)).ravel()

    def product(vector: Any, at: Any) -> Any:
        (pulled,) = jax.vjp(outputs, at)[1](vector)
        return jax.jvp(outputs, (at,), (pulled,))[1]

    return _operator(product, flat, "model", int(np.prod(shape)))


def flat_parameters(parameters: Any) -> tuple[Any, Callable[[Any], Any]]:
    import jax
    from jax.flatten_util import ravel_pytree

    leaves = jax.tree.leaves(parameters)
    if not leaves or not sum(np.size(a) for a in leaves):
        raise StatementError("There are no parameters: `parameters` has no array with an entry.")
    for path, leaf in jax.tree_util.tree_leaves_with_path(parameters):
        array, name = np.asarray(leaf), jax.tree_util.keystr(path) or "the array"
        if not np.issubdtype(array.dtype, np.floating):
            raise StatementError(f"`parameters` must be real floating-point numbers, but {name} is {array.dtype}.")
        if not np.isfinite(array).all():
            raise StatementError(f"`parameters` must be finite, but {name} has a nan or an infinity.")
    return ravel_pytree(parameters)


def finite_scalar(loss: Callable[[Any], Any], flat: Any, unravel: Callable[[Any], Any]) -> Callable[[Any], Any]:
    import jax
    import jax.numpy as jnp

    def value(at: Any) -> Any:
        return jnp.asarray(loss(unravel(at)))

    try:
        shape = jax.eval_shape(value, flat).shape
    except jax.errors.ConcretizationTypeError as error:
        raise StatementError(f"The loss must be written with JAX: {str(error).splitlines()[0]}") from error
    if shape != ():
        raise StatementError(f"The loss must be a scalar, but it is an array of shape {shape}.")
    if not np.isfinite(float(value(flat))):
        raise StatementError(f"The loss must be finite at `parameters`, but it is {float(value(flat))}.")
    return value


def _operator(product: Callable[[Any, Any], Any], flat: Any, what: str, size: int | None = None) -> LinearOperator:
    import jax
    from scipy.sparse.linalg import LinearOperator

    size = flat.size if size is None else size
    compiled = jax.jit(product)
    try:
        jax.eval_shape(product, jax.numpy.zeros(size, flat.dtype), flat)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise StatementError(
            f"The {what} cannot be differentiated as often as needed: {str(error).splitlines()[0]}"
        ) from error

    def apply(vector: np.ndarray) -> np.ndarray:
        found = np.asarray(compiled(np.asarray(vector, flat.dtype).ravel(), flat), float)
        if not np.isfinite(found).all():
            raise StatementError(f"The {what} cannot be differentiated as often as needed at `parameters`: nan.")
        return found

    def apply_all(vectors: np.ndarray) -> np.ndarray:
        return np.stack([apply(v) for v in vectors.T], axis=1)

    return LinearOperator((size, size), matvec=apply, matmat=apply_all, rmatvec=apply, dtype=np.dtype(float))
