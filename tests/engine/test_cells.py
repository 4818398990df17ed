"""Cells: a partition that depends on what is asked for alone, names that depend on the code."""

import pytest

from asymptopia import load_file, sweep
from asymptopia.engine import EngineError, plan, shard
from asymptopia.engine.cells import runs, span
from asymptopia.engine.code import fingerprint, rebuild, sources
from asymptopia.laws.spins.curie_weiss import CurieWeiss


def test_every_point_size_and_seed_is_in_one_cell(toys):
    cells = plan(sweep(toys["Coin"](), p=(0.2, 0.6)), (10, 20), 10)
    triples = [(c.statement, c.size, s) for c in cells for s in c.seeds]
    assert len(set(triples)) == len(triples) == 2 * 2 * 10
    assert [c.seeds for c in cells[:3]] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)]
    assert len({c.name for c in cells}) == len(cells) and len({c.key for c in cells}) == 4


def test_blocks_are_the_same_when_more_seeds_are_asked_for(toys):
    few, many = plan(toys["Coin"](), (10,), 8), plan(toys["Coin"](), (10, 20), 12)
    assert {c.name for c in few} < {c.name for c in many}
    scattered = plan(toys["Coin"](), (10,), (9, 1, 2, 8))
    assert [c.seeds for c in scattered] == [(1, 2), (8, 9)]


@pytest.mark.parametrize("n", [1, 3, 7])
def test_shards_are_a_partition(toys, n):
    cells = plan(toys["Coin"](), (10, 20), 20)
    parts = [shard(cells, k, n) for k in range(n)]
    assert sorted(c.name for part in parts for c in part) == sorted(c.name for c in cells)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_compiled_cells_share_a_shape_when_only_numbers_differ(toys):
    cells = plan(sweep(toys["Wishart"](), ratio=(1.0, 2.0)), (6, 9), 10)
    assert {c.shape[1:] for c in cells} == {(6, 4), (6, 2), (9, 4), (9, 2)}
    assert len({c.shape for c in cells}) == 4


def test_a_copy_of_the_file_elsewhere_is_the_same_code(tmp_path, toy_file, toys):
    path = tmp_path / "copied.py"
    path.write_text(toy_file.read_text())
    assert fingerprint(load_file(path)["Coin"]()) == fingerprint(toys["Coin"]())


def test_functions_without_a_name_count_by_their_code(toys):
    def power(k):
        return toys["Coin"](tilt=lambda p: p**k)

    first, second = power(1), toys["Coin"](tilt=lambda p: p / 2)
    assert repr(first) == repr(second) == repr(power(2))
    assert len({fingerprint(law) for law in (first, power(2), second)}) == 3
    assert fingerprint(power(2)) == fingerprint(power(2))


def test_a_law_is_rebuilt_from_its_statement_and_its_file(toys, toy_file):
    law = toys["Coin"](p=0.3, tilt=toys["squared"])
    assert sources(law) == (str(toy_file),)
    again = rebuild(repr(law), sources(law), fingerprint(law))
    assert repr(again) == repr(law) and again.predict() == law.predict()
    assert sources(CurieWeiss()) == ()
    assert rebuild(repr(CurieWeiss(h=0.2)), (), fingerprint(CurieWeiss())) == CurieWeiss(h=0.2)


def test_a_law_that_cannot_be_rebuilt_is_refused(toys, monkeypatch):
    with pytest.raises(EngineError, match=r"its statement does not say all of it.*jobs="):
        sources(toys["Coin"](tilt=lambda p: p))

    def local(p):
        return p

    with pytest.raises(EngineError, match=r"its statement does not say all of it"):
        sources(toys["Coin"](tilt=local))
    monkeypatch.setattr(toys["Fair"], "__module__", "__main__")
    with pytest.raises(EngineError, match="running script or session"):
        sources(toys["Coin"]())


def test_a_worker_with_other_code_is_refused(toys):
    law = toys["Coin"]()
    with pytest.raises(EngineError, match="other code"):
        rebuild(repr(law), sources(law), "0" * 64)


def test_a_long_statement_does_not_fill_the_screen(toys):
    (cell,) = plan(toys["Slow"](notes="x" * 300_000), (10,), 4)
    assert len(str(cell)) < 2200 and str(cell).endswith("coins 10, seeds 0-3")
    assert repr(cell.law) == cell.statement and len(cell.statement) > 300_000
    (short,) = plan(toys["Coin"](), (10,), 4)
    assert str(short) == f"{short.law.called(10)}, seeds 0-3"


def test_seeds_in_words():
    assert span((0, 1, 2, 7, 9, 10)) == "0-2, 7, 9-10"
    assert runs((5,)) == [(5, 5)]
