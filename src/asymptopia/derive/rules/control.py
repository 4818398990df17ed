"""Loops, branches and called functions: the interpreter goes through them as they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..context import Context
from ..refusal import Equation, Refused
from ..trace import is_key, is_wide
from ..wide import Flat, Wide, cells_of, lift
from .convergence import Iterates

Run = Callable[..., list[Any]]

_MOST_STEPS = 100_000


def call(ctx: Context, equation: Equation, args: list[Any], run: Run, wanted: list[bool]) -> list[Any]:
    """A called function, as by jit, checkpoint or a custom derivative: its body is interpreted."""
    params = equation.params
    inner = next(params[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr") if k in params)
    jaxpr, consts = (inner.jaxpr, inner.consts) if hasattr(inner, "jaxpr") else (inner, [])
    return run(jaxpr, list(consts), args, wanted)


def solve(ctx: Context, equation: Equation, args: list[Any], run: Run, wanted: list[bool]) -> list[Any]:
    """A linear system, solved as the program says: by conjugate gradients, say."""
    lengths, jaxprs = equation.params["const_lengths"], equation.params["jaxprs"]
    begin = lengths.matvec + lengths.vecmat
    consts, sides = args[begin : begin + lengths.solve], args[sum(lengths) :]
    return run(jaxprs.solve.jaxpr, list(jaxprs.solve.consts), [*consts, *sides], wanted)


def cond(ctx: Context, equation: Equation, args: list[Any], run: Run, wanted: list[bool]) -> list[Any]:
    """The branch that a number chooses. Refuses a choice for each coordinate."""
    index = np.asarray(args[0])
    if index.size != 1:
        raise Refused("cannot derive: a branch for each coordinate of a wide axis; use jnp.where.")
    branches = equation.params["branches"]
    branch = branches[min(max(int(index), 0), len(branches) - 1)]
    return run(branch.jaxpr, list(branch.consts), args[1:], wanted)


def while_loop(ctx: Context, equation: Equation, args: list[Any], run: Run, wanted: list[bool]) -> list[Any]:
    """Steps until a number says stop, or until points resolve no more of the fixed point that the steps approach.

    Refuses loops that end at another step for each coordinate, or not at all.
    """
    params = equation.params
    first, second = params["cond_nconsts"], params["body_nconsts"]
    test, body = params["cond_jaxpr"], params["body_jaxpr"]
    outer, inner, state = args[:first], args[first : first + second], args[first + second :]
    iterates, counted = Iterates(ctx, equation.outvars, state), _counts(test.jaxpr)

    def step(state: list[Any]) -> list[Any]:
        return run(body.jaxpr, list(body.consts), [*inner, *state])

    for _ in range(_MOST_STEPS):
        going = np.asarray(run(test.jaxpr, list(test.consts), [*outer, *state])[0])
        if going.size > 1 and going.any() != going.all():
            raise Refused("cannot derive: a loop that ends at a different step for each coordinate of a wide axis.")
        if not going.all():
            return state
        before, state = state, step(state)
        if not counted and iterates.settled(before, state, step):
            return state
    raise Refused(f"no limit can be derived: this loop does not end within {_MOST_STEPS} steps.")


def _counts(test: Any) -> bool:
    """Whether the condition of a loop compares whole numbers, so that it ends after a number of steps."""
    compared = [v.aval for e in test.eqns if e.primitive.name in ("lt", "le", "gt", "ge", "ne") for v in e.invars]
    return any(not is_key(a) and a.dtype.kind in "iu" for a in compared)


def scan(ctx: Context, equation: Equation, args: list[Any], run: Run, wanted: list[bool]) -> list[Any]:
    """A fixed number of steps. Refuses loops over a wide axis."""
    params = equation.params
    length = params["length"]
    if is_wide(length):
        raise Refused("no limit can be derived: a loop over a wide axis; a limit needs a fixed number of steps.")
    body, consts = params["jaxpr"], params["num_consts"]
    fixed, state, rows = _grouped(args, consts, params["num_carry"])
    asked = [True] * params["num_carry"] + wanted[params["num_carry"] :]
    order = range(length - 1, -1, -1) if params["reverse"] else range(length)
    collected: dict[int, list[Any]] = {}
    for i in order:
        outputs = run(body.jaxpr, list(body.consts), [*fixed, *state, *(_row(x, i) for x in rows)], asked)
        state = outputs[: params["num_carry"]]
        collected[i] = outputs[params["num_carry"] :]
    shapes = [tuple(v.aval.shape) for v in equation.outvars[params["num_carry"] :]]
    columns = [[collected[i][k] for i in range(length)] for k in range(len(shapes))]
    stacked = [_stack(ctx, c, s) if w else None for c, s, w in zip(columns, shapes, wanted[len(state) :], strict=True)]
    return [*state, *stacked]


def _grouped(args: list[Any], consts: int, carry: int) -> tuple[list[Any], list[Any], list[Any]]:
    return args[:consts], args[consts : consts + carry], args[consts + carry :]


def _row(x: Any, i: int) -> Any:
    if isinstance(x, Wide):
        return Wide(x.cells[i, ...], x.first - 1, x.second - 1) if x.first else _refuse()
    if isinstance(x, Flat):
        raise Refused("cannot derive: a loop over an array laid out flat.")
    return x[i]


def _refuse() -> Any:
    raise Refused("no limit can be derived: a loop over a wide axis; a limit needs a fixed number of steps.")


def _stack(ctx: Context, values: list[Any], shape: tuple[int, ...]) -> Any:
    if not values:
        return np.zeros(ctx.shape(shape))
    if any(isinstance(v, Wide) for v in values):
        wides = [lift(ctx.world, v, shape[1:]) for v in values]
        cells = cells_of((len(wides), *wides[0].cells.shape), [c for w in wides for c in w.cells.flat])
        return Wide(cells, wides[0].first + 1, wides[0].second + 1)
    if isinstance(values[0], np.ndarray | np.generic | float | int):
        return np.stack([np.asarray(v) for v in values])
    import jax.numpy as jnp

    return jnp.stack(values)
