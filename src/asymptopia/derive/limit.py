"""The limit of a program: several runs over independent nets, after it was made sure that there is a limit."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Hashable
from typing import Any

import numpy as np
from scipy import special

from ..contract.record import NoLimit
from .context import Context, Settings
from .draws import NarrowNet
from .growth import check_errors, check_fluctuations, check_growth, check_maxima, powers
from .interpreter import Interpreter
from .layout import layouts
from .refusal import Line, innermost, lines_of, refusal
from .trace import LESS_LARGE, Program, Trace, equations, traces, wide_axes

NETS = 8
Lazy = frozenset[Hashable]
PRECISION = 5e-4
_FEW, _MANY = 4096, 65536
_MOST_WORK = 4e9
_PROBE, _FINE = 64, 1024
_MOST_COLUMNS, _FEW_COLUMNS = 2048, 256
_PER_RUN = 256


@dataclasses.dataclass(frozen=True)
class Runs:
    """The outputs of all runs, by name: arrays with the runs first; and how many runs share a net of numbers."""

    values: dict[str, np.ndarray]
    groups: int

    def limit(self) -> dict[str, np.ndarray]:
        """The mean over runs of each output, and `<name>_error`, its standard error.

        A deviation over an error that is estimated from few nets has Student's law; the error is wider by its standard
        deviation, or where that is infinite by its quantile, so that deviations in units of it have variance one.
        """
        out: dict[str, np.ndarray] = {}
        freedom = self.groups - 1
        factor = np.sqrt(freedom / (freedom - 2)) if freedom > 2 else special.stdtrit(freedom, 0.84134)
        for name, rows in self.values.items():
            groups = rows.reshape(self.groups, -1, *rows.shape[1:]).mean(axis=1)
            out[name] = groups.mean(axis=0)
            out[f"{name}_error"] = factor * groups.std(axis=0, ddof=1) / np.sqrt(self.groups)
        return out


def derive_limit(program: Program, points: int | None = None, nets: int = NETS, seed: int = 0) -> dict[str, np.ndarray]:
    """The outputs of `program(n, key)` as n grows, and `<name>_error` of each; see `asymptopia.derive`.

    points: of each population of a wide axis. By default 4096, and four times as many as long as an output has an
            error above 5e-4 of the larger of 1 and its value, and the work is bearable.
    nets:   how many independent nets give the error; `seed` is theirs.

    Raises `NoLimit` where there is no limit, or none can be derived.
    """
    smaller, larger = traces(program)
    probe = _probe(smaller, larger)
    number = points or _FEW
    limits = _solve(larger, probe, number, nets, seed)
    while points is None and not _precise(limits) and number < _MANY and probe.work(4 * number) * nets < _MOST_WORK:
        number *= 4
        limits = _solve(larger, probe, number, nets, seed)
    check_errors(limits)
    return limits


def derive_exponents(program: Program) -> dict[str, float]:
    """The power of n with which each output of `program(n, key)` grows; see `asymptopia.derive`."""
    pair = traces(program, LESS_LARGE)
    narrow = NarrowNet(2, 1, 1, 8)

    def run(points: int, used: dict[int, int] | None = None, **how: Any) -> tuple[list[dict[str, np.ndarray]], Context]:
        both = []
        for trace in pair:
            where = layouts(trace.closed.jaxpr, points)
            both.append(_run(trace, Settings(where, (1,), 0, narrow, used or {}, probing=used is None, **how)))
        return [outputs for outputs, _ in both], both[0][1]

    few, many = _nets(pair[0])
    coarse, ctx = run(few)
    fine, beside = run(many)
    runs = [coarse, fine, run(many, beside.space.used(), fluctuating=1 << 30)[0]]
    if ctx.maxima:
        runs.append(run(few, shift=0.37)[0])
    return powers(runs, pair[1].n / pair[0].n)


def _nets(trace: Trace) -> tuple[int, int]:
    """How many points a coarse and a fine net have, by the columns of the largest array with one wide axis."""
    made = [(e, getattr(v.aval, "shape", ())) for e, _ in equations(trace.closed.jaxpr) for v in e.outvars]
    shapes = [shape for _, shape in made]
    squared = any(e.primitive.name in ("square", "integer_pow") and len(wide_axes(s)) == 2 for e, s in made)
    most = _FEW_COLUMNS if squared else _MOST_COLUMNS  # the rank of a gradient is squared with it, as in Adam
    columns = max((math.prod(s) // s[wide_axes(s)[0]] for s in shapes if len(wide_axes(s)) == 1), default=1)
    if columns > most:
        raise refusal(
            f"cannot derive in bounded time: an array has {columns} numbers, samples times positions, for each unit of "
            f"a wide layer, and at most {most} are followed. Exponents do not depend on them: take fewer.",
            None,
        )
    return (128, 512) if columns <= _FEW_COLUMNS else (64, 128)


@dataclasses.dataclass(frozen=True)
class Probe:
    """What small runs tell of a program, by which the points of the large ones are chosen.

    lazy:    the keys of draws whose readouts move by order one while they move by order 1 / sqrt(n).
    drew:    whether the limit depends on numbers drawn without a wide axis, so that there must be many runs.
    columns: how many columns of the net each population takes; steps: how many equations a run goes through.
    """

    lazy: Lazy
    drew: bool
    columns: dict[int, int]
    steps: int

    def work(self, points: int) -> float:
        """The operations of one net with so many points, roughly."""
        runs, points = (max(1, points // _PER_RUN), min(points, _PER_RUN)) if self.drew else (1, points)
        return runs * (4000.0 * self.steps + points * (4.0 * self.steps + sum(c**2 for c in self.columns.values())))


def _precise(limits: dict[str, np.ndarray]) -> bool:
    errors = [
        (k, np.asarray(v)) for k, v in limits.items() if k.endswith("_error") and k.removesuffix("_error") in limits
    ]
    return all(np.all(e <= PRECISION * np.maximum(1, np.abs(limits[k.removesuffix("_error")]))) for k, e in errors)


def _solve(trace: Trace, probe: Probe, points: int, nets: int, seed: int) -> dict[str, np.ndarray]:
    per = max(1, points // _PER_RUN) if probe.drew else 1
    narrow = NarrowNet(nets * per, nets, seed, probe.columns.get(-1, 8))
    where = layouts(trace.closed.jaxpr, min(points, _PER_RUN) if probe.drew else points)
    values: dict[str, list[np.ndarray]] = {}
    for run in range(nets * per):
        settings = Settings(where, (seed, run), run, narrow, probe.columns, quiet=not probe.drew, lazy=probe.lazy)
        for name, value in _run(trace, settings)[0].items():
            values.setdefault(name, []).append(value)
    return Runs({k: np.stack(v) for k, v in values.items()}, nets).limit()


def _probe(first: Trace, second: Trace) -> Probe:
    """What small runs tell. Where readouts of order one stand in the way of a limit, they are tried as lazy ones."""
    readouts: set[Hashable] = set()
    try:
        return _probed(first, second, frozenset(), readouts)
    except NoLimit as plain:
        if not readouts:
            raise
        try:
            return _probed(first, second, frozenset(readouts), set())
        except NoLimit:
            raise plain from None


def _probed(first: Trace, second: Trace, lazy: Lazy, readouts: set[Hashable]) -> Probe:
    """Two small runs at different sizes, which have to agree; the readouts of the second one are added."""
    narrow = NarrowNet(2, 1, 1, 8)
    records: list[list[Any]] = [[], []]
    outputs, contexts = [], []
    for trace, record in zip((first, second), records, strict=True):
        settings = Settings(layouts(trace.closed.jaxpr, _PROBE), (1,), 0, narrow, lazy=lazy, probing=True)
        values, ctx = _run(trace, settings, record)
        outputs.append(values)
        contexts.append(ctx)
    readouts |= {known.root[0] for known in contexts[1].readouts.values()}
    check_growth(outputs, records, second.n / first.n, bool(contexts[0].readouts), _makers(second))
    if contexts[0].maxima:
        settings = Settings(layouts(first.closed.jaxpr, _PROBE), (1,), 0, narrow, shift=0.37, lazy=lazy, probing=True)
        check_maxima(outputs[0], _run(first, settings)[0], contexts[0].maxima)

    def fluctuating(count: int, trial: int) -> tuple[dict[str, np.ndarray], Line | None]:
        where = layouts(second.closed.jaxpr, _FINE)
        settings = Settings(where, (1,), 0, narrow, used, fluctuating=count, trial=trial, lazy=lazy)
        values, ctx = _run(second, settings)
        if not count:
            fine.append(ctx)
        return values, innermost([lines_of(e) for e in ctx.summed])

    used, fine = contexts[0].space.used(), list[Context]()
    check_fluctuations(fluctuating)
    used = {k: max(v, used.get(k, 0)) for k, v in fine[0].space.used().items()}  # loops end later on a finer net
    drew = contexts[0].drew
    if contexts[0].readouts and not drew:
        settings = Settings(layouts(second.closed.jaxpr, _PROBE), (1,), 1, narrow, lazy=lazy, probing=True)
        drew = _differ(outputs[1], _run(second, settings)[0])
    drawn = sum(net.taken for net in narrow.nets)
    return Probe(lazy, drew, used | ({-1: drawn} if drawn else {}), fine[0].steps)


def _makers(trace: Trace) -> dict[str, Line | None]:
    """The user's line of the equation that makes each output."""
    import jax

    lines = {v: lines_of(e) for e in trace.closed.jaxpr.eqns for v in e.outvars}
    made = [None if hasattr(v, "val") else innermost([lines.get(v, [])]) for v in trace.closed.jaxpr.outvars]
    places = jax.tree.unflatten(jax.tree.structure(trace.tree), range(len(made)))
    return {name: made[place] for name, place in places.items()}


def _differ(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    """Whether two runs that differ in the numbers of readouts alone have other outputs."""
    return any(np.any(np.abs(a[k] - b[k]) > 1e-3 * np.maximum(1, np.abs(a[k]))) for k in a)


def _run(trace: Trace, settings: Settings, record: list[Any] | None = None) -> tuple[dict[str, np.ndarray], Context]:
    import jax

    ctx = Context(settings)
    jaxpr, consts = trace.closed.jaxpr, trace.closed.consts
    leaves, tree = jax.tree.flatten(trace.tree)
    for leaf in leaves:
        if wide_axes(leaf.shape):
            raise refusal("the program returns an array with a wide axis; return averages over it.", None)
        if leaf.dtype.kind == "c":
            raise refusal("the program returns complex numbers; return their real and imaginary parts.", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)  # a rule that would drop an imaginary part refuses
        outputs = Interpreter(ctx, record).run(jaxpr, consts, [jax.random.key(0)])
    values = jax.tree.unflatten(tree, [np.asarray(v, float) for v in outputs])
    return {k: np.asarray(v) for k, v in values.items()}, ctx
