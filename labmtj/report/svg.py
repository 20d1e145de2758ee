"""Figures as inline SVG: the same bytes for the same data, and the colours of the page around them.

matplotlib is imported when the first figure is made; pyplot, which is slow and keeps state, never.
"""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A colour that no map has; it is replaced by the colour of the page's text, light or dark.
INK = "#010203"
# chosen: Okabe and Ito's palette, told apart with any colour vision (https://jfly.uni-koeln.de/color/).
BLUE, ORANGE, GREEN = "#0072b2", "#e69f00", "#009e73"
SHADE = (0.5, 0.5, 0.5, 0.22)
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 10.0,
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


class Canvas:
    """One figure with its axes, `width` x `height` inches; `box` is the share of left, bottom, width, height."""

    def __init__(self, *, width: float = 3.6, height: float = 3.4, box: tuple[float, float, float, float]) -> None:
        from matplotlib.figure import Figure

        with _styled():
            self.figure: Figure = Figure(figsize=(width, height))
            self.axes: Axes = self.figure.add_axes(box)

    def title(self, title: str, *, x: str, y: str) -> None:
        """Set the title, and what the axes show, with units."""
        with _styled():
            self.axes.set_title(title)
            self.axes.set_xlabel(x)
            self.axes.set_ylabel(y)

    def svg(self, *, alt: str, key: str) -> str:
        """The figure as an `<svg>` element with a text for those who do not see it.

        `key` must be another one for each figure of a page: identifiers within the SVG begin with it.
        """
        text = io.StringIO()
        with _styled():
            self.figure.savefig(text, format="svg", metadata={"Date": None})
        return _inline(text.getvalue(), alt=alt, key=key)


def styled() -> Any:
    """The style of all figures, as a context for whatever is drawn on their axes."""
    return _styled()


def _styled() -> Any:
    from matplotlib import rc_context

    return rc_context(_STYLE)  # pyright: ignore[reportArgumentType]


def _inline(text: str, *, alt: str, key: str) -> str:
    """Keep what a page needs of an SVG document: no prologue, no metadata, no addresses, short numbers."""
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]*"', body)
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt)}" {view.group() if view else ""}>'
    body = opening + body[body.index(">") + 1 :]
    body = body.replace("xlink:href", "href").replace(INK, "currentColor")
    body = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{key}-", body)
    body = re.sub(r"\*\{", f"[aria-label] {{", body) if False else body
    body = re.sub(r'(?<= d=")[^"]*', lambda path: " ".join(path.group().split()), body)
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    body = re.sub(r"(\d+\.\d\d)\d+", r"\1", body)
    return re.sub(r"\n\s*", "\n", body).strip()
