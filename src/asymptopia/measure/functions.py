"""What a user's function must be: of how many arguments it is, what it returns, and in which precision."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from ..contract.record import StatementError
from ..numerics.arrays import PyTree

if TYPE_CHECKING:
    import jax

HALF = ("float16", "bfloat16")
OF_OUTPUTS = "the outputs of the model alone; bind its data, as in `lambda outputs: loss(outputs, labels)`"
Value = TypeVar("Value")


def check_arguments(function: Callable[..., Any], name: str, count: int, which: str) -> None:
    """Raises `StatementError` unless the function can be called with this number of arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError as error:
        raise StatementError(f"The {name} must be a function of {which}, but: {error}.") from None
    except ValueError:
        pass  # a builtin without a signature


def shape_of(function: Callable[[Any], Any], at: PyTree, name: str) -> jax.ShapeDtypeStruct:
    """The shape and type of what a function in JAX returns, an array.

    Raises `StatementError` unless it returns an array, and computes with JAX, in single or double precision.
    """
    import jax
    import jax.numpy as jnp

    def value(where: Any) -> jax.Array:
        given = function(where)
        if isinstance(given, (tuple, list, dict)):
            wanted = "a scalar" if name == "loss" else "an array"
            raise StatementError(
                f"The {name} must return {wanted} alone, but returns a {type(given).__name__} of {len(given)}: "
                "leave out what it returns beside it."
            )
        return jnp.asarray(given)

    try:
        program, shape = jax.make_jaxpr(value, return_shape=True)(at)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise StatementError(
            f"The {name} must be written with JAX, not NumPy or Python numbers: {str(error).splitlines()[0]}"
        ) from error
    except StatementError:
        raise
    except Exception as error:
        raise StatementError(
            f"The {name} fails at `parameters`: {type(error).__name__}: {first_line(error)}"
        ) from error
    check_some(name, shape.shape)
    _refuse_half(name, set(_types(program.jaxpr)))
    return shape


def check_some(name: str, shape: tuple[int, ...]) -> None:
    """Raise `StatementError` for an array without a number."""
    if 0 in shape:
        raise StatementError(f"The {name} must return at least one number, but returns an array of shape {shape}.")


def check_scalar(function: Callable[[Any], Any], at: PyTree, name: str) -> None:
    """Raise `StatementError` unless `shape_of` finds a scalar."""
    if (shape := shape_of(function, at, name).shape) != ():
        raise StatementError(f"The {name} must be a scalar, but it is an array of shape {shape}.")


def _types(program: Any) -> Iterator[str]:
    """The types of all numbers in a program of JAX, and in those inside of it."""
    for given in program.invars:
        yield str(getattr(given.aval, "dtype", ""))
    for equation in program.eqns:
        for out in equation.outvars:
            yield str(getattr(out.aval, "dtype", ""))
        for parameter in equation.params.values():
            for part in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
                inner = getattr(part, "jaxpr", part)
                if hasattr(inner, "eqns"):
                    yield from _types(inner)


def watched(call: Callable[[], Value], name: str) -> Value:
    """What a call of PyTorch returns. Raises `StatementError` if it computes in half precision, as within autocast."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    seen: set[str] = set()

    def dispatch(mode: Any, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            seen.add(str(out.dtype).removeprefix("torch."))
        return out

    mode: Any = TorchDispatchMode
    watching: Any = type("Watching", (mode,), {"__torch_dispatch__": dispatch})
    with watching():
        value = call()
    _refuse_half(name, seen)
    return value


def _refuse_half(name: str, types: set[str]) -> None:
    if half := sorted(types & set(HALF)):
        raise StatementError(
            f"The {name} must compute in single or double precision, but has numbers in {' and '.join(half)}: "
            "derivatives in half precision are mostly round-off. Leave out what lowers the precision."
        )


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
