"""The list of laws and the search in it, from the source files alone: no law is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .catalogue import law_modules
from .topics import TOPICS

SHORT = 3  # letters up to which a word must be whole


@dataclass(frozen=True)
class Entry:
    """A law as its source file describes it, read without an import.

    name, field: the law's name and its field of science.
    summary:     the first sentence of its docstring.
    source:      where it is from.
    topics:      what researchers call it.
    text:        everything that its statement says, in lower case.
    """

    name: str
    field: str
    summary: str
    source: str
    topics: tuple[str, ...]
    text: str

    def rank(self, words: Sequence[str]) -> int:
        """How well a law matches the words: 0 by name or topic, 1 by its summary, 2 by its whole text, 3 not at all."""
        apart = re.sub("([a-z])([A-Z])", r"\1 \2", self.name)
        said = " , ".join((apart, self.name, *self.topics)).lower()
        parts = (said, f"{said} {self.summary.lower()}", f"{said} {self.text}")
        return next((k for k, part in enumerate(parts) if all(_has(part, w) for w in words)), len(parts))


def entries() -> list[Entry]:
    """Every law of the library, by field and name, read from the files; none is imported."""
    laws = [_entry(name, module) for name, module in law_modules().items()]
    return sorted(laws, key=lambda e: (e.field, e.name.lower()))


def matching(text: str, among: Iterable[Entry]) -> list[list[Entry]]:
    """The laws that contain all the words, in three lists: by name or topic, by summary, by text; each law once."""
    words = [_spelt(w) for w in re.findall(r"[\w-]+", text.lower())]
    ranked = [(e.rank(words), e) for e in among] if words else []
    return [[e for rank, e in ranked if rank == k] for k in range(3)]


def _has(text: str, word: str) -> bool:
    """Whether the text has this word, or one that starts with it."""
    end = r"\b" if len(word) <= SHORT else ""
    return re.search(rf"\b{re.escape(word)}{end}", _spelt_all(text)) is not None


def _spelt(word: str) -> str:
    """A word without its plural, in American spelling; hyphens are spaces."""
    word = _spelt_all(word)
    return word[:-1] if len(word) > SHORT + 1 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _spelt_all(text: str) -> str:
    return re.sub(r"is(ation|ed|er|e)\b", r"iz\1", text.replace("-", " "))


def _entry(name: str, module: str) -> Entry:
    path = Path(__file__).parent.parent.joinpath(*module.split(".")[1:])
    path = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    cls = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    doc = ast.get_docstring(cls) or ""
    said = [text for line in cls.body if not isinstance(line, ast.FunctionDef) for text in _strings(line)]
    sources = [line.value for line in cls.body if isinstance(line, ast.Assign) and _named(line, "source")]
    source = sources[0].value if sources and isinstance(sources[0], ast.Constant) else ""
    summary = doc.split("\n\n")[0].replace("\n", " ").strip()
    return Entry(name, module.split(".")[2], summary, str(source), TOPICS.get(name, ()), "\n".join(said).lower())


def _strings(node: ast.AST) -> list[str]:
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _named(line: ast.Assign, name: str) -> bool:
    return any(isinstance(t, ast.Name) and t.id == name for t in line.targets)
