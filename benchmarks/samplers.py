"""CPU time of HMC on logistic regression, and effective draws per second on a multimodal and on a wide target.

- `hmc`: 64 chains of blackjax's HMC, vmapped, on the log-density as one writes it, and on `logistic_posterior`, whose
  value and gradient share one exponential. Both must have the same acceptance and posterior mean.
- `modes`: two normal modes of unequal weight, 8 apart, in 5 dimensions; how well the weight is known. NUTS does not
  cross: its effective sample size looks fine within each chain, so that chains are compared with the truth.
- `wide`: a normal law of 100 scales from 0.1 to 1; the variance of the narrowest and of the widest coordinate.
Run: python benchmarks/samplers.py [--only hmc modes wide] [--repeats 5]; numpyro takes part where it is installed.
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import time
from collections.abc import Callable
from typing import Any

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from timing import options, pick, row, seconds

import asymptopia  # noqa: F401  (double precision)
from asymptopia.algorithms.samplers import (
    expectation,
    hmc,
    infinite_swapping,
    logistic_posterior,
    nuts,
    parallel_tempering,
    random_walk,
    run,
    temperature_ladder,
)
from asymptopia.algorithms.samplers.diagnostics import r_hat

CHAINS, LEAPS, STEPS = 64, 10, 20


def spent(call: Callable[[], Any]) -> float:
    """Process CPU time of a call."""
    return seconds(lambda: jax.block_until_ready(call()))[0]


def first(state: Any, info: Any) -> Any:
    return state.position, info.acceptance_rate


def leapfrogs(repeats: int) -> None:
    """Microseconds per leapfrog step and chain of blackjax's HMC on two ways to write one log-density."""
    for n, d in pick(((1000, 25), (2000, 50), (1000, 100)), ((1000, 25),)):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n, d))
        y = np.where(rng.random(n) < 1 / (1 + np.exp(-X @ rng.standard_normal(d) / d**0.5)), 1.0, -1.0)
        A = jnp.asarray(X * y[:, None])

        def naive(w: Any, A: Any = A) -> Any:
            return jnp.sum(jax.nn.log_sigmoid(A @ w)) - jnp.sum(w**2) / 2

        step = 0.5 / np.linalg.norm(X, 2)
        peer = blackjax.hmc(naive, step, jnp.ones(d), LEAPS)
        ours = hmc(logistic_posterior(X, y), step, LEAPS)
        begin, key = jnp.zeros((CHAINS, d)), jax.random.key(0)
        results = [run(key, s, begin, STEPS, keep=first) for s in (peer, ours)]
        if not np.allclose(results[0].draws[0], results[1].draws[0], atol=1e-6):
            raise SystemExit("the two log-densities do not agree")
        rows = [
            [spent(lambda s=s: run(key, s, begin, STEPS, keep=first)) for s in (peer, ours)] for _ in range(repeats)
        ]
        a, b = np.median(rows, axis=0) / (CHAINS * LEAPS * STEPS) * 1e6
        row(f"logistic regression, n = {n}, d = {d}, a leap", b, a, "blackjax, as one writes it", "us")


def two_modes(x: Any) -> Any:
    """Weights 0.3 and 0.7 at 4 / sqrt(5) and minus that, in each of 5 coordinates."""
    c = 4 / 5**0.5
    return jnp.logaddexp(jnp.log(0.3) - jnp.sum((x - c) ** 2) / 2, jnp.log(0.7) - jnp.sum((x + c) ** 2) / 2)


def on_the_right(x: Any) -> Any:
    return (jnp.sum(x) > 0) * 1.0


def walk(target: Any, T: Any) -> Any:
    return random_walk(target, 1.1 * T**0.5)


def multimodal(repeats: int) -> None:
    """Effective draws per CPU second for the weight of a mode, from the asymptotic variance."""
    begin = jnp.where(jnp.arange(16)[:, None] < 8, -1.0, 1.0) * jnp.full((16, 5), 4 / 5**0.5)
    start = time.process_time()
    ladder = temperature_ladder(jax.random.key(0), two_modes, walk, begin, 20.0).temperatures
    row("two modes, ladder", time.process_time() - start, note=f"temperatures {[round(t, 2) for t in ladder]}")
    keep = expectation(on_the_right)

    def plain(state: Any, info: Any) -> Any:
        return on_the_right(state.position)

    cases = {
        "infinite swapping": (infinite_swapping(two_modes, walk, ladder), keep, 4000),
        "tempering, rate 1": (parallel_tempering(two_modes, walk, ladder, 1.0), keep, 4000),
        "tempering, rate 0.1": (parallel_tempering(two_modes, walk, ladder, 0.1), keep, 4000),
        "blackjax NUTS": (nuts(two_modes, 0.9), plain, 2000),
        "random walk": (walk(two_modes, 1.0), plain, 20_000),
    }
    compare("two modes", cases, begin, 0.3 * 0.7, 0.3, repeats)


def second(state: Any, info: Any) -> Any:
    return jnp.stack([state.position[0] ** 2 / 0.01, state.position[-1] ** 2])


def wide(repeats: int) -> None:
    """Effective draws per CPU second for second moments of a normal law in 100 dimensions."""
    scales = jnp.linspace(0.1, 1.0, 100)

    def target(x: Any) -> Any:
        return -jnp.sum((x / scales) ** 2) / 2

    def moves(density: Any, T: Any) -> Any:
        return hmc(density, 0.11, 12)

    def tempered(state: Any, info: Any) -> Any:
        return second(state, info)

    begin = jax.random.normal(jax.random.key(5), (16, 100)) * scales
    cases = {
        "blackjax HMC": (moves(target, 1.0), second, 2000),
        "blackjax NUTS": (nuts(target, 0.11), second, 500),
        "infinite swapping of HMC": (infinite_swapping(target, moves, (1.0, 1.15, 1.32)), tempered, 1000),
        "random walk": (random_walk(target, 0.024), second, 20_000),
    }
    compare("normal law of 100 scales", cases, begin, 2.0, 1.0, repeats)


def compare(problem: str, cases: dict[str, Any], begin: Any, variance: float, truth: float, repeats: int) -> None:
    """A row for each sampler: the mean with its error, R-hat, effective draws per CPU second."""
    for name, (sampler, keep, steps) in cases.items():
        found = run(jax.random.key(1), sampler, begin, steps, burn_in=steps // 5, keep=keep)
        used = np.median(
            [
                spent(lambda: run(jax.random.key(2), sampler, begin, steps, burn_in=steps // 5, keep=keep))
                for _ in range(repeats)
            ]
        )
        draws = np.asarray(found.draws).reshape(len(begin), steps, -1)
        means = draws.mean(axis=1)
        worst = int(np.argmax(means.std(axis=0)))
        asymptotic = steps * means[:, worst].var(ddof=1)
        effective = len(begin) * steps * variance / max(asymptotic, 1e-300)
        stuck = np.ptp(draws[..., worst], axis=1).min() == 0
        rate = "stuck" if stuck else f"{effective / used:.0f} effective draws a second"
        error = means[:, worst].std(ddof=1) / len(begin) ** 0.5
        mean = f"{means[:, worst].mean():.4f} +- {error:.4f}, exact {truth:g}"
        row(f"{problem}, {name}", used, note=f"{rate}; mean {mean}; R-hat {r_hat(draws[..., worst] + 0.0):.3f}")


def numpyro_rows() -> None:
    """numpyro's NUTS on the same two targets, where it is installed."""
    try:
        from numpyro.infer import MCMC, NUTS
    except ImportError:
        row("numpyro NUTS", note="numpyro is not installed")
        return
    scales = jnp.linspace(0.1, 1.0, 100)
    c = 4 / 5**0.5
    begin = jnp.where(jnp.arange(16)[:, None] < 8, -c, c) * jnp.ones((16, 5))
    cases = {
        "modes": (lambda x: -two_modes(x), begin, on_the_right, 0.21),
        "wide": (
            lambda x: jnp.sum((x / scales) ** 2) / 2,
            jax.random.normal(jax.random.key(5), (16, 100)) * scales,
            None,
            2.0,
        ),
    }
    for name, (potential, start, function, variance) in cases.items():
        chain = MCMC(
            NUTS(potential_fn=potential), num_warmup=300, num_samples=500, num_chains=16,
            chain_method="vectorized", progress_bar=False,
        )  # fmt: skip
        chain.run(jax.random.key(0), init_params=start)
        chain.post_warmup_state = chain.last_state
        used = spent(lambda: (chain.run(jax.random.key(1)), chain.get_samples())[1])
        x = chain.get_samples(group_by_chain=True)
        values = jax.vmap(jax.vmap(function))(x) if function else x[..., -1] ** 2
        means = np.asarray(values).mean(axis=1)
        effective = 16 * 500 * variance / max(500 * means.var(ddof=1), 1e-300)
        note = (
            f"{effective / used:.0f} effective draws a second; mean {means.mean():.4f} +- {means.std(ddof=1) / 4:.4f}"
        )
        row(f"{name}, numpyro NUTS", None, used, note=note)


def main() -> None:
    given = options(__doc__, only=("hmc,modes,wide,numpyro", "hmc"), repeats=(3, 1))
    parts = {"hmc": leapfrogs, "modes": multimodal, "wide": wide, "numpyro": lambda _: numpyro_rows()}
    for name in given.only.split(","):
        parts[name](given.repeats)


if __name__ == "__main__":
    main()
