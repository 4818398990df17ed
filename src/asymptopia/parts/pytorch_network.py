"""A family of PyTorch networks, one for each width, translated into a JAX program with newly drawn weights.

The module is traced by `torch.fx` on the device "meta", which allocates no memory, so that any width is possible.
Weights and biases are drawn like the defaults of PyTorch's layers, uniform on +-1 / sqrt(inputs). A network with other
initial weights, or with a layer that has no translation, is refused; the error names the layer.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..contract.record import StatementError
from .pytorch_functions import FUNCTIONS, activation, flattened, gelu, softplus, unflattened

if TYPE_CHECKING:
    import jax
    import torch

Family = Callable[[int, Any, Any], tuple[Any, Callable[[Any, Any], Any]]]
SMALL, ENOUGH = 48, 400
ALIKE = 1e-3  # share of the largest output that single precision may change


def family(make: Callable[[int], torch.nn.Module]) -> Family:
    """The modules `make(n)`, which map inputs (N, d) to (N, n), as a function of (n, key, inputs) in JAX.

    Returns the `network` of `WideNetwork`: a function that draws parameters and returns the features of the inputs.
    Raises `StatementError` naming the first layer that has no translation, or weights that PyTorch did not draw, and
    where the translation computes something else than a small module.
    """
    import jax

    first = make(SMALL)
    if not hasattr(first, "named_modules"):
        raise StatementError(
            f"A network that is a function of n alone must return a PyTorch module, but returns a "
            f"{type(first).__name__}. One in JAX is a function of (n, key, inputs)."
        )
    _check_start(first)
    compare = lru_cache(lambda shape: _check_translation(make, first, shape))

    def network(n: int, key: jax.Array, inputs: jax.Array) -> tuple[Any, Callable[[Any, jax.Array], jax.Array]]:
        compare(inputs.shape[1:])
        graph, module = _traced(make, n)
        layers = {name: part for name, part in module.named_modules() if next(part.parameters(False), None) is not None}
        keys = jax.random.split(key, max(1, len(layers)))
        parameters = {name: _drawn(part, k) for (name, part), k in zip(layers.items(), keys, strict=False)}
        return parameters, lambda values, x: _evaluated(graph, module, values, x)

    return network


def _traced(make: Callable[[int], torch.nn.Module], n: int) -> tuple[Any, torch.nn.Module]:
    import torch
    from torch import fx

    with torch.device("meta"):
        module = make(n)
    try:
        graph = fx.Tracer().trace(module)
    except Exception as error:
        raise StatementError(
            f"The network cannot be traced by torch.fx: {type(error).__name__}: {str(error).splitlines()[0]}"
        ) from error
    for node in graph.nodes:
        _check(node, module)
    return graph, module


def _check(node: Any, module: torch.nn.Module) -> None:
    if node.op == "call_module":
        part = module.get_submodule(node.target)
        if type(part).__name__ not in MODULES:
            raise StatementError(f"The layer {node.target!r} has no translation to JAX: {part}. {_instead()}")
        if type(part).__name__ in AT_REST and part.training and vars(part).get("p") != 0:
            raise StatementError(
                f"The layer {node.target!r} is random or mixes inputs while it is trained: {part}. Return the network "
                "in evaluation mode, with `.eval()`."
            )
    elif node.op == "call_function":
        if getattr(node.target, "__name__", "") not in FUNCTIONS:
            raise StatementError(f"The function {node.target!r} of the network has no translation to JAX. {_instead()}")
    elif node.op == "call_method" and node.target not in FUNCTIONS:
        raise StatementError(f"The method {node.target!r} of the network has no translation to JAX. {_instead()}")
    elif node.op == "get_attr":
        raise StatementError(f"The network uses {node.target!r} outside of a layer, whose distribution is not known.")


def _instead() -> str:
    return (
        f"Known are {', '.join(sorted(MODULES))}. Use these, or write the network in JAX, as a function of (n, key, "
        "inputs), where any layer is followed line by line."
    )


def _bound(part: torch.nn.Module) -> float:
    """Weights and biases of the layer are uniform between this and its negative."""
    return 1 / math.sqrt(cast("torch.Tensor", part.weight)[0].numel())


def _check_start(module: torch.nn.Module) -> None:
    """Raise `StatementError` unless all weights are as PyTorch draws them: their largest value and their spread."""
    for name, part in module.named_modules():
        for kind, p in part.named_parameters(recurse=False):
            values = p.detach().double().cpu().numpy()
            if type(part).__name__ in NORMS:
                right = bool((values == (kind == "weight")).all())
            elif type(part).__name__ in ("Linear", "Conv2d"):
                bound = _bound(part)
                close = abs(values.std() * 3**0.5 / bound - 1) < 3 / values.size**0.5
                right = bool(np.abs(values).max() <= bound * (1 + 1e-6)) and (close or values.size < ENOUGH)
            else:
                where = ".".join(filter(None, [name, kind]))
                raise StatementError(
                    f"The parameter {where!r} is of no layer known here, but of {type(part).__name__}. {_instead()}"
                )
            if not right:
                raise StatementError(
                    f"The {kind} of {name!r} is not as PyTorch draws it, uniform on +-1 / sqrt(inputs), so the limit "
                    "is unknown: put factors in the forward pass instead."
                )


def _check_translation(make: Callable[[int], torch.nn.Module], module: torch.nn.Module, shape: tuple[int, ...]) -> None:
    """Raise `StatementError` unless the translation of a small module computes what it does, on inputs of a shape."""
    import jax
    import torch

    module = copy.deepcopy(module).to("cpu", torch.float32)
    x = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    try:
        with torch.no_grad():
            theirs = module(torch.tensor(x)).numpy()
    except Exception as error:
        first = str(error).splitlines()[0]
        raise StatementError(
            f"The network fails on inputs of shape {x.shape}: {type(error).__name__}: {first}"
        ) from error
    graph, traced = _traced(make, SMALL)
    values = {
        name: {kind: p.detach().numpy() for kind, p in part.named_parameters(recurse=False)}
        for name, part in module.named_modules()
    }
    with jax.ensure_compile_time_eval():
        ours = np.asarray(jax.jit(lambda at: _evaluated(graph, traced, values, at))(x))
    if ours.shape != theirs.shape or not np.abs(ours - theirs).max() <= ALIKE * np.abs(theirs).max():
        raise StatementError(
            "The network, translated to JAX, does not compute what the module does. Perhaps a value that is used again "
            f"was changed in place: leave out `inplace=True`. {_instead()}"
        )


def _drawn(part: torch.nn.Module, key: jax.Array) -> dict[str, jax.Array]:
    import jax
    import jax.numpy as jnp

    shapes = {name: tuple(p.shape) for name, p in part.named_parameters(recurse=False)}
    if type(part).__name__ in NORMS:
        return {name: jnp.full(shape, float(name == "weight")) for name, shape in shapes.items()}
    keys = jax.random.split(key, len(shapes))
    bound = _bound(part)
    return {
        name: jax.random.uniform(k, shape, minval=-bound, maxval=bound)
        for (name, shape), k in zip(shapes.items(), keys, strict=True)
    }


def _evaluated(graph: Any, module: torch.nn.Module, parameters: Any, inputs: jax.Array) -> jax.Array:
    """The network's output, node by node."""
    from torch.fx.node import map_arg

    values: dict[Any, Any] = {}
    for node in graph.nodes:
        args, kwargs = map_arg((node.args, node.kwargs), lambda at: values[at])
        if node.op == "placeholder":
            values[node] = inputs
        elif node.op == "output":
            return args[0]
        elif node.op == "call_module":
            part = module.get_submodule(node.target)
            values[node] = MODULES[type(part).__name__](part, parameters.get(node.target, {}), *args)
        else:
            name = node.target if node.op == "call_method" else node.target.__name__
            values[node] = _applied(name, args, kwargs)
    raise StatementError("The network returns nothing.")


def _applied(name: str, args: Any, kwargs: Any) -> Any:
    try:
        return FUNCTIONS[name](*args, **kwargs)
    except TypeError as error:
        said = str(error).splitlines()[0]
        raise StatementError(
            f"The function {name!r} has no translation to JAX with these arguments: {said}."
        ) from error


def _linear(part: Any, p: Any, x: Any) -> Any:
    z = x @ p["weight"].T
    return z + p["bias"] if "bias" in p else z


def _convolved(part: Any, p: Any, x: Any) -> Any:
    import jax

    if part.groups != 1 or tuple(part.dilation) != (1, 1) or part.padding_mode != "zeros":
        raise StatementError(
            f"A convolution with groups, dilation or padding other than zeros is not translated: {part}."
        )
    padding = part.padding.upper() if isinstance(part.padding, str) else [(k, k) for k in part.padding]
    z = jax.lax.conv_general_dilated(x, p["weight"], part.stride, padding, dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return z + p["bias"][:, None, None] if "bias" in p else z


def _normalised(part: Any, p: Any, x: Any) -> Any:
    import jax.numpy as jnp

    if len(part.normalized_shape) != 1:
        raise StatementError(f"A normalisation over more than the last axis is not translated: {part}.")
    centred = x - x.mean(axis=-1, keepdims=True)
    z = centred / jnp.sqrt((centred**2).mean(axis=-1, keepdims=True) + part.eps)
    return z * p["weight"] + p["bias"] if p else z


def _rescaled(part: Any, p: Any, x: Any) -> Any:
    """Normalisation over batches in evaluation mode, where nothing was trained: with the mean 0 and the variance 1."""
    if not part.track_running_stats:
        raise StatementError(f"A normalisation without running statistics mixes inputs: {part}. {_instead()}")
    shape = (1, -1) + (1,) * (x.ndim - 2)
    z = x / math.sqrt(1 + part.eps)
    return z * p["weight"].reshape(shape) + p["bias"].reshape(shape) if p else z


def _pooled(part: Any, p: Any, x: Any) -> Any:
    """Means over windows that do not overlap, or over all positions."""
    if type(part).__name__ == "AdaptiveAvgPool2d":
        if part.output_size not in (1, (1, 1)):
            raise StatementError(f"Only a mean over all positions is translated, not {part}.")
        return x.mean(axis=(-2, -1), keepdims=True)
    windows, steps, padding = (
        a if isinstance(a, tuple) else (a, a) for a in (part.kernel_size, part.stride, part.padding)
    )
    if windows != steps or padding != (0, 0) or part.ceil_mode or part.divisor_override:
        raise StatementError(
            f"Only means over windows that do not overlap, without padding, are translated, not {part}."
        )
    (a, b), (height, width) = windows, x.shape[-2:]
    cut = x[..., : height // a * a, : width // b * b]
    return cut.reshape(*x.shape[:-2], height // a, a, width // b, b).mean(axis=(-3, -1))


def _leaky(x: Any, slope: float) -> Any:
    import jax

    return jax.nn.leaky_relu(x, slope)


def _exponential(x: Any, alpha: float) -> Any:
    import jax

    return jax.nn.elu(x, alpha)


def _layer_of(name: str) -> Callable[..., Any]:
    apply = activation(name)
    return lambda part, p, x: apply(x)


NORMS = ("LayerNorm", "BatchNorm1d", "BatchNorm2d")  # at the start a weight of one and a bias of zero
AT_REST = ("Dropout", "Dropout2d", "BatchNorm1d", "BatchNorm2d")  # translated as they are in evaluation mode
ACTIVATIONS = {"ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "SiLU": "silu"}
MODULES: dict[str, Callable[..., Any]] = {
    "Linear": _linear,
    "Conv2d": _convolved,
    "LayerNorm": _normalised,
    "Identity": lambda part, p, x: x,
    "Dropout": lambda part, p, x: x,
    "Dropout2d": lambda part, p, x: x,
    "BatchNorm1d": _rescaled,
    "BatchNorm2d": _rescaled,
    "AvgPool2d": _pooled,
    "AdaptiveAvgPool2d": _pooled,
    "LeakyReLU": lambda part, p, x: _leaky(x, part.negative_slope),
    "ELU": lambda part, p, x: _exponential(x, part.alpha),
    "Flatten": lambda part, p, x: flattened(x, part.start_dim, part.end_dim),
    "Unflatten": lambda part, p, x: unflattened(x, part.dim, part.unflattened_size),
    "GELU": lambda part, p, x: gelu(x, part.approximate),
    "Softplus": lambda part, p, x: softplus(x, part.beta, part.threshold),
} | {name: _layer_of(function) for name, function in ACTIVATIONS.items()}
