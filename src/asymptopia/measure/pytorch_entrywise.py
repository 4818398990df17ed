"""Activations, normalisations and softmax in PyTorch, with second derivatives of a few products.

Each rule takes the function that it stands for and its arguments, and returns NotImplemented where it has no say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def apply(function: Any, *inputs: Any) -> Any:
    """A function of autograd at its inputs."""
    return function.apply(*inputs)


def refuse_third() -> None:
    """Raise where a second derivative is to be differentiated.

    `once_differentiable` would not: `autograd.grad` passes by the node that it leaves.
    """
    if torch.is_grad_enabled():
        raise RuntimeError("Fast second derivatives have no derivative.")


def elementwise(function: Callable[..., Tensor], x: Tensor, *args: Any, inplace: bool = False, **rest: Any) -> Any:
    if inplace or not x.requires_grad or not x.is_floating_point():
        return NotImplemented
    at = x.detach().requires_grad_()
    value = function(at, *args, **rest)
    (first,) = torch.autograd.grad(value.sum(), at, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), at)
    return apply(_Elementwise, x, (value.detach(), first.detach(), second))


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
        return apply(_ElementwiseSlope, g, ctx.saved_tensors[0], *ctx.slopes), None


class _ElementwiseSlope(Function):
    """g f'(x)."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, first: Tensor, second: Tensor) -> Tensor:
        ctx.first, ctx.cross = first, g * second
        return g * first

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Any:
        refuse_third()
        return v * ctx.first, v * ctx.cross, None, None


def layer_norm(
    function: Any, x: Tensor, shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:  # fmt: skip
    if not x.requires_grad:
        return NotImplemented
    y = apply(_Normalised, x, tuple(range(-len(shape), 0)), eps)
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
        return apply(_NormalisedSlope, g, ctx.saved_tensors[0], *ctx.rest), None, None


class _NormalisedSlope(Function):
    """P g = r (g - mean(g) - y mean(g y))."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, y: Tensor, r: Tensor, axes: tuple[int, ...]) -> Tensor:
        projected, along = _projected(g, y, r, axes)
        ctx.rest = (y, r, axes, along, projected)
        return projected

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Any:
        refuse_third()
        y, r, axes, along, projected = ctx.rest
        image, seen = _projected(v, y, r, axes)
        common = (v * projected).mean(axes, keepdim=True)
        bent = torch.addcmul(torch.addcmul(y * common, along, image), seen, projected)
        return image, -r * bent, None, None, None


def _projected(g: Tensor, y: Tensor, r: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """P g, and mean(g y)."""
    along = (g * y).mean(axes, keepdim=True)
    return (g - g.mean(axes, keepdim=True) - y * along) * r, along


def softmax(
    function: Any, x: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None, **rest: Any
) -> Any:
    if dim is None or dtype is not None or rest or not x.requires_grad or not x.ndim:
        return NotImplemented
    return apply(_Softmax, x, dim)


class _Softmax(Function):
    """p = exp(x) / sum(exp(x)) along an axis."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int) -> Tensor:
        p = torch.softmax(x, axis)
        ctx.save_for_backward(x, p)
        ctx.axis = axis
        return p

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, p = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return _spread(g, p.detach(), ctx.axis), None
        return apply(_SoftmaxSlope, g, x, p.detach(), ctx.axis), None


class _SoftmaxSlope(Function):
    """J g = p (g - sum(p g))."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, p: Tensor, axis: int) -> Tensor:
        about = g - (p * g).sum(axis, keepdim=True)
        ctx.rest = (g, p, about, axis)
        return p * about

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Any:
        refuse_third()
        g, p, about, axis = ctx.rest
        mean = (p * v).sum(axis, keepdim=True)
        return p * (v - mean), _spread(v * about - g * mean, p, axis), None, None


def _spread(g: Tensor, p: Tensor, axis: int) -> Tensor:
    return p * (g - (p * g).sum(axis, keepdim=True))
