"""An append-only journal of outcomes: one file a writer, one line a cell, so that a killed writer loses nothing.

A line ends in a checksum of itself; what was changed afterwards, by a disk or by hand, counts as not written.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .cells import Outcome, name_of, runs
from .errors import EngineError
from .files import content, opened, printable

INLINE = 2000  # more numbers than this go to a file of their own
MOST_SEEDS = 10**6  # in one cell
_LONGEST = 1 << 24  # bytes of a line
_FSYNC_EVERY = 5.0  # seconds
_SEALED = re.compile(rb',"sum":"([0-9a-f]{8})"}$')
_STATES = ("done", "nan", "failed")
_TEXTS = ("key", "name", "statement", "status", "error", "traceback", "code")
_KEYS = {*_TEXTS, "size", "seeds", "seconds"}


class Journal:
    """Writes outcomes to `cells/<writer>.jsonl` of a results folder, each as soon as it is given.

    The file is made with the first outcome, and its first line is `header()`. No other process writes it.
    """

    def __init__(self, folder: Path, writer: str, header: Callable[[], dict[str, Any]] = dict) -> None:
        unique = f"{writer}-{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:8]}"
        self.folder, self.path = folder, folder / "cells" / f"{unique}.jsonl"
        self._header, self._file, self._synced, self.count = header, -1, 0.0, 0

    def append(self, outcome: Outcome) -> None:
        """Write one outcome. Raises `EngineError` if that is impossible; what was written before stays intact."""
        try:
            if self._file < 0:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                self._write({"run": self._header()})
            self._write(_encode(outcome, self.folder))
            self.count += 1
        except OSError as error:
            if error.errno == errno.EBADF:  # a law has closed the file: the cell is to blame, not the disk
                raise
            raise EngineError(
                f"Cannot write {self.path}: {error.strerror or error}. The {self.count} cells that this run has "
                "finished are intact; make room, and run again to go on."
            ) from error

    def close(self) -> None:
        """Bring everything to the disk and close the file. Raises `EngineError` if the disk refuses only now."""
        if self._file >= 0:
            file, self._file = self._file, -1
            try:
                try:
                    os.fsync(file)
                finally:
                    os.close(file)
            except OSError as error:
                if error.errno == errno.EBADF:
                    raise
                raise EngineError(
                    f"Cannot bring {self.path} to the disk: {error.strerror or error}. "
                    "Run again: what is missing is computed anew."
                ) from error

    def _write(self, line: dict[str, Any]) -> None:
        data = sealed(json.dumps(line, separators=(",", ":")).encode()) + b"\n"
        before = os.fstat(self._file).st_size
        try:
            if (written := os.write(self._file, data)) != len(data):
                raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} ({written} of {len(data)} bytes written)")
        except OSError:
            os.ftruncate(self._file, before)
            raise
        if time.monotonic() - self._synced > _FSYNC_EVERY:
            os.fsync(self._file)
            self._synced = time.monotonic()


def read(folder: Path) -> tuple[list[Outcome], list[dict[str, Any]], list[str]]:
    """All outcomes in the journals of a results folder, the headers of their runs, and reports of damage.

    A last line that was cut short counts as not written. Any other damaged line costs its own outcome; the report says
    where it stands and what is wrong with it.
    """
    outcomes, headers, damaged = [], [], []
    for path in sorted((folder / "cells").glob("*.jsonl")):
        for number, line in _lines(path):
            try:
                if isinstance(line, str):
                    raise ValueError(line)
                if "run" in line:
                    headers += [line["run"]] if isinstance(line["run"], dict) else []
                else:
                    outcomes.append(_decode(line, folder))
            except Exception as error:  # whatever damaged text, or a damaged archive, leads to
                damaged.append(f"{path.name}, line {number}: {error or type(error).__name__}")
    return outcomes, headers, damaged


def sealed(data: bytes) -> bytes:
    """A JSON object with a checksum of itself as its last key."""
    return data[:-1] + b',"sum":"%08x"}' % zlib.crc32(data)


def unsealed(data: bytes) -> bytes:
    """The JSON object as it was before `sealed`; raises `ValueError` if it was changed since."""
    seal = _SEALED.search(data)
    if seal is None or int(seal[1], 16) != zlib.crc32(data[: seal.start()] + b"}"):
        raise ValueError("it was changed after it was written (its checksum differs)")
    return data[: seal.start()] + b"}"


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The lines with their numbers; instead of one that cannot be believed, why."""
    try:
        file = opened(path)
    except OSError as error:
        yield 1, f"the file cannot be read ({error.strerror or error})"
        return
    with file:
        must = False
        for number, raw in enumerate(iter(lambda: file.readline(_LONGEST), b""), start=1):
            if len(raw) == _LONGEST and not raw.endswith(b"\n"):
                yield number, f"it is longer than {_LONGEST >> 20} MiB, and the rest of the file is not read"
                return
            seal = _SEALED.search(raw.rstrip(b"\r\n"))
            must = must or seal is not None
            try:
                line = json.loads(raw if seal is None else unsealed(raw.rstrip(b"\r\n")))
            except (ValueError, RecursionError) as error:
                if raw.endswith(b"\n"):
                    yield number, "it is not JSON" if seal is None else str(error)
                continue
            if must and seal is None:
                yield number, "it has no checksum, unlike the lines before it"
            elif not isinstance(line, dict):
                yield number, "it is not an outcome"
            else:
                yield number, line


def _encode(outcome: Outcome, folder: Path) -> dict[str, Any]:
    line: dict[str, Any] = {k: v for k, v in vars(outcome).items() if k != "values" and v != ""}
    line |= {"seeds": runs(outcome.seeds), "seconds": round(outcome.seconds, 4)}
    if sum(v.size for v in outcome.values.values()) > INLINE:
        line["arrays"], line["digest"] = _store(outcome, folder)
    else:
        line["values"] = {k: [list(v.shape), v.ravel().tolist()] for k, v in outcome.values.items()}
    return line


def _store(outcome: Outcome, folder: Path) -> tuple[str, str]:
    """Write the arrays beside the journal; returns where, and the hash of what was written."""
    name = f"arrays/{outcome.name}.npz"
    temporary = folder / f"{name}.{uuid.uuid4().hex[:8]}.tmp"
    temporary.parent.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **outcome.values)  # type: ignore[arg-type]
    try:
        with temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    return name, hashlib.sha256(buffer.getbuffer()).hexdigest()


def _decode(line: dict[str, Any], folder: Path) -> Outcome:
    """The outcome that a line tells of; raises what says why it cannot be one."""
    seeds = _seeds(line.pop("seeds"))
    arrays, digest, values = line.pop("arrays", None), line.pop("digest", None), line.pop("values", None)
    if (unknown := sorted(set(line) - _KEYS)) or not all(isinstance(line.get(k, ""), str) for k in _TEXTS):
        raise ValueError(f"it has keys or values that no outcome has ({', '.join(unknown) or 'texts'})")
    if line["status"] not in _STATES:
        raise ValueError(f"it has an unknown status {line['status']!r}")
    if type(line["size"]) is not int or not isinstance(line.get("seconds", 0.0), int | float):
        raise ValueError("its size is not a whole number, or its time is none")
    if line["name"] != name_of(line["key"], seeds):
        raise ValueError("its name does not belong to its seeds")
    decoded = _values(values) if arrays is None else _stored(folder, arrays, digest)
    if any(v.shape[:1] != (len(seeds),) for v in decoded.values()):
        raise ValueError("it has not one value a seed")
    if line["status"] == "done" and not (decoded and all(not np.isnan(v).any() for v in decoded.values())):
        raise ValueError("it is called done, but values are missing")
    line |= {k: printable(line[k]) for k in ("error", "traceback") if k in line}
    return Outcome(**line, seeds=seeds, values=decoded)


def _seeds(spans: Any) -> tuple[int, ...]:
    pairs = [(first, last) for first, last in spans]
    if not all(type(s) is int and 0 <= s < 1 << 32 for pair in pairs for s in pair):
        raise ValueError("its seeds are not whole numbers below 2**32")
    if sum(max(last - first + 1, 0) for first, last in pairs) > MOST_SEEDS:
        raise ValueError(f"it has more than {MOST_SEEDS} seeds")
    return tuple(s for first, last in pairs for s in range(first, last + 1))


def _values(table: Any) -> dict[str, np.ndarray]:
    decoded = {}
    for name, (shape, numbers) in table.items():
        array = np.array(numbers) if numbers else np.empty(0)
        if array.ndim != 1 or array.dtype.kind not in "fi":
            raise ValueError(f"its values of {name!r} are not numbers")
        decoded[name] = array.astype(float).reshape(shape)
    return decoded


def _stored(folder: Path, name: str, digest: str | None) -> dict[str, np.ndarray]:
    """The arrays beside the journal; those written before 0.3 have no hash."""
    path = folder / "arrays" / Path(name).name
    try:
        stored = content(path)
    except OSError as error:
        raise ValueError(f"its arrays are gone ({path.name}: {error.strerror})") from None
    if digest is not None and hashlib.sha256(stored).hexdigest() != digest:
        raise ValueError(f"its arrays were changed after they were written ({path.name})")
    with np.load(io.BytesIO(stored)) as arrays:
        return {k: np.asarray(v, float) for k, v in arrays.items()}
