"""report.html of a training study: one page that needs nothing else, and a folder with every figure and its numbers."""

from __future__ import annotations

from pathlib import Path

from labmtj.report import svg
from labmtj.report.study.drawn import drawn_page, provenance, write_drawn
from labmtj.report.training import accuracy, around, carrying, chips, costs
from labmtj.report.training.content import Content


def write_training_report(folder: Path, content: Content) -> Path:
    """Write report.html and figures/NAME.svg and .csv into the folder of a training study. Raises StorageError."""
    with svg.styled():
        sections = [accuracy.found(content), accuracy.table(content)]
        sections += [part.section(content) for part in (accuracy, carrying, around, chips, costs)]
    sections.append(provenance(content.facts, file=content.file))
    return write_drawn(folder, *drawn_page(content.title, sections))
