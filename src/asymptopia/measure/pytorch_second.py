"""Layers of PyTorch whose second derivatives are a few products: convolutions, normalisations, activations.

PyTorch differentiates the gradients of these layers by long chains of general operations. Within `fast_second`, the
same layers keep what does not depend on the vector, so that each product with a Hessian takes only what does. Values
and derivatives are the same; a third derivative is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.autograd import Function
from torch.nn import functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor


class fast_second(TorchFunctionMode):  # noqa: N801 (a context)
    """Within it, layers whose inputs require a gradient have fast second derivatives."""

    def __torch_function__(
        self, function: Any, types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        rule = RULES.get(function)
        if rule is not None and torch.is_grad_enabled():
            value = rule(function, *args, **(kwargs or {}))
            if value is not NotImplemented:
                return value
        return function(*args, **(kwargs or {}))


def _refuse_third() -> None:
    """Raise where a second derivative is to be differentiated: `once_differentiable` says nothing to `autograd.grad`."""
    if torch.is_grad_enabled():
        raise RuntimeError("Fast second derivatives have no derivative.")


def _elementwise(function: Callable[..., Tensor], x: Tensor, *args: Any, inplace: bool = False, **rest: Any) -> Any:
    if inplace or not x.requires_grad or not x.is_floating_point():
        return NotImplemented
    at = x.detach().requires_grad_()
    value = function(at, *args, **rest)
    (first,) = torch.autograd.grad(value.sum(), at, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), at)
    return _Elementwise.apply(x, (value.detach(), first.detach(), second))


class _Elementwise(Function):
    """y = f(x), with (f, f', f'') at x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, derivatives: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        value, *ctx.slopes = derivatives
        ctx.save_for_backward(x)
        return value

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        if not torch.is_grad_enabled():
            return g * ctx.slopes[0], None
        return _ElementwiseSlope.apply(g, ctx.saved_tensors[0], *ctx.slopes), None


class _ElementwiseSlope(Function):
    """g f'(x)."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, first: Tensor, second: Tensor) -> Tensor:
        ctx.first, ctx.cross = first, g * second
        return g * first

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Any:
        _refuse_third()
        return v * ctx.first, v * ctx.cross, None, None


def _layer_norm(
    function: Any, x: Tensor, shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:  # fmt: skip
    if not x.requires_grad:
        return NotImplemented
    y = _Normalised.apply(x, tuple(range(-len(shape), 0)), eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


class _Normalised(Function):
    """y = (x - mean) r over some axes, with r the inverse of the root of variance + eps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
        centred = x - x.mean(axes, keepdim=True)
        r = torch.rsqrt(centred.square().mean(axes, keepdim=True) + eps)
        y = centred * r
        ctx.save_for_backward(x)
        ctx.rest = (y, r, axes)
        return y.clone()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        if not torch.is_grad_enabled():
            return _projected(g, *ctx.rest)[0], None, None
        return _NormalisedSlope.apply(g, ctx.saved_tensors[0], *ctx.rest), None, None


class _NormalisedSlope(Function):
    """P g = r (g - mean(g) - y mean(g y))."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, y: Tensor, r: Tensor, axes: tuple[int, ...]) -> Tensor:
        projected, along = _projected(g, y, r, axes)
        ctx.rest = (y, r, axes, along, projected)
        return projected

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Any:
        _refuse_third()
        y, r, axes, along, projected = ctx.rest
        image, seen = _projected(v, y, r, axes)
        common = (v * projected).mean(axes, keepdim=True)
        return image, -r * (y * common + along * image + seen * projected), None, None, None


def _projected(g: Tensor, y: Tensor, r: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """P g, and mean(g y)."""
    along = (g * y).mean(axes, keepdim=True)
    return (g - g.mean(axes, keepdim=True) - y * along) * r, along


class _How(NamedTuple):
    """How a convolution moves, as PyTorch's own operators take it."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    transposed: bool
    output_padding: list[int]
    groups: int


def _convolution(
    function: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    axes = weight.ndim - 2
    if isinstance(padding, str) or x.ndim != weight.ndim or not weight.requires_grad:
        return NotImplemented
    each = ([k] * axes if isinstance(k, int) else list(k) * (axes // len(k)) for k in (stride, padding, dilation))
    y = _Convolution.apply(x, weight, _How(*each, False, [0] * axes, groups))
    return y if bias is None else y + bias.reshape(-1, *[1] * axes)


def _convolved(x: Tensor, weight: Tensor, how: _How) -> Tensor:
    return torch.ops.aten.convolution(x, weight, None, *how)


def _convolved_back(g: Tensor, x: Tensor, weight: Tensor, how: _How, wanted: tuple[bool, bool]) -> Any:
    """The gradients in x and in the weight of <g, convolution of both>, those that are wanted."""
    return torch.ops.aten.convolution_backward(g, x, weight, None, *how, [*wanted, False])[:2]


class _Convolution(Function):
    """y = x convolved with W."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, how: _How) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.how = how
        return _convolved(x, weight, how)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return *_ConvolutionSlope.apply(g, *ctx.saved_tensors, ctx.how, ctx.needs_input_grad[0]), None


class _ConvolutionSlope(Function):
    """The gradients in x and in W, which are bilinear in g and the other one."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, weight: Tensor, how: _How, moves: bool) -> Any:
        ctx.save_for_backward(g, x, weight)
        ctx.how = how
        ctx.set_materialize_grads(False)
        return _convolved_back(g, x, weight, how, (moves, True))

    @staticmethod
    def backward(ctx: Any, u: Tensor | None, v: Tensor | None) -> Any:
        _refuse_third()
        g, x, weight = ctx.saved_tensors
        terms = [_convolved(a, b, ctx.how) for a, b in ((u, weight), (x, v)) if a is not None and b is not None]
        wanted = (v is not None and ctx.needs_input_grad[1], u is not None and ctx.needs_input_grad[2])
        slopes: Any = (None, None)
        if any(wanted):
            slopes = _convolved_back(g, x if u is None else u, weight if v is None else v, ctx.how, wanted)
        return sum(terms[1:], terms[0]) if terms else None, *slopes, None, None


ELEMENTWISE = (
    functional.gelu, functional.silu, functional.mish, functional.softplus, functional.elu, functional.selu,
    functional.celu, functional.hardswish, torch.tanh, torch.sigmoid, torch.Tensor.tanh, torch.Tensor.sigmoid,
)  # fmt: skip
RULES: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys((torch.conv1d, torch.conv2d, torch.conv3d), _convolution),
    functional.layer_norm: _layer_norm,
}
