"""report.html of a study of training on the array: one page that needs nothing else, and a folder of its figures."""

from __future__ import annotations

from pathlib import Path

from labmtj.report import html, svg
from labmtj.report.content import duration
from labmtj.report.in_situ import comparing, conditions, courses, updates
from labmtj.report.in_situ.content import Content
from labmtj.report.study.drawing import Section
from labmtj.report.study.drawn import drawn_page, provenance, write_drawn

_PARTS = (
    comparing.found,
    comparing.section,
    comparing.table,
    courses.section,
    conditions.ablation,
    conditions.spread,
    conditions.immunity,
    conditions.bad_dies,
    updates.timing,
    updates.realised,
    comparing.costs,
)


def write_in_situ_report(folder: Path, content: Content) -> Path:
    """Write report.html and figures/NAME.svg and .csv into the folder of a study. Raises StorageError."""
    with svg.styled():
        sections = [part(content) for part in _PARTS]
    sections += [_computing(content), provenance(content.facts, file=content.file)]
    return write_drawn(folder, *drawn_page(content.title, sections))


def _computing(content: Content) -> Section:
    """What the study itself took on the machine that carried it out."""
    times = content.times
    processor = float(times["processor_seconds"].sum()) if times else 0.0
    text = f"{len(times['block']) if times else 0} blocks took {duration(processor)} of processor time in all."
    return Section("The study itself", (html.paragraph(text, kind="soft"),))
