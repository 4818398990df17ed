"""The input of the engine: named experiments, and all of them as one study."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..contract.law import Statement
from .adaptive import Adaptive
from .cells import Cell, plan

if TYPE_CHECKING:
    import xarray as xr


@dataclasses.dataclass(frozen=True)
class Entry:
    """One experiment to run: a statement, its sizes and its seeds (both default to the law's), under a name.

    With adaptive seeds a known `limit` saves computing it again.
    """

    key: str
    statement: Statement
    sizes: Sequence[int] | None = None
    seeds: int | Sequence[int] | Adaptive | None = None
    limit: xr.Dataset | None = dataclasses.field(default=None, compare=False, repr=False)

    def resolved(self) -> tuple[tuple[int, ...], Any]:
        """The sizes, and the seeds as a study file writes them: a number, a list, or min, max and target."""
        if isinstance(self.seeds, Adaptive):
            sizes, _ = self.statement.law.sizes_and_seeds(self.sizes, self.seeds.min)
            return sizes, dataclasses.asdict(self.seeds)
        sizes, seeds = self.statement.law.sizes_and_seeds(self.sizes, self.seeds)
        return sizes, len(seeds) if seeds == tuple(range(len(seeds))) else list(seeds)

    def fixed(self, adapted: int | None = None) -> int | Sequence[int] | None:
        """The seeds; if they are adaptive, their present number."""
        return (adapted or self.seeds.min) if isinstance(self.seeds, Adaptive) else self.seeds

    def cells(self, adapted: int | None = None) -> list[Cell]:
        """The cells of this experiment, with the present number of seeds if it is adaptive."""
        block = min(self.seeds.min, self.statement.law.block) if isinstance(self.seeds, Adaptive) else None
        return plan(self.statement, self.sizes, self.fixed(adapted), block)


def lock(entries: Sequence[Entry], also: Sequence[str] = (), **resolved: Any) -> dict[str, Any]:
    """The entries with every default resolved, as JSON for `study.lock.json`.

    The statements and the lines of `also` identify the study; a folder holds one study. `resolved` is kept beside them.
    """
    asked = []
    for entry in entries:
        sizes, seeds = entry.resolved()
        asked.append({"key": entry.key, "statement": repr(entry.statement), "sizes": list(sizes), "seeds": seeds})
    identity = [*(f"{e['key']}: {e['statement']}" for e in asked), *also]
    digest = hashlib.sha256("\n".join(identity).encode()).hexdigest()
    return {"format": 1, "hash": digest, "study": identity, "entries": asked, **resolved}
