"""CPU time to a first answer: whole processes that find no compiled program, imports included.

- `python -c` and the command line: what is loaded before anything is computed.
- the first 100 draws of 4 chains of each sampler on a new target; blackjax's own, in a bare vmapped scan, beside three.
- limits that were slow to compile or compute: online SGD with tanh units, a phase diagram of sparse phase retrieval.
Run: python benchmarks/first_answers.py [--grid 50]
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys

from timing import options, pick, row

DRAWS = """
import jax, jax.numpy as jnp
from asymptopia.algorithms import samplers as S
target = lambda x: -0.5 * jnp.sum(x**2)
assert S.run(jax.random.key(0), {}, jnp.zeros((4, 2)), 100).draws.shape == (4, 100, 2)
"""
PEER = """
import jax, jax.numpy as jnp, blackjax
jax.config.update("jax_enable_x64", True)
sampler = {}
def chain(key, x):
    def one(state, key):
        state, _ = sampler.step(key, state)
        return state, state.position
    return jax.lax.scan(one, sampler.init(x), jax.random.split(key, 100))[1]
draws = jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(0), 4), jnp.zeros((4, 2)))
assert draws.shape == (4, 100, 2)
"""
TARGET = "lambda x: -0.5 * jnp.sum(x**2)"
SAMPLERS = {
    "random_walk": ("S.random_walk(target, 0.5)", ""),
    "mala": ("S.mala(target, 0.3)", f"blackjax.mala({TARGET}, 0.3)"),
    "hmc": ("S.hmc(target, 0.3, 5)", f"blackjax.hmc({TARGET}, 0.3, jnp.ones(2), 5)"),
    "nuts": ("S.nuts(target, 0.3)", f"blackjax.nuts({TARGET}, 0.3, jnp.ones(2))"),
    "zig_zag": ("S.zig_zag(target, 1.0)", ""),
    "bouncy_particle": ("S.bouncy_particle(target, 1.0)", ""),
    "boomerang": ("S.boomerang(target, 1.0, jnp.zeros(2), 2 * jnp.ones(2))", ""),
}
TANH = """
from asymptopia.laws import OnlineSGD
from asymptopia.parts.activation import Tanh
OnlineSGD(activation=Tanh()).limit()
"""
DIAGRAM = """
import numpy as np
from asymptopia import parse, sweep
law = parse("BayesOptimal(prior=GaussBernoulli(), channel=Abs())")
priors = tuple(law.prior.replace(rho=float(x)) for x in np.linspace(0.1, 0.9, {}))
sweep(law, alpha=tuple(np.linspace(0.2, 1.2, {})), prior=priors).limit()
"""


def spent(arguments: list[str]) -> float:
    """CPU seconds of a process of Python that finds no compiled program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": "", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    given = options(__doc__, grid=(50, 4))
    row("from asymptopia.laws import ERM", spent(["-c", "from asymptopia.laws import ERM"]))
    row("asymptopia list", spent(["-m", "asymptopia", "list"]))
    for name, (ours, peer) in pick(SAMPLERS, {"mala": SAMPLERS["mala"]}).items():
        theirs = spent(["-c", PEER.format(peer)]) if peer else None
        row(f"first draws, {name}", spent(["-c", DRAWS.format(ours)]), theirs, "blackjax" if peer else "")
    row("online SGD, tanh units", spent(["-c", TANH]))
    row(f"sparse phase retrieval, {given.grid} x {given.grid}", spent(["-c", DIAGRAM.format(given.grid, given.grid)]))


if __name__ == "__main__":
    main()
