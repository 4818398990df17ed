"""The jaxpr of a program, evaluated on points in place of its wide axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract.record import NoLimit
from .context import Context
from .draws import WideKeys
from .refusal import Equation, Jaxpr, Refused, innermost, lines_of, refusal
from .rules import CALLS, ELEMENTWISE, NAMED, RULES, SPECTRAL
from .rules.bind import bind
from .rules.elementwise import elementwise
from .rules.randoms import keys_moved
from .rules.readouts import Product, Raw, plain_arguments, product, readout
from .rules.shapes import place
from .rules.summands import product_used
from .trace import is_key, wide_axes
from .wide import Flat, Wide

Uses = tuple[list[bool], set[Any], dict[int, list[Any]]]


class Interpreter:
    """One run through the equations of a program, with points in place of the coordinates of its wide axes.

    ctx:    the state of the run.
    record: if given, collects for every equation its user's line, its inputs, outputs and their magnitudes.
    """

    def __init__(self, ctx: Context, record: list[Any] | None = None) -> None:
        self.ctx, self.record = ctx, record
        self.above: list[Any] = []
        self.wanted: list[bool] = []
        self.uses: dict[Any, Uses] = {}

    def run(self, jaxpr: Jaxpr, consts: list[Any], args: list[Any], wanted: list[bool] | None = None) -> list[Any]:
        """The outputs of a jaxpr, or of one inside it; those that are not `wanted` may be None.

        jaxpr: the equations. consts, args: values of its constants and inputs. wanted: one truth value an output; None:
        all. Raises `NoLimit`, with the user's line, where an equation has no rule.
        """
        live, needed, last = self._uses(jaxpr, wanted)
        values: dict[Any, Any] = dict(zip(jaxpr.constvars, map(self._constant, consts), strict=True))
        values |= dict(zip(jaxpr.invars, args, strict=True))

        def read(v: Any) -> Any:
            return np.asarray(v.val) if hasattr(v, "val") else values[v]

        for i, equation in enumerate(jaxpr.eqns):
            if not live[i]:
                continue
            given = [read(v) for v in equation.invars]
            self.wanted = [v in needed for v in equation.outvars]
            sums = self.ctx.space.sums
            results = self._step(equation, given)
            if self.ctx.space.sums > sums and equation.primitive.name not in CALLS:
                self.ctx.summed = [*self.above, equation]
            for v, out in zip(equation.outvars, results, strict=True):
                values[v] = out
            if self.record is not None:
                self.record.append((tuple(self.above), equation, given, results))
            for v in last.get(i, ()):
                values.pop(v, None)
        return [read(v) if wanted is None or wanted[i] else None for i, v in enumerate(jaxpr.outvars)]

    def _uses(self, jaxpr: Jaxpr, wanted: list[bool] | None) -> Uses:
        """What the body of a loop needs, which is the same in every step."""
        place = jaxpr, None if wanted is None else tuple(wanted)
        if place not in self.uses:
            self.uses[place] = (*_live(jaxpr, wanted), _last_uses(jaxpr))
        return self.uses[place]

    def _step(self, equation: Equation, args: list[Any]) -> list[Any]:
        self.ctx.path = [*self.above, equation]
        self.ctx.steps += 1
        try:
            return self._rule(equation, args)
        except Refused as refused:
            where = innermost([lines_of(e) for e in (*self.above, equation)])
            raise refusal(refused.reason, where) from refused
        except NoLimit:
            raise
        except np.exceptions.ComplexWarning:
            where = innermost([lines_of(e) for e in (*self.above, equation)])
            reason = "cannot derive: complex arrays have no rule in this operation; take real and imaginary parts."
            raise refusal(reason, where) from None
        except _UNFORESEEN as error:
            where = innermost([lines_of(e) for e in (*self.above, equation)])
            reason = f"cannot derive: `{equation.primitive.name}` in this form has no rule ({error})."
            raise refusal(reason, where) from error

    def _rule(self, equation: Equation, args: list[Any]) -> list[Any]:
        name = equation.primitive.name
        if name in CALLS:
            return self._call(equation, args)
        if name == "mul" and self.ctx.settings.lazy and set(map(type, args)) == _POINTS and _same_shape(args):
            return [product(*args)]
        if name in ELEMENTWISE and set(map(type, args)) == _POINTS:
            return elementwise(self.ctx, equation, args)
        if any(isinstance(a, WideKeys) for a in args) and not name.startswith("random"):
            return keys_moved(self.ctx, equation, args)
        moved = not name.startswith("random") or name in ("random_split", "random_fold_in")
        if moved and any(_is_keys(a) for a in args) and not _any_wide(equation):
            return bind(self.ctx, equation, args)
        if any(isinstance(a, Raw) for a in args):
            summed = any(isinstance(a, Product) for a in args)
            used = product_used(self.ctx, equation, args) if summed else None
            outputs = used or readout(self.ctx, equation, args)
            if outputs is not None:
                return outputs
            args = [np.asarray(a) if isinstance(a, Raw) else a for a in args]
        if name in RULES:
            return RULES[name](self.ctx, equation, args)
        if name in ELEMENTWISE:
            return elementwise(self.ctx, equation, args)
        if any(isinstance(a, Wide | Flat) for a in args) or _any_wide(equation):
            return self._unknown(equation, args)
        return bind(self.ctx, equation, args)

    def _call(self, equation: Equation, args: list[Any]) -> list[Any]:
        known = NAMED.get(str(equation.params.get("name")))
        if known is not None and equation.invars:
            return known(self.ctx, equation, args)
        named = _LIBRARY.get(str(equation.params.get("name")))
        outputs = named(self.ctx, equation, args) if named is not None else None
        if outputs is not None:
            return outputs
        if equation.primitive.name in ("scan", "while", "cond"):
            args = plain_arguments(self.ctx, args)
        self.above.append(equation)
        wanted = self.wanted
        try:
            return CALLS[equation.primitive.name](self.ctx, equation, args, self.run, wanted)
        finally:
            self.above.pop()

    def _unknown(self, equation: Equation, args: list[Any]) -> list[Any]:
        name = equation.primitive.name
        if name in SPECTRAL:
            raise Refused(
                f"no limit can be derived: this needs {SPECTRAL[name]} of a wide matrix, which no functions of each "
                "coordinate and averages give; a fixed number of power iterations or gradient steps has a rule."
            )
        raise Refused(f"cannot derive: `{name}` along a wide axis has no rule.")

    def _constant(self, value: Any) -> Any:
        """An array of NumPy; the values along a wide axis are those at the positions of its points."""
        if is_key(value):
            return value
        array, axes = np.asarray(value), wide_axes(np.shape(value))
        if len(axes) > 1:
            raise refusal(
                "cannot derive: an array of NumPy with two wide axes enters the program; make it with jax.numpy.", None
            )
        for axis in axes:
            array = np.take(array, place(self.ctx, array.shape[axis]).astype(int), axis)
        return array


def _diagonal(ctx: Context, equation: Equation, args: list[Any]) -> list[Any] | None:
    wide = args[0]
    if not isinstance(wide, Wide) or wide.cells.ndim or wide.rows != wide.cols:
        return None
    return [ctx.world.diagonal(wide.cells.item())]


def _trace(ctx: Context, equation: Equation, args: list[Any]) -> list[Any] | None:
    """The trace: of the diagonal where it has a rule, otherwise by a random vector."""
    try:
        diagonal = _diagonal(ctx, equation, args)
    except Refused:
        x = ctx.space.normal(args[0].rows, 1)
        image = ctx.world.apply(args[0].cells.item(), x)
        return [np.asarray(ctx.space.in_sum(args[0].rows) @ (x * image)[:, 0])]
    return None if diagonal is None else [np.asarray(ctx.space.weight[args[0].rows] @ diagonal[0])]


def _linspace(ctx: Context, equation: Equation, args: list[Any]) -> list[Any] | None:
    shape = tuple(equation.outvars[0].aval.shape)
    if len(shape) != 1 or not wide_axes(shape):
        return None
    low, high = (float(np.asarray(a)) for a in args[:2])
    return [low + (high - low) * (place(ctx, shape[0]) + 0.5) / shape[0]]


_POINTS = {np.ndarray}
_UNFORESEEN = (TypeError, ValueError, IndexError, KeyError, AttributeError, AssertionError, NotImplementedError)
_LIBRARY = {"diagonal": _diagonal, "_diag": _diagonal, "trace": _trace, "_linspace": _linspace}


def _same_shape(args: list[Any]) -> bool:
    return bool(np.ndim(args[0])) and np.shape(args[0]) == np.shape(args[1])


def _is_keys(value: Any) -> bool:
    return not isinstance(value, np.ndarray | np.generic | Wide | Flat) and hasattr(value, "dtype")


def _any_wide(equation: Equation) -> bool:
    return any(wide_axes(getattr(v.aval, "shape", ())) for v in (*equation.invars, *equation.outvars))


def _live(jaxpr: Jaxpr, wanted: list[bool] | None) -> tuple[list[bool], set[Any]]:
    """Which equations the wanted outputs need, and all values that are needed."""
    outputs = [v for i, v in enumerate(jaxpr.outvars) if wanted is None or wanted[i]]
    needed = {v for v in outputs if not hasattr(v, "val")}
    live = [False] * len(jaxpr.eqns)
    for i in range(len(jaxpr.eqns) - 1, -1, -1):
        if any(v in needed for v in jaxpr.eqns[i].outvars):
            live[i] = True
            needed |= {v for v in jaxpr.eqns[i].invars if not hasattr(v, "val")}
    return live, needed


def _last_uses(jaxpr: Jaxpr) -> dict[int, list[Any]]:
    """After which equation each value is no longer needed."""
    kept = {v for v in jaxpr.outvars if not hasattr(v, "val")}
    last: dict[Any, int] = {}
    for i, equation in enumerate(jaxpr.eqns):
        for v in (*equation.invars, *equation.outvars):
            if not hasattr(v, "val"):
                last[v] = i
    done: dict[int, list[Any]] = {}
    for v, i in last.items():
        if v not in kept:
            done.setdefault(i, []).append(v)
    return done
