"""A program as a jaxpr: traced at several sizes, so that what changes with the size is known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..contract.record import StatementError
from .refusal import Equation, Jaxpr, Refused, innermost, lines_of, lines_of_error, refusal

Program = Callable[[int, Any], Mapping[str, Any]]

SMALL = (960, 1920)
LARGE = (2**10 * 3**2 * 5**2 * 7 * 11 * 13, 2**11 * 3**2 * 5**2 * 7 * 11 * 13)
LESS_LARGE = (720_720, 1_441_440)
WIDE = 2**15


@dataclasses.dataclass(frozen=True)
class Trace:
    """A program at one size: its jaxpr, and the names and numbers of its outputs."""

    n: int
    closed: Any
    tree: Any


def is_wide(length: int) -> bool:
    """Whether an axis of this length, at a large size, is one of those that grow."""
    return length > WIDE


def wide_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The positions of the wide axes in a shape of the program, at a large size."""
    return tuple(i for i, k in enumerate(shape) if k > WIDE)


def traces(program: Program, sizes: tuple[int, int] | None = None) -> tuple[Trace, Trace]:
    """The program at two large sizes, by default such as suit it.

    Raises `NoLimit` if its steps depend on the size, or an axis is not proportional to a power of it.
    """
    small = [trace(program, n) for n in SMALL]
    _same_steps(*small)
    large = _large(program, sizes or (LESS_LARGE if _holds_arrays(*small) else LARGE))
    _same_steps(small[1], large[0])
    _same_steps(*large)
    _check_sizes(*large)
    return large[0], large[1]


def _holds_arrays(a: Trace, b: Trace) -> bool:
    """Whether NumPy arrays that grow with the size enter the program."""
    shapes = [[np.shape(c) for c in t.closed.consts if not is_key(c)] for t in (a, b)]
    return shapes[0] != shapes[1]


def is_key(value: Any) -> bool:
    """Whether a value is an array of random keys."""
    import jax

    return hasattr(value, "dtype") and bool(jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key))


def _large(program: Program, sizes: tuple[int, int]) -> list[Trace]:
    """At sizes whose square is a 64-bit number; at smaller ones if the program forms higher powers."""
    try:
        return [trace(program, n) for n in sizes]
    except OverflowError:
        return [trace(program, n) for n in LESS_LARGE]


def trace(program: Program, n: int) -> Trace:
    """The jaxpr of the program at size n; nothing of that size is ever formed.

    Raises `NoLimit` if JAX cannot trace it, or it returns no dict of outputs.
    """
    import jax

    key = jax.random.key(0)
    try:
        closed, tree = jax.make_jaxpr(lambda k: program(n, k), return_shape=True)(key)
    except OverflowError:
        raise
    except Exception as error:
        raise _untraceable(error, n) from error
    if not isinstance(tree, Mapping) or not tree:
        given = (
            "no output" if isinstance(tree, Mapping) else "an array" if hasattr(tree, "shape") else type(tree).__name__
        )
        raise refusal(f"the program must return a dict of outputs by name, but returns {given}.", None)
    return Trace(n, closed, tree)


def sub_jaxprs(equation: Equation) -> Iterator[Any]:
    """The jaxprs inside an equation: bodies of loops, branches, called functions."""
    for value in equation.params.values():
        for inner in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(inner, "jaxpr"):
                yield inner.jaxpr
            elif hasattr(inner, "eqns"):
                yield inner


def equations(jaxpr: Jaxpr, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every equation of a jaxpr and of those inside it, with those that it stands in, which begin with `above`."""
    for equation in jaxpr.eqns:
        yield equation, above
        for inner in sub_jaxprs(equation):
            yield from equations(inner, (*above, equation))


def line(equation: Equation, above: tuple[Any, ...] = ()) -> Any:
    """The user's line of an equation, which stands in those `above`."""
    return innermost([lines_of(e) for e in (*above, equation)])


def _untraceable(error: Exception, n: int) -> Exception:
    import jax

    if isinstance(error, Refused | StatementError):
        return error
    lines = lines_of_error(error)
    where = lines[-1] if lines else None
    leaves = (jax.errors.TracerArrayConversionError, jax.errors.TracerIntegerConversionError)
    if isinstance(error, leaves):
        return refusal("no limit can be derived: the program leaves JAX here; use jax.numpy instead.", where)
    if isinstance(error, MemoryError):
        return refusal(
            "cannot derive: an array of NumPy with two wide axes is formed here; make it with jax.numpy.", where
        )
    if isinstance(error, jax.errors.ConcretizationTypeError | jax.errors.TracerBoolConversionError):
        reason = "no limit can be derived: Python needs the value of a random quantity here; use jax.lax.cond or where."
        return refusal(reason, where)
    first = str(error).strip().split("\n")[0]
    return refusal(f"the program does not run at size {n}: {type(error).__name__}: {first}", where)


def _same_steps(a: Trace, b: Trace) -> None:
    """Raise `NoLimit` unless both sizes go through the same equations."""
    one, two = equations(a.closed.jaxpr), equations(b.closed.jaxpr)
    last = None
    while True:
        first, second = next(one, None), next(two, None)
        if first is None and second is None:
            return
        if first is None or second is None or first[0].primitive is not second[0].primitive:
            where = line(*(first or last or second))  # type: ignore[misc]
            shuffling = [x for x in (first, second, last) if x is not None and _shuffles(*x)]
            reason = (
                _SHUFFLED
                if shuffling
                else (
                    f"no limit can be derived: the steps of the program at n = {a.n} and n = {b.n} differ from here on "
                    "(a Python loop or branch that depends on n); a limit needs a fixed number of steps."
                )
            )
            raise refusal(reason, where)
        lengths = first[0].params.get("length"), second[0].params.get("length")
        if lengths[0] != lengths[1]:
            raise refusal(
                f"no limit can be derived: a loop of {lengths[0]} steps at n = {a.n} and of {lengths[1]} at n = {b.n}; "
                "a limit needs a fixed number of steps.",
                line(*first),
            )
        last = first


def _shuffles(equation: Equation, above: tuple[Any, ...]) -> bool:
    """Whether an equation stands in a function of jax.random that sorts random keys."""
    return any(str(e.params.get("name")) in ("_shuffle", "permutation", "choice") for e in (*above, equation))


_SHUFFLED = (
    "cannot derive: a wide axis is shuffled or sampled without replacement, by sorts whose number depends on n. "
    "Coordinates drawn independently are in random order already: a slice or `reshape` of them is a random batch, and "
    "a mask, such as jax.random.bernoulli, chooses another one."
)


def _check_sizes(a: Trace, b: Trace) -> None:
    """Raise `NoLimit` unless every axis keeps its length or grows in proportion to n."""
    for (first, above), (second, _) in zip(equations(a.closed.jaxpr), equations(b.closed.jaxpr), strict=True):
        for x, y in zip(first.outvars, second.outvars, strict=True):
            for k, m in zip(getattr(x.aval, "shape", ()), getattr(y.aval, "shape", ()), strict=True):
                if (
                    k == m
                    or max(k, m) < WIDE
                    or any(math.isclose(m / k, (b.n / a.n) ** p, rel_tol=1e-3) for p in (1, 2, 3))
                ):
                    continue
                power = np.log(m / k) / np.log(b.n / a.n)
                raise refusal(
                    f"no limit can be derived: an axis grows as n**{power:.2g}; sizes must be proportional to n.",
                    line(first, above),
                )
