"""One training run of a PyTorch module, as its layers see it: forward hooks, and no rewrite."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..contract.record import StatementError
from .seen import LayerSeen, Seen

if TYPE_CHECKING:
    import torch


def observe(module: torch.nn.Module, optimiser: Any, loss: Callable[[Any], Any], steps: int) -> Seen:
    """What the layers do before and after some steps on the same batch."""
    before = _Capture(module)
    value = before.of(loss)
    stages = [copy.deepcopy(module)]
    for k in range(steps):
        optimiser.zero_grad()
        loss(module).backward()
        optimiser.step()
        if k in (0, steps - 1):
            stages.append(copy.deepcopy(module))
    captured = [before, *(_Capture(stage) for stage in stages[1:])]
    ends = [capture.of(loss) for capture in captured[1:]][-1]
    after = captured[-1]
    layers = {name: _layer(name, stages, captured) for name in before.inputs if name in after.inputs}
    changed = {
        name: (_rms(logits), _rms(after.logits[name] - logits))
        for name, logits in before.logits.items()
        if name in after.logits
    }
    blocks = {name: (_rms(out - into), _rms(into)) for name, (into, out) in before.blocks.items()}
    output = None if before.output is None else (_rms(before.output), _rms(after.output - before.output))
    return Seen(layers, changed, blocks, output, (value, ends), _unseen(module, before))


def degree(module: torch.nn.Module, optimiser: Any, loss: Callable[[Any], Any], factor: float) -> float:
    """The norm of one update of all parameters, with the loss times a factor."""
    before = [p.detach().clone() for p in module.parameters()]
    optimiser.zero_grad()
    (factor * loss(module)).backward()
    optimiser.step()
    moved = sum(float(((p.detach() - q) ** 2).sum()) for p, q in zip(module.parameters(), before, strict=True))
    return float(moved**0.5)


class _Capture:
    """Inputs, outputs and gradients of all layers, scores of attention, and the change that each block makes."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        self.inputs: dict[str, torch.Tensor] = {}
        self.outputs: dict[str, torch.Tensor] = {}
        self.gradients: dict[str, torch.Tensor] = {}
        self.logits: dict[str, torch.Tensor] = {}
        self.blocks: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self.output: Any = None
        self.inside: list[str] = []

    def of(self, loss: Callable[[Any], Any]) -> float:
        """The loss; all else is kept here. The gradients of the parameters are as before."""
        import torch

        handles = []
        for name, part in self.module.named_modules():
            handles.append(part.register_forward_pre_hook(lambda m, a, name=name: self.inside.append(name)))
            handles.append(part.register_forward_hook(self._hook(name, part)))
        kept = [None if p.grad is None else p.grad.clone() for p in self.module.parameters()]
        try:
            with _scores(self):
                value = loss(self.module)
            if not isinstance(value, torch.Tensor) or value.ndim:
                raise StatementError("The loss that `step` returns must give a scalar tensor of the module.")
            value.backward()  # type: ignore[no-untyped-call]
        finally:
            for handle in handles:
                handle.remove()
            for p, g in zip(self.module.parameters(), kept, strict=True):
                p.grad = g
        return float(value.detach())

    def _hook(self, name: str, part: torch.nn.Module) -> Callable[..., None]:
        import torch

        weighted = getattr(part, "weight", None)
        is_layer = isinstance(weighted, torch.Tensor) and weighted.ndim >= 2

        def hook(_: Any, given: Any, out: Any) -> None:
            self.inside.pop()
            if not (given and isinstance(out, torch.Tensor) and isinstance(given[0], torch.Tensor)):
                return
            if is_layer:
                self.inputs[name], self.outputs[name] = given[0].detach(), out.detach()
                if out.requires_grad:
                    out.register_hook(lambda g: self.gradients.__setitem__(name, g.detach()))  # type: ignore[no-untyped-call]
            compound = next(part.children(), None) is not None
            if name.rpartition(".")[2].isdigit() and compound and out.shape == given[0].shape:
                self.blocks[name] = (given[0].detach(), out.detach())
            if not name:
                self.output = out.detach()

        return hook


def _scores(capture: _Capture) -> Any:
    """What enters a softmax, by the module that it is in: also inside of fused attention."""
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    class Scores(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            name = ".".join(filter(None, [capture.inside[-1] if capture.inside else "", "scores"]))
            if function is functional.scaled_dot_product_attention:
                q, k = args[:2]
                size = kwargs.get("scale") or q.shape[-1] ** -0.5
                capture.logits[name] = (q @ k.transpose(-1, -2) * size).detach()
            elif function in (torch.softmax, functional.softmax, torch.Tensor.softmax) and capture.inside:
                capture.logits[name] = args[0].detach()
            if function is functional.multi_head_attention_forward:
                with self:
                    return function(*args, **kwargs)
            return function(*args, **kwargs)

    return Scores()


def _layer(name: str, stages: list[torch.nn.Module], captured: list[_Capture]) -> LayerSeen:
    """The gains of one layer: of what enters, of its change, and of the change of the weights."""
    import torch

    before, after = captured[0], captured[-1]
    first, x, z = stages[0].get_submodule(name), before.inputs[name], before.outputs[name]
    unit = _multiplier(z, before.output)
    size, moved = unit * _rms(z), unit * _rms(after.outputs[name] - z)
    gradient = _rms(before.gradients[name]) / unit if name in before.gradients else 0.0
    shape = tuple(first.get_parameter("weight").shape[:2])
    if not torch.is_floating_point(x):
        return LayerSeen(shape[::-1], size, 0.0, moved, size, moved, gradient)

    def linear(layer: torch.nn.Module, at: torch.Tensor) -> torch.Tensor:
        return layer(at) - layer(torch.zeros_like(at))

    gains = []
    with torch.no_grad():
        for stage, capture in zip(stages[1:], captured[1:], strict=True):
            change = capture.inputs[name] - x
            moves = _rms(change) > 1e-9 * _rms(x)
            update = _rms(linear(stage.get_submodule(name), x) - linear(first, x)) / max(_rms(x), 1e-300)
            gains.append((_rms(linear(first, change)) / _rms(change) if moves else 0.0, update))
        initial = unit * _rms(linear(first, x)) / max(_rms(x), 1e-300)
    of_change, update = (unit * next(filter(None, values), 0.0) for values in zip(*gains, strict=True))
    return LayerSeen(shape, initial, of_change, update, size, moved, gradient)


def _multiplier(z: torch.Tensor, output: Any) -> float:
    """The factor between the last layer and the output of the module, where it is one; else 1."""
    if output is None or output.shape != z.shape or not bool(z.any()):
        return 1.0
    factor = float((output * z).sum() / (z * z).sum())
    return abs(factor) if factor and bool((output - factor * z).abs().max() <= 1e-4 * output.abs().max()) else 1.0


def _unseen(module: torch.nn.Module, seen: _Capture) -> list[str]:
    """Weights that no hook sees at work."""
    return [name for name, p in module.named_parameters() if p.ndim >= 2 and name.rpartition(".")[0] not in seen.inputs]


def _rms(tensor: Any) -> float:
    return float(tensor.double().square().mean().sqrt())
