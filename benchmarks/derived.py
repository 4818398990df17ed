"""The limit of a program, derived from its code, against the limit derived by hand and against the program run.

    python benchmarks/derived.py

Logistic descent of 20 and of 100 steps: the peer is `SGDDynamics`, dynamical mean-field theory written for this problem
alone. A transformer block on three tokens: the peer is the program itself, compiled, at width 512, for as many seeds as
give the error that the derived limit states. `cold` is the whole process, with the import of JAX and SciPy and the
trace; the persistent cache of compilations is left as it is. Process CPU time, one thread. About two minutes.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import resource  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from timing import medians, options, pick, row  # noqa: E402

import asymptopia  # noqa: E402

STEPS = pick((20, 100), (5,))
POINTS = {100: 16_384}
WIDTH, SEEDS = 512, 48


def descent(steps):
    """Full-batch descent on 2 n labels of a linear teacher."""

    def program(n, key):
        k1, k2 = jax.random.split(key)
        X = jax.random.normal(k1, (2 * n, n)) / jnp.sqrt(n)
        teacher = jax.random.normal(k2, (n,))
        y = jnp.sign(X @ teacher)

        def step(w, _):
            w = w - 0.4 * jax.grad(lambda w: jnp.sum(jax.nn.softplus(-y * (X @ w))))(w)
            return w, (w @ teacher / n, w @ w / n)

        overlap, norm = jax.lax.scan(step, jnp.zeros(n), length=steps)[1]
        return {"overlap": overlap, "norm": norm}

    return program


def transformer(n, key):
    """Attention with logits of order one, normalisation, and a layer of width 4 n, on three tokens."""
    keys = jax.random.split(key, 7)
    tokens = jax.random.normal(keys[0], (3, n))
    widths = (n, n, n, n, 4 * n)
    Q, K, V, mix, up = (jax.random.normal(k, (n, m)) / jnp.sqrt(n) for k, m in zip(keys[1:6], widths, strict=True))
    down = jax.random.normal(keys[6], (4 * n, n)) / jnp.sqrt(4 * n)
    weights = jax.nn.softmax((tokens @ Q) @ (tokens @ K).T / n, axis=-1)
    h = tokens + weights @ (tokens @ V) @ mix
    h = (h - h.mean(-1, keepdims=True)) / jnp.sqrt(h.var(-1, keepdims=True) + 1e-6)
    h = h + jax.nn.gelu(h @ up) @ down
    return {"kernel": h @ h.T / n}


def cold(case: str) -> tuple[float, float]:
    """CPU seconds and megabytes of a process that derives one limit."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = f"import derived, asymptopia; asymptopia.derive(derived.{case})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=os.path.dirname(os.path.abspath(__file__)))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, after.ru_maxrss / 1024


def compare_descent(steps: int) -> None:
    """The derived limit of descent against that by hand."""
    from asymptopia.laws import SGDDynamics

    by_hand = SGDDynamics(ridge=0.0, batch=1.0, steps=steps)
    limits, exact = asymptopia.derive(descent(steps), POINTS.get(steps)), by_hand.predict()
    for name in ("overlap", "norm"):
        apart = np.abs(limits[name] - exact[name][1:])
        error = np.hypot(limits[f"{name}_error"], exact[f"{name}_error"][1:])
        if np.any(apart > 4 * error + 1e-5):
            raise ArithmeticError(
                f"{steps} steps: the two limits of {name!r} differ by {np.max(apart / error):.1f} errors."
            )
    taken = medians(
        {"ours": lambda: asymptopia.derive(descent(steps), POINTS.get(steps)), "hand": by_hand.predict}, pick(3, 1)
    )
    relative = max(np.max(limits[f"{k}_error"] / np.maximum(1, np.abs(limits[k]))) for k in ("overlap", "norm"))
    note = f"error {relative:.0e} of the larger of 1 and the value"
    row(f"logistic descent, {steps} steps", taken["ours"], taken["hand"], "SGDDynamics, by hand", note=note)


def compare_transformer() -> None:
    """The derived kernels of a transformer block against finite widths."""
    run = jax.jit(lambda key: transformer(WIDTH, key)["kernel"])
    values = np.array([run(jax.random.key(seed)) for seed in range(SEEDS)])
    limits = asymptopia.derive(transformer)
    error = np.hypot(limits["kernel_error"], values.std(axis=0, ddof=1) / np.sqrt(SEEDS))
    if np.any(np.abs(values.mean(axis=0) - limits["kernel"]) > 4 * error + 4 / WIDTH):
        raise ArithmeticError("The limit is not that of finite widths.")
    taken = medians(
        {"ours": lambda: asymptopia.derive(transformer), "run": lambda: run(jax.random.key(0)).block_until_ready()},
        pick(3, 1),
    )
    seeds = np.max(values.var(axis=0, ddof=1)) / np.max(limits["kernel_error"]) ** 2
    name = f"{seeds:.0f} seeds at width {WIDTH}"
    row("transformer block, 3 tokens", taken["ours"], seeds * taken["run"], name)


def main() -> None:
    """Compare limits at equal error, then measure processes from their start."""
    options(__doc__)
    for steps in STEPS:
        compare_descent(steps)
    compare_transformer()
    for case in (f"descent({STEPS[0]})", "transformer"):
        spent, megabytes = cold(case)
        row(f"cold: {case}", spent, note=f"{megabytes:.0f} MB")


if __name__ == "__main__":
    main()
