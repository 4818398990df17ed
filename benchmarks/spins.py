"""Spin updates of the Monte Carlo in `asymptopia.algorithms.spins`, against JAX, plain numba and the package peapods.

    python benchmarks/spins.py [--repeats 3]

Sherrington-Kirkpatrick, 1024 spins at T = 0.6: sweeps of cached local fields, ours and the same in JAX (one compiled
loop over spins). +-1 couplings on a 64 x 64 and on a 16 x 16 x 16 lattice at T = 1: multispin coding against a plain
numba loop over one copy. Mean energies must agree. peapods is used if it is installed. Process CPU time, one thread,
the sides interleaved, medians. About a minute.
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[_name] = "1"

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numba import njit
from timing import options, pick, row, seconds

from asymptopia.algorithms.spins import ground_state, multispin, spin_tempering

N, T_GLASS, T_LATTICE = 1024, 0.6, 1.0
jax.config.update("jax_enable_x64", True)


def nanoseconds(call: Callable[[], Any], updates: float) -> tuple[float, Any]:
    """Process CPU time of a call per update, and its result."""
    taken, found = seconds(call)
    return taken / updates * 1e9, found


@jax.jit
def jax_sweeps(J: Any, s: Any, key: Any, sweeps: Any) -> Any:
    """Metropolis sweeps of one configuration with cached fields; the mean energy per spin after each."""

    def update(i: Any, carry: Any) -> Any:
        s, local, draws = carry
        taken = 2 * s[i] * local[i] / T_GLASS < draws[i]
        change = jnp.where(taken, -2 * s[i], 0.0)
        return s.at[i].add(change), local + change * J[i], draws

    def sweep(t: Any, carry: Any) -> Any:
        s, local, total = carry
        draws = jax.random.exponential(jax.random.fold_in(key, t), (N,))
        s, local, _ = jax.lax.fori_loop(0, N, update, (s, local, draws))
        return s, local, total - s @ local / (2 * N)

    s, _, total = jax.lax.fori_loop(0, sweeps, sweep, (s, J @ s, 0.0))
    return s, total / sweeps


@njit
def plain(S: Any, J: Any, near: Any, beta: float, sweeps: int, rng: Any) -> float:
    """Metropolis sweeps of one copy, J[i, e] the coupling to near[i, e]; mean energy per spin of the second half."""
    n, degree = near.shape
    total = 0.0
    for t in range(sweeps):
        for i in range(n):
            pull = 0
            for e in range(degree):
                pull += J[i, e] * S[near[i, e]]
            cost = 2 * S[i] * pull
            if cost <= 0 or rng.random() < np.exp(-beta * cost):
                S[i] = -S[i]
        if t >= sweeps // 2:
            for i in range(n):
                for e in range(degree):
                    total -= J[i, e] * S[i] * S[near[i, e]] / 2
    return total / (n * (sweeps - sweeps // 2))


def glass(repeats: int) -> None:
    rng = np.random.default_rng(0)
    upper = np.triu(rng.standard_normal((N, N)), 1) / np.sqrt(N)
    J, ladder = upper + upper.T, (T_GLASS, T_GLASS * 1.01)
    given = jnp.asarray(J)
    s, _ = jax_sweeps(given, jnp.ones(N), jax.random.key(0), 200)
    spin_tempering(J, 0.0, ladder, 2, rng)
    times = []
    for r in range(repeats):
        ours, found = nanoseconds(lambda: spin_tempering(J, 0.0, ladder, 600, rng), 600 * 4 * N)
        theirs, (s, energy) = nanoseconds(
            lambda: jax.block_until_ready(jax_sweeps(given, s, jax.random.key(1 + r), 300)), 300 * N
        )
        assert abs(found.energy[0] - float(energy)) < 0.03, (found.energy[0], energy)
        times.append((ours, theirs))
    ours, theirs = np.median(times, axis=0)
    row(f"SK, n = {N}, T = {T_GLASS}, an update", ours, theirs, "JAX", "ns")


def lattice(shape: tuple[int, ...], repeats: int) -> None:
    rng = np.random.default_rng(1)
    d, n = len(shape), int(np.prod(shape))
    J = rng.choice([-1, 1], size=(d, *shape))
    sites = np.arange(n).reshape(shape)
    near = np.stack([np.roll(sites, k, a).ravel() for k in (-1, 1) for a in range(d)], axis=1)
    bonds = np.stack([np.roll(J[a], max(k, 0), a).ravel() for k in (-1, 1) for a in range(d)], axis=1)
    S = rng.choice([-1, 1], size=n)
    multispin(J, T_LATTICE, 20, rng)
    plain(S, bonds, near, 1 / T_LATTICE, 2, rng)
    times = []
    for _ in range(repeats):
        ours, run = nanoseconds(lambda: multispin(J, T_LATTICE, 1000, rng, burn=500, every=250), 1000 * n * 1024)
        theirs, energy = nanoseconds(lambda: plain(S, bonds, near, 1 / T_LATTICE, 1000, rng), 1000 * n)
        assert abs(run.energies.mean() - energy) < 0.03, (run.energies.mean(), energy)
        times.append((ours, theirs))
    ours, theirs = np.median(times, axis=0)
    row(f"+-1 lattice {shape}, an update", ours, theirs, "plain numba", "ns")
    peer(shape, J, ours)


def peer(shape: tuple[int, ...], J: np.ndarray, ours: float) -> None:
    try:
        from peapods import Ising
    except ImportError:
        row(f"+-1 lattice {shape}, an update", note="peapods is not installed")
        return
    model = Ising(
        shape, couplings=np.ascontiguousarray(np.moveaxis(J, 0, -1), np.float32), temperatures=np.array([T_LATTICE])
    )
    model.sample(10)
    theirs, _ = nanoseconds(lambda: model.sample(2000), 2000 * J[0].size)
    row(f"+-1 lattice {shape}, an update", ours, theirs, "peapods", "ns")


def grounds() -> None:
    """Ground states of SK from two seeds, which must be the same to 1e-6."""
    rng = np.random.default_rng(2)
    for n in pick((100, 256), (100,)):
        upper = np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
        J = upper + upper.T
        ground_state(J, 0.0, rng, sweeps=10, agree=1)
        taken, found = nanoseconds(lambda: ground_state(J, 0.0, np.random.default_rng(3)), 1e9)
        again = ground_state(J, 0.0, np.random.default_rng(4))
        assert abs(found.energy - again.energy) < 1e-9
        note = f"energy {found.energy:.7f}, {found.agreeing} of {found.runs} agree"
        row(f"SK ground state, n = {n}", taken, note=note)


def main() -> None:
    repeats = options(__doc__, repeats=(3, 1)).repeats
    glass(repeats)
    for shape in pick(((64, 64), (16, 16, 16)), ((64, 64),)):
        lattice(shape, repeats)
    grounds()


if __name__ == "__main__":
    main()
