"""CPU time of the kernels of wide networks, and of the tangent kernel of a given one.

Tangent kernel of a given dense network, in double precision: layer by layer, against the contraction of the Jacobian
that `jax.jacrev` (and `jax.vmap` of `jax.grad`, whichever is faster) gives; compilation apart. Kernels in the limit:
`kernels` of a relu network of depth 3 on 1000 points, against the bare recursion in NumPy, which loses half of its
digits between near points; errors against extended precision, for pairs at all distances. Process CPU time, one thread,
interleaved medians over the rounds.
Run: python benchmarks/kernels.py [--rounds 5]
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import medians, options, pick, row

from asymptopia.measure.network_tangent import network_tangent_kernel
from asymptopia.parts.activation import Relu
from asymptopia.parts.architecture import Dense
from asymptopia.parts.network_kernels import kernels

DEPTH, POINTS = 3, pick(1000, 200)


def empirical(width: int, inputs: int, classes: int, rounds: int) -> None:
    """Layer by layer against the two ways to write out the Jacobian."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    shapes = [(width, 64), (width, width), (width, width), (classes, width)]
    layers = [
        (jnp.asarray(rng.standard_normal(s) / s[1] ** 0.5), jnp.asarray(0.1 * rng.standard_normal(s[0])))
        for s in shapes
    ]
    X = jnp.asarray(rng.standard_normal((inputs, 64)))

    def outputs(parameters: Any, x: Any) -> Any:
        for W, b in parameters[:-1]:
            x = jnp.tanh(x @ W.T + b)
        return x @ parameters[-1][0].T + parameters[-1][1]

    def contracted(jacobian: Any) -> Any:
        rows = [leaf.reshape(inputs * classes, -1) for leaf in jax.tree.leaves(jacobian)]
        return sum(r @ r.T for r in rows)

    at_once = jax.jit(lambda p: contracted(jax.jacrev(lambda q: outputs(q, X))(p)))
    each = jax.jit(lambda p: contracted(jax.vmap(jax.jacrev(outputs), (None, 0))(p, X)))
    ways: dict[str, Callable[[], Any]] = {
        "layer by layer": lambda: network_tangent_kernel(layers, jnp.tanh, X).block_until_ready(),
        "Jacobian of each input, contracted": lambda: each(layers).block_until_ready(),
    }
    if inputs * classes <= 128:
        ways["Jacobian at once, contracted"] = lambda: at_once(layers).block_until_ready()
    found = medians(ways, rounds)
    own = np.asarray(ways["layer by layer"]()).transpose(0, 2, 1, 3).reshape(inputs * classes, -1)
    other = np.asarray(each(layers))
    mine, note = 1e3 * found.pop("layer by layer"), f"difference {np.abs(own / other - 1).max():.1e}"
    for name, t in found.items():
        row(f"width {width}, {inputs} inputs, {classes} outputs", mine, 1e3 * t, name, "ms", note)


def bare(points: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """The recursion of relu kernels as it is printed, with weights of variance 2."""
    k = 2 * points @ points.T / points.shape[1]
    theta = k
    for _ in range(depth):
        scale = np.sqrt(np.outer(np.diag(k), np.diag(k)))
        cosine = np.clip(k / scale, -1, 1)
        angle = np.arccos(cosine)
        k = scale * (np.sqrt(1 - cosine**2) + (np.pi - angle) * cosine) / np.pi
        theta = k + theta * (np.pi - angle) / np.pi
    return k, theta


def exact(points: np.ndarray, depth: int) -> float:
    """The tangent kernel of a pair of points in extended precision, from the angle between them."""
    x, y = points.astype(np.longdouble)
    u, v = (2 * np.mean(a * a) for a in (x, y))
    pi = 4 * np.arctan(np.longdouble(1))
    scale = np.sqrt(u * v)
    angle = 2 * np.arcsin(np.sqrt((2 * np.mean((x - y) ** 2) - (np.sqrt(u) - np.sqrt(v)) ** 2) / (4 * scale)))
    theta = scale * np.cos(angle)
    for _ in range(depth):
        sine = (np.sin(angle) - angle * np.cos(angle)) / pi if angle > 1e-3 else angle**3 / 3 * (1 - angle**2 / 10) / pi
        half = np.sin(angle / 2) ** 2 - sine / 2
        theta = scale * (1 - 2 * half) + theta * (pi - angle) / pi
        angle = 2 * np.arcsin(np.sqrt(half))
    return float(theta)


def limit(rounds: int) -> None:
    """Time and digits of the kernels of infinite width."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((POINTS, 20))
    # every point of the second half is near one of the first, at distances from 1e-9 to 1
    half = POINTS // 2
    points[half:] = points[:half] + np.geomspace(1e-9, 1, half)[:, None] * rng.standard_normal((half, 20))
    found = medians(
        {
            "kernels": lambda: kernels(points, DEPTH, Relu(), 2.0, 0.0, Dense()),
            "bare recursion": lambda: bare(points, DEPTH),
        },
        rounds,
    )
    mine, peer = 1e3 * found["kernels"], 1e3 * found["bare recursion"]
    row(f"NNGP and NTK, depth {DEPTH}, {POINTS} points", mine, peer, "bare recursion", "ms")
    near = [(k, half + k) for k in range(0, half, 10)]
    far = [(int(a), int(b)) for a, b in rng.integers(0, POINTS, (50, 2))]
    own, other = kernels(points, DEPTH, Relu(), 2.0, 0.0, Dense())[1], bare(points, DEPTH)[1]
    lengths = 2 * (DEPTH + 1) * np.square(points).mean(axis=1)
    for name, table in (("kernels", own), ("bare recursion", other)):
        errors = [
            abs(table[i, j] - exact(points[[i, j]], DEPTH)) / np.sqrt(lengths[i] * lengths[j]) for i, j in near + far
        ]
        diagonal = np.abs(np.diag(table) / lengths - 1).max()
        row(f"errors of the {name}", note=f"at most {max(errors):.1e}, on the diagonal {diagonal:.1e}")


def importing() -> None:
    """CPU seconds of a fresh interpreter that imports the kernels and computes one."""
    code = (
        "import time; from asymptopia.laws.kernels.wide_network_kernel import WideNetworkKernel; "
        "a = time.process_time(); WideNetworkKernel().predict(); print(a, time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, first = (float(word) for word in done.stdout.split())
    row("import of the kernels", imported, note=f"a first one is there after {first:.2f} s")


def main() -> None:
    rounds = options(__doc__, rounds=(5, 1)).rounds
    importing()
    limit(rounds)
    empirical(*pick((512, 128), (64, 32)), 1, rounds)
    empirical(pick(256, 64), 16, 10, rounds)


if __name__ == "__main__":
    main()
