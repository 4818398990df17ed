"""Linear maps, convolutions and attention in PyTorch, with second derivatives of a few products.

Each rule takes the function that it stands for and its arguments, and returns NotImplemented where it has no say.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.autograd import Function

from .pytorch_entrywise import apply, refuse_third, softmax

if TYPE_CHECKING:
    from torch import Tensor


class _How(NamedTuple):
    """How a convolution moves, as PyTorch's own operators take it."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    transposed: bool
    output_padding: list[int]
    groups: int


def convolution(
    function: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    axes = weight.ndim - 2
    if isinstance(padding, str) or x.ndim != weight.ndim or not weight.requires_grad:
        return NotImplemented
    moves, around, apart = (
        [k] * axes if isinstance(k, int) else list(k) * (axes // len(k)) for k in (stride, padding, dilation)
    )
    return apply(_Bilinear, x, weight, bias, _How(moves, around, apart, False, [0] * axes, groups))


def linear(function: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    if x.ndim < 2 or weight.ndim != 2 or not weight.requires_grad:
        return NotImplemented
    y = apply(_Bilinear, x.reshape(-1, x.shape[-1]), weight, bias, None)
    return y.reshape(*x.shape[:-1], -1)


def _applied(x: Tensor, weight: Tensor, bias: Tensor | None, how: _How | None) -> Tensor:
    if how is not None:
        return torch.ops.aten.convolution(x, weight, bias, *how)
    return x @ weight.T if bias is None else torch.addmm(bias, x, weight.T)


def _applied_back(g: Tensor, x: Tensor, weight: Tensor, how: _How | None, wanted: Sequence[bool]) -> Any:
    """The gradients in x, in the weight and in the bias of <g, layer>, those that are wanted."""
    if how is not None:
        return torch.ops.aten.convolution_backward(g, x, weight, [len(weight)], *how, wanted)
    one, two, three = wanted
    return g @ weight if one else None, g.T @ x if two else None, g.sum(0) if three else None


class _Bilinear(Function):
    """A linear map of rows, or a convolution: y = x W^T + b."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, how: _How | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.how = how
        return _applied(x, weight, bias, how)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        back: Callable[..., Any] = partial(apply, _BilinearSlope) if torch.is_grad_enabled() else _applied_back
        return *back(g, x, weight, ctx.how, list(ctx.needs_input_grad[:3])), None


class _BilinearSlope(Function):
    """The gradients in x and W, which are bilinear in g and the other one, and in b."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, weight: Tensor, how: _How | None, wanted: list[bool]) -> Any:
        ctx.save_for_backward(g, x, weight)
        ctx.how = how
        ctx.set_materialize_grads(False)
        return _applied_back(g, x, weight, how, wanted)

    @staticmethod
    def backward(ctx: Any, u: Tensor | None, v: Tensor | None, w: Tensor | None) -> Any:
        refuse_third()
        g, x, weight = ctx.saved_tensors
        ahead = None
        if v is not None:
            ahead = _applied(x, v, w, ctx.how)
        elif w is not None:
            ahead = w.reshape(-1, *[1] * (weight.ndim - 2)).expand_as(g)
        if u is not None:
            image = _applied(u, weight, None, ctx.how)
            ahead = image if ahead is None else ahead + image
        wanted = [v is not None and ctx.needs_input_grad[1], u is not None and ctx.needs_input_grad[2], False]
        slopes: Any = (None, None, None)
        if any(wanted):
            slopes = _applied_back(g, x if u is None else u, weight if v is None else v, ctx.how, wanted)
        return ahead, *slopes[:2], None, None


def attention(
    function: Any, q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    if dropout_p or enable_gqa or (is_causal and attn_mask is not None):
        return NotImplemented
    if is_causal:
        attn_mask = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool, device=q.device).tril()
    mask = None if attn_mask is None else _added(attn_mask if attn_mask.is_floating_point() else ~attn_mask, q)
    weights = _weights(q, k, mask, q.shape[-1] ** -0.5 if scale is None else scale)
    return NotImplemented if weights is NotImplemented else weights @ v


def _added(mask: Tensor, like: Tensor) -> Tensor:
    """What a mask adds to scores: itself, or minus infinity where it is true."""
    if mask.is_floating_point():
        return mask
    return torch.zeros(mask.shape, dtype=like.dtype, device=like.device).masked_fill(mask, -torch.inf)


def _weights(q: Tensor, k: Tensor, mask: Tensor | None, scale: float) -> Any:
    """The softmax of scores; rows that see nothing are left to PyTorch."""
    scores = q @ k.transpose(-2, -1) * scale
    if mask is None:
        return softmax(torch.softmax, scores, -1)
    if bool((mask == -torch.inf).all(-1).any()):
        return NotImplemented
    return softmax(torch.softmax, scores + mask, -1)


def heads(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Attention of `nn.MultiheadAttention` to itself, without dropout; the batch is the second axis."""
    given = inspect.signature(function).bind(*args, **kwargs)
    given.apply_defaults()
    at = given.arguments
    x = at["query"]
    extra = any(at[name] is not None for name in ("bias_k", "bias_v", "static_k", "static_v"))
    other = extra or any(at[name] for name in ("add_zero_attn", "use_separate_proj_weight"))
    if other or (at["training"] and at["dropout_p"]) or x.ndim != 3 or at["key"] is not x or at["value"] is not x:
        return NotImplemented
    if not (at["in_proj_weight"].requires_grad and at["out_proj_weight"].requires_grad):
        return NotImplemented
    length, batch, width = x.shape
    inner = linear(torch.nn.functional.linear, x, at["in_proj_weight"], at["in_proj_bias"])
    q, k, v = inner.reshape(length, batch, 3, at["num_heads"], -1).permute(2, 1, 3, 0, 4)
    weights = _weights(q, k, _mask_of_heads(at, q), q.shape[-1] ** -0.5)
    if weights is NotImplemented:
        return NotImplemented
    joined = (weights @ v).permute(2, 0, 1, 3).reshape(length, batch, width)
    shown = None
    if at["need_weights"]:
        shown = weights.mean(1) if at["average_attn_weights"] else weights
    return linear(torch.nn.functional.linear, joined, at["out_proj_weight"], at["out_proj_bias"]), shown


def _mask_of_heads(at: Mapping[str, Any], q: Tensor) -> Tensor | None:
    """What the masks of positions, and of keys, add to scores (batch, heads, queries, keys)."""
    mask, keys = at["attn_mask"], at["key_padding_mask"]
    total = None if mask is None else _added(mask, q)
    if total is not None and total.ndim == 3:
        total = total.reshape(len(q), -1, *total.shape[1:])
    if keys is None:
        return total
    hidden = _added(keys, q)[:, None, None, :]
    return hidden if total is None else total + hidden
