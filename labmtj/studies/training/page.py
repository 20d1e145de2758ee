"""The report of a training study from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from labmtj.report.training.content import Content
from labmtj.report.training.page import write_training_report
from labmtj.studies.tidy import Table
from labmtj.studies.training.folder import FILE


def write_page(
    folder: Path,
    found: Mapping[str, Table],
    *,
    times: Table,
    rows: Sequence[Mapping[str, str | int | float | None]],
    title: str,
    facts: Mapping[str, str],
) -> Path:
    """Write report.html and its figures. Raises StorageError.

    `facts` are what the tables say of their origin, the study's file among them.
    """
    words = {name: text for name, text in facts.items() if name not in {FILE, "title"}}
    return write_training_report(folder, Content(title, found, rows, words, times, file=facts[FILE]))
