"""Event-driven samplers: microseconds an event on a normal law, and effective samples a second against NUTS.

    python benchmarks/pdmp.py [PYTHON]

1. Zig-zag on a normal law in 50 dimensions with a dense precision (eigenvalues from 0.5 to 5): processor time an event,
   compiled for normal laws, and for any log-density. The peer is pdmp-jax, which pins JAX below 0.5: PYTHON is an
   interpreter in which it is installed; it runs as a process of its own, compilation taken off by a second length.
2. Effective samples a second of processor time, of zig-zag, bouncy particle and boomerang on log-densities, against
   blackjax's NUTS (adapted by its window adaptation) and numpyro's if installed: on two modes in 10 dimensions
   (standard normal laws at +-2.5 along the first axis) for the first coordinate, and on a normal law in 100 dimensions
   with correlations 0.9**|i-j| for the worse of a coordinate and the energy. Their number is the exact variance over
   the mean square error of the averages of 40 batches of one long chain, so that a chain that has not found a mode is
   charged for it; its relative error is about 0.2. Event-driven paths are read every half unit of time. Adaptation and
   compilation are not counted.

Process CPU time, one thread, medians of three rounds for the first part. About five minutes.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import statistics  # noqa: E402
import subprocess  # noqa: E402

import numpy as np  # noqa: E402
from timing import options, pick, row, seconds  # noqa: E402

DIMENSION, BATCHES = 50, 40
PEER = """
import sys, time
import jax, jax.numpy as jnp, numpy as np
jax.config.update("jax_enable_x64", True)
from pdmp_jax import ZigZag
A = jnp.asarray(np.load(sys.argv[1]))
d = len(A)
sampler = ZigZag(d, lambda x: A @ x, grid_size=10, tmax=0)
def run(n):
    begin = time.process_time()
    out = jax.block_until_ready(sampler.sample_skeleton(n, jnp.zeros(d), jnp.ones(d), 0, verbose=False))
    return time.process_time() - begin, out
run(1000)
short, long = min(run(1000)[0] for _ in range(3)), min(run(21000)[0] for _ in range(3))
out = run(21000)[1]
events = int((np.diff(np.asarray(out.v), axis=0) != 0).any(axis=1).sum())
print((long - short) / 20000 * 21000 / events * 1e6, int(out.error_bound.sum()), events / float(out.t[-1]))
"""


def precision(d: int) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((d, d)))
    matrix = (q * np.geomspace(0.5, 5, d)) @ q.T
    return (matrix + matrix.T) / 2


def events(peer: str) -> None:
    import jax
    import jax.numpy as jnp

    from asymptopia.algorithms.samplers import zig_zag
    from asymptopia.algorithms.samplers.gaussian_paths import gaussian_zig_zag
    from asymptopia.algorithms.samplers.thinning import start

    A = precision(DIMENSION)
    rng = np.random.default_rng(1)
    gaussian_zig_zag(A, np.zeros(DIMENSION), 1.0, rng)
    matrix = jnp.asarray(A)
    sampler = zig_zag(lambda x: -x @ matrix @ x / 2, 100.0)
    step = jax.jit(sampler.step)
    state, _ = step(jax.random.key(0), start(np.zeros(DIMENSION)))
    fast, general = [], []
    for r in range(3):
        t, path = seconds(lambda: gaussian_zig_zag(A, np.zeros(DIMENSION), 20_000.0, rng))
        worst = np.abs(path.second_moment / np.diag(np.linalg.inv(A)) - 1).max()
        assert worst < 0.1, worst
        fast.append(1e6 * t / path.events)
        t, (state, info) = seconds(lambda: jax.block_until_ready(step(jax.random.key(r), state)))
        general.append(1e6 * t / int(info.events))
    mine = statistics.median(general)
    row(f"zig-zag for normal laws, d = {DIMENSION}, an event", statistics.median(fast), unit="us")
    row("zig-zag for any log-density, an event", mine, unit="us")
    if not peer:
        row("zig-zag for any log-density, an event", note="pdmp-jax is not installed")
        return
    np.save("/tmp/pdmp_precision.npy", A)
    said = subprocess.run([peer, "-c", PEER, "/tmp/pdmp_precision.npy"], capture_output=True, text=True)
    if said.returncode:
        row("zig-zag for any log-density, an event", note="pdmp-jax is not installed")
        return
    each, broken, rate = said.stdout.split()
    assert abs(float(rate) / (path.events / 20_000) - 1) < 0.1, "both sides have the same rate of events"
    note = f"{broken} violated bounds in 21,000 proposals"
    row("zig-zag for any log-density, an event", mine, float(each), "pdmp-jax", "us", note)


def modes():
    import jax.numpy as jnp

    def logdensity(x):
        rest = -jnp.sum(x[1:] ** 2) / 2
        return rest + jnp.logaddexp(-((x[0] - 2.5) ** 2) / 2, -((x[0] + 2.5) ** 2) / 2)

    return (
        "two modes, d = 10",
        logdensity,
        10,
        lambda x: x[:1],
        np.zeros(1),
        np.array([1 + 2.5**2]),
        np.r_[2.5, [0.0] * 9],
    )


def chain(d: int = 100, rho: float = 0.9):
    import jax.numpy as jnp

    def logdensity(x):
        return -(x[0] ** 2 + jnp.sum((x[1:] - rho * x[:-1]) ** 2) / (1 - rho**2)) / 2

    def functions(x):
        return jnp.stack([x[d // 2], -2 * logdensity(x)])

    return f"correlated, d = {d}", logdensity, d, functions, np.array([0.0, d]), np.array([1.0, 2.0 * d]), np.zeros(d)


def effective(values: np.ndarray, mean: np.ndarray, variance: np.ndarray, spent: float) -> float:
    """Effective samples a second, of the worst function; `values` are averages over equal pieces of a chain."""
    averages = values[: len(values) // BATCHES * BATCHES].reshape(BATCHES, -1, len(mean)).mean(axis=1)
    return float((BATCHES * variance / ((averages - mean) ** 2).mean(axis=0)).min() / spent)


def reader(functions, sampler, pieces):
    """Functions of the positions after each of many steps."""
    import jax

    def along(state, key):
        state, _ = sampler.step(key, state)
        return state, functions(state.position)

    return jax.jit(lambda key, state: jax.lax.scan(along, state, jax.random.split(key, pieces)))


def blackjax_nuts(logdensity, functions, begin, draws):
    import blackjax
    import jax

    warmup = blackjax.window_adaptation(blackjax.nuts, logdensity)
    (state, parameters), _ = warmup.run(jax.random.key(1), begin, num_steps=1000)
    return reader(functions, blackjax.nuts(logdensity, **parameters), draws), state


def numpyro_nuts(logdensity, functions, begin, draws):
    import jax
    from numpyro.infer import MCMC, NUTS

    kernel = NUTS(potential_fn=lambda x: -logdensity(x))
    mcmc = MCMC(kernel, num_warmup=1000, num_samples=draws, progress_bar=False)
    mcmc.warmup(jax.random.key(1), init_params=begin)

    def call(key, state):
        mcmc.post_warmup_state = state
        mcmc.run(key)
        return state, jax.vmap(functions)(mcmc.get_samples())

    return call, mcmc.last_state


def effective_samples(problem) -> None:
    import jax
    import jax.numpy as jnp

    from asymptopia.algorithms.samplers import boomerang, bouncy_particle, zig_zag
    from asymptopia.algorithms.samplers.thinning import start

    name, logdensity, d, functions, mean, variance, begin = problem
    begin = jnp.asarray(begin)
    paths = {
        "zig-zag": (zig_zag(logdensity, 0.5), 8000 if d < 50 else 2000),
        "bouncy particle": (bouncy_particle(logdensity, 0.5), 40_000 if d < 50 else 20_000),
        "boomerang": (boomerang(logdensity, 0.5, np.zeros(d), np.ones(d)), 40_000 if d < 50 else 20_000),
    }
    entries = {k: (reader(functions, s, pieces), start(begin)) for k, (s, pieces) in paths.items()}
    entries["blackjax NUTS"] = blackjax_nuts(logdensity, functions, begin, 20_000 if d < 50 else 4000)
    try:
        entries["numpyro NUTS"] = numpyro_nuts(logdensity, functions, begin, 20_000 if d < 50 else 4000)
    except ImportError:
        row(name, note="numpyro is not installed")
    for label, (call, state) in entries.items():
        state, _ = call(jax.random.key(2), state)
        spent, (state, values) = seconds(lambda: jax.block_until_ready(call(jax.random.key(3), state)))
        assert not np.any(getattr(state, "fault", 0)), "a bound was violated"
        rate = effective(np.asarray(values), mean, variance, spent)
        row(f"{name}, {label}", spent, note=f"{rate:.1f} effective samples a second")
    if d >= 50:
        closed_form(d, mean, variance)


def closed_form(d: int, mean: np.ndarray, variance: np.ndarray, rho: float = 0.9) -> None:
    """The same of the samplers for normal laws."""
    from asymptopia.algorithms.samplers.gaussian_paths import gaussian_bouncy_particle, gaussian_zig_zag

    A = np.linalg.inv(rho ** np.abs(np.subtract.outer(np.arange(d), np.arange(d))))
    A, rng = (A + A.T) / 2, np.random.default_rng(0)
    for label, sample in (("zig-zag", gaussian_zig_zag), ("bouncy particle", gaussian_bouncy_particle)):
        length = 20_000.0
        times = np.arange(1, 40_001) / 2
        spent, path = seconds(lambda: sample(A, np.zeros(d), length, rng, times=times))
        x = path.positions
        values = np.stack([x[:, d // 2], np.einsum("ti,ij,tj->t", x, A, x)], axis=1)
        rate = effective(values, mean, variance, spent)
        row(f"{label} in closed form, d = {d}", spent, note=f"{rate:.1f} effective samples a second")


if __name__ == "__main__":
    events(options(__doc__, peer=("", "")).peer)
    for problem in pick((modes, chain), ()):
        effective_samples(problem())
