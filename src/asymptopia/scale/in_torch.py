"""One training run of a PyTorch module, as its products with weights see it: the calls of functions, and no rewrite.

A layer is a call of a linear map, a convolution, a matrix product or an embedding with something that depends on
parameters alone; it has the name of the module that holds the parameter, or the parameter's own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..contract.record import StatementError
from .calls import Applied, applied, factor_of, known, tensors_of
from .graph import Graph
from .seen import MASKED, LayerSeen, Seen, layer_seen

if TYPE_CHECKING:
    import torch

    _Called = tuple[Applied, torch.Tensor]


def observe(module: torch.nn.Module, optimiser: Any, loss: Callable[[Any], Any], steps: int) -> Seen:
    """What the layers do before and after some steps on the same batch."""
    before = _Capture(module)
    value = before.of(loss)
    stages = []
    for k in range(steps):
        optimiser.zero_grad()
        loss(module).backward()
        optimiser.step()
        if k in (0, steps - 1):
            stages.append(copy.deepcopy(module))
    captured = [_Capture(stage) for stage in stages]
    ends = [capture.of(loss) for capture in captured][-1]
    after = captured[-1]
    layers = {
        name: _layer(call, [c.calls[name] for c in captured], before.graph.factors[name], before.gradients.get(name))
        for name, call in before.calls.items()
        if all(name in c.calls for c in captured)
    }
    changed = {
        name: (_rms(logits), _rms(after.logits[name] - logits))
        for name, logits in before.logits.items()
        if name in after.logits
    }
    output = None if before.output is None else (_rms(before.output), _rms(after.output - before.output))
    return Seen(layers, changed, before.blocks, output, (value, ends), before.unseen())


def moved(module: torch.nn.Module, optimiser: Any, loss: Callable[[Any], Any], factor: float) -> dict[str, float]:
    """The norm of the first update of each layer's parameter, with the loss times a factor."""
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    optimiser.zero_grad()
    (factor * loss(module)).backward()
    optimiser.step()
    return {_layer_name(n): float((p.detach() - before[n]).norm()) for n, p in module.named_parameters()}


def _layer_name(parameter: str) -> str:
    return parameter.removesuffix(".weight")


class _Capture:
    """Calls of layers, gradients in their outputs, scores of attention, and what each skip adds."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        self.calls: dict[str, _Called] = {}
        self.gradients: dict[str, torch.Tensor] = {}
        self.logits: dict[str, torch.Tensor] = {}
        self.blocks: dict[str, tuple[float, float]] = {}
        self.output: Any = None
        self.graph = Graph()
        self.inside: list[str] = []
        self.nodes: dict[int, int] = {}
        self.owners: dict[int, str] = {id(p): name for name, p in module.named_parameters()}
        self.sizes = {name: p.numel() for name, p in module.named_parameters()}
        self.kept: list[Any] = []  # what has an identity in use must live

    def of(self, loss: Callable[[Any], Any]) -> float:
        """The loss; all else is kept here. The gradients of the parameters are as before."""
        import torch

        handles = []
        for name, part in self.module.named_modules():
            handles.append(part.register_forward_pre_hook(lambda m, a, name=name: self.inside.append(name)))
            handles.append(part.register_forward_hook(self._leave))
        gradients = [None if p.grad is None else p.grad.clone() for p in self.module.parameters()]
        try:
            with _watching(self):
                value = loss(self.module)
            if not isinstance(value, torch.Tensor) or value.ndim:
                raise StatementError("The loss that `step` returns must give a scalar tensor of the module.")
            value.backward()  # type: ignore[no-untyped-call]
        finally:
            for handle in handles:
                handle.remove()
            for p, g in zip(self.module.parameters(), gradients, strict=True):
                p.grad = g
        self.kept.clear()
        return float(value.detach())

    def unseen(self) -> list[str]:
        """Weights that no layer was seen to use."""
        named = ((name, p) for name, p in self.module.named_parameters() if p.ndim >= 2)
        return [name for name, _ in named if _layer_name(name) not in self.calls]

    def _leave(self, part: torch.nn.Module, given: Any, out: Any) -> None:
        import torch

        if not self.inside.pop() and part is self.module and isinstance(out, torch.Tensor):
            self.output = out.detach().clone()

    def node(self, tensor: torch.Tensor) -> int:
        if id(tensor) not in self.nodes:
            self.mark(tensor, self.graph.add())
        return self.nodes[id(tensor)]

    def mark(self, tensor: torch.Tensor, node: int) -> None:
        self.nodes[id(tensor)] = node
        self.kept.append(tensor)

    def see(self, function: Any, args: Any, kwargs: Any, call: Callable[[], Any]) -> Any:
        """Call a function of tensors, and note what it is."""
        import torch

        tensors = list(tensors_of((args, kwargs)))
        owned = [t for t in tensors if id(t) in self.owners]
        free = [t for t in tensors if id(t) not in self.owners]
        adds = function in known()["add"] and len(free) == 2 and free[0].shape == free[1].shape
        sizes = [_rms(t) for t in free] if adds else []  # before the call, which may write over them
        nodes = [self.node(t) for t in free]
        out = call()
        if not isinstance(out, torch.Tensor):
            for part in tensors_of(out):
                self._follow(part, owned, nodes)
        elif (layer := applied(function, args, kwargs, self.owners)) is not None:
            self._layer(layer, out)
        elif function in known()["scale"] and len(free) == 1 and (factor := factor_of(function, args)) is not None:
            self.mark(out, self.graph.add_multiple(nodes[0], factor))
        elif function in known()["layout"] and len(free) == 1 and not owned:
            self.mark(out, self.graph.add_multiple(nodes[0], 1.0))
        elif function in known()["matmul"] and len(free) == 2:
            self.mark(out, self.graph.add_product(nodes))
        elif sizes and (branch := self.graph.branch(*nodes)) is not None:
            position, name = branch
            self.blocks.setdefault(name, (sizes[position], sizes[1 - position]))
            self.mark(out, self.graph.add(nodes))
        else:
            self._follow(out, owned, nodes)
        return out

    def _follow(self, out: torch.Tensor, owned: list[torch.Tensor], nodes: list[int]) -> None:
        if owned and not nodes:
            self.owners[id(out)] = max((self.owners[id(t)] for t in owned), key=lambda n: self.sizes[n])
            self.kept.append(out)
        else:
            self.mark(out, self.graph.add(nodes))

    def _layer(self, applied: Applied, out: torch.Tensor) -> None:
        first = _layer_name(self.owners[id(applied.weights)])
        name, number = first, 2
        while name in self.calls:
            name, number = f"{first} {number}", number + 1
        x, weights = (_single(t) for t in (applied.x, applied.weights))
        self.calls[name] = applied._replace(x=x, weights=weights), out.detach().clone()
        if out.requires_grad:
            out.register_hook(lambda g: self.gradients.__setitem__(name, g.detach()))  # type: ignore[no-untyped-call]
        self.mark(out, self.graph.add_layer(name, self.node(applied.x)))

    def scores(self, logits: torch.Tensor) -> None:
        """What enters a softmax, by the module that it is in."""
        name = ".".join(filter(None, [self.inside[-1] if self.inside else "", "scores"]))
        self.logits[name] = logits.detach().masked_fill(~(logits.detach().abs() < MASKED), 0.0)


def _watching(capture: _Capture) -> Any:
    """A mode in which each function of tensors is seen, also inside of PyTorch's own attention."""
    from unittest.mock import patch

    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    class Watching(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if function is functional.multi_head_attention_forward:
                with self, patch.object(functional, "has_torch_function", lambda tensors: False):
                    return function(*args, **kwargs)
            if function is functional.scaled_dot_product_attention:
                q, k = args[:2]
                scale = kwargs.get("scale")
                capture.scores(q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale))
                capture.graph.add_product([capture.node(q), capture.node(k)])
            elif function in (torch.softmax, functional.softmax, torch.Tensor.softmax) and capture.inside:
                capture.scores(args[0])
            return capture.see(function, args, kwargs, lambda: function(*args, **kwargs))

    return Watching()


def _layer(before: _Called, stages: list[_Called], factor: float, gradient: torch.Tensor | None) -> LayerSeen:
    """The gains of one layer: of what enters, of its change, and of the change of the weights."""
    import torch

    layer, z = before
    size, change = _rms(z), _rms(stages[-1][1] - z)
    slope = 0.0 if gradient is None else _rms(gradient)
    if not layer.x.is_floating_point():
        size, change = factor * size, factor * change
        return LayerSeen(layer.shape, size, 0.0, change, size, change, slope / factor)
    with torch.no_grad():
        later = [(stage.x, stage.weights) for stage, _ in stages]
        return layer_seen(
            layer.product, (layer.x, layer.weights), later, _rms, layer.shape, factor, (size, change, slope)
        )


def _single(tensor: torch.Tensor) -> torch.Tensor:
    """A copy, in single precision where it is in half, so that products with it are not rounded as well."""
    import torch

    copied = tensor.detach().clone()
    return copied.to(torch.promote_types(copied.dtype, torch.float32)) if copied.is_floating_point() else copied


def _rms(tensor: Any) -> float:
    return float(tensor.detach().double().square().mean().sqrt()) if tensor.numel() else 0.0
