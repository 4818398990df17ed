"""All problems of a table, in one message."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..contract.record import StatementError


@dataclasses.dataclass
class Problems:
    """The problems of a file, collected and raised together."""

    name: str
    sentences: list[str] = dataclasses.field(default_factory=list)

    def add(self, problem: str) -> None:
        """Add a problem, as the end of a sentence that begins with the file: "has no column 'y'"."""
        self.sentences.append(problem)

    def stop(self) -> None:
        """Raise `StatementError` with all problems, if there are any."""
        if len(self.sentences) == 1:
            raise StatementError(f"The file {self.name} {self.sentences[0]}")
        if self.sentences:
            lines = "".join(f"\n- it {problem}" for problem in self.sentences)
            raise StatementError(
                f"The file {self.name} cannot be used as it is, for {len(self.sentences)} reasons:{lines}"
            )


def listed(words: Sequence[object], most: int = 8) -> str:
    """Words with commas between them, at most `most` of them."""
    shown = ", ".join(map(str, words[:most]))
    return shown + (f" and {len(words) - most} more" if len(words) > most else "")
