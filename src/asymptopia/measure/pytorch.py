"""Curvature of a PyTorch module, as the operators of `measure.operators`.

The functions of `measure` take a `torch.nn.Module` where they take parameters: a loss is then a function of the module,
as in `hessian(lambda m: cross_entropy(m(X), y), module)`. Parameters that require a gradient count, in the order of
`module.parameters()`. The graph of the gradient is built once and kept, so that a product is one backward pass, on the
module's device. The module, its buffers and its gradients do not change.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np

from ..contract.record import StatementError
from .functions import OF_OUTPUTS, check_arguments, check_some, first_line, watched

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from scipy.sparse.linalg import LinearOperator

    from ..parts.activation import Activation

TOGETHER = 4_000_000  # numbers in the vectors that are multiplied at once


def is_module(what: object) -> TypeGuard[torch.nn.Module]:
    """Whether an object is a PyTorch module; does not import PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(what, torch.nn.Module)


def hessian(loss: Callable[[torch.nn.Module], torch.Tensor], module: torch.nn.Module) -> LinearOperator:
    """The Hessian of `loss(module)`, a scalar tensor, in the module's parameters.

    Raises `StatementError` as `operators.hessian` does.
    """
    parameters = trained(module)
    size = sum(p.numel() for p in parameters)
    value = scalar(loss, module)
    product = _fast_product(loss, module, parameters, value) or _product(value, parameters)
    # several kernels at once make a convolution slower than one after the other
    batched = not any(p.ndim > 2 for p in parameters)
    return _operator(product, size, parameters[0], batched)


Product = Callable[["torch.Tensor"], "torch.Tensor"]


def _product(value: torch.Tensor, parameters: list[torch.nn.Parameter]) -> Product:
    """The product of the Hessian of a value with one vector (n,), or with several (P, n)."""
    import torch

    gradient = _gradients(value, parameters, create_graph=True)
    kept = [(g, p) for g, p in zip(gradient, parameters, strict=True) if g.requires_grad]

    def product(vectors: torch.Tensor) -> torch.Tensor:
        if not kept:
            return torch.zeros_like(vectors)
        batched = vectors.ndim > 1
        pieces = dict(zip(map(id, parameters), _split(vectors, parameters), strict=True))
        along = [pieces[id(p)] for _, p in kept]
        slopes = _gradients([g for g, _ in kept], parameters, along, retain_graph=True, is_grads_batched=batched)
        if not batched:
            return _flat(slopes)
        whole = [
            s if s.ndim > p.ndim else s.expand(len(vectors), *s.shape) for s, p in zip(slopes, parameters, strict=True)
        ]
        return torch.cat([s.reshape(len(vectors), -1) for s in whole], 1)

    return product


def _fast_product(
    loss: Callable[[torch.nn.Module], torch.Tensor], module: torch.nn.Module, parameters: list[torch.nn.Parameter],
    value: torch.Tensor,
) -> Product | None:  # fmt: skip
    """The same with fast second derivatives; None where the loss needs a third, or is transformed by `torch.func`."""
    import torch

    from .pytorch_second import FastSecond

    def quick(at: torch.nn.Module) -> torch.Tensor:
        with FastSecond():
            return loss(at)

    try:
        again = _called(quick, module)
        product = _product(again, parameters)
        product(torch.zeros(sum(p.numel() for p in parameters), dtype=value.dtype, device=value.device))
    except (StatementError, RuntimeError, NotImplementedError):
        return None
    return product if torch.isclose(again, value, rtol=1e-3) else None


def gauss_newton(
    model: Callable[[torch.nn.Module], torch.Tensor],
    loss: Callable[[torch.Tensor], torch.Tensor],
    module: torch.nn.Module,
) -> LinearOperator:
    """The Gauss-Newton matrix $J^T H J$ of `loss(model(module))`, as `operators.gauss_newton`."""
    check_arguments(loss, "loss", 1, OF_OUTPUTS)
    push, pull, outputs = _jacobian(model, module)
    at = outputs.detach().requires_grad_()
    value = watched(lambda: _called(lambda m: loss(at), module), "loss")
    _check_scalar(value)
    slope = _gradients(value, [at], create_graph=True)
    zero = not slope[0].requires_grad
    parameters = trained(module)

    def product(vector: torch.Tensor) -> torch.Tensor:
        ahead = push(vector)
        return pull(ahead * 0 if zero else _gradients(slope, [at], [ahead], retain_graph=True)[0])

    return _operator(product, sum(p.numel() for p in parameters), parameters[0])


def fisher(log_likelihoods: Callable[[torch.nn.Module], torch.Tensor], module: torch.nn.Module) -> LinearOperator:
    """The empirical Fisher matrix of `log_likelihoods(module)`, (n,), as `operators.fisher`."""
    push, pull, outputs = _jacobian(log_likelihoods, module)
    parameters = trained(module)
    size = sum(p.numel() for p in parameters)
    return _operator(lambda v: pull(push(v)) / outputs.numel(), size, parameters[0])


def tangent_kernel(model: Callable[[torch.nn.Module], torch.Tensor], module: torch.nn.Module) -> LinearOperator:
    """The tangent kernel $J J^T$ of the outputs `model(module)`, flattened."""
    push, pull, outputs = _jacobian(model, module)
    return _operator(lambda v: push(pull(v.reshape(outputs.shape))).ravel(), outputs.numel(), trained(module)[0])


class Dense(NamedTuple):
    """Weights, biases and activation of a dense network, for `certify`, `match_units` and `network_tangent_kernel`.

    weights, biases: (outputs, inputs) and (outputs,) of each layer; activation: between layers.
    """

    weights: list[Float[np.ndarray, "rows columns"]]
    biases: list[Float[np.ndarray, " units"]]
    activation: Activation


def dense_layers(module: torch.nn.Module) -> Dense:
    """The layers of a `Sequential` that consists of `Linear` modules and one elementwise activation between them.

    The bias of a layer without one is zero. Raises `StatementError` naming the first module that does not fit.
    """
    from torch import nn

    from ..parts.activation import Identity, Relu, Sigmoid, Softplus, Tanh

    known: dict[type, Activation] = {
        nn.ReLU: Relu(), nn.Tanh: Tanh(), nn.Sigmoid: Sigmoid(), nn.Softplus: Softplus(), nn.Identity: Identity(),
    }  # fmt: skip
    layers: list[nn.Linear] = []
    activations: list[Activation] = []
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear):
            layers.append(part)
        elif type(part) in known and (activations or layers):
            activations.append(known[type(part)])
        elif not isinstance(part, nn.Sequential):
            raise StatementError(f"`module` must be dense layers with an activation between, but {name!r} is {part}.")
    if len(layers) < 2 or len(activations) != len(layers) - 1 or len(set(map(repr, activations))) > 1:
        raise StatementError(
            f"`module` must have one activation between dense layers, but has {len(layers)} layers and {activations}."
        )
    weights = [_numbers(layer.weight) for layer in layers]
    biases = [np.zeros(len(layer.weight)) if layer.bias is None else _numbers(layer.bias) for layer in layers]
    return Dense(weights, biases, activations[0])


def trained(module: torch.nn.Module) -> list[torch.nn.Parameter]:
    """The parameters that require a gradient. Raises `StatementError` unless they are finite floats or doubles."""
    import torch

    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad and p.numel()]
    if not named:
        raise StatementError("There are no parameters: the module has none that requires a gradient.")
    for name, p in named:
        if p.dtype not in (torch.float32, torch.float64):
            raise StatementError(
                f"Parameters must be in single or double precision, but {name} is {p.dtype}: second derivatives in "
                "half precision are mostly round-off. Convert with .float()."
            )
        if not bool(torch.isfinite(p).all()):
            raise StatementError(f"Parameters must be finite, but {name} has a nan or an infinity.")
    return [p for _, p in named]


def scalar(loss: Callable[[torch.nn.Module], torch.Tensor], module: torch.nn.Module) -> torch.Tensor:
    """The loss with its graph; raises `StatementError` unless it is a finite scalar, the same at each call."""
    import torch

    value, again = _called(loss, module), watched(lambda: _called(loss, module), "loss")
    _check_scalar(value)
    if not bool(torch.isfinite(value)):
        raise StatementError(f"The loss must be finite at `parameters`, but it is {float(value.detach())}.")
    _check_function("loss", value, again)
    return value


def _check_tensor(what: str, value: object) -> None:
    """Raise `StatementError` unless a function returned a tensor that depends on the parameters."""
    import torch

    if isinstance(value, (tuple, list, dict)):
        wanted = "a scalar" if what == "loss" else "a tensor"
        raise StatementError(
            f"The {what} must return {wanted} alone, but returns a {type(value).__name__} of {len(value)}: leave out "
            "what it returns beside it."
        )
    if not isinstance(value, torch.Tensor):
        wanted = "a scalar tensor" if what == "loss" else "a tensor"
        raise StatementError(
            f"The {what} must be {wanted}, but is a {type(value).__name__}: compute with PyTorch, not NumPy or Python "
            "numbers."
        )
    check_some(what, tuple(value.shape))
    if not value.requires_grad:
        raise StatementError(f"The {what} does not depend on the parameters: it is cut off from all of them.")


def _check_scalar(value: torch.Tensor) -> None:
    _check_tensor("loss", value)
    if value.ndim:
        raise StatementError(f"The loss must be a scalar tensor, but has the shape {tuple(value.shape)}.")


def _check_function(what: str, value: torch.Tensor, again: torch.Tensor) -> None:
    """Raise `StatementError` if two calls gave different values."""
    first, second = value.detach(), again.detach()
    if first.shape == second.shape:
        apart = (first - second).abs()
        if not bool((apart > 1e-3 * first.abs().max()).any()):
            return
        k = int(apart.argmax())
        first, second = first.reshape(-1)[k], second.reshape(-1)[k]
        said = (
            f"one of them is {float(first):.6g} and then {float(second):.6g}"
            if value.ndim
            else f"is {float(first)} and then {float(second)}"
        )
    else:
        said = f"have the shape {tuple(first.shape)} and then {tuple(second.shape)}"
    raise StatementError(
        f"The {what} must be a function, but {said}: fix its random numbers, and put dropout aside by `module.eval()`."
    )


def _called(function: Callable[[torch.nn.Module], Any], module: torch.nn.Module, what: str = "loss") -> Any:
    """The value of a function of the module, whose buffers stay as they are; attention as plain products, which can be
    differentiated twice.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    check_arguments(function, what, 1, f"the module alone; bind its data, as in `lambda m: {what}(m, data)`")
    before = {name: b.clone() for name, b in module.named_buffers()}
    try:
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), _math_attention():
            return function(module)
    except StatementError:
        raise
    except Exception as error:
        message = f"The {what} fails at `parameters`: {type(error).__name__}: {first_line(error)}"
        raise StatementError(message) from error
    finally:
        changed = [(n, b) for n, b in module.named_buffers() if not torch.equal(b, before[n])]
        for name, _ in changed:
            owner, _, last = name.rpartition(".")
            setattr(module.get_submodule(owner), last, before[name])


@contextlib.contextmanager
def _math_attention() -> Iterator[None]:
    """Without the fused path of transformer layers, which has no derivative."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def gradient(
    loss: Callable[[torch.nn.Module], torch.Tensor], module: torch.nn.Module, parameters: list[torch.nn.Parameter]
) -> torch.Tensor:
    """The gradient of `loss(module)` in the parameters, as one vector (n,)."""
    return _flat(_gradients(_called(loss, module), parameters))


def _jacobian(
    model: Callable[[torch.nn.Module], torch.Tensor], module: torch.nn.Module
) -> tuple[Callable[[torch.Tensor], torch.Tensor], Callable[[torch.Tensor], torch.Tensor], torch.Tensor]:
    """J and its transpose, of the outputs in the parameters, and the outputs."""
    import torch

    parameters = trained(module)
    outputs, again = _called(model, module, "model"), watched(lambda: _called(model, module, "model"), "model")
    _check_tensor("model", outputs)
    _check_function("outputs", outputs, again)
    seed = torch.zeros_like(outputs, requires_grad=True)
    back = _gradients(outputs, parameters, seed, create_graph=True)
    kept = [g for g in back if g.requires_grad]

    def push(vector: torch.Tensor) -> torch.Tensor:
        along = [v for v, g in zip(_split(vector, parameters), back, strict=True) if g.requires_grad]
        return _gradients(kept, [seed], along, retain_graph=True)[0]

    def pull(vector: torch.Tensor) -> torch.Tensor:
        return _flat(_gradients(outputs, parameters, vector, retain_graph=True))

    return push, pull, outputs


def _gradients(of: Any, inputs: Any, along: Any = None, **how: bool) -> list[torch.Tensor]:
    import torch

    if isinstance(of, torch.Tensor) and not of.requires_grad:
        return [torch.zeros_like(p) for p in inputs]
    gradients = torch.autograd.grad(of, inputs, along, allow_unused=True, **how)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, inputs, strict=True)]


def _split(vector: torch.Tensor, parameters: list[torch.nn.Parameter]) -> list[torch.Tensor]:
    import torch

    pieces = torch.split(vector, [p.numel() for p in parameters], dim=-1)
    return [v.to(p.dtype).reshape(*vector.shape[:-1], *p.shape) for v, p in zip(pieces, parameters, strict=True)]


def _flat(pieces: list[torch.Tensor]) -> torch.Tensor:
    import torch

    return torch.cat([piece.reshape(-1) for piece in pieces])


def _numbers(tensor: torch.Tensor) -> Float[np.ndarray, "..."]:
    return np.asarray(tensor.detach().cpu().double().numpy())


def _operator(
    product: Callable[[torch.Tensor], torch.Tensor], size: int, like: torch.Tensor, batched: bool = False
) -> LinearOperator:
    """The operator of a product; a batched one takes several vectors (P, n) at once as well."""
    import torch
    from scipy.sparse.linalg import LinearOperator

    def apply(rows: np.ndarray) -> np.ndarray:
        moved = torch.as_tensor(np.ascontiguousarray(rows)).to(device=like.device, dtype=like.dtype)
        try:
            products = _numbers(product(moved))
        except (RuntimeError, NotImplementedError) as error:
            message = f"The loss cannot be differentiated as often as needed: {first_line(error)}"
            raise StatementError(message) from error
        if not np.isfinite(products).all():
            raise StatementError("The loss cannot be differentiated as often as needed at `parameters`: nan.")
        return products

    def apply_all(vectors: np.ndarray) -> np.ndarray:
        rows, chunk = vectors.T, together(size)
        if batched and chunk > 1:
            try:
                return np.concatenate([apply(rows[k : k + chunk]) for k in range(0, len(rows), chunk)]).T
            except StatementError:  # a function that cannot be batched: one by one, with its own message
                pass
        return np.stack([apply(v) for v in rows], axis=1)

    dtype = np.dtype("float32" if like.dtype == torch.float32 else "float64")
    return LinearOperator((size, size), matvec=lambda v: apply(v.ravel()), matmat=apply_all, rmatvec=apply, dtype=dtype)


def together(size: int) -> int:
    """How many vectors of this size are multiplied at once."""
    return max(1, min(8, TOGETHER // size))
