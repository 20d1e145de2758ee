"""The ready-file of a served bench: one JSON object with resource strings, ports, process and token.

It appears in one piece when the bench listens and goes when the server ends; only its owner may read it,
for the token is in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from labmtj.errors import InputError, MissingFile, StorageError


def write_ready(path: Path, description: Mapping[str, Any]) -> None:
    """Put the file in place. Raises StorageError."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(description, file, indent=2)
            file.write("\n")
        os.replace(part, path)
    except OSError as error:
        raise StorageError(f"{path}: the ready-file cannot be written: {error}") from error


def read_ready(path: Path) -> dict[str, Any]:
    """What a server wrote. Raises MissingFile, or InputError for a file that is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise MissingFile(f"{path}: no such ready-file; is `labmtj twin serve --ready-file {path}` running?") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not the ready-file of a served bench: {error}") from error
    if not isinstance(found, dict) or "token" not in found:
        raise InputError(f"{path} is not the ready-file of a served bench")
    return cast(dict[str, Any], found)


def remove_ready(path: Path) -> None:
    """Take the file away, if it is still there."""
    path.unlink(missing_ok=True)
