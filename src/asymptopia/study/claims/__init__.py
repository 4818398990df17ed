"""Published claims: a folder of short TOML files, each a number that a paper printed and a statement to hold it to.

    claim = "A perceptron with weights of +-1 stores up to 0.833 random patterns per weight."
    paper = "Altschuler and Tikhomirov, arXiv:2401.15092"
    year = 2024
    place = "abstract"
    found = "read in the abstract"
    law = "Capacity(weights='binary')"
    quantity = "capacity"
    value = "0.833"

The limit is computed and compared at the precision of the print; with `[experiment]`, finite systems are compared with
the printed value as well, and the theory has no part in it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ...contract.law import Law
from ...contract.record import StatementError
from ..items import StudyError
from .formula import printed
from .schema import ClaimTable, checked

__all__ = ["Claim", "read_claims"]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim, checked: what its file says, and the statement that it is about.

    claim:    the paper's sentence, in other words; `paper`, `year` and `place` (theorem, equation, table) say where it
              stands, and `found` how it was read: in the paper, in its abstract, or quoted by whom.
    quantity: an observable, an element of one such as `overlap[2]`, or a formula of observables and fields; with
              `along` a threshold along that field, or a formula of thresholds and fields; with `slope` or `minimum`
              too (two numbers) the logarithmic slope of the quantity towards the larger value of the field, or the
              value of the field between them where it is smallest.
    value:    as printed, as text: `0.833` means 0.833 within half a unit of its last digit, `pi/2 - 1` is exact.
    relation: "=", or "<=" and ">=" for bounds on the quantity.
    reading:  how far a quantity at finite values can still be from the limit that is claimed; our own error.
    theory:   false where only the experiment can judge.
    """

    name: str
    said: ClaimTable
    law: Law
    text: str

    @property
    def value(self) -> float:
        """The published value."""
        return printed(self.said.value)[0]

    @property
    def width(self) -> float:
        """Within how much of the published value the truth lies, as printed."""
        return printed(self.said.value)[1]


def read_claims(path: str | Path) -> list[Claim]:
    """The claims of a folder, in the order of their names, or that of one file.

    Raises `StudyError` with everything that is wrong in them, each with its file and line.
    """
    path = Path(path)
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise StatementError(f"{str(path)!r} holds no claims: each claim is a .toml file.")
    found, problems = [], []
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        said, law, wrong = checked(text, file)
        problems += wrong
        if said is not None and law is not None:
            found.append(Claim(file.stem, said, law, text))
    if problems:
        count = "one error" if len(problems) == 1 else f"{len(problems)} errors"
        raise StudyError("\n".join([*problems, f"{count} in the claims; nothing was run."]))
    return found
