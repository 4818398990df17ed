"""A bar appears in notebooks and at prompts when work takes long, and nowhere else."""

import sys
import types

import numpy as np
import pytest

from asymptopia import Law, Observable
from asymptopia.contract import tracked as module
from asymptopia.contract.tracked import tracked


@pytest.fixture
def notebook(monkeypatch):
    """What a notebook shows, one text after the other."""
    pages = []

    class Handle:
        def update(self, page):
            pages.append(page)

    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=True)
    ipython.display, display.HTML = display, str
    display.display = lambda page, display_id: pages.append(page) or Handle()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return pages


def test_a_notebook_shows_how_much_is_done_and_cleans_up(notebook, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    assert list(tracked("abc", "ERM(loss='<x>')")) == list("abc")
    assert 'value="2" max="3"' in notebook[-2] and "&lt;x&gt;" in notebook[-2] and notebook[-1] == ""


def test_a_bar_goes_away_when_the_work_fails(notebook, monkeypatch):
    """Although the exception, which a prompt keeps, holds on to the frames of the work."""
    monkeypatch.setattr(module, "PATIENCE", -1.0)

    class Failing(Law):
        observables = {"x": Observable("x", "x")}

        def predict(self):
            return {"x": 0.0}

        def realize_all(self, n, keys):
            if n > 10:
                raise ZeroDivisionError
            return {"x": np.zeros(len(keys))}

    with pytest.raises(ZeroDivisionError) as kept:
        Failing().experiment((10, 20), 3)
    assert kept.value.__traceback__ is not None and notebook[-1] == ""


def test_short_work_and_scripts_show_nothing(notebook, monkeypatch, capsys):
    list(tracked("abc", "work"))
    assert notebook == []
    monkeypatch.delitem(sys.modules, "IPython")
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    list(tracked("abc", "work"))
    assert capsys.readouterr() == ("", "")


def test_a_prompt_shows_a_bar_on_standard_error(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    list(tracked("abc", "work [red]"))
    out, err = capsys.readouterr()
    assert out == "" and "work [red]" in err
