"""report.html of a study of networks of neurons: one page that needs nothing else, and a folder of its figures."""

from __future__ import annotations

from pathlib import Path

from labmtj.report import html, svg
from labmtj.report.content import duration
from labmtj.report.neurons import courses, curves, found, losses
from labmtj.report.neurons.content import PARTS, Content
from labmtj.report.study.drawing import Section
from labmtj.report.study.drawn import drawn_page, provenance, write_drawn


def write_neuron_report(folder: Path, content: Content) -> Path:
    """Write report.html and figures/NAME.svg and .csv into the folder of a study. Raises StorageError."""
    with svg.styled():
        parts = {name: losses.part(content, name) for name in PARTS}
        sections = [
            found.found(content),
            curves.section(content),
            parts["inference"],
            parts["training"],
            courses.section(content),
            losses.gradients(content),
            parts["transfer"],
            parts["distillation"],
            found.table(content),
        ]
    sections += [_computing(content), provenance(content.facts, file=content.file)]
    return write_drawn(folder, *drawn_page(content.title, sections))


def _computing(content: Content) -> Section:
    """What the study itself took on the machine that carried it out."""
    times = content.times
    processor = float(times["processor_seconds"].sum()) if times else 0.0
    text = f"{len(times['block']) if times else 0} blocks took {duration(processor)} of processor time in all."
    return Section("The study itself", (html.paragraph(text, kind="soft"),))
