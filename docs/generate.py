"""Write the pages that the laws themselves dictate: one a law, their index, and the parts that statements are made of.

`python docs/generate.py` writes them into docs/laws, which is not kept in the repository, with the claims judged; with
`--readme` it writes the README's example instead, which is. The drawings of laws are kept; see `portraits`.
"""

from __future__ import annotations

import dataclasses
import html
import inspect
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from asymptopia.contract.catalogue import law_classes
from asymptopia.contract.law import Landmark, Law, Observable
from asymptopia.contract.record import Record, allowed, field_types, record_types
from asymptopia.contract.statement import parts_of
from asymptopia.report.typeset import render_text, segments
from asymptopia.study.claims import read_claims
from asymptopia.study.claims.perform import perform

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import portraits  # noqa: E402
from words import WORDS, words_of  # noqa: E402

FOLDER = HERE / "laws"
README = HERE.parent / "README.md"
ROOMS = {
    "inference": "Inference and learning from samples",
    "dynamics": "Learning dynamics",
    "mean_field": "Mean-field and infinite-width networks",
    "spins": "Spins",
    "sampling": "Sampling and diffusions",
    "landscape": "Landscapes",
    "kernels": "Kernels",
    "optimisation": "Optimisation",
    "factorisation": "Factorisation",
    "approximation": "Approximation",
    "pde_networks": "Networks for differential equations",
}


def main() -> None:
    """Write all pages, or what of the README follows from other files."""
    if sys.argv[1:] == ["--readme"]:
        README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        write_pages(judged=True)


def readme(text: str) -> str:
    """The README with the example as it is now."""
    example = (HERE / "examples" / "mylaw.py").read_text(encoding="utf-8")
    before, start, rest = text.partition("<!-- docs/examples/mylaw.py -->\n```python\n")
    return before + start + example + rest[rest.index("```") :]


def write_pages(judged: bool = False) -> None:
    """The pages of all laws and parts, anew; with the claims judged, or only stated."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    laws = law_classes()
    for name, cls in laws.items():
        (FOLDER / f"{name}.md").write_text(law_page(cls), encoding="utf-8")
    (FOLDER / "index.md").write_text(index_page(laws.values()), encoding="utf-8")
    (FOLDER / "parts.md").write_text(parts_page(laws.values()), encoding="utf-8")
    (FOLDER / "atlas.md").write_text(atlas_page(laws.values(), judged), encoding="utf-8")


def index_page(laws: Iterable[type[Law]]) -> str:
    """The gallery of laws, and beneath it the same as tables, room by room, with one line each."""
    rooms: dict[str, list[type[Law]]] = {}
    for cls in laws:
        rooms.setdefault(room_of(cls), []).append(cls)
    order = sorted(rooms, key=lambda r: (list(ROOMS).index(r) if r in ROOMS else len(ROOMS), r))
    buttons = [f'<button type="button" data-field="{r}" aria-pressed="false">{title_of(r)}</button>' for r in order]
    pieces = [
        "# Laws",
        "A law is a problem and a prediction of what a large system does. Each picture is drawn by its law: the line "
        "is the limit, the points are a small experiment. `asymptopia list` prints them too.",
        "```{raw} html\n"
        '<div class="gallery-search" hidden><label for="gallery-words">Find</label>'
        '<input id="gallery-words" type="search" placeholder="double descent, ising, ridge ...">'
        '<span id="gallery-count" role="status"></span><div class="gallery-fields" role="group" aria-label="Fields">'
        f'<button type="button" data-field="" aria-pressed="true">All</button>{"".join(buttons)}</div></div>\n'
        f'<div class="gallery">{"".join(card(cls) for room in order for cls in rooms[room])}</div>\n```',
    ]
    for room in order:
        rows = [(f"[{c.__name__}]({c.__name__}.md)", words(c.summary()), words(c.source)) for c in rooms[room]]
        pieces += [f"## {title_of(room)}", table(("law", "problem", "source"), rows)]
        pieces.append("```{toctree}\n:hidden:\n\n" + "\n".join(c.__name__ for c in rooms[room]) + "\n```")
    return "\n\n".join(pieces) + "\n"


def room_of(cls: type[Law]) -> str:
    """The folder of a law's field."""
    return cls.__module__.split(".")[2]


def title_of(room: str) -> str:
    """What a field is called."""
    return ROOMS.get(room, room.replace("_", " ").capitalize())


def card(cls: type[Law]) -> str:
    """A law in the gallery: its picture, its name, its problem, and the words it is found by."""
    name = cls.__name__
    picture = '<span class="none"></span>'
    if (portraits.FOLDER / f"{name}.svg").is_file():
        picture = f'<img src="../_static/laws/{name}.svg" alt="" loading="lazy" width="240" height="130">'
    found_by = [name, cls.summary(), title_of(room_of(cls)), *words_of(name), *cls().observables, cls.source]
    found_by += [o.doc for o in cls().observables.values()] + [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    listed = html.escape(" ".join(found_by).lower().replace("_", " "), quote=True)
    return (
        f'<a class="card" href="{name}.html" data-field="{room_of(cls)}" data-words="{listed}">{picture}<b>{name}</b>'
        f"{render_text(cls.summary()).removeprefix('<p>').removesuffix('</p>')}</a>"
    )


def atlas_page(laws: Iterable[type[Law]], judged: bool) -> str:
    """All landmarks and all claims, together."""
    marked = [cls for cls in laws if cls.landmarks]
    count = sum(len(cls.landmarks) for cls in marked)
    claims = read_claims(HERE.parent / "claims")
    header: tuple[str, ...] = ("claim", "paper", "published")
    rows: list[tuple[str, ...]] = [(words(c.said.claim), words(f"{c.said.paper} ({c.said.year})"), f"`{c.said.value}`")
                                   for c in claims]  # fmt: skip
    if judged:
        rulings = perform(claims, HERE / "_build" / "claims", lambda line: None)
        header = (*header, "ours", "verdict")
        rows = [(*r, f"{k.ours:.7g}", k.verdict) for r, k in zip(rows, rulings, strict=True)]
    return (
        "\n\n".join(
            [
                "# Atlas",
                f"What has been published, and must be reproduced or is judged: {count} landmarks of {len(marked)} "
                f"laws, and {len(claims)} claims. `asymptopia atlas --claims claims/` computes all of them.",
                "## Claims",
                "Sentences of papers, held to the precision of their print; see [](../guide/claims.md).",
                table(header, rows),
                "## Landmarks",
                "Values that the laws must reproduce; the tests check every one.",
                *(f"### [{cls.__name__}]({cls.__name__}.md)\n\n{landmarks(cls.landmarks)}" for cls in marked),
            ]
        )
        + "\n"
    )


def law_page(cls: type[Law]) -> str:
    """All that a law says of itself."""
    law = cls()
    phrases = words_of(cls.__name__)
    entries = [f"{'! ' if WORDS[p][0] == cls.__name__ else ''}single: {p}" for p in phrases]
    pieces = [
        f"# {cls.__name__}",
        *(["```{index} " + entries[0] + "\n```"] if len(entries) == 1 else []),
        *(
            ["```{eval-rst}\n.. index::\n" + "\n".join(f"   {e}" for e in entries) + "\n```"]
            if len(entries) > 1
            else []
        ),
        raw(cls.__doc__),
        *figure(cls),
        "## Statement",
        f"```python\n{law!r}\n```",
        table(("field", "default", "allowed", "unit", "meaning"), [field_row(cls, f) for f in dataclasses.fields(cls)]),  # type: ignore[arg-type]
        "## Observables",
        table(
            ("observable", "symbol", "axes", "compared as", "unit", "meaning"),
            [observable_row(k, o) for k, o in cls().observables.items()],
        ),
        f"Size: {words(cls.size)}; by default {listing(law.sizes)}, with {cls.seeds} seeds. "
        f"Finite-size corrections fall as ${growth(-cls.bias)}$.",
    ]
    for method, heading in (("check", "Where it exists"), ("valid", "Where it holds"), ("thresholds", "Transitions")):
        text = getattr(cls, method).__doc__ if getattr(cls, method) is not getattr(Law, method) else None
        pieces += [f"## {heading}", raw(text)] if text else []
    if cls.landmarks:
        pieces += [
            "## Landmarks",
            f"Values it must reproduce; `asymptopia atlas {cls.__name__}` prints ours beside them.",
            landmarks(cls.landmarks),
        ]
    pieces += [
        "## At the keyboard",
        commands(law),
        "## Source",
        f"{words(cls.source)}." + (f" Status: {words(cls.status)}." if cls.status else ""),
    ]
    if cls.bibtex:
        pieces.append(f"```bibtex\n{cls.bibtex.strip()}\n```")
    return "\n\n".join(pieces) + "\n"


def figure(cls: type[Law]) -> list[str]:
    """The figure of a law, if it has been drawn."""
    path = portraits.FOLDER / f"{cls.__name__}-figure.svg"
    if not path.is_file():
        return []
    words_for_it = "The limit (line) and a small experiment (points) at the default statement or around it."
    drawing = path.read_text(encoding="utf-8").strip()  # in the page, so that its words take the page's colour
    drawing = drawing.replace("<svg ", f'<svg class="portrait" role="img" aria-label="{words_for_it}" ', 1)
    return [f"```{{raw}} html\n{drawing}\n```", words_for_it]


def parts_page(laws: Iterable[type[Law]]) -> str:
    """Every family of parts that a field of some law admits, with its members."""
    families = {t.__name__: t for c in laws for t in families_of(c)}
    pieces = [
        "# Parts",
        "A part is a piece of a statement that laws share. In a statement a part without parentheses stands for "
        "its defaults. A part of your own is a class derived from its family, as small as the family's contract below; "
        "a family that takes plain functions says so. Theory, experiment and algorithms all take it.",
    ]
    for family in sorted(families):
        cls = families[family]
        members = [p for p in parts_of(cls).values() if p is not cls and p.__module__.startswith("asymptopia.")]
        pieces += [f"## {family}", raw(cls.__doc__)]
        if hasattr(cls, "from_callable"):
            pieces.append(raw(cls.from_callable.__doc__))
        for part in sorted(members, key=lambda p: p.__name__):
            pieces += [
                f"### {part.__name__}",
                f"`{part_default(part)}`",
                raw(part.__doc__ if "__doc__" in vars(part) else ""),
            ]
            rows = [
                (f"`{f.name}`", f"`{f.default!r}`", limits(f), words(f.metadata.get("doc", "")))
                for f in dataclasses.fields(part)
            ]  # type: ignore[arg-type]
            pieces += [table(("field", "default", "allowed", "meaning"), rows)] if rows else []
    return "\n\n".join(p for p in pieces if p) + "\n"


def families_of(cls: type[Record]) -> list[type[Record]]:
    """The families of parts that the fields of a record admit, and those that the parts themselves admit."""
    found: list[type[Record]] = []
    todo = [t for hint in field_types(cls).values() for t in record_types(hint)]
    while todo:
        family = todo.pop()
        if family not in found:
            found.append(family)
            todo += [
                t
                for part in parts_of(family).values()
                for hint in field_types(part).values()
                for t in record_types(hint)
            ]
    return found


def field_row(cls: type[Law], f: dataclasses.Field) -> tuple[str, ...]:
    """Name, default, allowed values, unit and meaning of a field."""
    families = record_types(field_types(cls)[f.name])
    own = ", or a function" if any(hasattr(t, "from_callable") for t in families) else ""
    kinds = " or ".join(f"[{t.__name__}](parts.md#{t.__name__.lower()})" for t in families) + own
    return (
        f"`{f.name}`",
        f"`{f.default!r}`",
        kinds or limits(f),
        words(f.metadata.get("unit", "")),
        words(f.metadata.get("doc", "")),
    )


def observable_row(name: str, o: Observable) -> tuple[str, ...]:
    """Name, symbol, axes, statistic, unit and meaning of an observable."""
    return (
        f"`{name}`",
        f"${o.symbol}$".replace("|", r"\|"),
        ", ".join(o.dims),
        statistic(o),
        words(o.unit),
        words(o.doc),
    )


def statistic(o: Observable) -> str:
    """What of the realisations is compared with the prediction."""
    if o.limit_only:
        return "limit only"
    if o.fluctuation_of:
        return f"size times the variance of `{o.fluctuation_of}`"
    if o.exponent_of:
        return f"exponent of the growth of `{o.exponent_of}`"
    return {None: "mean", "mean": "bound on the mean", "every": "bound on every realisation"}[o.bound]


def landmarks(marks: Sequence[Landmark]) -> str:
    """The values that a law must reproduce, as a table for each source."""
    pieces = []
    for source in dict.fromkeys(m.source for m in marks):
        rows = [landmark_row(m) for m in marks if m.source == source]
        pieces += [f"{words(source)}:", table(("fields", "quantity", "value", "tolerance", "note"), rows)]
    return "\n\n".join(pieces)


def landmark_row(mark: Landmark) -> tuple[str, ...]:
    """Fields, quantity, value, tolerance and note of a landmark."""
    fields = ", ".join(f"{k}={v!r}" for k, v in mark.fields.items())
    where = f" at {', '.join(map(str, mark.at))}" if mark.at else f" along `{mark.along}`" if mark.along else ""
    value, tolerance = f"{mark.value:.10g}", f"{mark.tolerance:.1g}"
    return f"`{fields}`" if fields else "defaults", f"`{mark.observable}`{where}", value, tolerance, words(mark.note)


def commands(law: Law) -> str:
    """Commands that state this law: all of it, its limit, its confrontation."""
    name = type(law).__name__
    lines = (f"show {name}", f"limit {name} --json", f"run {name} --out results/{name.lower()}")
    return "\n".join(["```bash", *(f"asymptopia {line}" for line in lines), "```"])


def part_default(part: type[Record]) -> str:
    """The statement of a part with its defaults, or its signature where a field has none."""
    try:
        return repr(part())
    except TypeError:
        return f"{part.__name__}{inspect.signature(part)}"


def limits(f: dataclasses.Field) -> str:
    """What a field admits, for a cell of a table."""
    return words(allowed(f.metadata))


def growth(exponent: float) -> str:
    """n to this power, in LaTeX."""
    return f"n^{{{exponent:.3g}}}"


def listing(values: Sequence[int]) -> str:
    """Numbers as prose: `100, 200 and 400`."""
    *first, last = [f"{v}" for v in values]
    return f"{', '.join(first)} and {last}" if first else last


def raw(docstring: str | None) -> str:
    """A docstring as HTML, typeset as reports typeset it."""
    return f"```{{raw}} html\n{render_text(inspect.cleandoc(docstring))}\n```" if docstring else ""


def words(text: str) -> str:
    """Words with `$...$` and code in a cell of a Markdown table."""
    shown = {"math": "${}$", "display": "${}$", "code": "`{}`", "text": "{}"}
    pieces = [
        shown[kind].format(re.sub(r"([\\*_<>\[\]$`])", r"\\\1", p) if kind == "text" else p)
        for kind, p in segments(text)
    ]
    return "".join(pieces).replace("|", r"\|").replace("\n", " ")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table without the columns that are empty throughout."""
    keep = [i for i, _ in enumerate(columns) if any(row[i] for row in rows)]
    lines = [[columns[i] for i in keep], ["---"] * len(keep), *([row[i] for i in keep] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
