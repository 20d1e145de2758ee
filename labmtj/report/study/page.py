"""report.html of a study: one page that needs nothing else, and a folder with every figure and its numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
from labmtj.report.study.drawn import drawn_page, provenance, write_drawn

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
    return write_drawn(folder, text, drawings)


def study_page(content: Content) -> tuple[str, tuple[Drawing, ...]]:
    """Make the page, and the drawings on it."""
    with svg.styled():
        sections = [overview.found(content), overview.tables(content)]
        sections += [_with_words(make(content), content, name) for name, make in _SECTIONS.items()]
    sections.append(provenance(content.facts, file=content.study_file))
    return drawn_page(content.title, sections)


def _with_words(section: Section, content: Content, name: str) -> Section:
    """Put the sentences that came for a section before what it says itself."""
    words = tuple(html.paragraph(sentence) for sentence in content.sentences.get(name, ()))
    return Section(section.title, (*words, *section.before), section.drawings, section.after)
