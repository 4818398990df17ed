"""A bar for long work in a notebook or an interactive session; scripts and pipes stay silent."""

from __future__ import annotations

import html
import importlib
import sys
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
PATIENCE = 2.0  # seconds without a bar


def tracked(items: Sequence[Item], text: str) -> Generator[Item]:
    """The items one by one, with a bar while they are worked on, once that has taken two seconds.

    text: what stands beside the bar.
    """
    began, show = time.monotonic(), None
    try:
        for done, item in enumerate(items):
            if show is None and time.monotonic() - began > PATIENCE:
                show = _bar(len(items), text)
            if show is not None:
                show(done)
            yield item
    finally:
        if show is not None:
            show(len(items))


def _bar(total: int, text: str) -> Callable[[int], None]:
    """The function that draws how much is done: in a notebook, at a prompt, or nowhere."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel"):
        return _notebook(total, text)
    return _terminal(total, text) if hasattr(sys, "ps1") or shell is not None else lambda done: None


def _notebook(total: int, text: str) -> Callable[[int], None]:
    screen: Any = importlib.import_module("IPython.display")

    def page(done: int) -> Any:
        bar = f'<progress value="{done}" max="{total}"></progress> {done} of {total}: {html.escape(text)}'
        return screen.HTML(bar if done < total else "")

    shown = screen.display(page(0), display_id=True)
    return lambda done: shown.update(page(done))


def _terminal(total: int, text: str) -> Callable[[int], None]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    display = Progress(console=Console(stderr=True), transient=True)
    task = display.add_task(escape(text), total=total)
    display.start()

    def show(done: int) -> None:
        display.update(task, completed=done)
        if done == total:
            display.stop()

    return show
