"""A folder that was damaged or changed by hand costs at most the cells that were, and says so."""

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import xarray as xr

from asymptopia import StatementError
from asymptopia.engine import EngineError, Entry, Results, lock, run
from asymptopia.engine.journal import MOST_SEEDS, read, sealed, unsealed


@pytest.fixture
def done(tmp_path, toys):
    entries = [Entry("0", toys["Coin"](), (10, 20), 12)]
    results = Results.open_or_create(tmp_path / "r", lock(entries))
    (data,) = run(entries, out=results)
    return tmp_path / "r", entries, data


def journal(folder):
    (path,) = (folder / "cells").glob("*.jsonl")
    return path


LINES = {
    "a key that is a list": b'{"key": [1]}',
    "seeds without end": b'{"seeds": [[0, 1000000000000]]}',
    "nested": b"[" * 100_000,
    "no header": b'{"run": null}',
    "a list": b"[1, 2]",
    "null": b"null",
    "a number": b"1e999",
    "empty object": b"{}",
    "bytes": bytes(range(1, 10)) + bytes(range(11, 256)),
    "a word": b"NaN",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
@pytest.mark.parametrize("seal", [False, True])
def test_a_foreign_line_costs_nothing_but_itself(done, line, seal):
    folder, entries, data = done
    if seal and not (line.startswith(b"{") and len(line) > 2):
        pytest.skip("only objects are sealed")
    with journal(folder).open("ab") as file:
        file.write((sealed(line) if seal else line) + b"\n")
    results = Results.open(folder)
    assert results.counts()["done"] == 6
    assert len(results.damaged) == (0 if seal and b"null" in line else 1)
    xr.testing.assert_identical(results.dataset(entries[0].statement, (10, 20), 12), data)


def changed(line, **keys):
    return sealed(json.dumps({**line, **keys}, separators=(",", ":")).encode())


BAD = {
    "unknown status": dict(status="perhaps"),
    "null values": dict(values=None),
    "a null among the values": dict(values={"mean": [[4], [None, 0, 0, 0]], "square": [[4], [0, 0, 0, 0]]}),
    "too short": dict(values={"mean": [[2], [0, 0]], "square": [[4], [0, 0, 0, 0]]}),
    "wrong shape": dict(values={"mean": [[4], [0, 0]], "square": [[4], [0, 0, 0, 0]]}),
    "texts": dict(values={"mean": [[4], ["a", "b", "c", "d"]], "square": [[4], [0, 0, 0, 0]]}),
    "booleans": dict(values={"mean": [[4], [True, False, True, True]], "square": [[4], [0, 0, 0, 0]]}),
    "nested values": dict(values={"mean": [[4], [[0], [0], [0], [0]]], "square": [[4], [0, 0, 0, 0]]}),
    "done without values": dict(values={}),
    "nan called done": dict(values={"mean": [[4], [float("nan"), 0, 0, 0]], "square": [[4], [0, 0, 0, 0]]}),
    "seeds of another cell": dict(seeds=[[0, 0], [1, 1], [2, 2], [4, 4]]),
    "seeds beyond 32 bits": dict(seeds=[[0, 1 << 40]]),
    "negative seeds": dict(seeds=[[-4, -1]]),
    "seeds that are true": dict(seeds=[[False, 3]]),
    "a size that is a text": dict(size="10"),
    "a further key": dict(surprise=1),
    "a name that is a number": dict(name=3),
    "arrays outside the folder": dict(values=None, arrays="../../../../etc/passwd"),
    "arrays that are no archive": dict(values=None, arrays="x.npz"),
}


@pytest.mark.parametrize("keys", BAD.values(), ids=BAD)
def test_a_line_that_breaks_the_schema_costs_its_cell(done, keys):
    folder, entries, data = done
    head, first, *rest = journal(folder).read_bytes().splitlines()
    line = json.loads(first)
    line.pop("sum")
    if "arrays" in keys:
        line.pop("values")
        keys = {k: v for k, v in keys.items() if v is not None}
        (folder / "arrays").mkdir()
        (folder / "arrays" / "x.npz").write_bytes(b"PK\x03\x04 no archive")
    journal(folder).write_bytes(b"\n".join([head, changed(line, **keys), *rest]) + b"\n")
    results = Results.open(folder)
    assert results.counts()["done"] == 5
    assert len(results.damaged) == 1 and "line 2" in results.damaged[0]
    (again,) = run(entries, out=Results.open_or_create(folder, lock(entries)))
    xr.testing.assert_identical(again, data)


def test_a_line_of_more_seeds_than_memory_holds_is_refused_before_they_are_listed(done):
    folder, _, _ = done
    head, first, *rest = journal(folder).read_bytes().splitlines()
    line = {k: v for k, v in json.loads(first).items() if k != "sum"}
    journal(folder).write_bytes(b"\n".join([head, changed(line, seeds=[[0, MOST_SEEDS]]), *rest]) + b"\n")
    (told,) = Results.open(folder).damaged
    assert f"more than {MOST_SEEDS} seeds" in told


@pytest.mark.parametrize(
    "values", [{"mean": [[4], [0, 0, 0, 0]]}, {k: [[4], [0] * 4] for k in ("mean", "square", "x")}]
)
def test_missing_and_further_observables_cost_the_cell(done, values):
    folder, entries, data = done
    head, first, *rest = journal(folder).read_bytes().splitlines()
    line = json.loads(first)
    line.pop("sum")
    journal(folder).write_bytes(b"\n".join([head, changed(line, values=values), *rest]) + b"\n")
    (again,) = run(entries, out=Results.open_or_create(folder, lock(entries)))
    xr.testing.assert_identical(again, data)


def test_a_value_that_was_changed_by_hand_is_noticed(done):
    folder, *_ = done
    text = journal(folder).read_text()
    line = text.splitlines()[3]
    number = repr(json.loads(line)["values"]["mean"][1][0])
    journal(folder).write_text(text.replace(line, line.replace(number, "0.123", 1)))
    results = Results.open(folder)
    assert results.counts()["done"] == 5 and "checksum" in results.damaged[0]


def test_a_line_without_its_checksum_is_not_believed(done):
    folder, *_ = done
    lines = journal(folder).read_text().splitlines()
    bare = {k: v for k, v in json.loads(lines[2]).items() if k != "sum"}
    journal(folder).write_text("\n".join([*lines[:2], json.dumps(bare), *lines[3:]]) + "\n")
    assert Results.open(folder).counts()["done"] == 5


def test_journals_from_before_checksums_are_read(done):
    folder, *_ = done
    lines = [json.loads(line) for line in journal(folder).read_text().splitlines()]
    for line in lines:
        line.pop("sum")
        line.pop("code", None)
    journal(folder).write_text("".join(json.dumps(line) + "\n" for line in lines))
    outcomes, _, damaged = read(folder)
    assert len(outcomes) == 6 and damaged == []


def test_arrays_that_were_changed_are_noticed(tmp_path, toys):
    entries = [Entry("0", toys["Field"](), (3,), 4)]
    (data,) = run(entries, out=Results.open_or_create(tmp_path, lock(entries)))
    (path,) = (tmp_path / "arrays").glob("*.npz")
    with np.load(path) as stored:
        changed = {k: v + 1 for k, v in stored.items()}
    np.savez(path, **changed)
    assert "arrays were changed" in Results.open(tmp_path).damaged[0]
    (again,) = run(entries, out=Results.open_or_create(tmp_path, lock(entries)))
    xr.testing.assert_identical(again, data)


@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "gone", "text"])
def test_damaged_results_are_told_and_written_anew(done, how):
    folder, _, data = done
    results = Results.open(folder)
    path = results.consolidate({"0/experiment": data})
    content = path.read_bytes()
    broken = {
        "flipped": content[:2000] + bytes(b ^ 255 for b in content[2000:2040]) + content[2040:],
        "cut": content[: len(content) // 2], "empty": b"", "text": b"no HDF5",
    }  # fmt: skip
    path.unlink() if how == "gone" else path.write_bytes(broken[how])
    with pytest.raises(EngineError, match=r"results.nc' cannot be read"):
        results.load()
    results.consolidate({"0/experiment": data})
    xr.testing.assert_identical(results.load()["0/experiment"], data)


def test_limits_are_kept_apart_exactly(done, toys):
    folder, *_ = done
    results, limit = Results.open(folder), toys["Wishart"](ratio=1 / 3).limit()
    results.keep_limits({"0/limit": limit})
    xr.testing.assert_identical(Results.open(folder).limits()["0/limit"], limit)
    path = folder / "limits.json"
    path.write_text(path.read_text().replace("1.0", "1.5", 1))
    assert Results.open(folder).limits() == {}


@pytest.mark.parametrize("nonsense", [None, True, 10**50, {"a": 1}, [0], "\0", "\ud800"], ids=ascii)
def test_limits_whose_attributes_are_not_texts_are_not_believed(done, toys, nonsense):
    folder, *_ = done
    results, limit = Results.open(folder), toys["Coin"]().limit()
    results.keep_limits({"0/limit": limit})
    path = folder / "limits.json"
    told = json.loads(unsealed(path.read_bytes().rstrip(b"\n")))
    told["0/limit"]["data_vars"]["mean"]["attrs"]["symbol"] = nonsense
    path.write_bytes(sealed(json.dumps(told).encode()) + b"\n")
    assert Results.open(folder).limits() == {}


def test_temporary_files_of_killed_processes_are_removed(done):
    folder, entries, _ = done
    (folder / "arrays").mkdir()
    orphans = [folder / "results.0123abcd.tmp", folder / "arrays" / "x.npz.0123abcd.tmp"]
    for path in orphans:
        path.write_bytes(b"half")
    Results.open_or_create(folder, lock(entries)).release()
    assert not any(p.exists() for p in orphans)


@pytest.mark.parametrize("content", ["[]", "{", "null", '"text"', "[" * 10_000, '{"study": 3}'])
def test_a_damaged_lock_file_of_the_same_study_is_written_anew(tmp_path, toys, content):
    entries = [Entry("0", toys["Coin"](), (10,), 4)]
    run(entries, out=Results.open_or_create(tmp_path, lock(entries), study="one"))
    (tmp_path / "study.lock.json").write_text(content)
    results = Results.open_or_create(tmp_path, lock(entries), study="one")
    assert results.counts()["done"] == 1 and json.loads((tmp_path / "study.lock.json").read_text()) == lock(entries)
    results.release()


WRITES = """
import sys, time
from asymptopia.engine.exclusive import FolderLock
from pathlib import Path
held = FolderLock(Path(sys.argv[1]), sys.argv[2] or None)
held.take(print, 0.0)
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
@pytest.mark.parametrize(
    "theirs, ours, free", [("", None, False), ("s0", "s1", True), ("s0", "s0", False), ("s0", None, False)]
)
def test_one_process_writes_a_folder_at_a_time(tmp_path, theirs, ours, free):
    from asymptopia.engine.exclusive import FolderLock

    other = subprocess.Popen([sys.executable, "-c", WRITES, str(tmp_path), theirs], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        mine = FolderLock(tmp_path, ours)
        if free:
            mine.take(print, 0.0)
        else:
            with pytest.raises(EngineError, match="is being written by"):
                mine.take(print, 0.0)
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    mine.release()
    mine.take(print, 5.0)
    mine.release()


LINKS = {
    "a pipe": lambda path: os.mkfifo(path),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.mkdir(),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
}


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
@pytest.mark.parametrize("make", LINKS.values(), ids=LINKS)
def test_what_is_no_file_is_not_read(done, make):
    folder, _, data = done
    results = Results.open(folder)
    results.consolidate({"0/experiment": data})
    for name in ("cells/x.jsonl", "code.json", "limits.json", "results.nc", "results.nc.sha256", "study.lock.json"):
        (folder / name).unlink(missing_ok=True)
        make(folder / name)
    (folder / "study.toml").touch()
    results = Results.open(folder)
    assert results.counts()["done"] == 6 and len(results.damaged) == 1 and "x.jsonl" in results.damaged[0]
    assert results.limits() == {} and results.codes == {}
    with pytest.raises(EngineError, match="cannot be read"):
        results.load()


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_nothing_is_written_through_a_link(done, tmp_path, toys):
    folder, entries, data = done
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("run.log", "provenance.json", "results.nc", "limits.json", "code.json"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(victim)
    results = Results.open_or_create(folder, lock(entries))
    more = [Entry("0", toys["Coin"](), (10, 20), 16)]
    run(more, out=results)
    results.consolidate({"0/experiment": data})
    results.keep_limits({"0/limit": toys["Coin"]().limit()})
    assert victim.read_text() == "precious" and not (folder / "results.nc").is_symlink()
    (folder / ".writing").unlink()
    (folder / ".writing").symlink_to(victim)
    with pytest.raises(StatementError, match="Cannot write results"):
        Results.open_or_create(folder, lock(entries))
    assert victim.read_text() == "precious"


def test_an_archive_that_would_fill_memory_costs_its_cell(done):
    folder, *_ = done
    head, first, *rest = journal(folder).read_bytes().splitlines()
    line = json.loads(first)
    line.pop("sum")
    line.pop("values")
    (folder / "arrays").mkdir()
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(folder / "arrays" / "x.npz", "w") as archive:
        archive.writestr("mean.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    journal(folder).write_bytes(b"\n".join([head, changed(line, arrays="arrays/x.npz"), *rest]) + b"\n")
    results = Results.open(folder)
    assert results.counts()["done"] == 5 and len(results.damaged) == 1


def test_line_ends_of_another_system_cost_nothing(done):
    folder, *_ = done
    journal(folder).write_bytes(journal(folder).read_bytes().replace(b"\n", b"\r\n"))
    results = Results.open(folder)
    assert results.counts()["done"] == 6 and results.damaged == []


def test_huge_values_are_no_numbers(toys, monkeypatch):
    monkeypatch.setattr(toys["Coin"], "realize", lambda self, n, key: {"mean": 1e308, "square": 1.0})
    (data,) = run([Entry("0", toys["Coin"](), (10,), 4)])
    assert np.isnan(data["mean"]).all() and "too large for a mean" in data.attrs["failures"]


def test_nothing_steers_the_terminal_of_who_reads_a_folder(done):
    folder, *_ = done
    head, first, *rest = journal(folder).read_bytes().splitlines()
    line = json.loads(first)
    line.pop("sum")
    evil = dict(status="failed", values={}, error="\x1b]0;x\x07 \u202e \ud800", traceback="\r\x9b31m caf\u00e9\u00a0\n")
    journal(folder).write_bytes(b"\n".join([head, changed(line, **evil), *rest]) + b"\n")
    (failed,) = [o for o in read(folder)[0] if o.status == "failed"]
    assert failed.error == "\ufffd]0;x\ufffd \ufffd \ufffd" and failed.traceback == "\ufffd\ufffd31m caf\u00e9\u00a0\n"
