"""Small pieces of HTML; every text that comes from a file is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #1c2128; --soft: #5b6470; --line: #d5dae0; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12161c; --ink: #e3e8ee; --soft: #9aa5b1; --line: #323a45; --card: #1a2028; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line); }
p { max-width: 46rem; margin: .4rem 0; }
.soft, figcaption, caption { color: var(--soft); font-size: .9rem; }
.warning { border-left: .3rem solid #d55e00; padding: .4rem .8rem; background: var(--card); max-width: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .3rem .8rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); }
th { font-weight: 600; }
td.number, th.number { text-align: right; white-space: nowrap; }
.dense table { font-size: .82rem; }
.dense th, .dense td { padding: .12rem .55rem; }
.dense tbody th { white-space: nowrap; font-weight: 400; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .6rem; margin: 1rem 0; }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .8rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.1rem; font-weight: 600; overflow-wrap: anywhere; }
dd small { display: block; color: var(--soft); font-weight: 400; font-size: .85rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1rem; }
.figures.broad { grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); }
.figures.broad svg { max-width: 40rem; }
figure { margin: 0; break-inside: avoid; }
svg { display: block; width: 100%; max-width: 28rem; height: auto; stroke-linejoin: round;
  font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.swatch { display: inline-block; width: .9em; height: .9em; border-radius: .15em; vertical-align: -.08em;
  margin-right: .3em; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.legend span + span { margin-left: 1rem; }
details { margin: .6rem 0; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--line); padding: .8rem; font-size: .85rem; }
code { overflow-wrap: anywhere; }
@media print {
  :root { --page: #ffffff; --ink: #000000; --soft: #444444; --line: #bbbbbb; --card: #ffffff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .figures { grid-template-columns: repeat(4, 1fr); gap: .5rem; }
  .figures.broad { grid-template-columns: repeat(2, 1fr); }
  figcaption { font-size: .8em; }
  h2 { break-after: avoid; }
  tr, dl div { break-inside: avoid; }
}
"""


def document(*, title: str, body: Iterable[str]) -> str:
    """Put the whole page around its parts; `title` is escaped, the parts are HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def section(title: str, *parts: str) -> str:
    """Put a section under a heading; nothing at all if it would be empty."""
    content = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def paragraph(text: str, *, kind: str = "") -> str:
    """Make a paragraph of plain text, of a class of the style sheet if one is named."""
    opening = f'<p class="{kind}">' if kind else "<p>"
    return f"{opening}{escape(text)}</p>"


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, numbers: int = 0, kind: str = "wide"
) -> str:
    """Make a table whose last `numbers` columns are aligned to the right; the first cell of a row names it.

    Tables with many numbers want the class `wide dense` of the style sheet.
    """
    texts = len(head) - numbers

    def cell(tag: str, place: int, text: str, scope: str = "") -> str:
        kind = ' class="number"' if place >= texts else ""
        return f"<{tag}{scope}{kind}>{escape(text)}</{tag}>"

    top = "".join(cell("th", place, text, ' scope="col"') for place, text in enumerate(head))
    lines: list[str] = []
    for row in rows:
        first = cell("th", 0, row[0], ' scope="row"')
        lines.append(f"<tr>{first}{''.join(cell('td', place, text) for place, text in enumerate(row) if place)}</tr>")
    return (
        f'<div class="{kind}"><table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{top}</tr></thead>\n'
        f"<tbody>\n{chr(10).join(lines)}\n</tbody>\n</table></div>"
    )


def facts(items: Iterable[tuple[str, str, str]]) -> str:
    """Make cards with a name, a value, and a line of small print."""
    cards: list[str] = []
    for name, value, small in items:
        print_below = f"<small>{escape(small)}</small>" if small else ""
        cards.append(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}{print_below}</dd></div>")
    return f"<dl>\n{chr(10).join(cards)}\n</dl>" if cards else ""


def figures(
    drawings: Iterable[tuple[str, str]], *, legend: Mapping[str, str] | None = None, kind: str = "figures"
) -> str:
    """Set drawings (SVG) with a caption each, beside one another where there is room; `legend` names colours.

    Charts with many marks want the class `figures broad` of the style sheet.
    """
    shown = [
        f"<figure>\n{svg}\n<figcaption>{escape(caption)}</figcaption>\n</figure>" for svg, caption in drawings if svg
    ]
    if not shown:
        return ""
    swatches = "".join(
        f'<span><span class="swatch" style="background: {colour}"></span>{escape(name)}</span>'
        for name, colour in (legend or {}).items()
    )
    above = f'<p class="legend">{swatches}</p>\n' if swatches else ""
    return f'{above}<div class="{kind}">\n{chr(10).join(shown)}\n</div>'


def details(title: str, content: str) -> str:
    """Fold something until it is asked for."""
    return f"<details>\n<summary>{escape(title)}</summary>\n{content}\n</details>"


def listing(text: str) -> str:
    """Show a text as it stands in its file."""
    return f"<pre><code>{escape(text)}</code></pre>"
