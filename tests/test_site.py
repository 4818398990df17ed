"""The site as it is built: without a warning, nothing from afar, found by words, and read by everybody in a browser."""

import html
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("furo")

DOCS = Path(__file__).parents[1] / "docs"
FOREIGN = re.compile(r"""(?:src|href)=["'](?:https?:)?//[^"']+["'][^>]*>""")
PROBE = f"<script>{Path(__file__).with_name('site_probe.js').read_text(encoding='utf-8')}</script>"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
         "--hide-scrollbars", "--allow-file-access-from-files"]  # fmt: skip
DARK = "--blink-settings=preferredColorScheme=0"
FRAME = """<iframe src="{page}" style="border:0;width:{width}px;height:3000px"></iframe><pre id="out"></pre><script>
addEventListener("message", (e) => {{ document.getElementById("out").textContent = e.data; }});</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built from a copy of the sources; warnings are errors."""
    spec = importlib.util.spec_from_file_location("docs_generate_for_site", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    source, built = tmp_path_factory.mktemp("site") / "docs", tmp_path_factory.mktemp("html")
    made = {"_build", "laws"}
    shutil.copytree(DOCS, source, ignore=lambda folder, names: made & set(names) if Path(folder) == DOCS else set())
    generate.FOLDER = source / "laws"
    generate.write_pages()
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(source), str(built)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return built


def test_pages_load_nothing_from_afar_and_pictures_are_there(site):
    gallery = site / "laws" / "index.html"
    text = gallery.read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="([^"]+)"', text)
    assert len(pictures) == text.count('class="card"') and all((gallery.parent / src).is_file() for src in pictures)
    page = (site / "guide" / "verdicts.html").read_text(encoding="utf-8")
    assert '<span class="math">n_1' in page and "katex.min.js" in page
    for path in site.rglob("*.html"):
        tags = FOREIGN.findall(path.read_text(encoding="utf-8"))
        assert not [tag for tag in tags if not tag.startswith("href") or "stylesheet" in tag], path.name
    assert (site / "_static" / "fonts" / "KaTeX_Main-Regular.woff2").is_file()


@pytest.mark.parametrize(
    ("words", "law"),
    [("ridge regression", "ERM"), ("double descent", "RandomFeatures"), ("perceptron", "Capacity"),
     ("neural tangent kernel", "WideNetworkKernel"), ("spin glass", "SherringtonKirkpatrick")],
)  # fmt: skip
def test_the_search_ranks_the_law_first_that_is_meant(site, words, law):
    """A page whose index entry is the main one of these words comes before all that only mention them."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("{") : text.rindex("}") + 1])
    (main,) = [index["docnames"][page] for page, _, first in index["indexentries"][words] if first]
    assert main == f"laws/{law}"


@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser here")
@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [("index.html", 1400, False), ("laws/index.html", 390, True), ("laws/ERM.html", 390, False),
     ("questions.html", 1400, True)],
)  # fmt: skip
def test_everybody_can_read_it(site, tmp_path, name, width, dark):
    """No error, no request, no overflow, contrast 4.5 to 1, visible focus, mathematics for readers of screens."""
    page = site / name
    copy = page.with_name(f"probe_{page.name}")
    copy.write_text(page.read_text(encoding="utf-8").replace("<head>", "<head>" + PROBE, 1), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=copy.as_uri(), width=width))
    flags = [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width + 40},3000", *[DARK] * dark]
    for budget in (15_000, 60_000, 240_000):  # a busy machine may give the frame no time to answer
        command = ["chromium", *flags, f"--virtual-time-budget={budget}", "--dump-dom", frame.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        if answer := re.search(r'<pre id="out">(.+?)</pre>', done.stdout, re.S):
            break
    copy.unlink()
    assert answer, done.stderr[-500:]
    seen = json.loads(html.unescape(answer[1]))
    assert (seen["noticed"], seen["foreign"], seen["pale"], seen["unseen"]) == ([], [], [], [])
    assert seen["width"] == seen["scroll"] == width and seen["words"] > 50
    assert seen["paper"] == ("rgb(19, 20, 22)" if dark else "rgb(255, 255, 255)")
    assert seen["formulas"] == seen["mathml"] and (seen["formulas"] > 20) == (name == "laws/ERM.html")
