"""What the project says of itself is true: examples run, tables are current, pages build and load nothing from afar."""

import ast
import contextlib
import dataclasses
import importlib.util
import inspect
import io
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

import asymptopia
from asymptopia import StatementError, laws, numerics, report
from asymptopia.cli import main
from asymptopia.contract.catalogue import law_classes
from asymptopia.contract.statement import load_file
from asymptopia.report.typeset import render_text

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDES = sorted((DOCS / "guide").glob("*.md"))
QUESTIONS = DOCS / "questions.md"
COMING = sorted((DOCS / "coming").glob("*.md"))
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    DOCS / "index.md",
    QUESTIONS,
    *GUIDES,
    *COMING,
]


def name_of(path):
    return str(path.relative_to(ROOT))


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.S | re.M)


def load(path):
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generate():
    return load(DOCS / "generate.py")


@pytest.mark.parametrize("path", [p for p in PAGES if blocks(p, "python")], ids=name_of)
def test_the_examples_in_python_run(path):
    names = {"__name__": path.stem}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks(path, "python"):
            exec(compile(block, path.name, "exec", dont_inherit=True), names)
    assert ("print(" in path.read_text()) == bool(printed.getvalue().strip())


@pytest.mark.parametrize("path", [p for p in PAGES if ">>> " in p.read_text(encoding="utf-8")], ids=name_of)
def test_the_refusals_shown_are_the_refusals_met(path):
    names = {k: v for block in blocks(path, "python") for k, v in _definitions(block).items()}
    shown = re.findall(r"^>>> (.+)\n(\w+): (.+)$", path.read_text(encoding="utf-8"), re.M)
    assert shown
    for call, kind, message in shown:
        with pytest.raises(StatementError) as caught:
            eval(call, names)
        assert (type(caught.value).__name__, str(caught.value)) == (kind, message)


def _definitions(block):
    """What the imports of a block define."""
    names = {}
    tree = ast.parse(block)
    tree.body = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    exec(compile(tree, "imports", "exec"), names)
    return names


def test_the_readme_has_the_example_as_it_is_and_names_laws_that_exist(generate):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert generate.readme(text) == text, "run: python docs/generate.py --readme"
    rows = text[text.index("## The laws") : text.index("## Where things are")]
    named = set(re.findall(r"`([A-Z]\w+)`", rows)) - {"NAME"}
    assert len(named) > 20 and named <= set(law_classes())


def test_the_readme_is_short():
    first = blocks(ROOT / "README.md", "python")[0]
    assert len(first.strip().splitlines()) == 5
    assert len((DOCS / "examples" / "mylaw.py").read_text().splitlines()) <= 30
    assert len((ROOT / "README.md").read_text().splitlines()) < 160


def test_the_law_of_ones_own_runs_from_the_command_line(tmp_path):
    shutil.copy(DOCS / "examples" / "mylaw.py", tmp_path)
    words = ("run", "mylaw.py", "--sweep", "alpha=0.4,3", "--sizes", "20,40", "--seeds", "200", "--out", "out")
    with contextlib.chdir(tmp_path):
        outcome = CliRunner().invoke(main, [*words, "--strict"])
    assert outcome.exit_code == 0, outcome.stderr
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "DoubleDescent" in page and "agrees" in page


def test_the_law_of_ones_own_is_exact_at_finite_size():
    """The error of least squares has a closed form at every size: noise d / (n - d - 1) for n > d + 1 samples."""
    law = load_file(DOCS / "examples" / "mylaw.py")["DoubleDescent"](alpha=2.0, noise=0.25)
    n = 20
    values = law.experiment((n,), 4000)["error"].values[0]
    exact = 0.25 * n / (2 * n - n - 1)
    assert abs(values.mean() - exact) < 4 * values.std() / 4000**0.5
    assert abs(exact - law.predict()["error"]) > 0.01


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_is_linked_exists(path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) + re.findall(r"^```\{\w+\} (\S+/\S+)$", text, re.M)
    for link in links:
        target = path.parent / link
        generated = target.resolve().parent == DOCS / "laws"
        assert generated or target.exists(), link


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_that_are_shown_exist(path):
    lines = [line.split("#")[0].split() for block in blocks(path, "bash") for line in block.splitlines()]
    for words in lines:
        if words[:1] != ["asymptopia"]:
            continue
        verb = main.get_command(click.Context(main), words[1])
        assert verb is not None, " ".join(words)
        known = {o for p in verb.params for o in p.opts}
        for option in (w for w in words if w.startswith("--")):
            assert option in known, f"{' '.join(words)}: {option}"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_pages_are_portable(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|/home/|/work/|/tmp/", text)
    assert max(len(line) for line in text.splitlines() if not re.match(r"[|!*]|\w+ = ", line)) <= 120


def test_studies_that_are_shown_are_studies(tmp_path):
    from asymptopia.study import read

    shown = [text for path in PAGES for text in blocks(path, "toml")]
    assert shown
    for text in shown:
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        study = read(tmp_path / "study.toml")
        assert len(study.items) == text.count("[[")


def test_files_about_the_project_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    licence = (ROOT / "LICENSE").read_text()
    assert citation["version"] == asymptopia.__version__ and project["dynamic"] == ["version"]
    assert citation["license"] == project["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert f"## {asymptopia.__version__} ({citation['date-released']})" in (ROOT / "CHANGELOG.md").read_text()
    assert (
        "Apache License" in licence
        and "Version 2.0, January 2004" in licence
        and "END OF TERMS AND CONDITIONS" in licence
    )
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["run"]
    assert (
        job["steps"][-1]["run"] == ".ci/run"
        and f">={job['strategy']['matrix']['python'][0]}" == project["requires-python"]
    )
    assert (DOCS / "images" / "erm.png").read_bytes().startswith(b"\x89PNG")


def test_every_law_has_a_page_with_all_it_says(generate, tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "FOLDER", tmp_path / "laws")
    generate.write_pages()
    index = (tmp_path / "laws" / "index.md").read_text(encoding="utf-8")
    for name, cls in law_classes().items():
        page = (tmp_path / "laws" / f"{name}.md").read_text(encoding="utf-8")
        assert f"({name}.md)" in index and f"\n{name}\n" in index
        assert repr(cls()) in page and cls.bibtex.strip() in page
        for wanted in (
            *(f.name for f in dataclasses.fields(cls)),
            *cls().observables,
            *(f"${o.symbol}$" for o in cls().observables.values()),
        ):
            assert f"`{wanted}`" in page or wanted.replace("|", r"\|") in page, wanted
        assert page.count("| 1e-") + page.count(" | ") >= len(cls.landmarks)


def test_words_in_tables_are_safe(generate):
    assert generate.words("|w|_1 is < 2*x, in $|w|^2$ and `a|b`") == r"\|w\|\_1 is \< 2\*x, in $\|w\|^2$ and `a\|b`"
    assert generate.table(("a", "b"), [("1", ""), ("2", "")]) == "| a |\n| --- |\n| 1 |\n| 2 |"
    assert generate.listing((1,)) == "1" and generate.listing((1, 2, 3)) == "1, 2 and 3"


def test_docstrings_become_pages_of_reference():
    to_rst = load(DOCS / "docstrings.py").to_rst
    assert to_rst("A **2 and $x_1$ and `f`.") == r"A \*\*2 and :math:`x_1` and ``f``."
    assert to_rst("Of.\n\nsize:  what grows,\n       always.\na, b: two.") == (
        "Of.\n\n``size``\n    what grows, always.\n\n``a``, ``b``\n    two.\n"
    )
    assert to_rst("So:\n\n    x = 1\n    y = 2") == "So:\n\n::\n\n    x = 1\n    y = 2"


@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser here")
def test_the_mathematics_of_every_law_can_be_set(tmp_path):
    katex = Path(report.__file__).parent / "vendor" / "katex" / "katex.min.js"
    texts = [inspect.cleandoc(cls.__doc__) for cls in law_classes().values()] + [_guide_formulas()]
    texts += [f"${o.symbol}$" for cls in law_classes().values() for o in cls().observables.values()]
    body = "".join(render_text(text) for text in texts)
    script = """for (const e of document.querySelectorAll(".math"))
        try { katex.render(e.textContent, e, {displayMode: e.classList.contains("display"), strict: "error"}); }
        catch (error) { e.className = "failed"; e.textContent = error.message; }"""
    page = tmp_path / "page.html"
    page.write_text(
        f"<!doctype html><meta charset='utf-8'><script src='{katex.as_uri()}'></script>{body}<script>{script}</script>",
        encoding="utf-8",
    )
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    browser = subprocess.run(
        [
            "chromium",
            *flags,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert browser.count('class="katex"') >= len(texts)
    assert re.findall(r'class="failed">([^<]*)', browser) == []


def _guide_formulas():
    return "\n\n".join(
        piece for path in GUIDES for piece in re.findall(r"\$\$.*?\$\$|(?<![\w$])\$[^$\n]+\$", path.read_text(), re.S)
    )


def test_all_numerics_are_in_the_reference():
    page = (DOCS / "reference" / "numerics.md").read_text(encoding="utf-8")
    modules = {p.stem for p in Path(numerics.__file__).parent.glob("*.py") if not p.stem.startswith("_")}
    assert modules == set(re.findall(r"automodule:: asymptopia\.numerics\.(\w+)", page))


def test_there_is_a_room_name_for_every_room(generate):
    rooms = {p.name for p in Path(laws.__file__).parent.iterdir() if p.is_dir() and not p.name.startswith("_")}
    assert rooms <= set(generate.ROOMS)
