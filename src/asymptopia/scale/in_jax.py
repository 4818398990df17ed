"""One training run of JAX parameters, as its products with weights see it: the trace of the loss, and no rewrite.

A layer is a product (`dot_general` or a convolution) of something that depends on a parameter alone with something
else; it has the parameter's name. Products inside of loops are not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .seen import LayerSeen, Seen

PRODUCTS = ("dot_general", "conv_general_dilated")
CALLS = ("pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint", "custom_lin")

Given = tuple[Any, str | None, bool]
"""A value, the parameter that it alone depends on, and whether it is a constant of the program."""


def observe(parameters: Any, optimiser: Any, loss: Callable[[Any], Any], steps: int) -> Seen:
    """What the layers do before and after some steps on the same batch."""
    import jax

    before = _Trace(loss, parameters)
    moved, state = parameters, optimiser.init(parameters)
    slope = jax.jit(jax.grad(loss))
    stages = []
    for k in range(steps):
        moved, state = _stepped(optimiser, slope(moved), state, moved)
        if k in (0, steps - 1):
            stages.append(_Trace(loss, moved))
    after = stages[-1]
    layers = {
        name: _layer(at, [stage.at[name] for stage in stages], before.gradients[name]) for name, at in before.at.items()
    }
    scores = {
        name: (_rms(s), _rms(after.scores[name] - s)) for name, s in before.scores.items() if name in after.scores
    }
    return Seen(layers, scores, {}, None, (before.value, after.value), before.unseen)


def degree(parameters: Any, optimiser: Any, loss: Callable[[Any], Any], factor: float) -> float:
    """The norm of one update of all parameters, with the loss times a factor."""
    import jax

    slope = jax.grad(lambda p: factor * loss(p))(parameters)
    moved, _ = _stepped(optimiser, slope, optimiser.init(parameters), parameters)
    pairs = zip(jax.tree.leaves(moved), jax.tree.leaves(parameters), strict=True)
    return float(sum(float(((a - b) ** 2).sum()) for a, b in pairs) ** 0.5)


def _stepped(optimiser: Any, slope: Any, state: Any, parameters: Any) -> tuple[Any, Any]:
    import jax

    updates, state = optimiser.update(slope, state, parameters)
    return jax.tree.map(lambda p, u: p + u, parameters, updates), state


class _Trace:
    """Every product with weights in the loss: the product as a function of both sides, the sides, and the gradient."""

    def __init__(self, loss: Callable[[Any], Any], parameters: Any) -> None:
        import jax

        leaves = jax.tree_util.tree_leaves_with_path(parameters)
        names = [jax.tree_util.keystr(path) or "weights" for path, _ in leaves]
        values = [leaf for _, leaf in leaves]
        tree = jax.tree.structure(parameters)
        self.closed = jax.make_jaxpr(lambda *flat: loss(jax.tree.unflatten(tree, flat)))(*values)
        self.at: dict[str, tuple[Any, Any, Any, int]] = {}
        self.scores: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

        def run(added: dict[str, Any]) -> Any:
            self.at, self.scores, self.outputs = {}, {}, {}
            given: list[Given] = [(v, name, False) for v, name in zip(values, names, strict=True)]
            return self._run(self.closed.jaxpr, self.closed.consts, given, added)[0][0]

        self.value = float(run({}))
        at, scores = self.at, self.scores
        zeros = {name: np.zeros_like(z) for name, z in self.outputs.items()}
        self.gradients = jax.grad(run)(zeros)
        self.at, self.scores = at, scores
        self.unseen = [
            n for n, v in zip(names, values, strict=True) if np.ndim(v) >= 2 and n not in {k.split(" ")[0] for k in at}
        ]

    def _run(self, jaxpr: Any, consts: Any, given: list[Given], added: Any) -> list[Any]:
        """Evaluate; a value goes with the name of the parameter that it alone depends on."""
        from jax.extend.core import Literal

        values: dict[Any, Given] = {}
        values.update(zip(jaxpr.invars, given, strict=True))
        values.update((var, (c, None, False)) for var, c in zip(jaxpr.constvars, consts, strict=True))

        def read(atom: Any) -> Given:
            return (atom.val, None, True) if isinstance(atom, Literal) else values[atom]

        for equation in jaxpr.eqns:
            ins = [read(atom) for atom in equation.invars]
            outs = self._equation(equation, ins, added)
            values.update(zip(equation.outvars, outs, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _equation(self, equation: Any, ins: list[Any], added: Any) -> list[Any]:
        name = equation.primitive.name
        inner = equation.params.get("jaxpr") or equation.params.get("call_jaxpr")
        if name in CALLS and inner is not None:
            closed = hasattr(inner, "consts")
            return self._run(inner.jaxpr if closed else inner, inner.consts if closed else (), ins, added)
        args = [value for value, _, _ in ins]
        out = equation.primitive.bind(*args, **equation.params)
        owners = {owner for _, owner, constant in ins if not constant}
        owner = owners.pop() if len(owners) == 1 else None
        if name in PRODUCTS and (ins[0][1] is None) != (ins[1][1] is None):
            out = self._product(equation, ins, out, added)
            owner = None
        elif name == "exp" and owner is None and np.ndim(out) >= 2 and out.shape[-1] == out.shape[-2]:
            self.scores[f"scores {len(self.scores)}"] = args[0]
        return [(o, owner, False) for o in (out if equation.primitive.multiple_results else [out])]

    def _product(self, equation: Any, ins: list[Any], out: Any, added: Any) -> Any:
        side = 0 if ins[0][1] is not None else 1
        name, number = ins[side][1], 2
        while name in self.at:
            name, number = f"{ins[side][1]} {number}", number + 1

        def product(weights: Any, x: Any) -> Any:
            pair = (weights, x) if side == 0 else (x, weights)
            return equation.primitive.bind(*pair, **equation.params)

        out = out + added[name] if name in added else out
        weights, x = ins[side][0], ins[1 - side][0]
        self.at[name] = (product, weights, x, _contracted(equation, side))
        self.outputs[name] = out
        return out


def _contracted(equation: Any, side: int) -> int:
    """The number of inputs that a product sums over."""
    shape = equation.invars[1 - side].aval.shape
    if equation.primitive.name == "dot_general":
        return int(np.prod([shape[i] for i in equation.params["dimension_numbers"][0][1 - side]]))
    return int(shape[equation.params["dimension_numbers"].lhs_spec[1]])


def _layer(before: Any, stages: list[Any], gradient: Any) -> LayerSeen:
    product, start, x, inputs = before
    gains = []
    for _, weights, later, _ in stages:
        change = later - x
        moves = _rms(change) > 1e-9 * _rms(x)
        update = _rms(product(weights - start, x)) / max(_rms(x), 1e-300)
        gains.append((_rms(product(start, change)) / _rms(change) if moves else 0.0, update))
    of_change, update = (next(filter(None, values), 0.0) for values in zip(*gains, strict=True))
    z, moved = product(start, x), product(stages[-1][1], stages[-1][2])
    shape = (start.size // inputs, inputs)
    return LayerSeen(shape, _rms(z) / max(_rms(x), 1e-300), of_change, update, _rms(z), _rms(moved - z), _rms(gradient))


def _rms(array: Any) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges is refused by its loss
        return float(np.sqrt(np.mean(np.square(np.asarray(array, float)))))
