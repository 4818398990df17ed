"""Layers of PyTorch whose second derivatives are a few products: linear maps, attention, normalisations, activations.

PyTorch differentiates the gradients of these layers by long chains of general operations. Within `FastSecond()`, the
same layers keep what does not depend on the vector, so that each product with a Hessian takes only what does. Values
and derivatives are the same; a third derivative is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from .pytorch_bilinear import attention, convolution, heads, linear
from .pytorch_entrywise import elementwise, layer_norm, softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FastSecond(TorchFunctionMode):
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


ELEMENTWISE = (
    functional.gelu, functional.silu, functional.mish, functional.softplus, functional.elu, functional.selu,
    functional.celu, functional.hardswish, torch.tanh, torch.sigmoid, torch.Tensor.tanh, torch.Tensor.sigmoid,
)  # fmt: skip
RULES: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    **dict.fromkeys((torch.conv1d, torch.conv2d, torch.conv3d), convolution),
    **dict.fromkeys((torch.softmax, torch.Tensor.softmax, functional.softmax), softmax),
    functional.linear: linear,
    functional.layer_norm: layer_norm,
    functional.scaled_dot_product_attention: attention,
    functional.multi_head_attention_forward: heads,
}
