"""Ensembles of Langevin particles, distances of clouds, and a Fokker-Planck limit against a simulation.

    python benchmarks/flows.py

Peers: a bare `jax.lax.scan` of the same steps, diffrax with its virtual Brownian tree, XLA's sort, POT's Sinkhorn
iterations, and 10^6 simulated particles. Process CPU time, one thread, the two sides interleaved, medians. About three
minutes.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from timing import medians, pick, row, seconds  # noqa: E402

import asymptopia  # noqa: E402, F401
from asymptopia.algorithms.particles.langevin import langevin  # noqa: E402
from asymptopia.algorithms.transport import exact_coupling, sinkhorn, wasserstein_line  # noqa: E402
from asymptopia.laws.mean_field.fokker_planck import FokkerPlanck  # noqa: E402
from asymptopia.parts.potential import DoubleWell, Normal  # noqa: E402

TEMPERATURE, STEP, LAST = 0.25, 0.02, 4.0
PARTICLES, FEW, MANY, CLOUD, PLANE = pick((10_000, 200, 1_000_000, 100_000, 2000), (2000, 20, 100_000, 10_000, 300))


def ensembles() -> None:
    """The same particles by our steps, by a bare scan with Heun's, and by diffrax."""
    import jax
    import jax.numpy as jnp

    well = DoubleWell()

    def drift(y: Any) -> Any:
        return y - y**3

    @jax.jit
    def ours(key: Any) -> Any:
        return langevin(well, jnp.full(PARTICLES, -1.0), TEMPERATURE, (LAST,), STEP, key)

    @jax.jit
    def scan(key: Any) -> Any:
        def one(y: Any, k: Any) -> tuple[Any, None]:
            noise = jnp.sqrt(2 * TEMPERATURE * STEP) * jax.random.normal(k, y.shape)
            slope = drift(y)
            return y + (slope + drift(y + slope * STEP + noise)) * STEP / 2 + noise, None

        keys = jax.random.split(key, round(LAST / STEP))
        return jax.lax.scan(one, jnp.full(PARTICLES, -1.0), keys)[0]

    times = medians(
        {"ours": lambda: np.asarray(ours(jax.random.key(0))), "scan": lambda: np.asarray(scan(jax.random.key(0)))}, 7
    )
    steps = PARTICLES * LAST / STEP
    variances = [float(f(jax.random.key(1)).var()) for f in (ours, scan)]
    if abs(variances[0] - variances[1]) > 0.05:
        raise ArithmeticError("The two do not simulate the same particles.")
    tree = diffrax_paths(drift)
    slow = medians({"diffrax": lambda: np.asarray(tree(jax.random.key(0)))}, 3)["diffrax"] / (FEW * LAST / STEP)
    ours_ns, scan_ns, tree_ns = (1e9 * v for v in (times["ours"] / steps, times["scan"] / steps, slow))
    case = f"{PARTICLES} particles, a step of one"
    row(case, ours_ns, scan_ns, "a bare scan", "ns")
    row(case, ours_ns, tree_ns, "diffrax, virtual Brownian tree", "ns")


def diffrax_paths(drift: Callable[[Any], Any]) -> Callable[[Any], Any]:
    import diffrax
    import jax
    import jax.numpy as jnp

    @jax.jit
    def run(key: Any) -> Any:
        def one(k: Any) -> Any:
            tree = diffrax.VirtualBrownianTree(0.0, LAST, tol=STEP / 2, shape=(), key=k)
            terms = diffrax.MultiTerm(
                diffrax.ODETerm(lambda t, y, a: drift(y)),
                diffrax.ControlTerm(lambda t, y, a: jnp.sqrt(2 * TEMPERATURE), tree),
            )
            solved = diffrax.diffeqsolve(terms, diffrax.Heun(), 0.0, LAST, STEP, jnp.array(-1.0), max_steps=None)
            return solved.ys[0]

        return jax.vmap(one)(jax.random.split(key, FEW))

    return run


def lines() -> None:
    """The distance of two clouds of 10^5 points on the line: NumPy's sort and XLA's."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, CLOUD))

    @jax.jit
    def peer(a: Any, b: Any) -> Any:
        return jnp.sqrt(jnp.mean((jnp.sort(a) - jnp.sort(b)) ** 2))

    a, b = jnp.asarray(x), jnp.asarray(y)
    times = medians({"ours": lambda: wasserstein_line(x, y), "xla": lambda: float(peer(a, b))}, 9)
    if abs(wasserstein_line(x, y) - float(peer(a, b))) > 1e-12:
        raise ArithmeticError("The two distances differ.")
    row(f"W2 of {CLOUD} points on the line", 1e3 * times["ours"], 1e3 * times["xla"], "XLA's sort", "ms")


def clouds() -> None:
    """Exact transport of points in the plane against Sinkhorn's iterations at 1 % regularisation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ot

    n = PLANE
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 2)), 1.5 * rng.normal(size=(n, 2)) + 1
    cost = ((x[:, None] - y) ** 2).sum(axis=-1)
    mass, level = np.full(n, 1 / n), 0.01 * cost.mean()
    best = float((exact_coupling(cost) * cost).sum())
    for tolerance in pick((1e-4, 1e-9), (1e-4,)):

        def entropic(tolerance: float = tolerance) -> Any:
            return ot.sinkhorn(mass, mass, cost, level, numItermax=100_000, stopThr=tolerance)

        times = medians({"exact": lambda: exact_coupling(cost), "POT": entropic}, 1)
        far = float((entropic() * cost).sum()) / best - 1
        note = f"to {tolerance:g}, {100 * far:.1f} % above"
        row(f"{n} points in the plane, exact", times["exact"], times["POT"], "POT's Sinkhorn", note=note)
    row("the same by our Sinkhorn, to 1e-4", seconds(lambda: sinkhorn(cost, level, 1e-4))[0])


def limit() -> None:
    """The Fokker-Planck limit against 10^6 particles: time at equal accuracy."""
    import jax
    import jax.numpy as jnp

    law = FokkerPlanck(start=Normal(-1.0, 0.1), times=(LAST,))
    law.limit()
    spent, found = seconds(law.limit)
    error = max(float(found[k + "_error"].max()) for k in ("mean", "variance"))

    @jax.jit
    def run(key: Any) -> Any:
        first, second = jax.random.split(key)
        start = -1 + jnp.sqrt(0.1) * jax.random.normal(first, (MANY,))
        return langevin(DoubleWell(), start, TEMPERATURE, (LAST,), 0.01, second)[0]

    _ = run(jax.random.key(0)).block_until_ready()
    slow, paths = seconds(lambda: np.asarray(run(jax.random.key(1))))
    far = float(np.sqrt(float(found["variance"][0]) / MANY))
    if abs(paths.mean() - float(found["mean"][0])) > 4 * far:
        raise ArithmeticError("Limit and simulation disagree.")
    row("Fokker-Planck limit", spent, slow, f"{MANY} particles", note=f"errors {error:.0e} and {far:.0e}")
    cells, quick = at_equal_accuracy(law, far)
    row(f"the same at equal accuracy, {cells} cells", 1e3 * quick, 1e3 * slow, f"{MANY} particles", "ms")


def at_equal_accuracy(law: FokkerPlanck, far: float) -> tuple[int, float]:
    """The coarsest grid whose mean is at least as accurate as the simulation's, and its CPU seconds."""
    from asymptopia.numerics.drift_diffusion import evolve, hats, points_around, rates

    exact = float(law.limit()["mean"][0])
    for cells in (32, 64, 128, 256, 512):

        def coarse(cells: int = cells) -> float:
            low, high = law.potential.basin(law.temperature)
            x = points_around(law.start.mean, low, high, cells, 1)
            up, down = rates(law.potential.values(x), x[1] - x[0], law.temperature)
            return float(evolve(up, down, hats(x, law.start.mean, law.start.variance**0.5), LAST) @ x)

        coarse()
        spent, value = seconds(coarse)
        if abs(value - exact) <= far:
            return cells, spent
    raise ArithmeticError("No grid is as accurate as the simulation.")


if __name__ == "__main__":
    ensembles()
    lines()
    clouds()
    limit()
