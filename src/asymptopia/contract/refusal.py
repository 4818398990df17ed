"""What is wrong with what was stated, and the names that may have been meant."""

from __future__ import annotations

from collections.abc import Iterable

FEW = 12  # names that are told in full


class StatementError(ValueError):
    """A statement, a field or a range that does not say what it should; the message says what would."""


class NoLimit(StatementError):
    """The problem as stated has no limit (or no solution at all); the message says where it has one."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The tail of an error message: the three nearest names if there are any, and all if they are few."""
    import difflib

    known = set(known)
    names = {n.lower(): n for n in sorted(known, reverse=True)}
    close = [names[n] for n in difflib.get_close_matches(str(name).lower(), names, n=3, cutoff=0.5)]
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    shown = sorted(known)
    if shown and (len(shown) <= FEW or not close):
        more = f" and {len(shown) - FEW} more" if len(shown) > FEW else ""
        hint += f" Known: {', '.join(shown[:FEW])}{more}."
    return hint
