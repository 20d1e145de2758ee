"""How Sphinx makes the documentation: MyST Markdown, the theme furo, formulae as MathML, nothing from the network."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for contents and mathml

project = "labmtj"
author = "the authors of labmtj"
project_copyright = author
release = ""  # set by who builds

extensions = ["myst_parser", "contents", "mathml"]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "labmtj"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["labmtj.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_search_summary = False  # it would fetch pages, which a browser forbids for files
html_last_updated_fmt = None
highlight_language = "text"
pygments_style = "friendly"
pygments_dark_style = "native"
html_use_index = False
