"""Functions and methods of PyTorch's tensors, as functions of JAX arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jax


def activation(name: str) -> Callable[..., jax.Array]:
    """The elementwise function of this name, of one array; PyTorch's `inplace` changes nothing."""

    def apply(x: jax.Array, *, inplace: bool = False) -> jax.Array:
        import jax

        return getattr(jax.nn, name)(x)

    return apply


def gelu(x: jax.Array, approximate: str = "none") -> jax.Array:
    import jax

    return jax.nn.gelu(x, approximate=approximate == "tanh")


def softplus(x: jax.Array, beta: float = 1.0, threshold: float = 20.0) -> jax.Array:
    import jax

    return jax.numpy.where(beta * x > threshold, x, jax.nn.softplus(beta * x) / beta)


def flattened(x: jax.Array, start_dim: int = 0, end_dim: int = -1) -> jax.Array:
    first, last = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])


def unflattened(x: jax.Array, dim: int, sizes: tuple[int, ...]) -> jax.Array:
    dim %= x.ndim
    return x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :])


def _over(axes: Any) -> Any:
    return tuple(axes) if isinstance(axes, (list, tuple)) else axes


def _mean(x: jax.Array, dim: Any = None, keepdim: bool = False) -> jax.Array:
    return x.mean(axis=_over(dim), keepdims=keepdim)


def _sum(x: jax.Array, dim: Any = None, keepdim: bool = False) -> jax.Array:
    return x.sum(axis=_over(dim), keepdims=keepdim)


def _of_sizes(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes


def _reshaped(x: jax.Array, *shape: Any) -> jax.Array:
    return x.reshape(_of_sizes(shape))


def _permuted(x: jax.Array, *dims: Any) -> jax.Array:
    return x.transpose(_of_sizes(dims))


def _transposed(x: jax.Array, dim0: int, dim1: int) -> jax.Array:
    return x.swapaxes(dim0, dim1)


def _unsqueezed(x: jax.Array, dim: int) -> jax.Array:
    import jax.numpy as jnp

    return jnp.expand_dims(x, dim)


def _joined(tensors: Any, dim: int = 0) -> jax.Array:
    import jax.numpy as jnp

    return jnp.concatenate(tensors, axis=dim)


def _chunks(x: jax.Array, chunks: int, dim: int = 0) -> list[jax.Array]:
    import jax.numpy as jnp

    size = -(-x.shape[dim] // chunks)
    return jnp.split(x, list(range(size, x.shape[dim], size)), axis=dim)


def _size(x: jax.Array, dim: int | None = None) -> Any:
    return x.shape if dim is None else x.shape[dim]


def _attribute(x: jax.Array, name: str) -> Any:
    if name not in ("shape", "ndim"):
        raise TypeError(f"the attribute {name!r} of a tensor is not translated")
    return getattr(x, name)


def _softmax(x: jax.Array, dim: int, **rest: object) -> jax.Array:
    import jax

    return jax.nn.softmax(x, axis=dim)


def _attention(
    query: jax.Array, key: jax.Array, value: jax.Array, attn_mask: None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None,
) -> jax.Array:  # fmt: skip
    import jax.numpy as jnp

    from ..contract.record import StatementError

    if attn_mask is not None or dropout_p:
        raise StatementError("scaled_dot_product_attention with a mask of its own, or dropout, is not translated.")
    scores = query @ key.swapaxes(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -1e30)
    return _softmax(scores, -1) @ value


_OF_TENSORS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv, "mean": _mean,
    "flatten": flattened, "unflatten": unflattened, "view": _reshaped, "reshape": _reshaped, "sum": _sum,
    "matmul": operator.matmul, "bmm": operator.matmul, "transpose": _transposed, "permute": _permuted,
    "unsqueeze": _unsqueezed, "cat": _joined, "chunk": _chunks, "getitem": operator.getitem, "size": _size,
    "getattr": _attribute, "contiguous": lambda x: x, "softmax": _softmax, "scaled_dot_product_attention": _attention,
    "gelu": gelu, "softplus": softplus,
}  # fmt: skip
FUNCTIONS = _OF_TENSORS | {name: activation(name) for name in ("relu", "tanh", "sigmoid", "silu")}
