"""What a run shows: bars on terminals, plain lines elsewhere."""

import io
import os
import pty

from asymptopia.engine import Bar, Entry, Plain, plan, progress_on, run
from asymptopia.engine.progress import announcement


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_where_there_is_no_terminal(toys):
    run([Entry("0", toys["Coin"](), (10,), 12)])  # loads what takes time
    stream = io.StringIO()
    progress = progress_on(stream)
    assert isinstance(progress, Plain)
    run([Entry("0", toys["Coin"](p=1.0), (10,), 12)], progress=progress)
    assert stream.getvalue().splitlines() == [
        "3 cells, 0 done already, this process, 0 compilations",
        "3/3  Coin(p=1.0), coins 10, seeds 8-11: mean 1",
    ]


def test_plain_lines_come_from_time_to_time_and_with_failures(toys):
    stream = io.StringIO()
    progress = Plain(stream, every=0.0)
    run([Entry("0", toys["Fickle"](), (10, 20, 30), 4)], progress=progress)
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines if "/" in line[:3]] == ["1/3", "2/3", "3/3"]
    said = "Fickle(), coins 20, seeds 0-3: ArithmeticError: the coin stood on its edge"
    assert any(line.startswith(said) for line in lines)
    assert "2/3  Fickle(), coins 20, seeds 0-3: failed" in lines


def test_a_bar_on_a_terminal(toys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    stream = Terminal()
    progress = progress_on(stream)
    assert isinstance(progress, Bar)
    run([Entry("0", toys["Coin"](p=1.0), (10,), 12)], progress=progress)
    shown = stream.getvalue()
    assert "3 cells, 0 done already, this process, 0 compilations" in shown
    assert "3/3" in shown and "seeds 8-11: mean 1" in shown


def test_markup_in_a_statement_is_text(toys):
    stream = Terminal()
    progress = Bar(stream)
    progress.message("Law(p=[red]0.5[/red])")
    assert "[red]" in stream.getvalue()


def test_a_bar_may_start_again_with_more_to_do(toys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream, cells = Terminal(), plan(toys["Coin"](), (10,), 12)
    progress = Bar(stream)
    progress.start(2, 1, "here", None, 0)
    progress.update(cells[0], "mean 0.5")
    progress.start(6, 2, "here", None, 0)
    progress.stop()
    assert "2/6" in stream.getvalue()


def test_stopping_before_starting(toys):
    Bar(Terminal()).stop()


def test_a_pseudo_terminal_counts_as_one():
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        assert isinstance(progress_on(stream), Bar)
    os.close(ours)


def test_the_announcement():
    assert (
        announcement(12, 5, "2 threads", "results/x", 1)
        == "12 cells, 5 done already, 2 threads, 1 compilation in results/x"
    )
    assert announcement(12, 12, "2 threads", None, 0) == "12 cells, 12 done already"
