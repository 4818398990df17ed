"""Drawings from a folder reach the page as shapes alone."""

import pytest

from asymptopia.report.charts import Chart, Curve, Panel
from asymptopia.report.figures import svg_of
from asymptopia.report.gallery import inline_svg, sanitised

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
    import numpy as np

    x = np.linspace(0, 1, 5)
    chart = Chart("c", r"title $\hat q_\star$", "x", "y", (Panel((Curve("", x, x**2),)),))
    drawn = inline_svg(svg_of(chart))
    clean = sanitised(drawn)
    assert clean.startswith("<svg") and ":ns0" not in clean
    for tag in ("<path", "<use", "<clipPath", "<defs"):
        assert clean.count(tag) == drawn.count(tag) > 0
    assert sanitised("") == "" and sanitised("<b>") == ""
