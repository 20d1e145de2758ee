"""The report of a run: one self-contained HTML page."""

from __future__ import annotations

from html import escape
from pathlib import Path

from labmtj.runs.journal import read_journal

NAME = "report.html"


def write_report(folder: Path) -> Path:
    """Write report.html into a run folder; return its path."""
    entries = list(read_journal(folder / "journal.jsonl"))
    title = next((entry["title"] for entry in entries if entry["k"] == "run"), folder.name)
    path = folder / NAME
    path.write_text(f"<!doctype html><title>{escape(title)}</title><h1>{escape(title)}</h1>", encoding="utf-8")
    return path
