"""The page in a real browser: everything is drawn, nothing overflows, nothing fails, nothing is requested."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium on the PATH (Debian: apt-get install chromium)"
)

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

LISTEN = """<script>
window.found = [];
for (const kind of ["error", "unhandledrejection"])
  window.addEventListener(kind, (e) => found.push(String(e.message || e.reason)));
document.addEventListener("securitypolicyviolation", (e) => found.push(`${e.violatedDirective} ${e.blockedURI}`));
for (const kind of ["error", "warn"]) {
  const old = console[kind];
  console[kind] = (...a) => { found.push(a.join(" ")); old(...a); };
}
</script>"""
REPORT = """<script>
const all = (s) => [...document.querySelectorAll(s)];
setTimeout(() => {
  const button = document.querySelector("button[data-axis=ylog]"), before = button.textContent;
  button.click();
  window.toggled = [before, button.textContent, button.closest("figure").querySelector(".live").layout.yaxis.type];
}, 3000);
setTimeout(() => {
  const width = document.documentElement.clientWidth;
  const shown = all("figure.chart").filter((f) => !f.closest("details:not([open])"));
  const drawn = shown.filter((f) => f.querySelector("svg.main-svg .trace, svg.main-svg .hm") && f.offsetHeight > 100);
  parent.postMessage(JSON.stringify({
    errors: found, width, scroll: document.documentElement.scrollWidth, figures: shown.length, drawn: drawn.length,
    wide: all("svg.main-svg").filter((s) => s.getBoundingClientRect().right > width + 1).length,
    formulas: all(".math").length, typeset: all(".math > .katex, .math > .katex-display").length,
    broken: all(".katex-error").map((e) => e.title),
    requests: performance.getEntriesByType("resource").map((e) => e.name).filter((n) => !n.startsWith("data:")),
    paper: getComputedStyle(document.querySelector("section")).backgroundColor,
    plot: getComputedStyle(document.querySelector("svg.main-svg")).backgroundColor, toggled: window.toggled,
  }), "*");
}, 4000);
</script>"""
FRAME = """<body style="margin:0"><iframe style="border:0;width:{width}px;height:{height}px"></iframe>
<pre id="out"></pre><script>
addEventListener("message", (e) => {{ document.getElementById("out").textContent = e.data; }});
const page = document.querySelector("iframe").contentDocument;
page.open(); page.write({text}); page.close();
</script></body>"""


POLICY = re.compile(r"script-src [^;\"]*")


def _with_probes(policy):
    """The page's own policy, that lets in the two scripts of this test as well, by their hashes."""
    code = [re.search(r"<script>(.*)</script>", script, re.S)[1] for script in (LISTEN, REPORT)]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code]
    return " ".join([policy[0], *(f"'sha256-{digest}'" for digest in hashes)])


def look(path, tmp_path, width, height=9000, *flags):
    """What the page at `path` says of itself in a window of this width.

    The page is written into its frame, not loaded: virtual time does not wait for a load in a process of its own.
    """
    text = POLICY.sub(_with_probes, path.read_text(encoding="utf-8")).replace("<head>", "<head>" + LISTEN, 1)
    text = json.dumps(text.replace("</body>", REPORT + "</body>", 1)).replace("</", "<\\/")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width, height=height, text=text), encoding="utf-8")
    window = [f"--window-size={width + 20},{height}", "--hide-scrollbars", "--virtual-time-budget=15000"]
    done = run(tmp_path, *window, *flags, "--dump-dom", frame.as_uri())
    points = re.search(r'<pre id="out">(.+?)</pre>', done.stdout, re.S)
    assert points, done.stdout[-500:] + done.stderr[-2000:]
    return json.loads(html.unescape(points[1]))


def run(tmp_path, *arguments):
    """Chromium with a profile of its own."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.parametrize("width", [1400, 390])
def test_everything_is_drawn_and_nothing_overflows(report, tmp_path, width):
    seen = look(report, tmp_path, width, 30000 if width < 500 else 20000)
    assert seen["errors"] == []
    assert seen["requests"] == []
    assert seen["width"] == width and seen["scroll"] == width and seen["wide"] == 0
    assert seen["drawn"] == seen["figures"] > 15
    assert seen["formulas"] == seen["typeset"] + len(seen["broken"]) and seen["typeset"] > 20
    assert all("undefinedmacro" in error for error in seen["broken"])
    assert seen["paper"] == seen["plot"] == "rgb(255, 255, 255)"
    assert seen["toggled"] == ["y axis: linear", "y axis: logarithmic", "log"]


def test_dark_mode_reaches_page_and_figures(report, tmp_path):
    dark = look(report, tmp_path, 1000, 3000, "--blink-settings=preferredColorScheme=0")
    assert dark["paper"] == dark["plot"] == "rgb(29, 33, 38)"


def test_prints_to_pdf(report, tmp_path):
    target = tmp_path / "report.pdf"
    run(tmp_path, "--virtual-time-budget=8000", "--no-pdf-header-footer", f"--print-to-pdf={target}", report.as_uri())
    assert target.read_bytes().count(b"/Type /Page\n") > 5
