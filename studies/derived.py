"""Are derived limits right, and are their stated errors?

    python studies/derived.py judges     z-scores of programs against laws derived by hand, pooled over nets
    python studies/derived.py random     200 random programs against systems of finite size

Over many nets z is standard normal: of mean 0 and variance 0.8 to 1.25.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from asymptopia.derive.limit import derive_limit

TESTS = Path(__file__).parents[1] / "tests" / "derive"
SIZES, SEEDS = (150, 300), 24


def judges(nets: int = 12, points: int = 4096) -> None:
    """The last value of every observable that no step of time makes wrong, over independent nets."""
    sys.path.insert(0, str(TESTS))
    from test_judges import EXAMPLES, JUDGES

    from asymptopia.contract.statement import laws_of_file

    pooled = []
    for name, (by_hand, entries, steps) in JUDGES.items():
        if steps:
            continue
        law, exact = next(iter(laws_of_file(EXAMPLES / f"{name}.py").values()))(), by_hand().limit()
        for seed in range(nets):
            limits = derive_limit(law.realize, points, 8, 1000 + seed)
            for key in law.observables:
                error = np.ravel(limits[f"{key}_error"])
                at = np.flatnonzero(error > 1e-9)
                if len(at):
                    by = np.ravel(exact[key].values[entries.get(key, ...)])[at[-1]]
                    pooled.append((np.ravel(limits[key])[at[-1]] - by) / error[at[-1]])
        print(f"{name}: {len(pooled)} so far, mean {np.mean(pooled):.3f}, variance {np.var(pooled):.3f}", flush=True)
    z = np.array(pooled)
    print(f"{len(z)} z-scores: mean {z.mean():.3f}, variance {z.var():.3f}, |z| < 1: {np.mean(np.abs(z) < 1):.3f}")


FUNCTIONS = (jnp.tanh, jax.nn.relu, jnp.sin, jnp.abs, lambda x: jnp.sign(x - 0.3), lambda x: x * jax.nn.sigmoid(x))


def in_groups(matrix, x, n: int):
    """The two halves of x, each by rows of the other half of a matrix, as a convolution of one position."""
    filters = matrix[: n // 2, : n // 2]
    out = jax.lax.conv_general_dilated(
        x[None, :, None], jnp.concatenate([filters, filters])[:, :, None], (1,), "VALID", feature_group_count=2
    )
    return out[0, :, 0]


def random_program(number: int):
    """A program of six steps drawn from the rules: products with reused matrices, functions, averages."""

    def program(n, key):
        rng = np.random.default_rng(number)
        keys = jax.random.split(key, 6)
        ratio = float(rng.choice([0.5, 1.0, 2.0]))
        tall = jax.random.normal(keys[0], (round(ratio * n), n)) / jnp.sqrt(n)
        square = jax.random.rademacher(keys[1], (n, n), dtype=float) / jnp.sqrt(n)
        symmetric = (square + square.T) / jnp.sqrt(2.0)
        pool = [jax.random.normal(keys[2], (n,)), jax.random.uniform(keys[3], (n,), minval=-1.5, maxval=1.5)]
        gate = jax.random.normal(keys[4], (n, n))
        turned = square * gate.T
        mixed = (gate @ jax.random.normal(keys[5], (n, n))) * square / jnp.sqrt(n)
        chosen = jnp.where(gate > 0.4, square, square.T)
        maps = (
            lambda x: square @ x,
            lambda x: square.T @ x,
            lambda x: symmetric @ x,
            lambda x: tall.T @ f(tall @ x),
            lambda x: turned @ x,
            lambda x: turned.T @ x,
            lambda x: mixed @ x,
            lambda x: chosen @ x,
            lambda x: in_groups(tall, x, n),
        )
        out = []
        for _ in range(6):
            f = FUNCTIONS[rng.integers(len(FUNCTIONS))]
            x, y = (pool[i] for i in rng.integers(max(0, len(pool) - 3), len(pool), 2))
            a, b = rng.uniform(0.4, 1.2, 2)
            kind = rng.integers(4)
            if kind < 2:
                new = maps[rng.integers(len(maps))](f(a * x + 0.3 * y))
            elif kind == 2:
                new = f(a * x - b * y)
            else:
                new = f(x) * jnp.mean(y**2) / (1 + jnp.mean(x**2)) + b * y
            pool.append(new)
            out.append(jnp.mean(jnp.tanh(new) * pool[rng.integers(len(pool) - 1)]))
            out.append(jnp.sqrt(jnp.mean(new**2)))
        out.append(jnp.sum((square @ square.T) * (symmetric @ symmetric)) / n)
        return {"value": jnp.stack(out)}

    return program


def simulated(program, n: int) -> np.ndarray:
    """The outputs of systems of size n, one a row."""
    run = jax.jit(lambda key: program(n, key)["value"])
    return np.array([run(jax.random.key(seed)) for seed in range(SEEDS)])


def z_scores(number: int) -> np.ndarray:
    """Limit against the extrapolation of two sizes, in units of the error of their difference."""
    program = random_program(number)
    limit = derive_limit(program, 2048, 8, number)
    runs = [simulated(program, n) for n in SIZES]
    far = 2 * runs[1].mean(axis=0) - runs[0].mean(axis=0)
    variance = (4 * runs[1].var(axis=0, ddof=1) + runs[0].var(axis=0, ddof=1)) / SEEDS
    return (far - limit["value"]) / np.sqrt(variance + limit["value_error"] ** 2 + 1e-12)


def random(count: int = 200) -> None:
    """The largest |z| of each program; what trials of this number allow is said beside it."""
    from scipy import stats

    scores = []
    for number in range(count):
        z = z_scores(number)
        scores.append(z)
        if np.max(np.abs(z)) > 3.5:
            print(f"program {number}: {np.round(z, 1)}", flush=True)
    every = np.concatenate(scores)
    allowed = stats.t.isf(0.005 / every.size, SEEDS - 1)
    print(f"{count} programs, {every.size} values: mean z {every.mean():.3f}, variance {every.var():.3f}, largest |z| ")
    print(f"{np.max(np.abs(every)):.2f}, of which {allowed:.2f} is allowed at one per cent over all.")


if __name__ == "__main__":
    {"judges": judges, "random": random}[sys.argv[1]]()
