"""Calls of PyTorch's functions, by what they do: a layer, a factor, a sum, a product of two values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch


class Applied(NamedTuple):
    """A layer at work: `product(x, weights)` is what it does, without its bias; shape is (outputs, inputs)."""

    product: Callable[[Any, Any], Any]
    x: torch.Tensor
    weights: torch.Tensor
    inputs: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights.numel() // self.inputs, self.inputs


@cache
def known() -> dict[str, frozenset[Any]]:
    """The functions of tensors that are known here, by what they do."""
    import torch
    from torch.nn import functional

    at = torch.Tensor
    matmul = {at.matmul, at.__matmul__, at.__rmatmul__, at.mm, at.bmm, torch.matmul, torch.mm, torch.bmm, torch.einsum}
    convolve = {
        functional.conv1d, functional.conv2d, functional.conv3d, functional.conv_transpose1d,
        functional.conv_transpose2d,
    }  # fmt: skip
    add = {at.add, at.__add__, at.__radd__, at.__iadd__, at.add_, torch.add}
    times = {at.mul, at.__mul__, at.__rmul__, at.__imul__, at.mul_, torch.mul, torch.multiply}
    over = {at.div, at.__truediv__, at.div_, at.__itruediv__, torch.div, torch.divide, torch.true_divide}
    layout = {
        at.view, at.reshape, at.transpose, at.permute, at.contiguous, at.flatten, at.unflatten, at.squeeze,
        at.unsqueeze,
        at.to, at.float, torch.reshape, torch.transpose, torch.permute, torch.flatten, torch.squeeze, torch.unsqueeze,
    }  # fmt: skip
    sums = {
        "matmul": matmul, "convolve": convolve, "add": add, "scale": times | over, "over": over, "layout": layout,
    }  # fmt: skip
    return {name: frozenset(functions) for name, functions in sums.items()}


def applied(function: Any, args: Any, kwargs: Any, owners: dict[int, str]) -> Applied | None:
    """The call as that of a layer, if one operand depends on parameters alone and the other on something else."""
    import torch
    from torch.nn import functional

    if function is functional.embedding:
        x, weights = args[0], args[1]
        return Applied(lambda at, w: w[at], x, weights, weights.shape[0]) if id(weights) in owners else None
    if function in (torch.addmm, torch.Tensor.addmm):
        function, args = torch.mm, args[1:3]
    if function is torch.einsum:
        return _einsum(args[0], args[1:] if len(args) > 2 else tuple(args[1]), owners)
    if function is functional.linear or function in known()["convolve"]:
        return _with_bias(function, args, kwargs, owners)
    if function not in known()["matmul"] or len(args) != 2 or (id(args[0]) in owners) == (id(args[1]) in owners):
        return None
    a, b = args
    if id(b) in owners:
        return Applied(lambda x, w: function(x, w), a, b, b.shape[-1 if _backwards(function) else max(-2, -b.ndim)])
    return Applied(lambda x, w: function(w, x), b, a, a.shape[-2 if _backwards(function) else -1])


def _backwards(function: Any) -> bool:
    import torch

    return function is torch.Tensor.__rmatmul__


def _with_bias(function: Any, args: Any, kwargs: Any, owners: dict[int, str]) -> Applied | None:
    """A linear map or a convolution, of (x, weights, bias, ...)."""
    given = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
    x, weights = given["input"], given["weight"]
    if id(weights) not in owners or id(x) in owners:
        return None
    rest, named = args[3:], {k: v for k, v in kwargs.items() if k not in ("input", "weight", "bias")}
    transposed = "transpose" in function.__name__
    inputs = weights[:, 0].numel() if transposed else weights[0].numel()
    return Applied(lambda at, w: function(at, w, None, *rest, **named), x, weights, inputs)


def _einsum(equation: str, operands: tuple[Any, ...], owners: dict[int, str]) -> Applied | None:
    import math

    import torch

    if len(operands) != 2 or (id(operands[0]) in owners) == (id(operands[1]) in owners) or "->" not in equation:
        return None
    k = int(id(operands[1]) in owners)
    letters, out = equation.replace(" ", "").split("->")
    weights = operands[k]
    sizes = dict(zip(letters.split(",")[k].replace("...", ""), weights.shape, strict=False))
    inputs = math.prod(size for letter, size in sizes.items() if letter not in out)
    product = (lambda x, w: torch.einsum(equation, x, w)) if k else (lambda x, w: torch.einsum(equation, w, x))
    return Applied(product, operands[1 - k], weights, inputs)


def factor_of(function: Any, args: Any) -> float | None:
    """The constant that a tensor is multiplied by, or None."""
    if len(args) != 2 or sum(isinstance(a, (int, float)) for a in args) != 1:
        return None
    (constant,) = (float(a) for a in args if isinstance(a, (int, float)))
    if not constant or (function in known()["over"] and isinstance(args[0], (int, float))):
        return None
    return 1 / constant if function in known()["over"] else constant


def tensors_of(what: Any) -> Iterator[torch.Tensor]:
    """All tensors in what a function takes or returns."""
    import torch

    if isinstance(what, torch.Tensor):
        yield what
    elif isinstance(what, (tuple, list)):
        for part in what:
            yield from tensors_of(part)
    elif isinstance(what, dict):
        yield from tensors_of(tuple(what.values()))
