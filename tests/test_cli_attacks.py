"""Results folders under attack, from the command line: what somebody else sent, and what was edited since."""

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from asymptopia.cli import main

LAW = '''
import os, signal, sys, time

from asymptopia import Law, Observable, field, generator
from beside import scale


class Mine(Law):
    """Shifted coins, the cell of size 20 and seeds 4 to 7 poisoned."""

    shift: float = field(0.5, "what is added", above=0)
    size, sizes, seeds, block = "coins", (10, 20, 40), 12, 4
    observables = {
        "mean": Observable("m", "mean", scale=1.0),
        "square": Observable("q", "second moment", scale=1.0),
    }

    def predict(self):
        return {"mean": self.shift, "square": 1 + self.shift**2}

    def realize_all(self, n, keys):
        if n == 20 and str(keys[0]) == str(self.poisoned()):
            POISON
        PAUSE
        x = self.shift + scale() * generator(keys[0]).choice([-1.0, 1.0], (len(keys), n))
        return {"mean": x.mean(axis=1), "square": (x**2).mean(axis=1)}

    def poisoned(self):
        from asymptopia.contract.batching import seed_keys

        return seed_keys(20, [4])[0]
'''


def write(folder, poison="pass", pause="pass"):
    folder.mkdir(exist_ok=True)
    (folder / "law.py").write_text(LAW.replace("POISON", poison).replace("PAUSE", pause))
    (folder / "beside.py").write_text("def scale():\n    return 1.0\n")


def command(*words):
    return [sys.executable, "-m", "asymptopia", *map(str, words)]


def asymptopia(folder, *words):
    return subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, errors="replace", timeout=300)


def in_turn(folder, *commands):
    """What each of several command lines says and returns, from one process: (status, output, errors)."""
    script = f"""
import sys
from asymptopia.cli import main
for words in {commands!r}:
    try:
        main(words)
    except SystemExit as end:
        for stream in (sys.stdout, sys.stderr):
            print("\\f", end.code, sep="", end="\\v", file=stream, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, errors="replace",
                          timeout=300)  # fmt: skip
    said = [[part.rsplit("\f", 1) for part in text.split("\v")[:-1]] for text in (done.stdout, done.stderr)]
    assert done.returncode == 0 and len(said[0]) == len(said[1]) == len(commands), done.stderr
    return [(int(status), output, errors) for (output, status), (errors, _) in zip(*said, strict=True)]


def here(folder, *words):
    """The same in this process, where nothing of the folder is to be run."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A finished results folder of a law of one's own."""
    folder = tmp_path_factory.mktemp("base")
    write(folder)
    done = asymptopia(folder, "run", "law.py", "--seeds", "12", "--out", "out")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(base, tmp_path):
    shutil.copytree(base, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def own(base, tmp_path):
    """That folder where it was made, beside its law: what a test changes there is put back."""
    kept = shutil.copytree(base, tmp_path / "kept")
    yield base
    shutil.rmtree(base)
    shutil.copytree(kept, base)


def foreign(copy):
    """The folder as somebody else might send it, with a file that leaves a mark when it is run."""
    study = copy / "out" / "study.toml"
    lines = ['files = ["evil.py"]' if line.startswith("files") else line for line in study.read_text().splitlines()]
    study.write_text("\n".join(lines))
    (copy / "out" / "evil.py").write_text(f"import pathlib\npathlib.Path({str(copy / 'mark')!r}).touch()\n")
    lock = copy / "out" / "study.lock.json"
    lock.write_text(json.dumps({**json.loads(lock.read_text()), "base": "."}))
    return copy


def test_a_foreign_folder_is_read_and_nothing_in_it_is_run(base, copy):
    folder = foreign(copy)
    for words in (["status", "out"], ["report", "out", "--no-open"], ["export", "out", "--csv", "--out", "x"],
                  ["diff", "out", base / "out"]):  # fmt: skip
        done = here(folder, *words)
        assert done.exit_code == 0, (words, done.stderr)
        assert not (folder / "mark").exists(), words
    assert "9" in here(folder, "status", "out").stdout
    assert "Mine(),mean,0.5" in (folder / "x" / "table.csv").read_text()
    trusted = here(folder, "report", "out", "--no-open", "--trust")
    assert (folder / "mark").exists() and trusted.exit_code == 2, "evil.py defines no such law"


@pytest.mark.parametrize(
    "key, value",
    [
        ("portraits", [{}]),
        ("portraits", 3),
        ("entries", []),
        ("confront", [{"level": "high"}]),
        ("base", 7),
        ("files", {"x" * 3000: ""}),
        ("entries", [{"sizes": [math.inf], "seeds": 4}]),
    ],
)
def test_a_lock_file_that_lies_is_an_error_or_is_ignored(copy, key, value):
    folder = foreign(copy)
    lock = folder / "out" / "study.lock.json"
    lock.write_text(json.dumps({**json.loads(lock.read_text()), key: value}))
    done = here(folder, "report", "out", "--no-open")
    assert done.exit_code in (0, 2)
    assert not (folder / "mark").exists()


def test_scripts_in_figures_do_not_reach_the_page(copy):
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg"><script>document.title="x"</script><path onload="a()" d="M0 0"/></svg>'
    )
    for path in (copy / "out" / "figures").glob("*.svg"):
        path.write_text(svg)
    assert here(copy, "report", "out", "--no-open").exit_code == 0
    page = (copy / "out" / "report.html").read_text()
    assert 'document.title="x"' not in page and "<path" in page
    policy = page.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    scripts = next(p for p in policy.split(";") if p.strip().startswith("script-src"))
    assert "unsafe" not in scripts and scripts.count("'sha256-") == 3


def test_a_helper_that_is_edited_makes_cells_anew_and_says_so(own):
    (own / "beside.py").write_text("def scale():\n    return 1.5\n")
    told = asymptopia(own, "report", "out", "--no-open")
    assert "law.py has changed since" in told.stderr
    again = asymptopia(own, "run", "law.py", "--seeds", "12", "--out", "out")
    assert "9 of the cells were computed before, by other code (beside.py: scale changed)." in again.stderr
    assert "9 cells, 0 done already" in again.stderr


def test_theory_of_one_version_is_never_judged_by_cells_of_another(own):
    text = (own / "law.py").read_text()
    text = text.replace('"mean": self.shift,', '"mean": self.shift + 9,').replace(
        "x = self.shift", "x = self.shift + 9"
    )
    (own / "law.py").write_text(text)
    report = ("report", "out", "--no-open")
    for _, output, errors in in_turn(own, report, (*report, "--trust")):
        assert "another version" in errors and "disagrees" not in output, output


LONG = "+".join("1" * 2000)


@pytest.mark.parametrize(
    "words",
    [("run", f"CurieWeiss(beta={LONG})"), ("report", LONG), ("status", LONG), ("diff", LONG, "b"),
     ("judge", f"{LONG}.csv", "--size", "n", "--value", "x")],
    ids=lambda words: words[0],
)  # fmt: skip
def test_what_is_longer_than_the_name_of_a_file_is_refused_in_a_sentence(words):
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code == 2 and answer.stderr.startswith("Error: ") and len(answer.stderr) < 200
    assert "too long" in answer.stderr or "cannot be '...'" in answer.stderr


def test_a_folder_whose_name_is_not_text_is_shown_and_a_law_in_one_is_refused(copy):
    name = os.fsdecode(b"\xff")
    os.rename(copy / "out", copy / name)
    told = in_turn(copy, ("report", name, "--no-open"), ("status", name), ("export", name, "--csv"))
    assert all(status == 0 and "Traceback" not in errors for status, _, errors in told)
    write(copy / name)
    done = asymptopia(copy, "run", f"{name}/law.py", "--seeds", "4", "--sizes", "10,20", "--out", "other")
    assert done.returncode == 2 and done.stderr == "Error: '\\udcff' in a name is not text in UTF-8.\n"
