"""One training run of JAX parameters, as its products with weights see it: the trace of the loss, and no rewrite.

A layer is a product (`dot_general` or a convolution) of something that depends on parameters alone with something else;
it has the name of the largest of these parameters. A `scan` is unrolled; products inside of `while_loop` are not seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..contract.record import StatementError
from .graph import Graph
from .seen import MASKED, Seen, layer_seen

PRODUCTS = ("dot_general", "conv_general_dilated")
CALLS = ("pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "remat2", "checkpoint",
         "custom_lin")  # fmt: skip

LAYOUT = ("transpose", "reshape", "broadcast_in_dim", "squeeze", "convert_element_type", "copy")


class _Value(NamedTuple):
    """A value, the parameter that it alone depends on, whether it is a constant of the program, and its node."""

    value: Any
    owner: str | None
    constant: bool
    node: int | None


class _Call(NamedTuple):
    """A layer at work: `product(x, weights)` is what it does to give `output`; shape is (outputs, inputs)."""

    product: Callable[[Any, Any], Any]
    x: Any
    weights: Any
    output: Any
    shape: tuple[int, int]


def observe(parameters: Any, optimiser: Any, loss: Callable[[Any], Any], steps: int) -> Seen:
    """What the layers do before and after some steps on the same batch."""
    import jax

    before = _Trace(loss, parameters)
    gradients = before.gradients()
    moves, state = parameters, optimiser.init(parameters)
    slope = jax.jit(jax.grad(loss))
    stages = []
    for k in range(steps):
        moves, state = _stepped(optimiser, slope(moves), state, moves)
        if k in (0, steps - 1):
            stages.append(_Trace(loss, moves))
    after = stages[-1]
    layers = {}
    for name, call in before.calls.items():
        later = [stage.calls[name] for stage in stages]
        seen = _rms(call.output), _rms(later[-1].output - call.output), _rms(gradients[name])
        layers[name] = layer_seen(
            call.product, (call.x, call.weights), [(s.x, s.weights) for s in later], _rms, call.shape,
            before.graph.factors[name], seen,
        )  # fmt: skip
    scores = {
        name: (_rms(_unmasked(s)), _rms(_unmasked(after.scores[name]) - _unmasked(s)))
        for name, s in before.scores.items()
        if name in after.scores
    }
    return Seen(layers, scores, before.blocks, None, (float(before.value), float(after.value)), before.unseen)


def squares(
    parameters: Any, optimiser: Any, loss: Callable[[Any], Any]
) -> dict[str, tuple[Any, Any, Any, Any, Any, Any]]:
    """Mean squares of each layer W on inputs x in the first update, also where all is traced.

    x_0, W_0 x_0, x_1 - x_0, W_0 (x_1 - x_0), (W_1 - W_0) x_0, and the gradient of the loss in the layer's output.
    """
    import jax.numpy as jnp

    before = _Trace(loss, parameters)
    (slopes, gradients), calls = before.slopes()
    moves, _ = _stepped(optimiser, slopes, optimiser.init(parameters), parameters)
    after = _Trace(loss, moves)
    sizes = {}
    for name, (x, weights, output) in calls.items():
        call, later, factor = before.calls[name], after.calls[name], before.graph.factors[name]
        change = later.x - x
        product, update = call.product(change, weights), call.product(x, later.weights - weights)
        arrays = x, factor * output, change, factor * product, factor * update, gradients[name] / factor
        sizes[name] = tuple(jnp.mean(a**2) for a in arrays)
    return sizes  # type: ignore[return-value]


def moved(parameters: Any, optimiser: Any, loss: Callable[[Any], Any], factor: float) -> dict[str, float]:
    """The norm of the first update of each parameter, with the loss times a factor."""
    import jax

    slope = jax.grad(lambda p: factor * loss(p))(parameters)
    moves, _ = _stepped(optimiser, slope, optimiser.init(parameters), parameters)
    pairs = zip(_named(parameters), jax.tree.leaves(moves), strict=True)
    return {name: float(((a - b) ** 2).sum() ** 0.5) for (name, b), a in pairs}


def _named(parameters: Any) -> list[tuple[str, Any]]:
    import jax

    leaves = jax.tree_util.tree_leaves_with_path(parameters)
    return [(jax.tree_util.keystr(path) or "weights", leaf) for path, leaf in leaves]


def _stepped(optimiser: Any, slope: Any, state: Any, parameters: Any) -> tuple[Any, Any]:
    import jax

    updates, state = optimiser.update(slope, state, parameters)
    return jax.tree.map(lambda p, u: p + u, parameters, updates), state


class _Trace:
    """The loss, equation by equation: its layers, scores of attention, and what each skip adds."""

    def __init__(self, loss: Callable[[Any], Any], parameters: Any) -> None:
        import jax

        named = _named(parameters)
        values = [leaf for _, leaf in named]
        self.tree = tree = jax.tree.structure(parameters)
        self.sizes = {name: np.size(leaf) for name, leaf in named}
        self.closed = jax.make_jaxpr(lambda *flat: loss(jax.tree.unflatten(tree, flat)))(*values)
        self.given = [_Value(leaf, name, False, None) for name, leaf in named]
        self.calls: dict[str, _Call] = {}
        self.scores: dict[str, Any] = {}
        self.blocks: dict[str, tuple[float, float]] = {}
        self.graph = Graph()
        self.value = self._evaluate({})
        used = {name.split(" ")[0] for name in self.calls}
        self.unseen = [name for name, leaf in named if np.ndim(leaf) >= 2 and name not in used]

    def gradients(self) -> dict[str, Any]:
        """Of the loss, in the output of each layer."""
        import jax

        kept = self.calls, self.scores, self.blocks, self.graph
        zeros = {name: jax.numpy.zeros_like(call.output) for name, call in self.calls.items()}
        slopes: dict[str, Any] = jax.grad(self._evaluate)(zeros)
        self.calls, self.scores, self.blocks, self.graph = kept
        return slopes

    def slopes(self) -> tuple[tuple[Any, dict[str, Any]], dict[str, tuple[Any, Any, Any]]]:
        """Of the loss, in the parameters and in the output of each layer; and (x, weights, output) of each layer.

        All in one evaluation: in the limit, a product with weights whose draws were used before is another quantity.
        """
        import jax

        kept = self.given, self.calls, self.scores, self.blocks, self.graph
        zeros = {name: jax.numpy.zeros_like(call.output) for name, call in self.calls.items()}

        def once(leaves: list[Any], added: dict[str, Any]) -> tuple[Any, dict[str, tuple[Any, Any, Any]]]:
            self.given = [one._replace(value=leaf) for one, leaf in zip(kept[0], leaves, strict=True)]
            value = self._evaluate(added)
            return value, {name: (c.x, c.weights, c.output) for name, c in self.calls.items()}

        (leaves, gradients), calls = jax.grad(once, (0, 1), has_aux=True)([one.value for one in self.given], zeros)
        self.given, self.calls, self.scores, self.blocks, self.graph = kept
        return (jax.tree.unflatten(self.tree, leaves), gradients), calls

    def _evaluate(self, added: dict[str, Any]) -> Any:
        """The loss with something added to the outputs of layers; all else is kept here."""
        self.calls, self.scores, self.blocks, self.graph = {}, {}, {}, Graph()
        return self._run(self.closed.jaxpr, self.closed.consts, self.given, added)[0].value

    def _run(self, jaxpr: Any, consts: Any, given: list[_Value], added: Any) -> list[_Value]:
        from jax.extend.core import Literal

        values: dict[Any, _Value] = dict(zip(jaxpr.invars, given, strict=True))
        values |= {var: _Value(c, None, np.ndim(c) == 0, None) for var, c in zip(jaxpr.constvars, consts, strict=True)}

        def read(atom: Any) -> _Value:
            return _Value(atom.val, None, True, None) if isinstance(atom, Literal) else values[atom]

        for equation in jaxpr.eqns:
            outs = self._equation(equation, [read(atom) for atom in equation.invars], added)
            values.update(zip(equation.outvars, outs, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _equation(self, equation: Any, ins: list[_Value], added: Any) -> list[_Value]:
        name = equation.primitive.name
        inner = equation.params.get("jaxpr") or equation.params.get("call_jaxpr")
        if name in CALLS and inner is not None:
            closed = hasattr(inner, "consts")
            return self._run(inner.jaxpr if closed else inner, inner.consts if closed else (), ins, added)
        if name == "scan":
            return self._scan(equation.params, ins, added)
        out = _bound(equation, ins)
        if not equation.primitive.multiple_results:
            return [self._single(equation, ins, out, added)]
        owner, node = self._owner(ins), self._follow(ins)
        return [_Value(o, owner, False, node) for o in out]

    def _single(self, equation: Any, ins: list[_Value], out: Any, added: Any) -> _Value:
        """What one equation gives, noted for what it is."""
        name, owner = equation.primitive.name, self._owner(ins)
        constant = bool(ins) and all(one.constant for one in ins)
        free = [one for one in ins if one.owner is None and not one.constant]
        if owner is not None or constant:
            return _Value(out, owner, constant, None)
        if name in PRODUCTS and len(free) == 1 and len(ins) == 2:
            return self._layer(equation, ins, out, added)
        nodes = [self._node(one) for one in free]
        node = None
        if name in PRODUCTS:
            node = self.graph.add_product(nodes)
        elif name in ("mul", "div") and len(free) == 1 and (factor := _factor(name, ins)):
            node = self.graph.add_multiple(nodes[0], factor)
        elif len(free) == 1 and (name in LAYOUT or (name == "add" and any(one.owner is not None for one in ins))):
            node = self.graph.add_multiple(nodes[0], 1.0)  # the same numbers, or with a bias
        elif name in ("add", "add_any") and len(free) == 2 and np.shape(ins[0].value) == np.shape(ins[1].value):
            self._add(free, nodes, added)
        elif name == "exp" and np.ndim(out) >= 2 and self.graph.follows_product(nodes[0]):
            self.scores[f"scores {len(self.scores)}"] = ins[0].value
        return _Value(out, None, False, self.graph.add(nodes) if node is None else node)

    def _owner(self, ins: list[_Value]) -> str | None:
        """The largest of the parameters that all operands depend on, and on nothing else."""
        owners = [one.owner for one in ins if not one.constant]
        if not owners or None in owners:
            return None
        return max(filter(None, owners), key=lambda name: self.sizes[name])

    def _node(self, one: _Value) -> int:
        return self.graph.add() if one.node is None else one.node

    def _follow(self, ins: list[_Value]) -> int | None:
        return self.graph.add([self._node(one) for one in ins if one.owner is None and not one.constant])

    def _add(self, free: list[_Value], nodes: list[int], added: Any) -> None:
        if not added and (branch := self.graph.branch(*nodes)) is not None:
            position, name = branch
            sizes = [_rms(one.value) for one in free]
            self.blocks.setdefault(name, (sizes[position], sizes[1 - position]))

    def _layer(self, equation: Any, ins: list[_Value], out: Any, added: Any) -> _Value:
        side = 0 if ins[0].owner is not None else 1
        owner, x = ins[side].owner, ins[1 - side]
        assert owner is not None
        name, number = owner, 2
        while name in self.calls:
            name, number = f"{owner} {number}", number + 1

        def product(at: Any, weights: Any) -> Any:
            return equation.primitive.bind(*((weights, at) if side == 0 else (at, weights)), **equation.params)

        out = out + added[name] if name in added else out
        inputs = _contracted(equation, side)
        shape = np.size(ins[side].value) // inputs, inputs
        self.calls[name] = _Call(product, x.value, ins[side].value, out, shape)
        return _Value(out, None, False, self.graph.add_layer(name, self._node(x)))

    def _scan(self, params: Any, ins: list[_Value], added: Any) -> list[_Value]:
        """All turns of a scan, one after the other."""
        import jax.numpy as jnp

        consts, carried = params["num_consts"], params["num_carry"]
        fixed, state, along = ins[:consts], ins[consts : consts + carried], ins[consts + carried :]
        turns = range(params["length"])
        stacked: list[list[_Value]] = []
        for t in reversed(turns) if params["reverse"] else turns:
            now = [one._replace(value=one.value[t]) for one in along]
            outs = self._run(params["jaxpr"].jaxpr, params["jaxpr"].consts, [*fixed, *state, *now], added)
            state = outs[:carried]
            stacked.append(outs[carried:])
        gathered = zip(*(reversed(stacked) if params["reverse"] else stacked), strict=True)
        return state + [
            _Value(jnp.stack([one.value for one in each]), self._owner(list(each)), False, self._follow(list(each)))
            for each in gathered
        ]


def _bound(equation: Any, ins: list[_Value]) -> Any:
    """What one equation gives; of constants a number, also where all else is traced."""
    import jax

    with jax.ensure_compile_time_eval() if ins and all(one.constant for one in ins) else contextlib.nullcontext():
        return equation.primitive.bind(*(one.value for one in ins), **equation.params)


def _factor(name: str, ins: list[_Value]) -> float | None:
    """The constant that a value is multiplied by, or None."""
    constants = [one for one in ins if one.constant]
    if len(constants) != 1 or np.ndim(constants[0].value) or (name == "div" and ins[0].constant):
        return None
    if _is_traced(constants[0].value):
        raise StatementError(
            "A layer is multiplied by a number that `step` computes with jax.numpy: use math or NumPy, so that the "
            "factor is known."
        )
    factor = float(constants[0].value)
    return (1 / factor if name == "div" else factor) if factor else None


def _contracted(equation: Any, side: int) -> int:
    """The number of inputs that a product sums over."""
    shape = equation.invars[1 - side].aval.shape
    if equation.primitive.name == "dot_general":
        return int(np.prod([shape[i] for i in equation.params["dimension_numbers"][0][1 - side]]))
    return int(shape[equation.params["dimension_numbers"].lhs_spec[1]])


def _unmasked(scores: Any) -> np.ndarray:
    return np.where(np.abs(scores) < MASKED, scores, 0.0)


def _is_traced(value: Any) -> bool:
    import jax

    return isinstance(value, jax.core.Tracer)


def _rms(array: Any) -> Any:
    if _is_traced(array):
        import jax.numpy as jnp

        return jnp.sqrt(jnp.mean(array**2))
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges is refused by its loss
        return float(np.sqrt(np.mean(np.square(np.asarray(array, float)))))
