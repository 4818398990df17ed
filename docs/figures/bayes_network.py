"""Sample the posterior of a two-layer network on the digits by several samplers, and draw what can be trusted of it.

`python docs/figures/bayes_network.py` takes two to three minutes on one core. The network tells odd from even digits;
everything looked at is the same for every labelling of the hidden units: log-likelihoods and predicted probabilities.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

import asymptopia  # noqa: F401  (double precision, before JAX is imported)
from asymptopia.algorithms.samplers import (
    bouncy_particle,
    hmc,
    infinite_swapping,
    mala,
    minibatch,
    nuts,
    random_walk,
    run,
    sgld,
)
from asymptopia.algorithms.samplers.diagnostics import effective_sample_size, r_hat
from asymptopia.parts.data import Bundled

IMAGE = Path(__file__).parents[1] / "images" / "bayes_network.png"
HIDDEN, TRAIN, TEST, CHAINS, GRADIENTS, BATCH = 8, 300, 400, 4, 12_000, 30
TEMPERATURES = (1.0, 1.3, 1.7, 2.2)
TRUSTED = 1.05


@dataclass(frozen=True)
class Method:
    """A sampler of a given step, the acceptance at which it is run (None: the step itself), gradients of a step."""

    name: str
    make: Callable[[Any], Any]
    aim: float | None
    cost: float
    step: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What a sampler has given: traces (chain, draw), probabilities, and the price."""

    name: str
    traces: np.ndarray
    train: np.ndarray
    probability: np.ndarray
    gradients: float
    seconds: float
    acceptance: float

    @property
    def ess(self) -> float:
        """The least effective sample size of the two log-likelihoods."""
        return float(min(effective_sample_size(self.traces), effective_sample_size(self.train)))

    @property
    def r_hat(self) -> float:
        """The largest R-hat of the two log-likelihoods."""
        return float(max(r_hat(self.traces), r_hat(self.train)))


def split() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Images and labels to learn from, and others."""
    found = Bundled(name="digits").samples()
    order = np.random.default_rng(0).permutation(len(found.y))
    first, second = order[:TRAIN], order[TRAIN : TRAIN + TEST]
    return (jnp.asarray(found.X[first]), jnp.asarray(found.y[first])), (
        jnp.asarray(found.X[second]),
        jnp.asarray(found.y[second]),
    )


LEARNT, HELD = split()
INPUTS = LEARNT[0].shape[1]
SHAPES = dict(a=(INPUTS, HIDDEN), b=(HIDDEN,), c=(HIDDEN,), d=())
FLAT, BACK = ravel_pytree({k: jnp.zeros(s) for k, s in SHAPES.items()})


def logits(w: Any, X: Any) -> Any:
    """The network, with standard normal weights of all layers, scaled by their numbers of inputs."""
    p = BACK(w)
    return jnp.tanh(X @ p["a"] * 2 / INPUTS**0.5 + p["b"]) @ p["c"] * 3 / HIDDEN**0.5 + p["d"]


def log_prior(w: Any) -> Any:
    return -jnp.sum(w**2) / 2


def log_likelihood(w: Any, data: Any) -> Any:
    return jax.nn.log_sigmoid(data[1] * logits(w, data[0]))


def log_posterior(w: Any) -> Any:
    return log_prior(w) + jnp.sum(log_likelihood(w, LEARNT))


def observed(state: Any, info: Any) -> tuple[Any, ...]:
    """Mean log-likelihood of held-out and of learnt samples, probabilities of the held-out labels, price, rate."""
    held = log_likelihood(state.position, HELD)
    price = getattr(info, "num_integration_steps", 1) if not hasattr(info, "windows") else 6 * info.windows
    rate = jnp.mean(getattr(info, "acceptance_rate", jnp.ones(())))
    return jnp.mean(held), jnp.mean(log_likelihood(state.position, LEARNT)), jnp.exp(held), price * 1.0, rate


def methods() -> list[Method]:
    estimate = minibatch(log_prior, lambda w, one: log_likelihood(w, (one[0][None], one[1]))[0], LEARNT, BATCH)
    swapping = partial(infinite_swapping, log_posterior, temperatures=TEMPERATURES)
    return [
        Method("random walk", lambda h: random_walk(log_posterior, h), 0.234, 1),
        Method("MALA", lambda h: mala(log_posterior, h), 0.574, 1),
        Method("HMC", lambda h: hmc(log_posterior, h, 20), 0.8, 20),
        Method("NUTS", lambda h: nuts(log_posterior, h), 0.8, 40),
        Method("SGLD", lambda h: sgld(estimate, h, logdensity=log_posterior), None, 0.1, 2e-4),
        Method("bouncy particle", lambda h: bouncy_particle(log_posterior, h), None, 40, 0.5),
        Method(
            "infinite swapping",
            lambda h: swapping(kernel=lambda target, T: mala(target, h * T)),
            0.574,
            len(TEMPERATURES),
        ),
    ]


def starts() -> Any:
    """One optimum for each chain, each from its own random weights."""
    solver = optax.adam(0.02)

    @jax.jit
    def descend(w: Any) -> Any:
        def one(carry: Any, _: Any) -> Any:
            w, state = carry
            change, state = solver.update(-jax.grad(log_posterior)(w), state)
            return (optax.apply_updates(w, change), state), None

        return jax.lax.scan(one, (w, solver.init(w)), None, 500)[0][0]

    return jax.vmap(descend)(jax.random.normal(jax.random.key(1), (CHAINS, FLAT.size)))


def tuned(method: Method, begin: Any) -> float:
    """The step at which the acceptance is the one aimed at, by bisection of its logarithm."""
    if method.aim is None:
        return method.step

    @jax.jit
    def acceptance(h: Any, key: Any) -> Any:
        sampler = method.make(h)

        def chain(key: Any, w: Any) -> Any:
            def one(state: Any, k: Any) -> Any:
                state, info = sampler.step(k, state)
                return state, jnp.mean(info.acceptance_rate)

            return jnp.mean(jax.lax.scan(one, sampler.init(w), jax.random.split(key, 60))[1][20:])

        return jnp.mean(jax.vmap(chain)(jax.random.split(key, CHAINS), begin))

    low, high = np.log(1e-4), np.log(0.5)
    for i in range(9):
        middle = (low + high) / 2
        enough = acceptance(np.exp(middle), jax.random.key(i)) > method.aim
        low, high = (middle, high) if enough else (low, middle)
    return float(np.exp((low + high) / 2))


def sampled(method: Method, begin: Any) -> Outcome:
    """A run of `GRADIENTS` gradients in each chain, of which the first quarter is left out."""
    sampler = method.make(tuned(method, begin))
    steps = int(GRADIENTS / max(method.cost, 1.0))
    run(jax.random.key(2), sampler, begin, steps, keep=observed)  # compiled and warm
    before = time.process_time()
    held, train, probability, price, rate = run(jax.random.key(3), sampler, begin, steps, keep=observed).draws
    seconds = time.process_time() - before
    kept = slice(steps // 4, None)
    scale = method.cost if np.asarray(price).max() <= 1 else 1.0
    return Outcome(
        method.name,
        np.asarray(held)[:, kept],
        np.asarray(train)[:, kept],
        np.asarray(probability)[:, kept].mean(axis=(0, 1)),
        0.75 * float(np.asarray(price).sum()) * scale,
        0.75 * seconds,
        float(np.asarray(rate).mean()),
    )


def calibration(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted and found shares of odd digits in tenths of the predicted probability, and the error of the latter."""
    odd = np.asarray(HELD[1]) > 0
    p = np.where(odd, probability, 1 - probability)
    cells = np.minimum((5 * p).astype(int), 4)
    rows = [(p[cells == k], odd[cells == k]) for k in range(5) if (cells == k).sum() > 4]
    error = [np.sqrt((a * (1 - a)).sum()) / len(a) for a, _ in rows]
    return np.array([a.mean() for a, _ in rows]), np.array([b.mean() for _, b in rows]), np.array(error)


def draw(found: list[Outcome], point: np.ndarray) -> None:
    """Traces above; calibration and prices below."""
    figure = plt.figure(figsize=(12, 7.2), layout="constrained")
    rows = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    low = min(np.quantile(o.traces, 0.002) for o in found if o.r_hat < 1.5) - 0.02
    high = max(o.traces.max() for o in found) + 0.01
    for axes, o in zip(rows[0].subplots(1, len(found), sharey=True), found, strict=True):
        x = np.linspace(0.25, 1, o.traces.shape[1])
        for chain in o.traces:
            axes.plot(x[:: max(1, len(x) // 600)], chain[:: max(1, len(x) // 600)], lw=0.6)
        trusted = o.r_hat < TRUSTED
        axes.set_title(f"{o.name}\nR-hat {o.r_hat:.2f}", fontsize=9, color="black" if trusted else "firebrick")
        axes.set(ylim=(low, high), xlabel="share of the run")
        axes.title.set_fontsize(8)
    rows[0].axes[0].set_ylabel("held-out log-likelihood")
    left, middle, right = rows[1].subplots(1, 3, width_ratios=(1, 1, 1))
    best = min(found, key=lambda o: o.r_hat)
    for name, p, marker in ((f"posterior ({best.name})", best.probability, "o"), ("one optimum", point, "s")):
        predicted, share, error = calibration(p)
        left.errorbar(predicted, share, error, marker=marker, capsize=2, label=f"{name}: {np.log(p).mean():.3f}")
    left.plot([0, 1], [0, 1], color="grey", lw=0.8, zorder=0)
    left.set(xlabel="predicted probability of odd", ylabel="share of odd digits")
    left.legend(fontsize=8, title="mean log predictive density", title_fontsize=8)
    place = np.arange(len(found))[::-1]
    for axes, values, label in (
        (middle, [1000 * o.ess / o.gradients for o in found], "ESS per 1000 gradients"),
        (right, [o.ess / o.seconds for o in found], "ESS per second of processor"),
    ):
        colours = ["C0" if o.r_hat < TRUSTED else "lightgrey" for o in found]
        axes.barh(place, values, color=colours)
        axes.set_yticks(place, [o.name for o in found] if axes is middle else [""] * len(found))
        axes.set(xscale="log", xlabel=label)
        for y, v, o in zip(place, values, found, strict=True):
            axes.text(
                v, y, f" {v:.3g}" + ("" if o.r_hat < TRUSTED else " (not to be trusted)"), va="center", fontsize=8
            )
        axes.set_xlim(min(values) / 2, max(values) * 12)
    figure.savefig(IMAGE, dpi=130)


def main() -> None:
    """Run every sampler, print the table, draw."""
    begin = starts()
    point = np.exp(np.asarray(log_likelihood(begin[0], HELD)))
    found = []
    print(f"{'sampler':28}{'accept':>8}{'R-hat':>8}{'ESS':>8}{'/1000 grad':>12}{'/second':>9}{'held-out':>10}")
    for method in methods():
        o = sampled(method, begin)
        found.append(o)
        print(
            f"{o.name:28}{o.acceptance:8.2f}{o.r_hat:8.3f}{o.ess:8.0f}{1000 * o.ess / o.gradients:12.2f}"
            f"{o.ess / o.seconds:9.2f}{np.log(o.probability).mean():10.4f}",
            flush=True,
        )
    print(f"one optimum: {np.log(point).mean():.4f}")
    draw(found, point)
    print(IMAGE)


if __name__ == "__main__":
    main()
