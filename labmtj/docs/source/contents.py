"""The list of pages: those named here in this order, then every other page of the folder by its name.

Sphinx's own globs warn where they match nothing new, and would put the third lesson before the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

_ORDER = {
    "tutorial": ("first-run", "first-own-protocol", "first-real-bench"),
    "howto": (
        "run-in-ci",
        "watch",
        "terminal",
        "operator-and-abort",
        "recover-a-run",
        "open-results",
        "wire-a-bench",
        "add-an-instrument",
        "pymeasure-qcodes",
        "simulated-instruments",
        "many-networks-many-dies",
        "study-on-a-cluster",
    ),
    "explanation": (
        "physics",
        "write-schemes",
        "the-twin",
        "how-good-is-the-copy",
        "why-at-most-once",
        "limits-and-routes",
    ),
    "reference": ("command-line", "protocol-steps", "bench-file", "study-files", "errors", "file-formats"),
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Fill in the lists wherever a page has a line such as `@pages tutorial`."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(app: Sphinx, _name: str, content: list[str]) -> None:
    for folder in _ORDER:
        content[0] = content[0].replace(f"@pages {folder}\n", "\n".join(_pages(Path(app.srcdir), folder)) + "\n")


def _pages(source: Path, folder: str) -> list[str]:
    names = sorted(path.stem for path in (source / folder).glob("*.md"))
    first = [name for name in _ORDER[folder] if name in names]
    return [f"{folder}/{name}" for name in [*first, *(name for name in names if name not in first)]]
