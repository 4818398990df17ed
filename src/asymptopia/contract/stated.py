"""What a law states beside its problem: the experiment by default, where it is from, values that it must reproduce."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .refusal import StatementError


@dataclasses.dataclass(frozen=True)
class Defaults:
    """The experiment that a law runs where nothing else is asked for; what is None is as in the class it derives from.

    size:  the word for what grows ("spins", "dimension", "width").
    sizes, seeds: the sizes, and the number of realisations of each.
    bias:  finite-size corrections fall as n**-bias.
    block: how many realisations make one unit of work.

    What holds for a law are its attributes of these names: `law.seeds`.
    """

    size: str | None = None
    sizes: tuple[int, ...] | None = None
    seeds: int | None = None
    bias: float | None = None
    block: int | None = None

    def check(self, law: str) -> None:
        """Raise `StatementError` for sizes, seeds, an exponent or a block that no experiment can have."""
        sizes = self.sizes or (1,)
        allowed = {
            "sizes": isinstance(sizes, tuple) and all(isinstance(n, int) and n > 0 for n in sizes),
            "seeds": self.seeds is None or (isinstance(self.seeds, int) and self.seeds > 0),
            "bias": self.bias is None or (isinstance(self.bias, int | float) and self.bias > 0),
            "block": self.block is None or (isinstance(self.block, int) and self.block > 0),
        }
        for name in (k for k, right in allowed.items() if not right):
            what = "a tuple of whole numbers > 0" if name == "sizes" else "a number > 0"
            raise StatementError(f"`{name}` of {law} must be {what}, but is {getattr(self, name)!r}.")


@dataclasses.dataclass(frozen=True)
class Landmark:
    """A published or independently computed value that a law must reproduce.

    fields:     the statement, as fields of the law that differ from its defaults.
    observable: its name; with `along`, the name of a threshold along that field.
    at:         index along each of the observable's dims, if it is an array.
    note:       why the literature prints another value, where it does.
    """

    fields: Mapping[str, Any]
    observable: str
    value: float
    tolerance: float
    source: str
    along: str | None = None
    at: tuple[int, ...] = ()
    note: str = ""


@dataclasses.dataclass(frozen=True)
class References:
    """Where a law is from; what is None is as in the class it derives from.

    source: authors, journal, year, equation.
    status: proved, heuristic or conjectured, and under what assumptions.
    bibtex: the source for a bibliography, one entry or several.

    What holds for a law are its attributes of these names: `law.source`.
    """

    source: str | None = None
    status: str | None = None
    bibtex: str | None = None

    def check(self, law: str) -> None:
        """Raise `StatementError` for what is no text."""
        for name, text in dataclasses.asdict(self).items():
            if not (text is None or isinstance(text, str)):
                raise StatementError(f"`{name}` of {law} must be a text, but is {text!r}.")


def read_records(cls: type) -> None:
    """Read what the records `defaults` and `references` of a law state as attributes of their own.

    cls: the class of the law. An attribute that it states by itself is kept. Raises `StatementError` for a record of
    another kind, and for what it cannot state.
    """
    for name, kind in (("defaults", Defaults), ("references", References)):
        stated = cls.__dict__.get(name, kind())
        if not isinstance(stated, kind):
            raise StatementError(f"`{name}` of {cls.__name__} must be a `{kind.__name__}(...)`, but is {stated!r}.")
        stated.check(cls.__name__)
        for f in dataclasses.fields(stated):
            if f.name not in cls.__dict__ and getattr(stated, f.name) is not None:
                setattr(cls, f.name, getattr(stated, f.name))
