"""The page as a document: complete, self-contained, safe."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from asymptopia.report import Section, Table, gallery, write_report, write_results
from asymptopia.report.compose import charts_of
from asymptopia.report.figures import save_chart, svg_of

VOID = {"meta", "link", "br", "img", "input", "hr", "path", "use"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source, self.open, self.tags, self.texts, self.scripts, self.ids = text, [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, f"{tag} closes another tag"

    def handle_data(self, data):
        (self.scripts if self.open[-1:] in (["script"], ["style"]) else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def page(report) -> Page:
    """A report on every kind of confrontation."""
    return Page(report.read_text(encoding="utf-8"))


def test_every_verdict_and_reason_is_there(page, reported):
    for confrontation in reported:
        assert confrontation.statement.short() in page.text
        for judgement in confrontation.judgements:
            assert judgement.reason.replace("+-", "\u00b1") in page.text
            assert judgement.advice in page.text
    badges = [a["class"] for t, a in page.tags if t == "span" and a.get("class", "").startswith("badge")]
    expected = [j.verdict for c in reported for j in c.judgements]
    assert [b.split()[1] for b in badges[: len(expected)]] == expected
    assert {b.split()[1] for b in badges} == {"agrees", "disagrees", "inconclusive"}


def test_words_numbers_theory_sections_and_provenance_are_there(page):
    for words in (
        "Laws & <script>alert(1)</script>",
        "The mean of n noisy copies",
        r"\overline{y}^2 \to \mu^2",
        "standard deviation of the noise",
        "Laplace, Theorie analytique (1812), chapter 4",
        "@book{laplace1812",
        "24 seeds at each of the sizes 50, 100, 200, 400",
        "no number",
        "Forecast <digits>",
        "<u>0.05</u>",
        "asymptopia run studies/demo.toml",
        "versions numpy",
        "<b>x86</b>",
        "0, 1, 2",
        "proved",
        "mean: predicted only",
    ):
        assert words in page.text, words


def test_nothing_is_loaded_from_outside(page):
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            value = attributes.get(name) or ""
            assert value.startswith(("#", "data:")) or value in ("", "a%20b.nc"), (tag, name, value)
    assert not re.search(r"@import", page.source)
    assert {m[:5] for m in re.findall(r"url\(\s*['\"]?([^)]{0,40})", page.source.split("<script>")[0])} <= {"data:"} | {
        m[:5] for m in re.findall(r"url\((#[^)]*)", page.source)
    }
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv"))
    assert "default-src 'none'" in policy and "connect-src" not in policy and "http" not in policy
    assert "sourceMappingURL" not in page.source


def test_text_of_users_stays_text(page):
    assert "<script>alert" not in page.source and "onerror=alert(1)>" not in page.source.replace("&gt;", "")
    assert sum(t == "script" and "type" not in a for t, a in page.tags) == 3
    assert not any(t in ("img", "u", "i") for t, _ in page.tags)
    assert "<script>alert('name')</script>" in page.text and "alert('field')" in page.text


def test_chart_data_are_valid_and_finite(page):
    data = [json.loads(s) for s in page.scripts if s.startswith('{"kind"')]
    assert len(data) == sum(a.get("class", "").startswith("chart") for t, a in page.tags if t == "figure") > 10
    broken = next(d for d in data if d["name"] == "broken-square")
    assert broken["panels"][0]["curves"][0]["z"][2] is None


def test_identifiers_are_unique_and_targets_exist(page):
    assert len(page.ids) == len(set(page.ids))
    targets = {a["href"][1:] for t, a in page.tags if t == "a" and a["href"].startswith("#")}
    assert targets and targets <= set(page.ids)


def test_headings_images_and_tables_are_labelled(page):
    assert all(a.get("aria-label") for t, a in page.tags if a.get("role") == "img")
    assert all(a.get("scope") == "col" for t, a in page.tags if t == "th")


def test_forty_observables_fit_on_one_page(shapes, tmp_path, monkeypatch):
    drawing = svg_of(charts_of(shapes.one_size)[0])
    monkeypatch.setattr(gallery, "svg_of", lambda chart: drawing)
    path = write_report(tmp_path / "many.html", [shapes.many], title="Many", provenance={})
    page = Page(path.read_text(encoding="utf-8"))
    assert all(f"mean {k}" in page.text for k in range(40))
    assert "32 more figures" in page.text
    assert path.stat().st_size < 5e6


def test_two_reports_of_the_same_are_the_same(shapes, tmp_path):
    texts = [
        write_report(tmp_path / f"{k}.html", [shapes.one_size], title="t", provenance={}).read_bytes() for k in "ab"
    ]
    assert texts[0] == texts[1]
    assert not list(tmp_path.glob("*.tmp"))


def test_folder_holds_everything_and_draws_again_only_what_changed(shapes, tmp_path, monkeypatch):
    (tmp_path / "results.nc").write_bytes(b"data")
    keep = dict(title="t", provenance={}, downloads=["results.nc", "absent.nc"])
    path = write_results(tmp_path, [shapes.one_size], **keep)
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    stems = [f"figures/mean-{o}.{kind}" for o in ("square", "mean", "fluctuation") for kind in ("pdf", "svg")]
    assert files == {"report.html", "results.nc", "table.csv", "table.tex", "CITE.bib", "figures/figures.json", *stems}
    links = [a["href"] for t, a in Page(path.read_text(encoding="utf-8")).tags if t == "a"]
    assert {"results.nc", "table.csv", "table.tex", "CITE.bib", "figures/"} <= set(links) and "absent.nc" not in links
    drawn = []
    monkeypatch.setattr(
        gallery, "save_chart", lambda chart, folder: drawn.append(chart.name) or save_chart(chart, folder)
    )
    (tmp_path / "figures" / "mean-mean.pdf").unlink()
    write_results(tmp_path, [shapes.one_size], **keep)
    assert drawn == ["mean-mean"] and (tmp_path / "figures" / "mean-mean.pdf").is_file()


def test_laws_that_occur_twice_have_figures_of_their_own(shapes, tmp_path):
    path = write_report(tmp_path / "r.html", [shapes.one_size, shapes.one_size], title="t", provenance={})
    ids = Page(path.read_text(encoding="utf-8")).ids
    assert {"mean-square", "mean-2-square"} <= set(ids)


def test_page_without_laws_or_charts(tmp_path):
    path = write_report(tmp_path / "r.html", [], title="Empty", provenance={}, extra_sections=[Section("Note", "$x$")])
    assert path.stat().st_size < 1.2e6
    assert "Note" in Page(path.read_text(encoding="utf-8")).text


def test_text_in_figures_is_not_rounded(shapes, tmp_path):
    page = Page(
        write_report(tmp_path / "r.html", [shapes.single], title="t", provenance={}).read_text(encoding="utf-8")
    )
    assert "0.005" in page.text and "0.015" in page.text


def test_tables_of_sections_are_rectangular():
    with pytest.raises(ValueError, match="must have 2 cells, but has 1"):
        Table(["a", "b"], [["1"]])


def test_vendored_files_are_those_that_were_checked():
    vendor = files("asymptopia.report") / "vendor"
    listed = dict(
        reversed(line.split()) for line in (vendor / "VERSIONS").read_text().splitlines() if not line.startswith("#")
    )
    present = [p for folder in ("katex", "plotly") for p in _walk(vendor / folder, folder)]
    assert sorted(listed) == sorted(present)
    for name, digest in listed.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest, name


def _walk(folder, prefix):
    for entry in folder.iterdir():
        yield from _walk(entry, f"{prefix}/{entry.name}") if entry.is_dir() else [f"{prefix}/{entry.name}"]
