"""How a command that fails says so: a message with file, line and column, and with --json an object as well."""

from __future__ import annotations

import json
import sys
from typing import Any

from labmtj.errors import LabmtjError, Problem


def tell_failure(error: LabmtjError, *, as_json: bool) -> None:
    """Print an error on standard error; with --json its object is all that standard output gets."""
    if as_json:
        print(json.dumps(failure(error)))
    text = str(error) if type(error).__name__ == "Stopped" else f"error: {error}"
    lines = [text, *(f"  {note}" for note in notes(error))]
    if not _coloured():
        print("\n".join(lines), file=sys.stderr)
        return
    from rich.console import Console

    Console(stderr=True).print(_painted("\n".join(lines)), soft_wrap=True, highlight=False)


def failure(error: LabmtjError) -> dict[str, Any]:
    """An error as JSON has it; `problems` are the places in files that it is about, if it is about any."""
    problems: tuple[Problem, ...] = tuple(getattr(error, "problems", ()))
    content = {
        "type": type(error).__name__,
        "message": str(error),
        "notes": notes(error),
        "problems": [
            {
                "file": problem.where,
                "line": problem.line,
                "column": problem.column,
                "path": problem.path,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in problems
        ],
    }
    return {"error": content, "exit_code": error.exit_code}


def misuse(message: str, exit_code: int) -> dict[str, Any]:
    """A command line that cannot be understood, as JSON has it."""
    return {"error": {"type": "CommandLine", "message": message, "notes": [], "problems": []}, "exit_code": exit_code}


def notes(error: BaseException) -> list[str]:
    """What was added to an error on its way: where the run lies, how it goes on."""
    return list(getattr(error, "__notes__", []))


def _coloured() -> bool:
    import os

    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _painted(text: str) -> Any:
    """The message with its first word, its places and its carets in colour."""
    from rich.text import Text

    found = Text(text)
    found.highlight_regex(r"^error:", "bold red")
    found.highlight_regex(r"(?m)^(error: )?(?P<where>[^\s:][^:\n]*:\d+:\d+):", "bold")
    found.highlight_regex(r"(?m)^\s*\^+$", "red")
    return found
