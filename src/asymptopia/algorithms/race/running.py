"""The race: every optimiser runs from the same starts until its budget is spent."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

from ...contract.record import StatementError, nearest
from ...numerics.arrays import ArrayLike, Key, PyTree
from ..optimisers import Solver, from_optax
from ..optimisers.interface import check_positive
from .entrants import ENTRANTS, Optimiser, Tuned
from .tasks import Task

if TYPE_CHECKING:
    from jaxtyping import Float

TUNING = 2**30  # the seeds on which rates are chosen begin here
FARTHER = 4  # rates by which a grid is continued at most
FIRST = 2.0  # the first point of every curve, in gradients


@dataclasses.dataclass(frozen=True)
class Budget:
    """The budget of each optimiser and seed: gradients of the full objective, and CPU seconds.

    points: of each curve, evenly spaced in the logarithm.
    """

    gradients: float = 200.0
    seconds: float = 0.5
    points: int = 24

    def __post_init__(self) -> None:
        check_positive("seconds", self.seconds)
        check_positive("gradients", self.gradients)
        if self.gradients <= FIRST:
            raise StatementError(f"`gradients` must be more than {FIRST:g}, but is {self.gradients}.")
        if isinstance(self.points, bool) or self.points != int(self.points) or self.points < 2:
            raise StatementError(f"`points` must be a whole number >= 2, but is {self.points}.")

    def spent_gradients(self) -> Float[np.ndarray, " points"]:
        """The gradients at which the curves are evaluated, (points,)."""
        return np.geomspace(FIRST, self.gradients, self.points)

    def spent_seconds(self) -> Float[np.ndarray, " points"]:
        """The seconds at which the curves are evaluated, (points,)."""
        return np.geomspace(self.seconds / 100, self.seconds, self.points)


class Trail(NamedTuple):
    """The record of one run: spent gradients and seconds, loss and accuracy at each look."""

    gradients: Float[np.ndarray, " looks"]
    seconds: Float[np.ndarray, " looks"]
    loss: Float[np.ndarray, " looks"]
    accuracy: Float[np.ndarray, " looks"]


class Runner(NamedTuple):
    """A compiled optimiser: `start(seed, rate)` begins a run, `go(carry, key, rate, until)` continues it.

    `look(parameters)` is the loss and the accuracy.
    """

    start: Callable[[int, float], Any]
    go: Callable[..., Any]
    look: Callable[[Any], Any]
    seconds: float


def race(
    task: Task,
    optimisers: Sequence[str] | Mapping[str, str | Optimiser | Tuned] = tuple(ENTRANTS),
    budget: Budget = Budget(),
    seeds: int | Sequence[int] = 7,
    tuning_seeds: int = 3,
) -> xr.Dataset:
    """Losses and accuracies of all optimisers, along gradients and along seconds.

    optimisers: names of `ENTRANTS`, or optimisers of your own by name, functions of the task or `Tuned`.
    seeds:      a number, or which; a seed is a start, the same for all, and the randomness of the optimiser.

    Each runs until both parts of the budget are spent, in one compiled loop that is left for each look; looks, and
    compilation, are not in its seconds, which are CPU seconds of this process. A point of a curve is what the optimiser
    had reached when its next step would have cost more than that point has. Of `Tuned` optimisers the rate
    with the least median loss at the end is taken, one for the gradients and one for the seconds, on seeds apart from
    those raced. What diverges has from there on the loss inf and the accuracy 0.

    The Dataset has `loss` and `accuracy` over (optimiser, seed, gradient_equivalents), `loss_in_time` and
    `accuracy_in_time` over (optimiser, seed, seconds), and for each optimiser `rate` and `rate_in_time` (nan without
    one), `compilation` in seconds and the number of seeds that `diverged` along the gradients. Raises `StatementError`
    for unknown names, seeds below 0 or repeated, and an optimiser whose steps cost nothing.

    task: the network, its samples and its test set. tuning_seeds: how many seeds choose the rate of a `Tuned`
    optimiser.
    """
    entrants = _entrants(optimisers)
    numbers = _seeds("seeds", seeds)
    _seeds("tuning_seeds", tuning_seeds)
    look = jax.jit(lambda p: (task.objective(p), task.accuracy(p)))
    rows = []
    for name, entrant in entrants.items():
        runner = _compiled(name, task, entrant, look)
        rates = (math.nan, math.nan)
        if isinstance(entrant, Tuned):
            rates = _tuned(runner, name, task, entrant, budget, tuning_seeds)
        trails = {rate: [_run(runner, name, task, seed, rate, budget) for seed in numbers] for rate in set(rates)}
        rows.append((tuple(trails[rate] for rate in rates), rates, runner.seconds))
    return _labelled(task, list(entrants), numbers, budget, rows)


def summary(records: xr.Dataset) -> list[dict[str, Any]]:
    """One row for each optimiser, best first: medians and quartiles of the loss at the end of the gradients.

    records: the Dataset that `race` returns.
    """
    rows = []
    for name in records["optimiser"].values:
        here = records.sel(optimiser=name)
        row: dict[str, Any] = {"optimiser": str(name)} | {k: float(here[k]) for k in ("rate", "rate_in_time")}
        for key in ("loss", "accuracy", "loss_in_time", "accuracy_in_time"):
            end = here[key].isel({here[key].dims[-1]: -1}).values
            row[key] = tuple(_quantile(end, q) for q in (0.5, 0.25, 0.75))
        rows.append(row | {"compilation": float(here["compilation"]), "diverged": int(here["diverged"])})
    return sorted(rows, key=lambda r: r["loss"][0])


def _quantile(values: Float[np.ndarray, " n"], q: float) -> float:
    """A quantile by linear interpolation; infinite where one of the two values around it is."""
    at = q * (len(values) - 1)
    low, high = np.sort(values)[[math.floor(at), math.ceil(at)]]
    return float(
        low if low == high or (not np.isfinite(high) and at == math.floor(at)) else low + (high - low) * (at % 1)
    )


def _entrants(optimisers: Any) -> dict[str, Optimiser | Tuned]:
    given = {name: name for name in optimisers} if not isinstance(optimisers, Mapping) else dict(optimisers)
    if isinstance(optimisers, str) or not given:
        raise StatementError(f"`optimisers` must be one or more names, or a dict, but is {optimisers!r}.")
    entrants = {}
    for name, entrant in given.items():
        if isinstance(entrant, str):
            if entrant not in ENTRANTS:
                raise StatementError(f"There is no optimiser {entrant!r}.{nearest(entrant, ENTRANTS)}")
            entrant = ENTRANTS[entrant]
        if not (callable(entrant) or isinstance(entrant, Tuned)):
            raise StatementError(f"The optimiser {name!r} must be a function of a task or `Tuned`, but is {entrant!r}.")
        entrants[name] = entrant
    return entrants


def _seeds(name: str, seeds: int | Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not numbers or len(set(numbers)) < len(numbers) or any(s != int(s) or not 0 <= s < TUNING for s in numbers):
        raise StatementError(f"`{name}` must be one or more different whole numbers >= 0, but is {seeds}.")
    return tuple(map(int, numbers))


def _compiled(name: str, task: Task, entrant: Any, look: Any) -> Runner:
    """The optimiser's loop, compiled, and the CPU seconds that this took."""

    def solver(key: Key, rate: ArrayLike) -> Solver:
        own = dataclasses.replace(task, key=key)
        made = entrant.family(own, rate) if isinstance(entrant, Tuned) else entrant(own)
        if isinstance(made, optax.GradientTransformation):
            return from_optax(made, own.objective)
        if not isinstance(made, Solver):
            raise StatementError(
                f"The optimiser {name!r} must return a Solver or an optax transformation, but returned {made!r}."
            )
        return made

    kind = task.X.dtype

    def start(seed: int, rate: float) -> Any:
        parameters = task.start(seed)
        state = solver(jax.random.fold_in(jax.random.key(seed), 1), rate).init(parameters)
        spent = jnp.zeros((), float)
        return state, parameters, spent, spent, spent + 1, spent

    def go(carry: PyTree, key: Key, rate: ArrayLike, until: ArrayLike) -> Any:
        method = solver(key, rate)

        def going(carry: PyTree) -> Any:
            _, _, spent, _, work, value = carry
            return (spent < until) & (work > 0) & jnp.isfinite(value)

        def step(carry: PyTree) -> Any:
            state, _, spent, *_ = carry
            after, told = method.step(state)
            work = jnp.asarray(told.work, float)
            return after, state.parameters, spent + work, spent, work, jnp.asarray(told.value, float)

        return jax.lax.while_loop(going, step, carry)

    begun = time.process_time()
    arguments = start(TUNING, 0.1), jax.random.key(0), jnp.ones((), kind), jnp.ones((), float)
    compiled = jax.jit(go).lower(*arguments).compile()
    return Runner(start, compiled, look, time.process_time() - begun)


def _run(runner: Runner, name: str, task: Task, seed: int, rate: float, budget: Budget) -> Trail:
    """One run, looked at along the gradients of the budget and on, as densely, until the seconds are spent."""
    key, kind = jax.random.fold_in(jax.random.key(seed), 1), task.X.dtype
    carry, number = runner.start(seed, rate), jnp.asarray(rate, kind)
    grid = list(budget.spent_gradients())
    growth, seconds = grid[1] / grid[0], 0.0
    rows = [(0.0, 0.0, *runner.look(carry[1]))]
    while len(rows) <= len(grid):
        until = jnp.asarray(grid[len(rows) - 1] * (1 - 1e-5), float)
        begun = time.process_time()
        carry = runner.go(carry, key, number, until)
        carry[2].block_until_ready()
        seconds += time.process_time() - begun
        state, before, spent, _, work, value = carry
        if not work > 0:
            raise StatementError(f"A step of the optimiser {name!r} must cost more than 0, but costs {float(work)}.")
        within = float(spent) <= grid[len(rows) - 1] * (1 + 1e-5)
        rows.append((grid[len(rows) - 1], seconds, *runner.look(state.parameters if within else before)))
        if not (np.isfinite(value) and np.isfinite(rows[-1][2])):
            break
        if len(rows) > len(grid) and seconds < budget.seconds:
            grid.append(grid[-1] * growth)
    columns = np.array(rows, float).T
    lost = ~np.isfinite(columns[2])
    if not np.isfinite(value):
        lost[-1] = True
    columns[2, lost], columns[3, lost] = np.inf, 0.0
    return Trail(*columns)


def _tuned(runner: Runner, name: str, task: Task, entrant: Tuned, budget: Budget, count: int) -> tuple[float, float]:
    """The rates with the least median losses at the end of the gradients and of the seconds.

    While a best rate is at an end of its grid, the grid is continued there, by at most `FARTHER` rates.
    """
    known = cache(lambda rate: _ends(runner, name, task, rate, budget, count))

    def best(among: list[float], end: int) -> float:
        return min(among, key=lambda rate: known(rate)[end])

    def grown(end: int) -> list[float]:
        rates = sorted(entrant.rates)
        for _ in range(FARTHER if len(rates) > 1 else 0):
            if best(rates, end) == rates[-1]:
                rates.append(_rounded(rates[-1] ** 2 / rates[-2]))
            elif best(rates, end) == rates[0]:
                rates.insert(0, _rounded(rates[0] ** 2 / rates[1]))
        return rates

    return best(grown(0), 0), best(grown(1), 1)


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")


def _ends(runner: Runner, name: str, task: Task, rate: float, budget: Budget, count: int) -> list[float]:
    """Median losses at the end of the gradients and of the seconds, over tuning seeds."""
    trails = [_run(runner, name, task, TUNING + s, rate, budget) for s in range(count)]
    curves = [[_curve(t, budget, dim)[0][-1] for t in trails] for dim in ("gradients", "seconds")]
    return [_quantile(np.array(c), 0.5) for c in curves]


def _curve(trail: Trail, budget: Budget, dim: str) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Loss and accuracy at the last look within each point of the budget."""
    grid = budget.spent_gradients() if dim == "gradients" else budget.spent_seconds()
    last = np.searchsorted(getattr(trail, dim), grid * (1 + 1e-9), side="right") - 1
    return trail.loss[last], trail.accuracy[last]


def _labelled(task: Task, names: list[str], seeds: tuple[int, ...], budget: Budget, rows: Any) -> xr.Dataset:
    data: dict[str, Any] = {}
    for k, (dim, axis, end) in enumerate(
        (("gradients", "gradient_equivalents", ""), ("seconds", "seconds", "_in_time"))
    ):
        curves = np.array([[_curve(t, budget, dim) for t in trails[k]] for trails, *_ in rows])
        data["loss" + end] = (("optimiser", "seed", axis), curves[:, :, 0])
        data["accuracy" + end] = (("optimiser", "seed", axis), curves[:, :, 1])
        data["rate" + end] = ("optimiser", [rates[k] for _, rates, _ in rows])
    lost = [sum(not np.isfinite(t.loss[-1]) for t in trails[0]) for trails, *_ in rows]
    data |= {
        "compilation": ("optimiser", [seconds for *_, seconds in rows], {"units": "s"}),
        "diverged": ("optimiser", lost),
    }
    coords = {
        "optimiser": names,
        "seed": list(seeds),
        "gradient_equivalents": budget.spent_gradients(),
        "seconds": ("seconds", budget.spent_seconds(), {"units": "s"}),
    }
    return xr.Dataset(data, coords, attrs={"task": task.name, "network": str(task.network)})
