"""The errors for bad input and for problems without a limit, and the nearest known names in their messages."""

from __future__ import annotations

from collections.abc import Iterable

FEW = 12  # names that are told in full


class StatementError(ValueError):
    """Bad input: an unknown name, or a value that is not admitted. The message says what is admitted."""


class NoLimit(StatementError):
    """The problem as stated has no limit or no solution; the message says where it has one."""


def an(*names: str) -> str:
    """Names with the article of the first, joined by "or": "an Activation", "a Loss or Channel"."""
    return f"{'an' if names[0][0] in 'AEIOU' else 'a'} {' or '.join(names)}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: up to three names close to the wrong one, and all known names if they are few."""
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
