"""Figures as inline SVG: the same bytes for the same data, and the colours of the page around them.

matplotlib is imported when the first figure is made; pyplot, which is slow and keeps state, never.
"""

from __future__ import annotations

import io
import re
from collections.abc import Generator
from contextlib import contextmanager
from html import escape
from typing import Any

# A colour that no map has; it is replaced by the colour of the page's text, light or dark.
INK = "#010203"
# chosen: Okabe and Ito's palette, told apart with any colour vision (https://jfly.uni-koeln.de/color/).
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"
SHADE = (0.5, 0.5, 0.5, 0.22)
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.6,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "labmtj",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def styled() -> Generator[None, None, None]:
    """The style of all figures, as a context around all drawing (entering it takes matplotlib a while).

    It begins with matplotlib's own defaults: what a notebook or a matplotlibrc has set is none of a report's business.
    """
    import matplotlib

    untyped: Any = matplotlib
    with untyped.rc_context():
        untyped.rcdefaults()
        untyped.rcParams.update(_STYLE)
        yield


def new_figure(*, width: float = 3.92, height: float = 3.52) -> Any:
    """Make an empty matplotlib Figure, inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def to_svg(figure: Any, *, alt: str, key: str) -> str:
    """Write a figure as an `<svg>` element with a text for those who do not see it.

    `key` must be another one for each figure of a page: identifiers within the SVG begin with it.
    """
    return _inline(_drawn(figure), alt=alt, key=key)


def to_page_and_file(figure: Any, *, alt: str, key: str) -> tuple[str, str]:
    """Write a figure twice: the `<svg>` element of a page (`to_svg`), and a document that stands alone.

    The document has a white ground and dark ink, whatever shows it, and fonts by name with others to fall back on.
    """
    text = _drawn(figure)
    inline = _inline(text, alt=alt, key=key)
    sizes = re.search(r'<svg[^>]*? (width="[^"]*")', text), re.search(r'<svg[^>]*? (height="[^"]*")', text)
    size = " ".join(found.group(1) for found in sizes if found)
    opening, rest = inline.split(">", 1)
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    family = 'font-family="\'DejaVu Sans\', Verdana, sans-serif" color="#1c2128" stroke-linejoin="round"'
    title = f"<title>{escape(alt)}</title>"
    alone = f'<?xml version="1.0" encoding="utf-8"?>\n{opening} {size} {family}>\n{title}\n{ground}{rest}\n'
    return inline, alone.replace("currentColor", "#1c2128")


def _drawn(figure: Any) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _inline(text: str, *, alt: str, key: str) -> str:
    """Keep what a page needs of an SVG document: no prologue, no metadata, no addresses, short coordinates."""
    body = text[text.index("<svg") :]
    for rest in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<style.*?</style>"):
        body = re.sub(rest, "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]*"', body)
    body = body[body.index(">") + 1 :].replace("xlink:href", "href").replace(INK, "currentColor")
    body = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{key}-", body)
    body = re.sub(r' (?:d|x|y)="[^"]*', lambda found: _shorten(found.group()), body)
    body = re.sub(r"font: ([^;\"]*?)([\d.]+)px [^;\"]*", _font, body)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {view.group() if view else ""} aria-label="{escape(alt)}">'
    )
    return opening + re.sub(r"\n\s*", "\n", body).strip()


def _shorten(coordinates: str) -> str:
    return " " + " ".join(re.sub(r"(\.\d\d)\d+", r"\1", coordinates).split())


def _font(found: re.Match[str]) -> str:
    """Keep weight and size of a font; its family is the page's."""
    weight = "font-weight: bold; " if re.search(r"bold|700", found.group(1)) else ""
    return f"{weight}font-size: {found.group(2)}px"
