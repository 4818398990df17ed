"""A program of one array, written down operation by operation with the values that it passed."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from ...contract.record import StatementError

CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "remat2", "checkpoint")
_ENTRYWISE = """
abs add add_any and atan2 acos acosh asin asinh atan atanh cbrt clamp convert_element_type copy copy_p cos
cosh div eq erf erfc exp exp2 expm1 ge gt integer_pow is_finite le log log1p logistic lt max min mul ne neg
not or pow reduce_precision rsqrt select_n sign sin sinh sqrt square sub tan tanh xor
"""
ENTRYWISE = frozenset(_ENTRYWISE.split())


@dataclasses.dataclass(eq=False)
class Node:
    """A value on the way from the input to the output; `active` if it depends on the input."""

    value: Any
    active: bool
    place: int
    maker: Operation | None = None
    slope: Any = None
    curvature: Any = None

    def receive(self, slope: jax.Array, curvature: jax.Array | None) -> None:
        """Add what one use of this value contributes, in its precision."""
        slope = slope.astype(self.value.dtype)
        self.slope = slope if self.slope is None else self.slope + slope
        if curvature is not None:
            curvature = curvature.astype(self.value.dtype)
            self.curvature = curvature if self.curvature is None else self.curvature + curvature


@dataclasses.dataclass(eq=False)
class Operation:
    """One operation of the program."""

    primitive: Any
    params: dict[str, Any]
    inputs: list[Node]
    outputs: list[Node]

    @property
    def name(self) -> str:
        """The name that JAX gives it."""
        return str(self.primitive.name)

    def __call__(self, values: list[Any]) -> Any:
        """What it gives for other inputs."""
        return self.primitive.bind(*values, **self.params)


class Tape(NamedTuple):
    """The operations that depend on the input, in order, and both ends."""

    root: Node
    output: Node
    operations: list[Operation]


def recorded(function: Callable[[Any], Any], x: jax.Array) -> Tape:
    """The tape of an array-valued function at x.

    Called functions and custom derivatives are entered; what does not depend on x is computed and forgotten.
    """
    closed = jax.make_jaxpr(function)(x)
    if len(closed.jaxpr.outvars) != 1:
        raise StatementError(f"The model and the loss must return one array, but {len(closed.jaxpr.outvars)} came.")
    writer = _Writer([], 1)
    root = Node(x, True, 0)
    (output,) = writer.write(closed.jaxpr, closed.consts, [root])
    return Tape(root, output, writer.operations)


@dataclasses.dataclass
class _Writer:
    operations: list[Operation]
    count: int

    def write(self, jaxpr: Any, consts: Any, given: list[Node]) -> list[Node]:
        """Run a program on nodes."""
        nodes = dict(zip(jaxpr.invars, given, strict=True))
        nodes |= {var: self._node(c, False) for var, c in zip(jaxpr.constvars, consts, strict=True)}
        for equation in jaxpr.eqns:
            inputs = [self._read(atom, nodes) for atom in equation.invars]
            nodes.update(zip(equation.outvars, self._step(equation, inputs), strict=True))
        return [self._read(atom, nodes) for atom in jaxpr.outvars]

    def _read(self, atom: Any, nodes: dict[Any, Node]) -> Node:
        from jax.extend.core import Literal

        return self._node(atom.val, False) if isinstance(atom, Literal) else nodes[atom]

    def _node(self, value: Any, active: bool) -> Node:
        self.count += 1
        return Node(value, active, self.count)

    def _step(self, equation: Any, inputs: list[Node]) -> list[Node]:
        params = equation.params
        inner = next((params[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr") if k in params), None)
        if equation.primitive.name in CALLS and inner is not None:
            closed = hasattr(inner, "jaxpr")
            return self.write(inner.jaxpr if closed else inner, inner.consts if closed else (), inputs)
        operation = Operation(equation.primitive, params, inputs, [])
        values = [node.value for node in inputs]
        with _now(values):
            made = operation(values)
        active = any(node.active for node in inputs)
        operation.outputs = [self._node(v, active) for v in (made if equation.primitive.multiple_results else [made])]
        if active:
            self.operations.append(operation)
            for node in operation.outputs:
                node.maker = operation
        return operation.outputs


@contextlib.contextmanager
def _now(values: list[Any]) -> Iterator[None]:
    """Compute at once what depends on numbers alone, also while JAX traces."""
    if any(isinstance(v, jax.core.Tracer) for v in values):
        yield
    else:
        with jax.ensure_compile_time_eval():
            yield


def entrywise(node: Node, root: Node) -> Callable[[Any], Any] | None:
    """The function of one number that makes each entry of `node` from that of `root`, if there is one."""
    path: dict[int, Any] = {}

    def follow(here: Node, t: Any) -> Any:
        if here is root:
            return t
        if not here.active:
            return jax.numpy.broadcast_to(_number(here.value), t.shape)
        if here.place not in path:
            maker = here.maker
            if maker is None or maker.name not in ENTRYWISE or np.shape(here.value) != np.shape(root.value):
                raise _NotEntrywise
            path[here.place] = maker([follow(one, t) for one in maker.inputs])
        return path[here.place]

    def function(t: Any) -> Any:
        path.clear()
        return follow(node, t)

    try:
        jax.eval_shape(function, np.zeros(1, root.value.dtype))
    except _NotEntrywise:
        return None
    return function


def roots(node: Node) -> list[Node]:
    """The values that entries of a node may be functions of, the nearest first."""
    seen: dict[int, Node] = {}
    left = [one for one in node.maker.inputs if one.active] if node.maker else []
    while left:
        here = left.pop()
        if here.place in seen:
            continue
        seen[here.place] = here
        if here.maker is not None and here.maker.name in ENTRYWISE:
            left += [one for one in here.maker.inputs if one.active]
    return [seen[place] for place in sorted(seen, reverse=True) if np.issubdtype(seen[place].value.dtype, np.floating)]


class _NotEntrywise(Exception):
    pass


def _number(value: Any) -> np.ndarray:
    """The number that all entries of a constant are; raises if they differ or are not known yet."""
    if isinstance(value, jax.core.Tracer):
        raise _NotEntrywise
    entries = np.asarray(value)
    if entries.size == 0 or (entries != entries.flat[0]).any():
        raise _NotEntrywise
    return entries.flat[0]
