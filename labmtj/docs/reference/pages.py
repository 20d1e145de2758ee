"""All generated pages, and how they are written anew: `labmtj docs --reference`, in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labmtj.docs.building import SOURCE
from labmtj.docs.reference.commands import command_line
from labmtj.docs.reference.errors import errors
from labmtj.docs.reference.files import bench_file, protocol_steps, study_files
from labmtj.docs.reference.python_api import python_api
from labmtj.docs.reference.shipped import instrument_models, shipped_files
from labmtj.errors import StorageError

_MARK = "<!-- made by labmtj docs, with its option reference: change the program, not this page -->\n\n"


def pages(commands: Any) -> dict[str, str]:
    """The content of every generated page by its name; `commands` is the click group of all commands."""
    texts = {
        "command-line": command_line(commands),
        "protocol-steps": protocol_steps(),
        "bench-file": bench_file(),
        "study-files": study_files(),
        "errors": errors(),
        "instrument-models": instrument_models(),
        "shipped-files": shipped_files(),
        "python-api": python_api(),
    }
    return {name: _MARK + "\n".join(text.split("\n\n\n")).rstrip() + "\n" for name, text in texts.items()}


def write_pages(commands: Any, folder: Path = SOURCE / "reference") -> list[Path]:
    """Write all generated pages; their paths. Raises StorageError."""
    written: list[Path] = []
    try:
        for name, text in pages(commands).items():
            path = folder / f"{name}.md"
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise StorageError(f"{folder}: the pages cannot be written: {error.strerror}") from error
    return written
