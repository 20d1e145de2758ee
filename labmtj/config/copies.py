"""Copies of shipped files, for a user to change."""

from __future__ import annotations

import re
from pathlib import Path

from labmtj.config.finder import find, shipped_names
from labmtj.errors import InputError, StorageError

_SCHEMA = re.compile(r"\A# yaml-language-server: \$schema=\./(\S+)")


def copy_shipped(name: str, file: Path) -> list[Path]:
    """Copy a shipped bench or protocol to `file`, and its schema beside it; the paths that were made.

    Raises MissingFile for a name that is none, InputError where `file` is there already, StorageError. A schema that is
    there stays as it is.
    """
    kind = "benches" if name in shipped_names("benches") else "protocols"
    source = find(kind, name)
    text = source.read_text(encoding="utf-8")
    named = _SCHEMA.match(text)
    made: list[Path] = []
    try:
        with file.open("x", encoding="utf-8", newline="\n") as new:
            new.write(text)
        made.append(file)
        if named is not None and not (beside := file.parent / named[1]).exists():
            beside.write_bytes((source.parent / named[1]).read_bytes())
            made.append(beside)
    except FileExistsError:
        raise InputError(f"{file} is there already: name another file, or move it away") from None
    except OSError as error:
        raise StorageError(f"{file}: it cannot be written: {error.strerror}") from error
    return made
