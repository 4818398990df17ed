"""Two small drawings of every law, made by the law itself: a thumbnail for the gallery, a figure for its page.

The line is the limit of the default statement, along an axis of an observable or along a field; the points are a small
experiment at that statement. The drawings are kept in docs/_static/laws, so that building the pages draws none.
`python docs/portraits.py NAME ...` draws those laws again, without names all of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asymptopia.contract.catalogue import law_classes
from asymptopia.contract.law import Law, Observable
from asymptopia.contract.sweep import sweep

if TYPE_CHECKING:
    import xarray as xr

FOLDER = Path(__file__).parent / "_static" / "laws"
POINTS = 25
SECONDS = 45
LINE, DOTS, FRAME = "#1f6fb2", "#d9541e", "#8a8f98"
Pair = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Portrait:
    """A predicted line and, if there is one, a small experiment; the names of both axes."""

    x: np.ndarray
    line: np.ndarray
    xlabel: str
    ylabel: str
    points: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    size: str = ""


class TooLongError(Exception):
    """A drawing that takes too long."""


def main() -> None:
    """Draw the laws named, or all."""
    for name in sys.argv[1:] or law_classes():
        drawn = draw(law_classes()[name], anew=True)
        print(f"{name}: {'drawn' if drawn else 'no picture'}", flush=True)


def draw(cls: type[Law], anew: bool = False) -> bool:
    """Whether a law has its two drawings; they are made if they are missing."""
    paths = [FOLDER / f"{cls.__name__}{end}.svg" for end in ("", "-figure")]
    if anew or not all(p.is_file() for p in paths):
        portrait = portrait_of(cls())
        if portrait is None:
            return False
        FOLDER.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(svg(portrait, 240, 130, False), encoding="utf-8")
        paths[1].write_text(svg(portrait, 520, 300, True), encoding="utf-8")
    return True


def portrait_of(law: Law) -> Portrait | None:
    """The picture of a statement: an observable along an axis of its own, else along a field, else along the size.

    Observables that are numbers, or arrays with one axis, come first; of other arrays one entry is drawn.
    """
    for entries in (False, True):
        with within(SECONDS), contextlib.suppress(Exception):
            finer = _refined(law)
            if drawn := _along_axis(finer, entries):
                return _with_points(finer, *drawn)
        for field in dataclasses.fields(law):  # type: ignore[arg-type]
            for name, observable in law.observables.items():
                if bool(observable.dims) == entries:
                    with within(SECONDS), contextlib.suppress(Exception):
                        if portrait := _along(law, field.name, name):
                            return _with_points(law, portrait, name)
    return _along_size(law)


def _along_axis(law: Law, entries: bool) -> tuple[Portrait, str] | None:
    """An observable along an axis of its own, and its name; `entries` asks for those with further axes."""
    limit = law.limit()
    for name, observable in law.observables.items():
        if name not in limit or (len(observable.dims) > 1) != entries:
            continue
        for axis in observable.dims:
            if axis in limit.coords and np.issubdtype(limit[axis].dtype, np.number):
                x, y = limit[axis].values, _entry(limit[name], axis).values
                if x.size > 2 and _varies(y):
                    return Portrait(x, y, axis, _called(observable, name, axis)), name
    return None


def _entry(values: xr.DataArray, *kept: str) -> xr.DataArray:
    """One entry of an array along each axis that is not kept: the last of the last axis, the first of those before."""
    others = [d for d in values.dims if d not in kept]
    return values.isel({d: -1 if d == others[-1] else 0 for d in others})


def _called(observable: Observable, name: str, *kept: str) -> str:
    """The name of an observable, of which perhaps one entry is drawn."""
    return f"{name}, one entry" if set(observable.dims) - set(kept) else name


def _refined(law: Law) -> Law:
    """The same with more times or other places, where a field lists only a few of them."""
    for field in dataclasses.fields(law):  # type: ignore[arg-type]
        values = getattr(law, field.name)
        singular = field.name.removesuffix("s")
        dims = {d for o in law.observables.values() for d in o.dims}
        if singular in dims and isinstance(values, tuple) and 2 < len(values) < 12 and isinstance(values[0], float):
            spread = np.geomspace if values[0] > 0 and values[-1] / values[0] > 20 else np.linspace
            finer = np.unique(np.append(spread(values[0], values[-1], POINTS), values))
            with contextlib.suppress(Exception):
                finer_law = law.replace(**{field.name: tuple(map(float, finer))})
                finer_law.check()
                return finer_law
    return law


def _along_size(law: Law) -> Portrait | None:
    """The first observable against the size, and its limit as a level line."""
    with within(2 * SECONDS), contextlib.suppress(Exception):
        limit = law.limit()
        for name, observable in law.observables.items():
            if observable.limit_only or observable.derived_from:
                continue
            data = _entry(law.experiment(law.sizes, min(law.seeds, 12))[name], "size", "seed")
            mean, error = data.mean("seed").values, data.std("seed").values / math.sqrt(data.sizes["seed"])
            sizes = data["size"].values.astype(float)
            level = np.full(sizes.size, float(_entry(limit[name])) if name in limit else np.nan)
            if np.isfinite(mean).all() and (np.isfinite(level).all() or _varies(mean)):
                return Portrait(sizes, level, law.size, _called(observable, name), (sizes, mean, error))
    return None


def _along(law: Law, field: str, name: str) -> Portrait | None:
    """An observable along a field of numbers around its default; None if it does not vary."""
    value = getattr(law, field)
    if not isinstance(value, float):
        return None
    grid = np.geomspace(value / 4, 4 * value, POINTS) if value > 0 else np.linspace(value, value + 2, POINTS)
    kept, found = [], []
    for x in np.unique(np.append(grid, value)):
        with contextlib.suppress(Exception):
            found.append(float(_entry(law.replace(**{field: float(x)}).limit()[name])))
            kept.append(x)
    if len(kept) < 8 or not _varies(np.array(found)):
        return None
    return Portrait(np.array(kept), np.array(found), field, _called(law.observables[name], name))


def _with_points(law: Law, portrait: Portrait, name: str) -> Portrait:
    """The same with means over a few seeds of the smallest systems, where that takes seconds."""
    with within(SECONDS), contextlib.suppress(Exception):
        n = law.sizes[len(law.sizes) // 2]
        if law.observables[name].derived_from or law.observables[name].limit_only:
            return portrait
        swept = portrait.xlabel in law.__dataclass_fields__
        xs = portrait.x[:: max(1, len(portrait.x) // 6)] if swept else portrait.x
        every = 1 if swept else max(1, len(portrait.x) // 9)
        statement = sweep(law, **{portrait.xlabel: tuple(map(float, xs))}) if swept else law
        data = statement.experiment((n,), min(law.seeds, 16))[name].squeeze("size")
        data = _entry(data, "seed", portrait.xlabel)
        mean, error = data.mean("seed").values, data.std("seed").values / math.sqrt(data.sizes["seed"])
        return dataclasses.replace(
            portrait, points=(xs[::every], mean[::every], error[::every]), size=f"{law.size} {n}"
        )
    return portrait


def _varies(y: np.ndarray) -> bool:
    finite = y[np.isfinite(y)]
    return finite.size > 2 and np.ptp(finite) > 1e-6 * max(1.0, np.abs(finite).max())


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """Give up what takes longer, in seconds of the processor; what follows goes on."""

    def stop(*_: object) -> None:
        raise TooLongError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        with contextlib.suppress(TooLongError):
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def svg(portrait: Portrait, width: int, height: int, labelled: bool) -> str:
    """The drawing as a few hundred bytes of SVG."""
    left, bottom = (64, 44) if labelled else (8, 8)
    top = 28 if labelled else 12
    box = (left, top, width - left - 12, height - bottom - top)
    xs, ys = portrait.x, portrait.line
    ticks_x, to_x = _scale(xs, box[0], box[2])
    shown = [ys[np.isfinite(ys)]]
    if portrait.points is not None:
        _, means, errors = portrait.points
        bars = np.where(labelled & np.isfinite(errors), errors, 0.0)
        shown += [ends[np.isfinite(ends)] for ends in (means - bars, means + bars)]
    ticks_y, to_y = _scale(np.concatenate(shown), box[1] + box[3], -box[3], log=False)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="13" fill="{"currentColor" if labelled else FRAME}">',
        f'<path d="M{box[0]} {box[1]}v{box[3]}h{box[2]}" fill="none" stroke="{FRAME}"/>',
    ]
    if labelled:
        parts += [
            f'<text x="{to_x(v):.0f}" y="{box[1] + box[3] + 17}" text-anchor="middle">{v:.3g}</text>' for v in ticks_x
        ]
        parts += [f'<text x="{box[0] - 7}" y="{to_y(v) + 4:.0f}" text-anchor="end">{v:.3g}</text>' for v in ticks_y]
        words = (portrait.xlabel.replace("_", " "), portrait.ylabel.replace("_", " "))
        parts.append(f'<text x="{box[0] + box[2] / 2:.0f}" y="{height - 8}" text-anchor="middle">{words[0]}</text>')
        parts.append(f'<text x="{box[0] + 8}" y="{box[1] - 10}" font-weight="bold">{words[1]}</text>')
    parts += [f'<path d="{d}" fill="none" stroke="{LINE}" stroke-width="2.2"/>' for d in _paths(xs, ys, to_x, to_y)]
    radius = 4 if labelled else 3
    for x, y, e in zip(*portrait.points, strict=True) if portrait.points is not None else ():
        if np.isfinite(y):
            parts.append(f'<circle cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" r="{radius}" fill="{DOTS}"/>')
            if labelled and np.isfinite(e):
                top, foot = to_y(y + e), to_y(y - e)
                parts.append(f'<path d="M{to_x(x):.1f} {top:.1f}V{foot:.1f}" stroke="{DOTS}" stroke-width="1.5"/>')
    return "".join([*parts, "</svg>\n"])


def _paths(xs: np.ndarray, ys: np.ndarray, to_x, to_y) -> Iterator[str]:
    """The line, broken where it has no value."""
    piece: list[str] = []
    for x, y in zip(xs, ys, strict=True):
        if np.isfinite(y):
            piece.append(f"{to_x(x):.1f} {to_y(y):.1f}")
        elif piece:
            yield "M" + "L".join(piece)
            piece = []
    if piece:
        yield "M" + "L".join(piece)


def _scale(values: np.ndarray, start: float, length: float, log: bool = True):
    """Three marks, and the map from values to positions: logarithmic where values span more than a decade."""
    low, high = float(values.min()), float(values.max())
    if log and low > 0 and high / low > 10:
        a, b = math.log(low), math.log(high)
        return (
            low,
            math.sqrt(low * high),
            high,
        ), lambda v: start + length * (0.03 + 0.94 * (math.log(v) - a) / (b - a))
    span = high - low or 1.0
    return (low, (low + high) / 2, high), lambda v: start + length * (0.05 + 0.9 * (v - low) / span)


if __name__ == "__main__":
    main()
