"""A folder made by a stranger, or by accident: it is read as far as it can be, and nothing is written elsewhere."""

import json
import os
import shutil

import pytest
import xarray as xr

from asymptopia import StatementError
from asymptopia.engine import EngineError, Entry, Results, lock, run
from asymptopia.engine.journal import sealed

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes and sparse files of POSIX")
HUGE = 100 << 30


@pytest.fixture(scope="module")
def made(tmp_path_factory, toys):
    """A finished folder of six cells, what was asked, and its numbers."""
    folder, entries = tmp_path_factory.mktemp("made") / "r", [Entry("0", toys["Coin"](), (10, 20), 12)]
    results = Results.open_or_create(folder, lock(entries), study="one")
    (data,) = run(entries, out=results)
    results.consolidate({"0/experiment": data})
    results.keep_limits({"0/limit": toys["Coin"]().limit()})
    return folder, entries, data


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "r")
    return tmp_path / "r"


def journal(folder):
    (path,) = (folder / "cells").glob("run-*.jsonl")
    return path


def rewrite(change):
    return lambda folder: journal(folder).write_bytes(change(journal(folder).read_bytes()))


def sparse(name):
    def make(folder):
        with (folder / name).open("wb") as file:
            file.truncate(HUGE)

    return make


def put(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def nested_header(folder):
    with journal(folder).open("ab") as file:
        file.write(sealed(b'{"run":{"a":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}}") + b"\n")


READ = {
    "results.nc larger than memory": sparse("results.nc"),
    "limits larger than memory": sparse("limits.json"),
    "code larger than memory": sparse("code.json"),
    "lock file larger than memory": sparse("study.lock.json"),
    "hash larger than memory": sparse("results.nc.sha256"),
    "journal of zero bytes beside": put("cells/z.jsonl", b""),
    "journal of nothing without end beside": sparse("cells/z.jsonl"),
    "journal that is a folder": lambda folder: (folder / "cells" / "z.jsonl").mkdir(),
    "journal twice": lambda folder: shutil.copy(journal(folder), folder / "cells" / "z.jsonl"),
    "lines thrice": rewrite(lambda text: text * 3),
    "lines in another order": rewrite(lambda text: b"".join(sorted(text.splitlines(True)))),
    "half a line, then all": rewrite(lambda text: text[:-40] + b"\n" + text),
    "empty lines between": rewrite(lambda text: text.replace(b"\n", b"\n\n\n")),
    "a header nested deep": nested_header,
    "the name of a writer that died": put(".writing", b"process 1"),
    "orphans": put("cells/x.tmp", b"half"),
}


@pytest.mark.parametrize("attack", READ.values(), ids=READ)
def test_the_cells_are_read_and_the_folder_is_written_again(made, copy, attack):
    _, entries, data = made
    attack(copy)
    for results in (Results.open(copy), Results.open_or_create(copy, lock(entries), study="one")):
        assert results.counts() == {"done": 6, "nan": 0, "failed": 0}
        xr.testing.assert_identical(results.dataset(entries[0].statement, (10, 20), 12), data)
    results.consolidate({"0/experiment": data})
    results.release()
    xr.testing.assert_identical(Results.open(copy).load()["0/experiment"], data)


def test_a_file_larger_than_memory_is_told(copy):
    sparse("results.nc")(copy)
    with pytest.raises(EngineError, match=r"results.nc' cannot be read: it is larger than 4 GiB"):
        Results.open(copy).load()


@pytest.mark.parametrize("name", ["cells", "arrays", "figures"])
def test_a_part_of_the_folder_that_is_a_link_is_not_written(made, copy, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(copy / name, ignore_errors=True)
    (copy / name).symlink_to(elsewhere)
    with pytest.raises(StatementError, match=f"'{name}' in it is a link, through which nothing is written"):
        Results.open_or_create(copy, lock(made[1]), study="one")
    assert list(elsewhere.iterdir()) == [] and Results.open(copy).counts()["done"] in (0, 6)


WRITING = {"a folder": lambda path: path.mkdir(), "a link": lambda path: path.symlink_to("nothing")}


@pytest.mark.parametrize("make", WRITING.values(), ids=WRITING)
def test_a_folder_that_cannot_be_locked_is_refused(made, copy, make):
    (copy / ".writing").unlink()
    make(copy / ".writing")
    with pytest.raises(StatementError, match="Cannot write results into"):
        Results.open_or_create(copy, lock(made[1]), study="one")
    assert not (copy / "nothing").exists()


def test_a_clone_goes_on_by_itself(made, copy, toys):
    folder, entries, _ = made
    before = {p.name: p.read_bytes() for p in (folder / "cells").iterdir()}
    more = [Entry("0", toys["Coin"](), (10, 20), 16)]
    (data,) = run(more, out=Results.open_or_create(copy, lock(more), study="one"))
    xr.testing.assert_identical(data, more[0].statement.experiment((10, 20), 16))
    assert {p.name: p.read_bytes() for p in (folder / "cells").iterdir()} == before
    assert json.loads((folder / "study.lock.json").read_text()) == lock(entries)
