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

import statistics  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

import asymptopia  # noqa: E402, F401
from asymptopia.algorithms.particles.langevin import langevin  # noqa: E402
from asymptopia.algorithms.transport import exact_coupling, sinkhorn, wasserstein_line  # noqa: E402
from asymptopia.laws.mean_field.fokker_planck import FokkerPlanck  # noqa: E402
from asymptopia.parts.potential import DoubleWell, Normal  # noqa: E402

TEMPERATURE, STEP, LAST = 0.25, 0.02, 4.0
PARTICLES, FEW, MANY, CLOUD = 10_000, 200, 1_000_000, 100_000


def cpu(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    value = function()
    return time.process_time() - start, value


def medians(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each side, interleaved, after one call to compile."""
    seen: dict[str, list[float]] = {k: [] for k in sides}
    for function in sides.values():
        function()
    for _ in range(rounds):
        for k, function in sides.items():
            seen[k].append(cpu(function)[0])
    return {k: statistics.median(v) for k, v in seen.items()}


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
    print(f"{PARTICLES} particles, {LAST / STEP:.0f} steps: {ours_ns:.0f} ns a step of a particle")
    print(f"   a bare scan: {scan_ns:.0f} ns, {times['scan'] / times['ours']:.2f} times as long")
    print(f"   diffrax, virtual Brownian tree: {tree_ns:.0f} ns, {tree_ns / ours_ns:.0f} times as long")


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
    print(f"W2 of {CLOUD} points on the line: {1e3 * times['ours']:.1f} ms")
    print(f"   XLA's sort: {times['xla'] / times['ours']:.0f} times as long")


def clouds() -> None:
    """Exact transport of 2000 points in the plane against Sinkhorn's iterations at 1 % regularisation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ot

    n = 2000
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 2)), 1.5 * rng.normal(size=(n, 2)) + 1
    cost = ((x[:, None] - y) ** 2).sum(axis=-1)
    mass, level = np.full(n, 1 / n), 0.01 * cost.mean()
    best = float((exact_coupling(cost) * cost).sum())
    for tolerance in (1e-4, 1e-9):

        def entropic(tolerance: float = tolerance) -> Any:
            return ot.sinkhorn(mass, mass, cost, level, numItermax=100_000, stopThr=tolerance)

        times = medians({"exact": lambda: exact_coupling(cost), "POT": entropic}, 1)
        far, ratio = float((entropic() * cost).sum()) / best - 1, times["POT"] / times["exact"]
        print(f"{n} points, exact: {times['exact']:.2f} s")
        print(f"   POT's Sinkhorn to {tolerance:g}: {ratio:.1f} times as long, {100 * far:.1f} % above")
    seconds, _ = cpu(lambda: sinkhorn(cost, level, 1e-4))
    print(f"   ours to 1e-4: {seconds / times['exact']:.1f} times as long as the exact one")


def limit() -> None:
    """The Fokker-Planck limit against 10^6 particles: time at equal accuracy."""
    import jax
    import jax.numpy as jnp

    law = FokkerPlanck(start=Normal(-1.0, 0.1), times=(LAST,))
    law.limit()
    seconds, found = cpu(law.limit)
    error = max(float(found[k + "_error"].max()) for k in ("mean", "variance"))

    @jax.jit
    def run(key: Any) -> Any:
        first, second = jax.random.split(key)
        start = -1 + jnp.sqrt(0.1) * jax.random.normal(first, (MANY,))
        return langevin(DoubleWell(), start, TEMPERATURE, (LAST,), 0.01, second)[0]

    _ = run(jax.random.key(0)).block_until_ready()
    slow, paths = cpu(lambda: np.asarray(run(jax.random.key(1))))
    far = float(np.sqrt(float(found["variance"][0]) / MANY))
    if abs(paths.mean() - float(found["mean"][0])) > 4 * far:
        raise ArithmeticError("Limit and simulation disagree.")
    print(f"limit: {seconds:.2f} s to {error:.0e}")
    print(f"   {MANY} particles: {slow:.1f} s to {far:.0e}, {slow / seconds:.0f} times as long")
    print(f"   at the simulation's accuracy: {at_equal_accuracy(law, far, slow)}")


def at_equal_accuracy(law: FokkerPlanck, far: float, slow: float) -> str:
    """The coarsest grid whose mean is at least as accurate as the simulation's."""
    from asymptopia.numerics.drift_diffusion import evolve, hats, points_around, rates

    exact = float(law.limit()["mean"][0])
    for cells in (32, 64, 128, 256, 512):

        def coarse(cells: int = cells) -> float:
            low, high = law.potential.basin(law.temperature)
            x = points_around(law.start.mean, low, high, cells, 1)
            up, down = rates(law.potential.values(x), x[1] - x[0], law.temperature)
            return float(evolve(up, down, hats(x, law.start.mean, law.start.variance**0.5), LAST) @ x)

        coarse()
        seconds, value = cpu(coarse)
        if abs(value - exact) <= far:
            return f"{cells} cells, {1e3 * seconds:.1f} ms, {slow / seconds:.0f} times as fast"
    return "not reached"


if __name__ == "__main__":
    ensembles()
    lines()
    clouds()
    limit()
