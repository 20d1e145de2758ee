"""A page of sections with drawings that needs nothing else, and a folder with every figure and its numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from labmtj.errors import StorageError
from labmtj.report import html
from labmtj.report.study.drawing import Drawing, Section

NAME, FOLDER = "report.html", "figures"


def drawn_page(title: str, sections: Sequence[Section]) -> tuple[str, tuple[Drawing, ...]]:
    """Make the page, and the drawings on it."""
    drawings = tuple(drawing for section in sections for drawing in section.drawings)
    header = f"<header>\n<h1>{escape(title)}</h1>\n</header>"
    return html.document(title=title, body=[header, *(_shown(section) for section in sections)]), drawings


def write_drawn(folder: Path, text: str, drawings: Sequence[Drawing]) -> Path:
    """Write report.html and figures/NAME.svg and .csv into a folder; return the path of the page.

    Raises StorageError.
    """
    path, figures = folder / NAME, folder / FOLDER
    try:
        figures.mkdir(parents=True, exist_ok=True)
        for drawing in drawings:
            _write(figures / f"{drawing.name}.svg", drawing.alone)
            _write(figures / f"{drawing.name}.csv", drawing.numbers)
        _write(path, text)
    except OSError as error:
        raise StorageError(f"{error.filename or path}: the report cannot be written: {error.strerror}") from error
    return path


def provenance(facts: Mapping[str, str], *, file: str) -> Section:
    """Say what a study was made of; `file` is its text, folded."""
    rows = [[name.replace("_", " "), str(value)] for name, value in facts.items()]
    parts = [html.table(["what", "which"], rows, caption="Of this study.")] if rows else []
    parts.append(
        html.paragraph(f"Every figure is kept as {FOLDER}/NAME.svg, its numbers as {FOLDER}/NAME.csv.", kind="soft")
    )
    if file:
        parts.append(html.details("The study's file, as it was used", html.listing(file)))
    return Section("Provenance", tuple(parts))


def _shown(section: Section) -> str:
    drawn = [(drawing.inline, f"{drawing.caption} ({FOLDER}/{drawing.name})") for drawing in section.drawings]
    return html.section(section.title, *section.before, html.figures(drawn, kind="figures broad"), *section.after)


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
