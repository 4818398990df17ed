"""The limit and the realisations of a law, by its own methods or by functions in its folder."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from ..numerics.arrays import Key
from .record import NoLimit, Record, StatementError, nearest

RESERVED = ("seed", "size")  # the axes of every experiment


@dataclasses.dataclass(frozen=True)
class Observable:
    """A number or labelled array that a realisation yields and whose mean over realisations a law predicts.

    symbol, doc:    how it is typeset (LaTeX), and what it is, in words.
    dims:           names of its axes; `Law.coords` gives their values.
    fluctuation_of: the prediction is the limit of n times the variance of that observable over realisations.
    exponent_of:    the prediction is the exponent b of that observable's growth n**b.
    bound:          the prediction is an upper bound on the "mean" over realisations, or on "every" realisation.
    limit_only:     predicted, but not observed at finite size.
    scale:          natural size of the observable, to which a discrepancy is compared; by default the largest
                    absolute value of the prediction (1 if that is zero).
    resolution:     the discrepancy, as a fraction of `scale`, that a confrontation should be able to see.
    bias:           the finite-size correction falls as n**-bias; by default the law's; `math.inf` if there is none.
    self_averaging: each realisation averages over the n parts of its system (a fraction of samples, of spins), so
                    that unanimous seeds resolve 3 / (n seeds) instead of 3 / seeds.
    conditional:    defined for some realisations only; a nan says that this one is none of them, and is left out (an
                    infinite value, that it failed).
    floor:          what round-off and the solver's tolerance leave: a smaller discrepancy says nothing; by default
                    1.5e-8 of the scale.
    """

    symbol: str
    doc: str
    unit: str = ""
    dims: tuple[str, ...] = ()
    fluctuation_of: str | None = None
    exponent_of: str | None = None
    bound: str | None = None
    limit_only: bool = False
    scale: float | None = None
    resolution: float | None = None
    bias: float | None = None
    self_averaging: bool = False
    conditional: bool = False
    floor: float | None = None

    def __post_init__(self) -> None:
        if self.bound not in (None, "mean", "every"):
            raise ValueError(f'`bound` must be "mean" or "every", but is {self.bound!r}.')

    @property
    def derived_from(self) -> str | None:
        """The observable whose realisations this one is computed from, if it is a statistic of another."""
        return self.fluctuation_of or self.exponent_of


class Computable(Record):
    """A statement with observables: `predict` computes their limits, `realize` those of one finite system."""

    observables: ClassVar[Mapping[str, Observable]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(cls.observables, Mapping):
            _check_declared(cls.__name__, cls.observables)

    def predict(self) -> dict[str, Any]:
        """The limits of the observables, by name, and `<name>_error` for each that is known only numerically.

        Derived from `realize` where a law defines no prediction; see `asymptopia.derive`.
        """
        if self.is_derived():
            from ..derive import derive_observables

            self._check_derivable()
            return derive_observables(self.realize, self.observables)
        if self.predicts_many():
            return {k: v[0] for k, v in self.predict_many().items()}
        return self._from_folder("theory", "predict")(self)

    def predict_many(self) -> dict[str, Any]:
        """The limits of K statements at once, for a law whose number fields hold arrays (K,): arrays (K, ...) by name.

        A law of NumPy defines it in place of `predict`; without arrays in the fields, K is 1. Laws of JAX are batched
        anyway.
        """
        return self._from_folder("theory", "predict_many")(self)

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        """The observables of one random system of size `n`, with randomness from the JAX key `key` alone."""
        if self.gives_many():
            return {k: v[0] for k, v in self.realize_all(n, [key]).items()}
        return self._from_folder("experiment", "realize")(self, n, key)

    def realize_all(self, n: int, keys: Sequence[Any]) -> dict[str, Any]:
        """The observables of one system for each key: arrays (keys, ...). By default calls `realize` key by key."""
        if hasattr(self.in_folder("experiment"), "realize_all"):
            return self._from_folder("experiment", "realize_all")(self, n, keys)
        rows = [self.realize(n, key) for key in keys]
        return {k: np.stack([np.asarray(r[k], float) for r in rows]) for k in rows[0]}

    @classmethod
    def is_derived(cls) -> bool:
        """Whether the limit is derived from `realize`, because the law states no other."""
        realized = cls.realize is not Computable.realize or hasattr(cls.in_folder("experiment"), "realize")
        theory = cls.predicts_many() or hasattr(cls.in_folder("theory"), "predict")
        return realized and cls.predict is Computable.predict and not theory

    def _check_derivable(self) -> None:
        name = type(self).__name__
        if self.gives_many():
            raise NoLimit(
                f"{name} has no `predict`, and none can be derived from a `realize` in ordinary Python: write it in "
                "JAX, or define `predict(self)`."
            )
        other = [k for k, o in self.observables.items() if o.limit_only or o.derived_from or o.bound]
        if other:
            raise NoLimit(
                f"{name} has no `predict`, and {other[0]!r} is not a mean over realisations, which is all that can be "
                "derived: define `predict(self)`."
            )

    @classmethod
    def in_folder(cls, name: str) -> ModuleType | None:
        """The module `theory`, `experiment` or `landmarks` of the law's folder; None where there is none."""
        for c in cls.__mro__:
            module = sys.modules.get(c.__module__)
            if hasattr(module, "__path__") and importlib.util.find_spec(f"{c.__module__}.{name}"):
                return importlib.import_module(f"{c.__module__}.{name}")
        return None

    @classmethod
    def predicts_many(cls) -> bool:
        """Whether the law predicts many statements at once, by `predict_many`."""
        if cls.predict is not Computable.predict or cls.predict_many is not Computable.predict_many:
            return cls.predict_many is not Computable.predict_many
        return hasattr(cls.in_folder("theory"), "predict_many")

    @classmethod
    def gives_many(cls) -> bool:
        """Whether the law realises many systems at once, by `realize_all`."""
        if cls.realize is not Computable.realize or cls.realize_all is not Computable.realize_all:
            return cls.realize_all is not Computable.realize_all
        return hasattr(cls.in_folder("experiment"), "realize_all")

    @classmethod
    def _from_folder(cls, module: str, function: str) -> Callable[..., dict[str, Any]]:
        implementation = getattr(cls.in_folder(module), function, None)
        if implementation is None:
            what = "does not say what it predicts" if module == "theory" else "cannot be realised"
            raise NotImplementedError(f"{cls.__name__} {what}: define `{function}`.")
        return implementation

    def observed(self) -> list[str]:
        """The names of the observables that `realize` returns."""
        return [k for k, o in self.observables.items() if not (o.limit_only or o.derived_from)]


def _check_declared(law: str, observables: Mapping[str, Observable]) -> None:
    """Raise StatementError for names that cannot label arrays in a file, and for statistics of what is not there."""
    for name, observable in observables.items():
        for label in (name, *observable.dims):
            if not label.strip() or set(label) & set("/\n\r\0") or label in RESERVED:
                allowed = f"a word without '/' other than {', '.join(RESERVED)}"
                raise StatementError(
                    f"Observable {name!r} of {law}: a name or axis is {label!r}, but must be {allowed}."
                )
        if name.endswith("_error") and name.removesuffix("_error") in observables:
            raise StatementError(
                f"Observable {name!r} of {law} has the name that stands for the theory's error of "
                f"{name.removesuffix('_error')!r}; give it another."
            )
        other = observable.derived_from
        if other is not None and other not in observables:
            raise StatementError(
                f"Observable {name!r} of {law} is a statistic of {other!r}, which is no observable."
                + nearest(other, observables)
            )
