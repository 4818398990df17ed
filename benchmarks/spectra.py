"""The density of the Hessian of a network on digits, 3,466 parameters: against the tools of PyTorch.

64-32-32-10, tanh, cross-entropy of all 1,797 images, 10 probes of 80 products with full reorthogonalisation, in double
precision on both sides, one thread. hessian-eigenthings and PyHessian take the same probes and products; curvlinops
does what its approximate spectrum takes for as many (it looks for both ends first). Processor time, interleaved. Then
the same Hessian, written out, tells how often our intervals of density and trace hold it, and how exact the extreme
eigenvalues are.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import LinearOperator
from sklearn.datasets import load_digits
from timing import options, pick, row, seconds

from asymptopia.measure.extremes import extremes
from asymptopia.measure.operators import hessian
from asymptopia.measure.spectra import quadrature

PROBES, ORDER = 10, 80
SHAPE, ROUNDS, REPEATED = pick(((64, 32, 32, 10), 3, 100), ((64, 8, 8, 10), 1, 5))


def statement() -> tuple[Any, np.ndarray, np.ndarray]:
    """Weights and biases of a network as it starts, images and labels."""
    rng = np.random.default_rng(0)
    layers = [(rng.standard_normal((a, b)) / a**0.5, np.zeros(b)) for a, b in itertools.pairwise(SHAPE)]
    data = load_digits()
    return layers, data.data / 16, data.target


def loss_of(X: Any, y: Any) -> Callable[[Any], Any]:
    """Mean cross-entropy."""

    def loss(layers: Any) -> Any:
        h = X
        for W, b in layers[:-1]:
            h = jnp.tanh(h @ W + b)
        z = h @ layers[-1][0] + layers[-1][1]
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - z[jnp.arange(len(y)), y])

    return loss


def peers(layers: Any, X: np.ndarray, y: np.ndarray) -> dict[str, Callable[[], Any]]:
    """What is installed of the peers, ready to run."""
    try:
        import torch
    except ImportError:
        row("density", note="torch is not installed")
        return {}
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    parts: list[Any] = []
    for W, b in layers:
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T))
            linear.bias.copy_(torch.from_numpy(b))
        parts += [linear, torch.nn.Tanh()]
    model, entropy = torch.nn.Sequential(*parts[:-1]), torch.nn.CrossEntropyLoss()
    data = (torch.from_numpy(X), torch.from_numpy(y))
    found: dict[str, Callable[[], Any]] = {}
    try:
        from hessian_eigenthings import HessianOperator, spectral_density

        operator = HessianOperator(model, [data], lambda m, batch: entropy(m(batch[0]), batch[1]))
        found["hessian-eigenthings"] = lambda: spectral_density(operator, num_runs=PROBES, lanczos_steps=ORDER)
    except ImportError:
        row("density", note="hessian-eigenthings is not installed")
    try:
        import pyhessian

        found["PyHessian"] = lambda: pyhessian.hessian(model, entropy, data=data, cuda=False).density(ORDER, PROBES)
    except ImportError:
        row("density", note="PyHessian is not installed")
    try:
        import curvlinops

        linear = curvlinops.HessianLinearOperator(
            model, entropy, list(model.parameters()), [data], check_deterministic=False
        )
        found["curvlinops"] = lambda: curvlinops.lanczos_approximate_spectrum(linear, ORDER, num_repeats=PROBES)
    except ImportError:
        row("density", note="curvlinops is not installed")
    return found


def times(ours: Callable[[], Any], others: dict[str, Callable[[], Any]]) -> None:
    """Print medians of the processor time, interleaved, and ratios."""
    taken: dict[str, list[float]] = {k: [] for k in ("ours", *others)}
    failed: dict[str, str] = {}
    for _ in range(ROUNDS):
        for name, run in {"ours": ours, **others}.items():
            try:
                taken[name].append(seconds(run)[0])
            except Exception as error:
                failed[name] = f"fails: {type(error).__name__}: {str(error).splitlines()[0]}"
    mine = statistics.median(taken["ours"])
    row("density", mine)
    for name in others:
        row("density", mine, statistics.median(taken[name]) if taken[name] else None, name, note=failed.get(name, ""))


def truth(operator: LinearOperator) -> None:
    """Print how the written-out Hessian compares."""
    dense = operator @ np.eye(operator.shape[0])
    values = np.linalg.eigvalsh((dense + dense.T) / 2)
    found = extremes(operator, 3)[0]
    apart = np.abs(found - values[[0, 1, 2, -3, -2, -1]]).max() / np.abs(values).max()
    row("extreme eigenvalues", note=f"{values[0]:.6g} to {values[-1]:.6g}, to {apart:.1e} of the largest")
    turned = LinearOperator(operator.shape, matvec=lambda v: values * np.ravel(v), dtype=np.dtype(float))
    width = (values[-1] - values[0]) / 100  # normal probes look alike from every basis: in its own, products are cheap
    grid = np.linspace(values[0] - 2 * width, values[-1] + 2 * width, 100)
    exact = np.exp(-(((grid[:, None] - values) / width) ** 2) / 2).mean(axis=1) / (np.sqrt(2 * np.pi) * width)
    held, trace = np.zeros(len(grid)), 0
    for seed in range(REPEATED):
        seen = quadrature(turned, PROBES, ORDER, seed)
        density, (low, high) = seen.density(grid, width), seen.trace_interval()
        held += (density.low <= exact) & (exact <= density.high)
        trace += low <= values.sum() <= high
    shown = exact > 1e-6 * exact.max()
    share = held / REPEATED
    row("95 % intervals of the trace", note=f"hold it in {trace / REPEATED:.1%}")
    worst = f"at the worst point of the grid {share[shown].min():.1%}, on the whole grid {share.mean():.1%}"
    row("95 % intervals of the density", note=f"hold it in {share[shown].mean():.1%}, {worst}")


def main() -> None:
    """Times, ratios, and what the intervals hold; `--only truth` leaves times out."""
    only = options(__doc__, only=("times,truth", "times,truth")).only
    layers, X, y = statement()
    operator = hessian(loss_of(X, y), layers)
    row("parameters", note=str(operator.shape[0]))
    if "times" in only:
        quadrature(operator, 2, 2)
        times(lambda: quadrature(operator, PROBES, ORDER).density(), peers(layers, X, y))
    if "truth" in only:
        truth(operator)


if __name__ == "__main__":
    main()
