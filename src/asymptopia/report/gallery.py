"""Charts on their way into the page: each drawn once, as data for the script and as SVG for paper."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engine.files import content, replace
from .charts import Chart, HeatMap
from .figures import save_chart, svg_of
from .interactive import data_of
from .typeset import to_html, to_plain

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_SHAPES = frozenset(
    [
        "g",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "defs",
        "clipPath",
        "use",
        "image",
        "linearGradient",
        "radialGradient",
        "stop",
        "pattern",
        "mask",
        "symbol",
        "marker",
        "title",
        "desc",
    ]
)


@dataclass
class Drawn:
    """A chart as the template takes it: its data for the script, and the same as SVG for paper and without scripts."""

    name: str
    alt: str
    svg: Any
    caption: Any
    data: Any
    switches: bool
    fixed_x: bool
    wide: bool


@dataclass
class Gallery:
    """Draws each chart once; with a folder, keeps PDF and SVG there and draws again only what has changed."""

    folder: Path | None = None
    names: set[str] = field(default_factory=set)

    def show(self, chart: Chart | HeatMap) -> Drawn:
        """A chart for the template; a name that was given before is numbered."""
        from markupsafe import Markup

        chart = self._named(chart)
        caption = f"<strong>{to_html(chart.title)}.</strong> {to_html(chart.caption)}"
        return Drawn(
            name=chart.name,
            alt=f"{to_plain(chart.title)}. {to_plain(chart.caption)}",
            svg=Markup(sanitised(inline_svg(self._svg(chart)))),
            caption=Markup(caption),
            data=Markup(script_json(data_of(chart))),
            switches=isinstance(chart, Chart),
            fixed_x=isinstance(chart, Chart) and chart.xticks is not None,
            wide=isinstance(chart, Chart) and len(chart.panels) > 1,
        )

    def _named(self, chart: Chart | HeatMap) -> Chart | HeatMap:
        name, k = chart.name, 1
        while name in self.names:
            k += 1
            name = f"{chart.name}-{k}"
        self.names.add(name)
        return dataclasses.replace(chart, name=name)

    def _svg(self, chart: Chart | HeatMap) -> str:
        if self.folder is None:
            return svg_of(chart)
        index, svg = self.folder / "figures.json", self.folder / f"{chart.name}.svg"
        known = _digests(index)
        drawn = _code_digest() + script_json(data_of(chart)) + chart.title + chart.ylabel
        digest = hashlib.sha256(drawn.encode()).hexdigest()
        text = _text(svg)
        if known.get(chart.name) != f"{digest} {_hash(text)}" or not svg.with_suffix(".pdf").is_file():
            save_chart(chart, self.folder)
            text = _text(svg)
            kept = known | {chart.name: f"{digest} {_hash(text)}"}
            replace(index, json.dumps(kept, indent=1, sort_keys=True).encode())
        return text


def _text(path: Path) -> str:
    """What is in a file; nothing if it cannot be read."""
    try:
        return content(path).decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digests(index: Path) -> dict[str, str]:
    """What the figures in a folder were drawn from; nothing if that cannot be read."""
    try:
        return {str(k): str(v) for k, v in json.loads(content(index)).items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def inline_svg(text: str) -> str:
    """An SVG document as an element of a page, without what only a document needs, rounded to hundredths of a point."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.S)
    text = re.sub(r' id="(?:text|line2d|patch|xtick|ytick|axes|matplotlib\.axis|legend|figure|[A-Z]\w*)_\d+"', "", text)
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d+\.\d\d)\d+", r"\1", tag[0]), re.sub(r">\s+<", "><", text))
    return re.sub(r"\s*\n\s*", " ", text).replace("<svg", '<svg stroke-linejoin="round"', 1)


def sanitised(svg: str) -> str:
    """An SVG element with nothing in it but shapes: no script, no handler, no link out of the page.

    What is no well-formed SVG is left out.
    """
    from xml.etree import ElementTree

    head = "<svg" if "xmlns=" in svg[: svg.find(">")] else f'<svg xmlns="{_SVG}"'
    links = "" if "xmlns:xlink=" in svg else f' xmlns:xlink="{_LINK}"'
    if re.search(r"<!(?!\[CDATA\[)|<\?", svg):
        return ""
    try:
        tree = ElementTree.fromstring(svg.replace("<svg", head + links, 1))
    except ElementTree.ParseError:
        return ""
    if tree.tag != f"{{{_SVG}}}svg":
        return ""
    _prune(tree)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    return ElementTree.tostring(tree, encoding="unicode")


def _prune(element: Any) -> None:
    """Drop the children that are no shapes, and the attributes that could do more than draw."""
    for child in list(element):
        if str(child.tag).removeprefix(f"{{{_SVG}}}") in _SHAPES:
            _prune(child)
        else:
            element.remove(child)
    for name, value in list(element.attrib.items()):
        plain = name.removeprefix(f"{{{_LINK}}}")
        outside = plain == "href" and not value.startswith(("#", "data:image/png;base64,"))
        calls = re.search(r"url\(\s*['\"]?(?!#)|javascript:|expression|@import|\\", value, re.I)
        if plain.lower().startswith("on") or outside or (plain != "href" and calls):
            del element.attrib[name]


def script_json(data: Any) -> str:
    """JSON that may stand inside a script element, whatever its texts say."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _code_digest() -> str:
    """Changes when the drawing of figures does."""
    from importlib.resources import files

    code = sorted((f.name, f.read_bytes()) for f in files(__package__).iterdir() if f.name.endswith(".py"))
    return hashlib.sha256(b"".join(text for _, text in code)).hexdigest()
