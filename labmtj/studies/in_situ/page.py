"""The report of a study of training on the array from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from labmtj.report.in_situ.content import Content
from labmtj.report.in_situ.page import write_in_situ_report
from labmtj.studies.in_situ.folder import FILE
from labmtj.studies.tidy import Table


def write_page(
    folder: Path,
    found: Mapping[str, Table],
    *,
    times: Table,
    rows: Sequence[Mapping[str, str | int | float | None]],
    title: str,
    facts: Mapping[str, str],
) -> Path:
    """Write report.html and its figures. Raises StorageError."""
    words = {name: text for name, text in facts.items() if name not in {FILE, "title"}}
    return write_in_situ_report(folder, Content(title, found, rows, words, times, file=facts[FILE]))
