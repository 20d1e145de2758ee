"""report.html of a study: one page that needs nothing else, and a folder with every figure and its numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from html import escape
from pathlib import Path

from labmtj.errors import StorageError
from labmtj.report import html, svg
from labmtj.report.study import (
    ablation,
    accuracy,
    ageing,
    fidelity,
    inverse,
    measures,
    overview,
    placing,
    tuning,
)
from labmtj.report.study.content import Content
from labmtj.report.study.drawing import Drawing, Section

NAME, FOLDER = "report.html", "figures"
# The sections in their order, by the name that `Content.sentences` knows them by.
_SECTIONS: dict[str, Callable[[Content], Section]] = {
    "accuracy": accuracy.section,
    "fidelity": fidelity.section,
    "tuning": tuning.section,
    "placement": placing.section,
    "ablation": ablation.section,
    "measures": measures.section,
    "inverse": inverse.section,
    "ageing": ageing.section,
}


def write_study_report(folder: Path, content: Content) -> Path:
    """Write report.html and figures/NAME.svg and .csv into a study's folder; return the path of the page.

    Tables that are missing or short make a page that says what is not there. Raises StorageError.
    """
    text, drawings = study_page(content)
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


def study_page(content: Content) -> tuple[str, tuple[Drawing, ...]]:
    """Make the page, and the drawings on it."""
    with svg.styled():
        sections = [overview.found(content), overview.tables(content)]
        sections += [_with_words(make(content), content, name) for name, make in _SECTIONS.items()]
    sections.append(_provenance(content))
    drawings = tuple(drawing for section in sections for drawing in section.drawings)
    header = f"<header>\n<h1>{escape(content.title)}</h1>\n</header>"
    return html.document(title=content.title, body=[header, *(_shown(section) for section in sections)]), drawings


def _with_words(section: Section, content: Content, name: str) -> Section:
    """Put the sentences that came for a section before what it says itself."""
    words = tuple(html.paragraph(sentence) for sentence in content.sentences.get(name, ()))
    return Section(section.title, (*words, *section.before), section.drawings, section.after)


def _shown(section: Section) -> str:
    drawn = [(drawing.inline, f"{drawing.caption} ({FOLDER}/{drawing.name})") for drawing in section.drawings]
    return html.section(section.title, *section.before, html.figures(drawn, kind="figures broad"), *section.after)


def _provenance(content: Content) -> Section:
    rows = [[name.replace("_", " "), str(value)] for name, value in content.facts.items()]
    parts = [html.table(["what", "which"], rows, caption="Of this study.")] if rows else []
    parts.append(
        html.paragraph(f"Every figure is kept as {FOLDER}/NAME.svg, its numbers as {FOLDER}/NAME.csv.", kind="soft")
    )
    if content.study_file:
        parts.append(html.details("The study's file, as it was used", html.listing(content.study_file)))
    return Section("Provenance", tuple(parts))


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
