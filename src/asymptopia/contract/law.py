"""The contract: a law states a problem, predicts its limit and realises it at finite size."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .batching import equal_width, predict_all, realize_block
from .computable import Computable
from .computable import Observable as Observable
from .numberless import numberless, without_number
from .record import NoLimit as NoLimit
from .record import Record, StatementError, unmet
from .shown import Shown
from .stated import Defaults as Defaults
from .stated import Landmark as Landmark
from .stated import References as References
from .stated import read_records
from .tracked import tracked
from .transitions import Phased

if TYPE_CHECKING:
    import xarray as xr

LARGEST, MOST_SEEDS, MOST_REALISATIONS = 10**8, 10**6, 10**7
"""What no experiment goes beyond: sizes whose vectors alone fill memory, seeds of one size, and seeds of all sizes."""

UNREAD = ("plot",)
"""What every law has for its user alone: a field may have its name, as nothing in the library reads it."""


class NoNumber(ArithmeticError):
    """A finite system ended without a number; the message says why, and what to change."""


class Statement(Shown):
    """What a law and a sweep share: a grid of statements with one limit and one experiment."""

    @property
    def law(self) -> Law:
        raise NotImplementedError

    def points(self) -> list[Law]:
        """The statements, in row-major order of `axes`."""
        raise NotImplementedError

    @property
    def axes(self) -> dict[str, tuple[Any, ...]]:
        """The swept fields and their values; empty for a single law."""
        raise NotImplementedError

    def admit(self) -> None:
        """Raise `NoLimit` if a statement has no limit, or a part lacks what its field needs."""
        for point in self.points():
            if wrong := unmet(point):
                raise NoLimit(wrong)
            point.check()

    def warnings(self, sizes: Sequence[int] | None = None) -> list[str]:
        """A sentence for each statement whose limit cannot be trusted, or not at these sizes (by default the law's)."""
        return describe(self, [p.reason_to_doubt(sizes) for p in self.points()])

    def limit(self) -> xr.Dataset:
        """The predictions as a Dataset with one variable for each observable; the dims of the sweep come first.

        `<name>_error` stands beside an observable where the theory itself is numerical. Raises `NoLimit` where a
        statement has no limit.
        """
        self.admit()
        points = self.points()
        limits = predict_all(points)
        order = [name for k in self.law.observables for name in (k, f"{k}_error")]
        names = [k for k in order if all(k in f for f in limits)]
        values = {}
        for name in names:
            shapes = {np.shape(f[name]) for f in limits}
            if len(shapes) > 1:
                raise StatementError(f"{name!r} changes its shape along {', '.join(self.axes)}: {sorted(shapes)}.")
            values[name] = np.stack([np.asarray(f[name], float) for f in limits])
        return label(self, values)

    def experiment(self, sizes: Sequence[int] | None = None, seeds: int | Sequence[int] | None = None) -> xr.Dataset:
        """The realisations as a Dataset: dims of the sweep, then `size`, `seed`, then those of the observable.

        sizes, seeds: by default the law's own; a number of seeds stands for 0, 1, ..., that number minus 1.

        Where some realisations are nan, the attribute `failures` has a line for each statement and size; it is absent
        if there are none.
        """
        self.admit()
        sizes, seeds = self.law.sizes_and_seeds(sizes, seeds)
        width = equal_width(len(seeds), self.law.block)
        units = [seeds[i : i + width] for i in range(0, len(seeds), width)]
        points = self.points()
        cells = [(p, n, u) for p in points for n in sizes for u in units]
        with contextlib.closing(tracked(cells, repr(self))) as todo:
            done = [p.realized(n, u) for p, n, u in todo]
        rows = [done[i : i + len(units)] for i in range(0, len(done), len(units))]
        joined = {k: np.stack([np.concatenate([unit[k] for unit in row]) for row in rows]) for k in done[0]}
        values = {k: v.reshape(len(points), len(sizes), *v.shape[1:]) for k, v in joined.items()}
        lines = numberless(points, sizes, values)
        data = label(self, values, size=np.asarray(sizes), seed=np.asarray(seeds))
        return data.assign_attrs(failures="\n".join(lines)) if lines else data


def describe(statement: Statement, reasons: Sequence[str | None]) -> list[str]:
    """A sentence for each point of a statement that has a reason to doubt it, with the point's name in a sweep."""
    pairs = zip(statement.points(), reasons, strict=True)
    return [f"{p.short()}: {reason}" if statement.axes else reason for p, reason in pairs if reason]


class Law(Statement, Computable, Phased):
    """A problem and a prediction; see the two methods every law has, `predict` and `realize`.

    A law declares its fields like a dataclass, and as class attributes

    size, sizes, seeds, bias, block: the experiment by default, one by one or as one record, `defaults`; see
                 `Defaults`.
    source, bibtex, status: where the law is from, one by one or as one record, `references`; see `References`.
    observables: name -> `Observable`.
    landmarks:   published values that it must reproduce.
    exercises:   statements, as the fields that differ from the defaults, in which every term of the law matters.
    controls:    names beside those of fields along which there are thresholds, such as the time of a process.
    """

    size: ClassVar[str] = "size"
    sizes: ClassVar[tuple[int, ...]] = (100, 200, 400)
    seeds: ClassVar[int] = 40
    source: ClassVar[str] = ""
    bibtex: ClassVar[str] = ""
    status: ClassVar[str] = ""
    bias: ClassVar[float] = 1.0
    landmarks: ClassVar[tuple[Landmark, ...]] = ()
    exercises: ClassVar[tuple[Mapping[str, Any], ...]] = ()
    block: ClassVar[int] = 64
    controls: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[Defaults] = Defaults()
    references: ClassVar[References] = References()
    _any_field_name: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls._any_field_name:
            _check_field_names(cls)
        read_records(cls)

    def coords(self) -> dict[str, Any]:
        """The values along the axes of array observables, by name; by default those of fields with an `axis`."""
        fields = dataclasses.fields(self)
        return {f.metadata["axis"]: np.array(getattr(self, f.name)) for f in fields if f.metadata.get("axis")}

    def called(self, n: int) -> str:
        """A system of size n in the words of the progress line."""
        return f"{self.short()}, {self.size} {n}"

    def valid(self) -> str | None:
        """The reason why the limit cannot be trusted at this statement, or None."""
        return None

    def too_small(self, sizes: Sequence[int]) -> str | None:
        """The reason why no extrapolation from systems of these sizes can meet the limit, or None."""
        return None

    def reason_to_doubt(self, sizes: Sequence[int] | None = None) -> str | None:
        """The reason why limit and systems of these sizes (by default the law's) cannot be compared, or None."""
        return self.valid() or self.too_small(self.sizes if sizes is None else sizes)

    def check(self) -> None:
        """Raise `NoLimit` where the problem has no limit; called before anything is computed."""

    def unstable(self, n: int) -> str | None:
        """None, or why systems of size n may end without a number although there is a limit, and what to change."""
        return None

    def realized(self, n: int, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Realisations, arrays with the seeds first; raises `NoNumber` where nan is explained by `unstable`."""
        values = realize_block(self, n, seeds)
        lost = [k for k, seeds_lost in without_number(self, values, 1).items() if seeds_lost.any()]
        if lost and (why := self.unstable(n)):
            raise NoNumber(f"{lost[0]!r} of {self.short()} has no number at size {n}: {why}")
        return values

    @property
    def law(self) -> Law:
        return self

    @property
    def axes(self) -> dict[str, tuple[Any, ...]]:
        return {}

    def points(self) -> list[Law]:
        return [self]

    @classmethod
    def summary(cls) -> str:
        """The first sentence of the docstring."""
        return (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").strip()

    def sizes_and_seeds(
        self, sizes: Sequence[int] | None, seeds: int | Sequence[int] | None
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The sizes and seeds of an experiment, checked, with the law's own as defaults."""
        chosen = tuple(self.sizes if sizes is None else sizes)
        whole = all(not isinstance(n, bool) and n == int(n) and n >= 1 for n in chosen)
        if not chosen or not whole or len(set(chosen)) < len(chosen):
            raise StatementError(f"`sizes` must be different whole numbers >= 1, but is {chosen}.")
        if max(chosen) > LARGEST:
            raise StatementError(f"`sizes` must be at most {LARGEST}, but is {chosen}.")
        seeds = self.seeds if seeds is None else seeds
        if isinstance(seeds, int) and seeds > MOST_SEEDS:
            raise StatementError(f"`seeds` must be at most {MOST_SEEDS}, but is {seeds}.")
        numbers = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
        if len(numbers) < 2:
            raise StatementError(f"`seeds` must be at least 2 to give an error bar, but is {seeds}.")
        if len(chosen) * len(numbers) > MOST_REALISATIONS:
            raise StatementError(
                f"`sizes` times `seeds` must be at most {MOST_REALISATIONS} realisations, but is {len(chosen)} times "
                f"{len(numbers)}."
            )
        if any(s != int(s) or not 0 <= s < 1 << 32 for s in numbers) or len(set(numbers)) < len(numbers):
            raise StatementError(f"`seeds` must be different whole numbers >= 0 and < 2**32, but is {seeds}.")
        return tuple(sorted(int(n) for n in chosen)), tuple(int(s) for s in numbers)


def _check_field_names(cls: type[Law]) -> None:
    """Raise `StatementError` for a field whose name means something else in every law."""
    taken = [name for name in dir(Law) if not name.startswith("_") and name not in UNREAD]
    for f in dataclasses.fields(cls):
        if f.name in taken:
            raise StatementError(
                f"{cls.__name__} has a field `{f.name}`, but every law has a method or an attribute of this name: call "
                f"the field otherwise. The names that are taken: {', '.join(taken)}."
            )


def label(statement: Statement, values: Mapping[str, np.ndarray], **dims: np.ndarray) -> xr.Dataset:
    """Arrays over (point, *dims, *observable dims) as a labelled Dataset over the axes of the sweep."""
    import xarray as xr

    law, axes = statement.law, statement.axes
    shape = tuple(len(v) for v in axes.values())
    coords: dict[str, Any] = {name: (name, axis_values(v)) for name, v in axes.items()}
    coords |= {k: (k, v, {"long_name": law.size} if k == "size" else {}) for k, v in dims.items()}
    data = {}
    inner: set[str] = set()
    for name, array in values.items():
        observable = law.observables[name.removesuffix("_error") if name not in law.observables else name]
        array = np.asarray(array, float)
        names = (*axes, *dims, *observable.dims)
        array = array.reshape((*shape, *array.shape[1:]))
        if array.ndim != len(names):
            inner_shape = array.shape[len(shape) + len(dims) :]
            raise StatementError(
                f"{name!r} of {type(law).__name__} has dims {observable.dims}, but a value of shape {inner_shape}."
            )
        inner |= set(observable.dims)
        attrs = {"long_name": observable.doc, "symbol": observable.symbol, "units": observable.unit or "1"}
        data[name] = (names, array, attrs)
    every = [p.coords() for p in statement.points()]
    for dim in inner:
        options = [np.asarray(c[dim]) for c in every if dim in c]
        if options and all(o.shape == options[0].shape and np.all(o == options[0]) for o in options):
            coords[dim] = (dim, options[0])
    return xr.Dataset(data, coords, attrs={"statement": repr(statement), "source": law.source, "size": law.size})


def axis_values(values: Sequence[Any]) -> np.ndarray:
    """The values of a swept field as a coordinate: numbers stay numbers, parts become their short statement."""
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return np.asarray(values)
    return np.asarray([v.short() if isinstance(v, Record) else str(v) for v in values])
