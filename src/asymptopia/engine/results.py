"""A results folder: what was asked, every finished cell, and the labelled whole."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.law import Statement
from ..contract.record import StatementError
from .cells import Outcome
from .errors import EngineError
from .journal import Journal, read
from .outcomes import Outcomes
from .provenance import provenance

if TYPE_CHECKING:
    import xarray as xr

    from .run import Entry

_LOCK = "study.lock.json"


def lock(entries: Sequence[Entry], also: Sequence[str] = (), **resolved: Any) -> dict[str, Any]:
    """All that the entries ask for, with every default resolved.

    The statements and the lines of `also` identify the study: a folder holds one study. `resolved` is kept beside them.
    """
    asked = []
    for entry in entries:
        sizes, seeds = entry.resolved()
        asked.append({"key": entry.key, "statement": repr(entry.statement), "sizes": list(sizes), "seeds": seeds})
    identity = [*(f"{e['key']}: {e['statement']}" for e in asked), *also]
    digest = hashlib.sha256("\n".join(identity).encode()).hexdigest()
    return {"format": 1, "hash": digest, "study": identity, "entries": asked, **resolved}


class Results:
    """The folder of one study; make it with `Results.open_or_create`, or read it with `Results.open`."""

    def __init__(self, folder: Path, locked: dict[str, Any], writer: str = "run") -> None:
        self.folder, self.lock, self._writer = folder, locked, writer
        outcomes, self._headers = read(folder)
        self.outcomes = Outcomes(outcomes)
        self.workers = ""
        self._journal = Journal(folder, writer, self._header)

    @classmethod
    def open_or_create(
        cls, folder: str | Path, lock: Mapping[str, Any], study: str | None = None, shard: tuple[int, int] | None = None
    ) -> Results:
        """The folder of this study, made if need be; `study` is the text of its TOML file.

        Raises `StatementError` if the folder belongs to another study, holds something else, or cannot be written.
        More seeds or sizes of the same statements extend a study. Each shard of a job array has a journal of its own.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check_owner(folder, lock)
            _replace(folder / _LOCK, json.dumps(dict(lock), indent=1).encode() + b"\n")
            if study is not None:
                _replace(folder / "study.toml", study.encode())
        except OSError as error:
            raise StatementError(
                f"Cannot write results into {str(folder)!r}: {error.strerror or error}. "
                "Choose another folder with --out."
            ) from None
        return cls(folder, dict(lock), f"shard-{shard[0]}-of-{shard[1]}" if shard else "run")

    @classmethod
    def open(cls, folder: str | Path) -> Results:
        """An existing results folder, to be read. Raises `StatementError` if it is none."""
        folder = Path(folder)
        try:
            return cls(folder, json.loads((folder / _LOCK).read_text()))
        except (OSError, ValueError):
            raise StatementError(f"{str(folder)!r} is not a results folder: it has no readable {_LOCK}.") from None

    def add(self, outcome: Outcome) -> None:
        """Write down what became of a cell, at once. Raises `EngineError` if it cannot be written."""
        self._journal.append(outcome)
        self.outcomes.add(outcome)

    def dataset(
        self, statement: Statement, sizes: Sequence[int] | None = None, seeds: int | Sequence[int] | None = None
    ) -> xr.Dataset:
        """The stored part of `statement.experiment(sizes, seeds)`, with nan where cells are missing or failed."""
        return self.outcomes.dataset(statement, sizes, seeds)

    def counts(self) -> dict[str, int]:
        """How many cells are done, contain nan, and failed."""
        return self.outcomes.counts()

    def close(self, summary: str = "") -> None:
        """Bring the journal to the disk; after a run that computed something, renew provenance.json and run.log.

        Raises `EngineError` if the journal does not reach the disk; what the other two say is in the journals too.
        """
        self._journal.close()
        if self._journal.count:
            self.log(summary or f"{self._journal.count} cells computed")
            with suppress(OSError):
                _replace(self.folder / "provenance.json", json.dumps(self.provenance(), indent=1).encode())
        self._journal = Journal(self.folder, self._writer, self._header)

    def provenance(self) -> dict[str, Any]:
        """What the stored cells come from: the newest run's versions, commit, device and command, and all `runs`."""
        newest = max(self._headers, key=lambda h: str(h.get("started", "")), default={})
        return {**newest, "runs": self._headers}

    def log(self, text: str) -> None:
        """Add a line to the log: run.log, or that of the shard. What is logged is in the journal too."""
        name = "run.log" if self._writer == "run" else f"cells/{self._writer}.log"
        with suppress(OSError), (self.folder / name).open("a") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")

    def consolidate(self, datasets: Mapping[str, xr.Dataset]) -> Path:
        """Write results.nc, which `xarray.open_datatree` opens, with a group for each dataset (such as "0/limit").

        Raises `EngineError` if it cannot be written; what was there is left as it is.
        """
        import xarray as xr

        path = self.folder / "results.nc"
        temporary = path.with_suffix(f".{uuid.uuid4().hex[:8]}.tmp")
        try:
            xr.DataTree.from_dict(dict(datasets)).to_netcdf(temporary, engine="h5netcdf")
            os.replace(temporary, path)
        except OSError as error:
            raise EngineError(
                f"Cannot write {str(path)!r}: {error.strerror or error}. Every finished cell is safe."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def load(self) -> dict[str, xr.Dataset]:
        """The datasets of results.nc by group, in memory."""
        import xarray as xr

        with xr.open_datatree(self.folder / "results.nc", engine="h5netcdf") as tree:
            return {node.path.strip("/"): node.to_dataset().load() for node in tree.leaves}

    def _header(self) -> dict[str, Any]:
        header = provenance(self.workers)
        self._headers.append(header)
        return header


def _check_owner(folder: Path, lock: Mapping[str, Any]) -> None:
    """Raise `StatementError` if the folder holds anything but this study."""
    try:
        held = json.loads((folder / _LOCK).read_text())["study"]
    except FileNotFoundError:
        strangers = sorted(p.name for p in folder.iterdir() if not p.name.startswith(_LOCK))
        if strangers:
            raise StatementError(
                f"{str(folder)!r} is not empty and not a results folder (it holds {strangers[0]!r}). "
                "Choose another folder with --out."
            ) from None
        return
    except (ValueError, KeyError, TypeError):
        raise StatementError(f"{str(folder / _LOCK)!r} cannot be read. Choose another folder with --out.") from None
    if held != lock["study"]:
        other = [line for line in held if line not in lock["study"]] or held
        ours = [line for line in lock["study"] if line not in held] or list(lock["study"])
        raise StatementError(
            f"{str(folder)!r} holds another study: it has {'; '.join(other)}, this study has {'; '.join(ours)}. "
            "Choose another folder with --out."
        )


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and only if it changes."""
    if path.is_file() and path.read_bytes() == content:
        with path.open("ab"):  # is it writable?
            return
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
