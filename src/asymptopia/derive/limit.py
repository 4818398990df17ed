"""The limit of a program: several runs over independent nets, after it was made sure that there is a limit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy import stats

from .context import Context, Settings
from .draws import NarrowNet
from .growth import check_growth, check_maxima
from .interpreter import Interpreter
from .layout import layouts
from .refusal import refusal
from .trace import Program, Trace, traces, wide_axes

POINTS = 4096
NETS = 8
_PROBE = 64
_RUNS = 16


@dataclasses.dataclass(frozen=True)
class Found:
    """The outputs of all runs, by name: arrays with the runs first; and how many runs share a net of numbers."""

    values: dict[str, np.ndarray]
    groups: int

    def limit(self) -> dict[str, np.ndarray]:
        """The mean over runs of each output, and `<name>_error`, its standard error."""
        out: dict[str, np.ndarray] = {}
        factor = stats.t.ppf(0.84134, self.groups - 1)
        for name, rows in self.values.items():
            groups = rows.reshape(self.groups, -1, *rows.shape[1:]).mean(axis=1)
            out[name] = groups.mean(axis=0)
            out[f"{name}_error"] = factor * groups.std(axis=0, ddof=1) / np.sqrt(self.groups)
        return out


def derive_limit(program: Program, points: int = POINTS, nets: int = NETS, seed: int = 0) -> dict[str, np.ndarray]:
    """The outputs of `program(n, key)` as n grows, and `<name>_error` of each.

    points: how many stand for the coordinates of each wide axis, a power of two.
    nets:   how many independent nets of points give the error.

    Raises `NoLimit`, with the line of the program, where there is no limit or none can be derived.
    """
    first, second = traces(program)
    drew, used = _probe(first, second)
    per = _RUNS if drew else 1
    size = max(256, points // _RUNS) if drew else points
    narrow = NarrowNet(nets * per, nets, seed, used.pop(-1, 8))
    found: dict[str, list[np.ndarray]] = {}
    where = layouts(first.closed.jaxpr, size)
    for run in range(nets * per):
        settings = Settings(where, (seed, run), run, narrow, used)
        for name, value in _run(first, settings)[0].items():
            found.setdefault(name, []).append(value)
    rows = {k: np.stack(v) for k, v in found.items()}
    return Found(rows, nets).limit()


def _probe(first: Trace, second: Trace) -> tuple[bool, dict[int, int]]:
    """Two small runs at different sizes, which have to agree; whether numbers are drawn, and how many columns."""
    narrow = NarrowNet(2, 1, 1, 8)
    records: list[list[Any]] = [[], []]
    outputs, contexts = [], []
    for trace, record in zip((first, second), records, strict=True):
        settings = Settings(layouts(trace.closed.jaxpr, _PROBE), (1,), 0, narrow)
        values, ctx = _run(trace, settings, record)
        outputs.append(values)
        contexts.append(ctx)
    check_growth(outputs, records, second.n / first.n)
    if contexts[0].maxima:
        settings = Settings(layouts(first.closed.jaxpr, _PROBE), (1,), 0, narrow, shift=0.37)
        check_maxima(outputs[0], _run(first, settings)[0], contexts[0].maxima)
    used = contexts[0].space.used()
    used[-1] = sum(u.shape[1] for u in narrow.uniforms.values())
    return contexts[0].drew, used


def _run(trace: Trace, settings: Settings, record: list[Any] | None = None) -> tuple[dict[str, np.ndarray], Context]:
    import jax

    ctx = Context(settings)
    jaxpr, consts = trace.closed.jaxpr, trace.closed.consts
    leaves, tree = jax.tree.flatten(trace.tree)
    for leaf in leaves:
        if wide_axes(leaf.shape):
            raise refusal("the program returns an array with a wide axis; return averages over it.", None)
    found = Interpreter(ctx, record).run(jaxpr, consts, [jax.random.key(0)])
    values = jax.tree.unflatten(tree, [np.asarray(v, float) for v in found])
    return {k: np.asarray(v) for k, v in values.items()}, ctx
