"""Drawings from a folder reach the page as shapes alone."""

import hashlib
import json
import os

import numpy as np
import pytest

from asymptopia.report.charts import Chart, Curve, Panel
from asymptopia.report.figures import svg_of
from asymptopia.report.gallery import Gallery, inline_svg, sanitised

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'

EVIL = {
    "script": '<script>document.title="EVIL"</script>',
    "prefixed script": '<s:script xmlns:s="http://www.w3.org/2000/svg">EVIL</s:script>',
    "html": '<x:img xmlns:x="http://www.w3.org/1999/xhtml" src="EVIL"/>',
    "foreign object": "<foreignObject><p>EVIL</p></foreignObject>",
    "handler": '<path d="M0 0" onload="EVIL"/>',
    "handler in capitals": '<path d="M0 0" ONCLICK="EVIL"/>',
    "link": '<a xlink:href="javascript:EVIL"><path d="M0 0"/></a>',
    "use of another file": '<use xlink:href="https://example.org/EVIL#x"/>',
    "image from elsewhere": '<image href="https://example.org/EVIL.png"/>',
    "image that is a page": '<image href="data:text/html,EVIL"/>',
    "animation": '<path d="M0 0"><set attributeName="href" to="EVIL"/></path>',
    "style": '<path style="background:url(https://example.org/EVIL)" d="M0 0"/>',
    "escaped style": '<path style="background:\\75rl(EVIL)" d="M0 0"/>',
    "style sheet": "<style>@import 'EVIL';</style>",
    "entity": "</svg><!DOCTYPE x [<!ENTITY e 'EVIL'>]><svg>&e;",
    "instruction": "<?xml-stylesheet href='EVIL'?>",
    "no XML": "<path d=EVIL>",
    "the end of the drawing": "</svg><script>EVIL</script><svg>",
}


@pytest.mark.parametrize("inside", EVIL.values(), ids=EVIL)
def test_what_is_no_shape_is_dropped(inside):
    assert "EVIL" not in sanitised(f"{HEAD}<g>{inside}</g></svg>")


def test_our_own_drawings_are_left_whole():
    x = np.linspace(0, 1, 5)
    chart = Chart("c", r"title $\hat q_\star$", "x", "y", (Panel((Curve("", x, x**2),)),))
    drawn = inline_svg(svg_of(chart))
    clean = sanitised(drawn)
    assert clean.startswith("<svg") and ":ns0" not in clean
    for tag in ("<path", "<use", "<clipPath", "<defs"):
        assert clean.count(tag) == drawn.count(tag) > 0
    assert sanitised("") == "" and sanitised("<b>") == ""


def sparse(path, victim):
    with path.open("wb") as file:
        file.truncate(100 << 30)


PLACES = {
    "a link": lambda path, victim: path.symlink_to(victim),
    "a pipe": lambda path, victim: os.mkfifo(path),
    "larger than memory": sparse,
    "zero bytes": lambda path, victim: path.touch(),
}


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
def test_a_figure_is_drawn_in_place_of_what_is_none_and_nothing_is_written_elsewhere(tmp_path, make):
    victim, folder = tmp_path / "victim", tmp_path / "figures"
    victim.write_text("precious")
    folder.mkdir()
    for name in ("c.svg", "c.pdf", "figures.json"):
        make(folder / name, victim)
    chart = Chart("c", "t", "x", "y", (Panel((Curve("", np.arange(3.0), np.arange(3.0)),)),))
    drawn = Gallery(folder).show(chart)
    assert "<path" in drawn.svg and victim.read_text() == "precious"
    assert sorted(p.name for p in folder.iterdir()) == ["c.pdf", "c.svg", "figures.json"]
    assert (folder / "c.svg").read_bytes().startswith(b"<?xml") and (folder / "c.pdf").read_bytes().startswith(b"%PDF")
    assert "c" in json.loads((folder / "figures.json").read_text())


def test_a_drawing_that_somebody_put_in_the_place_of_ours_is_sanitised(tmp_path):
    chart = Chart("c", "title", "x", "y", (Panel((Curve("", np.arange(3.0), np.arange(3.0)),)),))
    Gallery(tmp_path).show(chart)
    index, drawing = tmp_path / "figures.json", tmp_path / "c.svg"
    evil = f"{HEAD}<script>EVIL</script><path d='M0 0' onload='EVIL'/></svg>"
    digest, _ = json.loads(index.read_text())["c"].split()
    index.write_text(json.dumps({"c": f"{digest} {hashlib.sha256(evil.encode()).hexdigest()}"}))
    drawing.write_text(evil)
    shown = Gallery(tmp_path).show(chart).svg
    assert drawing.read_text() == evil, "it is taken for ours"
    assert "<path" in shown and "EVIL" not in shown
