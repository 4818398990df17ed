"""The docs site: pages in Markdown, law pages from `generate.py`, mathematics by the reports' own KaTeX, offline."""

from __future__ import annotations

import html
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

import asymptopia

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from docstrings import to_rst  # noqa: E402

project = "asymptopia"
author = "The asymptopia developers"
copyright = author
version = release = asymptopia.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
default_role = "code"
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "exclude-members": "__init__, __new__"}
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries = False

html_theme = "furo"
html_title = "asymptopia"
html_static_path = ["_static", str(Path(asymptopia.__file__).parent / "report" / "vendor" / "katex")]
html_css_files = ["katex.min.css", "site.css"]
html_js_files = ["katex.min.js", "typeset.js", "gallery.js"]
html_math_renderer = "katex"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False


def setup(app: Sphinx) -> None:
    """Mathematics as elements that `typeset.js` sets in the browser; docstrings from their own convention."""
    app.add_html_math_renderer("katex", inline_renderers=(_inline, None), block_renderers=(_display, None))
    app.connect("autodoc-process-docstring", _docstring)


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{html.escape(node.astext())}</span>')
    raise nodes.SkipNode


def _display(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math display">{html.escape(node.astext())}</div>')
    raise nodes.SkipNode


def _docstring(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    lines[:] = to_rst("\n".join(lines)).split("\n")
