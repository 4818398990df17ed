"""How objects show themselves in a notebook or a script."""

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import asymptopia as asy
from asymptopia.contract.record import StatementError
from asymptopia.laws import CurieWeiss, HessianSpectrum
from asymptopia.report.around import curve_of


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture(scope="module")
def found():
    law = asy.sweep(CurieWeiss(), beta=(0.4, 0.8, 1.2))
    return asy.confront(law, sizes=(50, 100, 200), seeds=30)


def test_a_confrontation_is_drawn_with_its_residuals(found):
    main, beneath = found.plot()
    limit = found.limit["magnetisation"].values
    drawn = [line.get_xydata() for line in main.get_lines()]
    assert any(np.isin(np.round(limit, 9), np.round(xy[:, 1], 9)).all() for xy in drawn)
    z = found["magnetisation"].table["z"].values
    assert any(np.allclose(line.get_ydata(), z) for line in beneath.get_lines() if len(line.get_ydata()) == 3)


def test_another_observable_is_drawn_by_name_and_a_wrong_one_refused(found):
    assert "susceptibility" in found.plot("susceptibility")[0].get_ylabel()
    with pytest.raises(StatementError, match="Did you mean 'magnetisation'"):
        found.plot("magnetization")
    with pytest.raises(StatementError, match="Did you mean 'magnetisation'"):
        CurieWeiss().plot("magnetization")


def test_a_law_is_drawn_along_a_field_around_its_value():
    (axes,) = CurieWeiss(beta=0.8).plot()
    x, y = axes.get_lines()[0].get_data()
    assert (x[0], x[-1]) == pytest.approx((0.2, 3.2))
    assert y[-1] == pytest.approx(float(CurieWeiss(beta=3.2).limit()["magnetisation"]))


def test_an_observable_with_an_axis_is_drawn_along_it():
    statement, limit, name = curve_of(HessianSpectrum())
    assert statement == HessianSpectrum()
    assert limit[name].ndim == 1


class Balanced(HTMLParser):
    """Fails on a tag that is not closed where it should be, and on what asks for the network or runs a script."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        assert tag != "script"
        assert not any(value and re.match("https?:", value) for _, value in attrs)
        if tag not in ("br", "img", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("what", ["law", "sweep", "confrontation", "forecast"])
def test_html_is_whole_and_needs_nothing_from_outside(what, found):
    shown = {"law": CurieWeiss(), "sweep": found.statement, "confrontation": found}
    text = (asy.forecast("diabetes") if what == "forecast" else shown[what])._repr_html_()
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []


def test_html_says_what_was_found(found):
    text = found._repr_html_()
    assert found.headline in text
    assert all(j.reason.split(" (")[0][:20] in text for j in found.judgements)
    assert "data:image/svg+xml;base64," in text
    assert all(f"<code>{f.name}</code>" in CurieWeiss()._repr_html_() for f in dataclasses.fields(CurieWeiss))


def test_report_is_a_page(found, tmp_path):
    page = found.report(tmp_path, show=False)
    assert page.parent == tmp_path
    assert found.headline in page.read_text()
