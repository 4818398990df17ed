"""A results folder: the study, every finished cell, and the labelled datasets."""

from __future__ import annotations

import hashlib
import json
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.law import Statement
from ..contract.record import StatementError
from .cells import Outcome
from .errors import EngineError
from .exclusive import FILE as _WRITING
from .exclusive import FolderLock
from .files import content, is_text, refuse_links, replace, written
from .journal import Journal, read, sealed, unsealed
from .outcomes import Outcomes
from .provenance import provenance

if TYPE_CHECKING:
    import xarray as xr

_LOCK = "study.lock.json"
_CODE = "code.json"
_LIMITS = "limits.json"


class Results:
    """The folder of one study; make it with `Results.open_or_create`, or read it with `Results.open`.

    folder: its absolute path; `shown` is the name that the user gave.
    damaged: the damaged lines of its journal, with reasons; their cells count as not computed.
    """

    def __init__(
        self,
        folder: Path,
        locked: dict[str, Any],
        writer: str = "run",
        held: FolderLock | None = None,
        shown: Path | None = None,
    ) -> None:
        self.folder, self.lock, self._writer, self.shown = folder, locked, writer, shown or folder
        outcomes, self._headers, self.damaged = read(folder)
        self.outcomes = Outcomes(outcomes)
        self.codes = _json(folder / _CODE)
        self.workers = ""
        self._journal = Journal(folder, writer, self._header)
        self._held = held
        if held is not None:
            weakref.finalize(self, held.release)

    @classmethod
    def open_or_create(
        cls,
        folder: str | Path,
        lock: Mapping[str, Any],
        study: str | None = None,
        shard: tuple[int, int] | None = None,
        message: Callable[[str], None] = lambda text: None,
    ) -> Results:
        """Open the folder of a study for writing; create it if it does not exist.

        If another process is writing it, this one waits, and says so in a message. Temporary files of killed processes
        are removed. More seeds or sizes of the same statements extend a study. Each shard of a job array has a journal
        of its own, so that shards write at the same time.

        lock:    the study, from `lock`.
        study:   the text of its TOML file.
        shard:   (k, n) for part k of n of a job array.
        message: is called with each notice to the user.

        Raises `StatementError` if the folder belongs to another study, holds something else, or cannot be written.
        """
        shown, folder = Path(folder), Path(folder).resolve()
        name = f"shard-{shard[0]}-of-{shard[1]}" if shard else None
        held = FolderLock(folder, name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check_owner(shown, lock, study)
            refuse_links(folder, ("cells", "arrays", "figures"))
            held.take(message)
            _check_owner(shown, lock, study)
            if shard is None:
                _remove_orphans(folder)
            replace(folder / _LOCK, json.dumps(dict(lock), indent=1).encode() + b"\n")
            if study is not None:
                replace(folder / "study.toml", study.encode())
        except OSError as error:
            held.release()
            raise StatementError(
                f"Cannot write results into {str(shown)!r}: {error.strerror or error}. "
                "Choose another folder with --out."
            ) from None
        return cls(folder, dict(lock), name or "run", held, shown)

    @classmethod
    def open(cls, folder: str | Path) -> Results:
        """Open an existing results folder for reading. Raises `StatementError` if it is none."""
        shown, folder = Path(folder), Path(folder).resolve()
        locked = _json(folder / _LOCK)
        if not locked and not (folder / "study.toml").is_file():
            raise StatementError(f"{str(shown)!r} is not a results folder: it has no readable {_LOCK}.")
        return cls(folder, locked, shown=shown)

    def write(self, patience: float = float("inf")) -> None:
        """Become the only process that writes the folder, until `release`.

        Raises `EngineError` if another is writing it for longer than `patience` seconds.
        """
        if self._held is not None and self._held.taken:
            return
        held = FolderLock(self.folder)
        try:
            held.take(lambda text: None, patience)
        except OSError as error:
            raise EngineError(f"Cannot write into {str(self.shown)!r}: {error.strerror or error}.") from None
        self._held = held
        weakref.finalize(self, held.release)

    def release(self) -> None:
        """Let other processes write the folder."""
        if self._held is not None:
            self._held.release()

    def remember(self, codes: Mapping[str, Mapping[str, str]]) -> None:
        """Store the parts of the code of new cells, so that a later run can say what has changed."""
        if any(code not in self.codes for code in codes):
            self.codes = {**_json(self.folder / _CODE), **codes}
            with suppress(OSError):
                replace(self.folder / _CODE, json.dumps(self.codes, indent=1, sort_keys=True).encode())

    def add(self, outcome: Outcome) -> None:
        """Write the outcome of a cell to disk at once. Raises `EngineError` if it cannot be written."""
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
        """Flush the journal to disk, update provenance.json and run.log after a run, and let other processes write.

        Raises `EngineError` if the journal does not reach the disk.
        """
        self._journal.close()
        if self._journal.count:
            self.log(summary or f"{self._journal.count} cells computed")
            with suppress(OSError):
                replace(self.folder / "provenance.json", json.dumps(self.provenance(), indent=1).encode())
        self._journal = Journal(self.folder, self._writer, self._header)
        self.release()

    def provenance(self) -> dict[str, Any]:
        """The provenance of the stored cells: versions, commit, device, command of the newest run, and all `runs`."""
        newest = max(self._headers, key=lambda h: str(h.get("started", "")), default={})
        return {**newest, "runs": self._headers}

    def log(self, text: str) -> None:
        """Add a line to the log: run.log, or that of the shard."""
        name = "run.log" if self._writer == "run" else f"cells/{self._writer}.log"
        with suppress(OSError), os.fdopen(written(self.folder / name, os.O_WRONLY | os.O_APPEND), "a") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")

    def consolidate(self, datasets: Mapping[str, xr.Dataset]) -> Path:
        """Write results.nc, which `xarray.open_datatree` opens, with a group for each dataset (such as "0/limit").

        results.nc.sha256 has its hash, as `sha256sum -c` takes it. Raises `EngineError` if it cannot be written; what
        was there is left as it is.
        """
        import io

        import xarray as xr

        path = self.folder / "results.nc"
        whole = io.BytesIO()  # HDF5 crashes on a full disk, so it never sees one
        xr.DataTree.from_dict(dict(datasets)).to_netcdf(whole, engine="h5netcdf")
        try:
            replace(path, whole.getvalue())
            digest = hashlib.sha256(whole.getbuffer()).hexdigest()
            replace(path.with_name(f"{path.name}.sha256"), f"{digest}  {path.name}\n".encode())
        except OSError as error:
            raise EngineError(
                f"Cannot write {str(path)!r}: {error.strerror or error}. Every finished cell is safe."
            ) from error
        return path

    def keep_limits(self, limits: Mapping[str, xr.Dataset]) -> None:
        """Store predictions by name, so that a report does not depend on results.nc."""
        if all(known is not None and limits[k].identical(known) for k, known in _matched(limits, self.limits())):
            return
        text = json.dumps({k: data.to_dict() for k, data in limits.items()}, separators=(",", ":"), default=_plain)
        with suppress(OSError):
            replace(self.folder / _LIMITS, sealed(text.encode()) + b"\n")

    def limits(self) -> dict[str, xr.Dataset]:
        """The stored predictions; none if they are damaged."""
        import xarray as xr

        try:
            text = unsealed(content(self.folder / _LIMITS).rstrip(b"\n"))
            limits = {k: xr.Dataset.from_dict(v) for k, v in json.loads(text).items()}
        except Exception:  # whatever damaged text leads xarray to
            return {}
        return limits if all(map(_keeps, limits.values())) else {}

    def load(self) -> dict[str, xr.Dataset]:
        """The datasets of results.nc by group, in memory.

        Raises `EngineError` if there is none or it is damaged; `asymptopia report DIR` writes it anew.
        """
        import io

        import xarray as xr

        path = self.folder / "results.nc"
        try:
            whole = content(path)
            told = path.with_name(f"{path.name}.sha256")
            if told.is_file() and content(told)[:64].decode() != hashlib.sha256(whole).hexdigest():
                raise ValueError("it was changed after it was written")
            with xr.open_datatree(io.BytesIO(whole), engine="h5netcdf") as tree:
                return {node.path.strip("/"): node.to_dataset().load() for node in tree.leaves}
        except Exception as error:  # HDF5 raises whatever damaged bytes lead it to
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise EngineError(f"{str(path)!r} cannot be read: {why}.") from None

    def _header(self) -> dict[str, Any]:
        header = provenance(self.workers)
        self._headers.append(header)
        return header


def _matched(limits: Mapping[str, xr.Dataset], kept: Mapping[str, xr.Dataset]) -> list[tuple[str, xr.Dataset | None]]:
    return [(k, kept.get(k)) for k in limits]


def _keeps(data: xr.Dataset) -> bool:
    """Whether every attribute is a text, which results.nc can keep."""
    attributes = [data.attrs, *(v.attrs for v in data.variables.values())]
    return all(is_text(a) for attrs in attributes for a in attrs.values())


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON has them."""
    return value.tolist()


def _json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; nothing where there is none."""
    try:
        told = json.loads(content(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _remove_orphans(folder: Path) -> None:
    """Remove the temporary files that killed processes left."""
    for place in (folder, folder / "arrays", folder / "figures"):
        for path in () if place.is_symlink() else place.glob("*.tmp"):
            with suppress(OSError):
                path.unlink()


def _check_owner(folder: Path, lock: Mapping[str, Any], study: str | None) -> None:
    """Raise `StatementError` if the folder holds anything but this study."""
    path = folder / _LOCK
    held = _json(path).get("study")
    if not isinstance(held, list) and study is not None:
        with suppress(OSError, UnicodeDecodeError):
            if content(folder / "study.toml").decode() == study:
                return  # the lock file is damaged, but the study is this one
    if not path.exists():
        strangers = sorted(p.name for p in folder.iterdir() if not p.name.startswith((_LOCK, _WRITING)))
        if strangers:
            raise StatementError(
                f"{str(folder)!r} is not empty and not a results folder (it holds {strangers[0]!r}). "
                "Choose another folder with --out."
            ) from None
        return
    if not isinstance(held, list):
        raise StatementError(f"{str(path)!r} cannot be read. Choose another folder with --out.") from None
    if held != lock["study"]:
        other = [str(line) for line in held if line not in lock["study"]] or ["nothing"]
        ours = [line for line in lock["study"] if line not in held] or list(lock["study"])
        raise StatementError(
            f"{str(folder)!r} holds another study: it has {'; '.join(other)}, this study has {'; '.join(ours)}. "
            "Choose another folder with --out."
        )
