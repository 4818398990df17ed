"""What cells depend on: all that `realize` reaches, and nothing else."""

import pytest

from asymptopia import load_file
from asymptopia.engine.code import behind, changes, fingerprint, syntax_digest, theory_fingerprint

LAW = '''
from asymptopia import Law, Observable, Record, field, generator
import helper
from helper import unused


FACTOR = 1.0
OTHER = 2.0


class Shift(Record):
    """Shifts."""

    def of(self, x):
        return x + 1

    def theory_of(self, x):
        return x + 2


class Mine(Law):
    """A law."""

    p: float = field(0.5, "what is added")
    part: Shift = field(Shift(), "how")
    size, sizes, seeds = "n", (4, 8), 4
    observables = {"m": Observable("m", "mean")}

    def predict(self):
        """What it tends to."""
        return {"m": self.p + OTHER + self.part.theory_of(1)}

    def realize(self, n, key):
        """One system."""
        import late

        return {"m": FACTOR * helper.scale(self._mean(n, key)) + late.offset()}

    def _mean(self, n, key):
        return self.part.of(generator(key).normal(size=n).mean())

    def unasked(self):
        return 3
'''
HELPER = '''
from deep import depth

TABLE = {"a": 1}
TABLE["b"] = 2


def scale(x):
    """Scales."""
    return x * depth() * TABLE["b"]


def unused():
    return 0
'''


@pytest.fixture
def place(tmp_path):
    (tmp_path / "law.py").write_text(LAW)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "deep.py").write_text("def depth():\n    return 1\n")
    (tmp_path / "late.py").write_text("def offset():\n    return 0\n")
    return tmp_path


def law(place):
    return load_file(place / "law.py")["Mine"]()


def edited(place, file, old, new):
    text = (place / file).read_text()
    assert old in text
    (place / file).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    "file, old, new",
    [
        ("law.py", "return {\"m\": FACTOR *", "return {\"m\": 2 * FACTOR *"),
        ("law.py", "FACTOR = 1.0", "FACTOR = 1.5"),
        ("law.py", "size=n).mean()", "size=n).max()"),
        ("law.py", "return x + 1", "return x + 7"),
        ("helper.py", "return x *", "return 2 * x *"),
        ("helper.py", 'TABLE["b"] = 2', 'TABLE["b"] = 3'),
        ("deep.py", "return 1", "return 2"),
        ("late.py", "return 0", "return 1"),
    ],
)  # fmt: skip
def test_what_realize_reaches_counts_in_every_file(place, file, old, new):
    before = fingerprint(law(place))
    edited(place, file, old, new)
    assert fingerprint(law(place)) != before


@pytest.mark.parametrize(
    "file, old, new",
    [
        ("law.py", "FACTOR = 1.0", "FACTOR = 1.0  # a comment"),
        ("law.py", '"""One system."""', '"""One random system."""'),
        ("law.py", '"""A law."""', '"""A law of mine."""'),
        ("law.py", '"what is added"', '"what is added to it"'),
        ("law.py", "self.p + OTHER", "self.p - OTHER"),
        ("law.py", "OTHER = 2.0", "OTHER = 3.0"),
        ("law.py", "return x + 2", "return x + 3"),
        ("law.py", "return 3", "return 4"),
        ("law.py", "def realize(self, n, key):", "def realize(self, n: int, key) -> dict:"),
        ("helper.py", '"""Scales."""', '"""Multiplies."""'),
        ("helper.py", "return 0", "return 10"),
        ("helper.py", "return x * depth()", "return (x *\n            depth())"),
    ],
)  # fmt: skip
def test_comments_docstrings_layout_and_theory_do_not_count(place, file, old, new):
    before = fingerprint(law(place))
    edited(place, file, old, new)
    assert fingerprint(law(place)) == before


def test_theory_has_a_fingerprint_of_its_own(place):
    first, cells = theory_fingerprint(law(place)), fingerprint(law(place))
    edited(place, "law.py", "OTHER = 2.0", "OTHER = 3.0")
    assert theory_fingerprint(law(place)) != first and fingerprint(law(place)) == cells


def test_what_has_changed_is_said(place):
    before = behind(law(place))
    edited(place, "helper.py", "return x *", "return 2 * x *")
    assert changes(before, behind(law(place))) == "helper.py: scale changed"
    assert {k for k in before if k.startswith("version of")} == {f"version of {p}" for p in ("jax", "jaxlib", "numpy")}
    assert any("batching.py: seed_keys" in k for k in before), "how seeds are made counts"


def test_the_version_of_a_package_counts(place, monkeypatch):
    from asymptopia.engine import code

    before = fingerprint(law(place))
    code._reached.cache_clear()
    monkeypatch.setattr(code, "_version", lambda name: "99.0")
    assert fingerprint(law(place)) != before


def test_the_syntax_of_a_file_and_of_those_beside_it(place):
    before = syntax_digest(place / "law.py")
    edited(place, "deep.py", "return 1", "return 1  # one")
    assert syntax_digest(place / "law.py") == before != ""
    edited(place, "late.py", "return 0", "return 2")
    assert syntax_digest(place / "law.py") != before
    assert syntax_digest(place / "none.py") == ""


def test_helpers_of_two_folders_are_told_apart(tmp_path):
    digests = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "helper_of_mine.py").write_text(f"def f():\n    return {number}\n")
        (folder / "a.py").write_text("from helper_of_mine import f\n\n\ndef g():\n    return f()\n")
        digests.append(load_file(folder / "a.py")["g"]())
    assert digests == [1, 2]
