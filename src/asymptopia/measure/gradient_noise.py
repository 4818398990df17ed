"""The noise of gradients over samples, and the batch size above which larger batches stop paying."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import PyTree
from . import pytorch
from .operators import finite_scalar, flat_parameters

if TYPE_CHECKING:
    from jaxtyping import Float


class NoiseScale(NamedTuple):
    r"""The simple noise scale $\mathrm{tr} \Sigma / |G|^2$ of a gradient, in samples, and its standard error.

    With steps of optimal length it is the critical batch size: doubling a batch well below it halves the number of
    steps; doubling a batch well above it hardly reduces them, and costs twice the samples.

    corrected: the value without the bias of a ratio, by the jackknife. It is of use only where `high` is finite: else
               it may be negative or nan, and so may the error be nan.
    low, high: an interval that holds the true scale in 95 % of repetitions; `high` is infinite where the samples do
               not exclude that there is no mean gradient.
    """

    value: float
    error: float
    corrected: float
    low: float
    high: float


def gradient_noise_scale(
    loss: Callable[[Any, Any], Any], parameters: PyTree, samples: PyTree, chunk: int = 256
) -> NoiseScale:
    r"""The batch size at which the gradient's noise equals its signal, $\mathrm{tr} \Sigma / |G|^2$, with its error.

    G is the mean and $\Sigma$ the covariance of the gradient of `loss(parameters, sample)` over independent samples, of
    which `samples` holds n: an array, or a tree of arrays, with the samples first. Parameters are a tree of JAX arrays,
    or a PyTorch module with samples that are tensors. Numerator and denominator are estimated without bias; nan if the
    estimate of $|G|^2$ is not positive, since then n samples do not see a mean gradient. The error is the jackknife's.
    `chunk` gradients are held at once.

    McCandlish, Kaplan, Amodei et al., arXiv 1812.06162 (2018), equation 2.9 and appendix A.1.
    """
    over = _of_torch if pytorch.is_module(parameters) else _of_jax
    n, gradients = over(loss, parameters, samples, chunk)
    mean = sum(g.sum(axis=0) for g in gradients()) / n
    if not np.isfinite(mean).all():
        raise StatementError("The gradient of the loss is not finite at `parameters`, for some of the samples.")
    square, along = zip(*((np.sum(g**2, axis=1), g @ mean) for g in gradients()), strict=True)
    return _ratio(np.concatenate(square), np.concatenate(along), float(mean @ mean))


Gradients = tuple[int, Callable[[], Iterator[np.ndarray]]]


def _counted(counts: set[tuple[int, ...]]) -> int:
    if len(counts) != 1 or min(counts) < (3,):
        raise StatementError(f"`samples` must be arrays of the same number >= 3 of samples, but there are {counts}.")
    return int(min(counts)[0])


def _of_jax(loss: Callable[[Any, Any], Any], parameters: PyTree, samples: PyTree, chunk: int) -> Gradients:
    import jax
    import jax.numpy as jnp

    flat, unravel = flat_parameters(parameters)
    n = _counted({np.shape(a)[:1] for a in jax.tree.leaves(samples)})
    one = jax.tree.map(lambda a: a[0], samples)
    gradient = jax.grad(lambda w, sample: loss(unravel(w), sample))
    finite_scalar(lambda w: loss(w, one), flat, unravel)
    each = jax.jit(lambda chosen: jax.vmap(gradient, (None, 0))(flat, chosen))

    def gradients() -> Iterator[np.ndarray]:
        for k in range(0, n, chunk):
            yield np.asarray(each(jax.tree.map(lambda a, k=k: jnp.asarray(a)[k : k + chunk], samples)), float)

    return n, gradients


def _of_torch(loss: Callable[[Any, Any], Any], module: Any, samples: PyTree, chunk: int) -> Gradients:
    import torch
    from torch.func import functional_call, grad, vmap
    from torch.utils._pytree import tree_leaves, tree_map

    class Bound(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, sample: Any) -> Any:
            return loss(self.inner, sample)

    kept = pytorch.trained(module)
    for name, part in module.named_modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.training:
            raise StatementError(
                f"A sample must have a gradient of its own, but the batch normalisation {name!r} mixes samples while "
                "it is trained: call `module.eval()` first."
            )
    n = _counted({tuple(a.shape[:1]) for a in tree_leaves(samples)})
    pytorch.scalar(lambda m: loss(m, tree_map(lambda a: a[0], samples)), module)
    values = {f"inner.{k}": p.detach() for k, p in module.named_parameters() if p.requires_grad}
    bound = Bound()
    each = vmap(grad(lambda p, sample: functional_call(bound, p, (sample,))), (None, 0), randomness="different")

    def one_by_one(chosen: Any) -> torch.Tensor:
        """For layers that `vmap` cannot batch, such as PyTorch's recurrent ones."""
        rows = [tree_map(lambda a, k=k: a[k], chosen) for k in range(len(tree_leaves(chosen)[0]))]
        return torch.stack([pytorch.gradient(partial(_at, loss, row), module, kept) for row in rows])

    def all_at_once(chosen: Any) -> torch.Tensor:
        return torch.cat([g.flatten(1) for g in each(values, chosen).values()], 1)

    def gradients() -> Iterator[np.ndarray]:
        for k in range(0, n, chunk):
            chosen = tree_map(lambda a, k=k: a[k : k + chunk], samples)
            try:
                chunk_gradients = all_at_once(chosen)
            except RuntimeError:
                chunk_gradients = one_by_one(chosen)
            yield np.asarray(chunk_gradients.double().cpu())

    return n, gradients


def _at(loss: Callable[[Any, Any], Any], sample: PyTree, module: Any) -> Any:
    return loss(module, sample)


def _ratio(square: Float[np.ndarray, " n"], along: Float[np.ndarray, " n"], mean: float) -> NoiseScale:
    """tr Sigma / |G|^2 from |g_i|^2, g_i.g and |g|^2, with g the mean of n vectors g_i.

    Without sample i the mean is (n g - g_i) / (n - 1), which gives every leave-one-out value at once. The interval is
    that of Fieller, which does not take a noisy denominator for positive.
    """
    n = len(square)

    def parts(total: Any, mean: Any, n: int) -> Any:
        noise = (total / n - mean) * n / (n - 1)
        return np.stack([noise, mean - noise / n])

    whole = parts(square.sum(), mean, n)
    without = parts(square.sum() - square, (n**2 * mean - 2 * n * along + square) / (n - 1) ** 2, n - 1)
    value, each = _divided(*whole), _divided(*without)
    spread = np.cov(without) * (n - 1) ** 2 / n
    error = float(np.sqrt((n - 1) / n * np.sum((each - each.mean()) ** 2)))
    low, high = _fieller(float(whole[0]), float(whole[1]), spread, n - 1)
    return NoiseScale(float(value), error, float(n * value - (n - 1) * each.mean()), low, high)


def _divided(noise: Any, signal: Any) -> Any:
    return np.where(signal > 0, noise / np.where(signal > 0, signal, 1.0), np.nan)


def _fieller(
    a: float, b: float, spread: Float[np.ndarray, "2 2"], freedom: int, level: float = 0.95
) -> tuple[float, float]:
    """All ratios r >= 0 with a - r b within Student's interval about zero; spread is the covariance of (a, b).

    Fieller, J. R. Statist. Soc. B 16 (1954) 175.
    """
    from scipy.stats import t as student

    reach = float(student.ppf((1 + level) / 2, freedom)) ** 2
    one, two, three = b**2 - reach * spread[1, 1], a * b - reach * spread[0, 1], a**2 - reach * spread[0, 0]
    root = max(two**2 - one * three, 0.0) ** 0.5
    if one <= 0 or b <= 0:  # beyond some ratio all are admitted
        return ((two - root) / one if one < 0 < three else 0.0), math.inf
    return max(0.0, (two - root) / one), (two + root) / one
