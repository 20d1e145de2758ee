"""From the Markdown in `source` to the HTML in `html`, by Sphinx in a process of its own.

The hook that runs when labmtj is installed loads this file by its path, in an environment that has Sphinx but none of
labmtj's dependencies: only the standard library is imported here, and nothing of labmtj.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "source"
HTML = Path(__file__).parent / "html"
_RECORD = ".built.json"  # in the built folder: what it was made of, and what Sphinx had to say
_NEEDS = ("sphinx", "myst_parser", "furo", "latex2mathml")


class CannotBuild(Exception):
    """The pages were not made; the message says why, in Sphinx's own words where it ran."""


def missing_tools() -> list[str]:
    """Modules that are needed to build the pages and are not installed."""
    return [name for name in _NEEDS if importlib.util.find_spec(name) is None]


def digest(source: Path = SOURCE) -> str:
    """A hash of all sources, names and contents."""
    found = hashlib.sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(path.relative_to(source).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def built(html: Path = HTML) -> dict[str, Any]:
    """What is known of the built pages: `digest` of their sources, `warnings` of Sphinx; empty if there are none."""
    try:
        return json.loads((html / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def is_current(source: Path = SOURCE, html: Path = HTML) -> bool:
    """Whether the built pages are those of these sources."""
    return built(html).get("digest") == digest(source)


def build(version: str, *, source: Path = SOURCE, html: Path = HTML, strict: bool = True) -> list[str]:
    """Build all pages anew, put them in place of the old ones, and give back Sphinx's warnings.

    With `strict` a warning is an error, and the old pages stay. Raises CannotBuild, OSError.
    """
    missing = missing_tools()
    if missing:
        raise CannotBuild(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="labmtj-docs-") as folder:
        new, told = Path(folder) / "html", Path(folder) / "warnings.txt"
        command = [sys.executable, "-B", "-m", "sphinx", "-b", "html", "-E", "-q", "-d", str(Path(folder) / "trees")]
        command += ["-W", "--keep-going"] if strict else []
        command += ["-w", str(told), "-D", f"release={version}", str(source), str(new)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        warnings = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
        if made.returncode:
            raise CannotBuild("\n".join(warnings) or (made.stderr + made.stdout).strip())
        (new / _RECORD).write_text(json.dumps({"digest": digest(source), "warnings": warnings}), encoding="utf-8")
        _leave_out(new)
        _put_in_place(new, html)
    return warnings


def _leave_out(new: Path) -> None:
    """What Sphinx and the theme leave behind and no page needs."""
    (new / ".buildinfo").unlink(missing_ok=True)
    shutil.rmtree(new / "_sources", ignore_errors=True)
    for path in new.rglob("*.map"):
        path.unlink()


def _put_in_place(new: Path, html: Path) -> None:
    beside = html.with_name(f"{html.name}.new")  # on the same disk, so that the last step is a rename
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(new, beside)
    shutil.rmtree(html, ignore_errors=True)
    beside.rename(html)
