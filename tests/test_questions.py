"""The page of ten questions: its commands run, and print what the page says."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from asymptopia.cli import main

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "questions.md").read_text(encoding="utf-8")
ANSWERS = {
    "Where is the threshold": ("capacity 2", "capacity 0.8330786", "information_theoretic 1.244684"),
    "How do I plot": ("test_error agrees to", "report: "),
    "Which width": ("611 neurons",),
    "What is the kernel": ("nngp [[0.45", "tangent [[1.1"),
    "Where is double descent": ("1 0.968873 4.78289 3.84514", "1 0.609612 0.609612 0.390388"),
    "Has my sampler": ("Infinite() 0.216025 11.5164",),
}  # fmt: skip


def sections():
    """The title of each question and what is under it."""
    pieces = re.split(r"^## ", PAGE, flags=re.M)[1:]
    return {piece.split("\n")[0]: piece for piece in pieces}


def commands(text):
    """The commands of a section, as words."""
    blocks = "".join(re.findall(r"^```bash\n(.*?)^```", text, re.S | re.M)).replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in blocks.splitlines()]


def test_there_are_ten_and_each_leads_further():
    assert len(sections()) == 10
    for title, text in sections().items():
        assert commands(text) and re.search(r"\]\((guide|laws)/", text) and title.endswith("?"), title


@pytest.mark.parametrize("question", ANSWERS)
def test_the_cheap_ones_are_answered(question, tmp_path, monkeypatch):
    examples = tmp_path / "examples"
    shutil.copytree(DOCS / "examples", examples, ignore=shutil.ignore_patterns("notebooks", "derived"))
    monkeypatch.chdir(examples)
    (text,) = (text for title, text in sections().items() if title.startswith(question))
    results = [CliRunner().invoke(main, words, env={"COLUMNS": "100"}) for words in commands(text)]
    assert [r.exit_code for r in results] == [0] * len(results), [r.output for r in results]
    printed = " ".join(" ".join(r.stdout for r in results).split())
    assert all(answer in printed for answer in ANSWERS[question]), printed
    assert "Traceback" not in printed


def test_files_that_are_named_exist():
    words = [word for text in sections().values() for command in commands(text) for word in command]
    files = {word.split(":")[0] for word in words if re.search(r"\.(py|csv)(:|$)", word)}
    assert len(files) >= 4 and all((DOCS / "examples" / name).is_file() for name in files)
