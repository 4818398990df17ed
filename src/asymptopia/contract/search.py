"""What is known of every law before it is loaded: its line in a list, and the words by which it is found."""

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
    """A law as its file states it.

    name, field: of the law, and of science.
    summary:     the first sentence of its docstring.
    source:      where it is from.
    topics:      what researchers call it.
    text:        all that its statement says, in lower case.
    """

    name: str
    field: str
    summary: str
    source: str
    topics: tuple[str, ...]
    text: str

    def rank(self, words: Sequence[str]) -> int:
        """How well the words fit: 0 if its name or topics have them all, 1 its summary too, 2 its text; 3 if not."""
        apart = re.sub("([a-z])([A-Z])", r"\1 \2", self.name)
        said = " , ".join((apart, self.name, *self.topics)).lower()
        parts = (said, f"{said} {self.summary.lower()}", f"{said} {self.text}")
        return next((k for k, part in enumerate(parts) if all(_has(part, w) for w in words)), len(parts))


def entries() -> list[Entry]:
    """Every law of the library, by field and name, read from the files; none is imported."""
    found = [_entry(name, module) for name, module in law_modules().items()]
    return sorted(found, key=lambda e: (e.field, e.name.lower()))


def matching(text: str, among: Iterable[Entry]) -> list[list[Entry]]:
    """The laws that have all the words: by name or topic, by summary, by anything they say; each law once."""
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
