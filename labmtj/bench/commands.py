"""Who did what to which bench, and when: a line for every command that changes one."""

from __future__ import annotations

import json
import os
from typing import Any

from labmtj.errors import StorageError
from labmtj.host_state import shared_folder, who

FILE = "commands.jsonl"


def note(what: str, bench: str, **more: Any) -> dict[str, Any]:
    """Add a line to the host's record of commands, and return it. Raises StorageError.

    `what` is one word ("run", "safe", "acknowledge"), `bench` the bench's title.
    """
    entry = {"what": what, "bench": bench, **who(), **more}
    path = shared_folder() / FILE
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    try:
        try:
            handle = os.open(path, flags)
        except FileNotFoundError:
            handle = os.open(path, flags | os.O_CREAT, 0o666)
            if hasattr(os, "fchmod"):
                os.fchmod(handle, 0o666)
        try:
            os.write(handle, json.dumps(entry).encode() + b"\n")
        finally:
            os.close(handle)
    except OSError as error:
        raise StorageError(
            f"{path}: who did what cannot be written down: {error.strerror}; name a folder in LABMTJ_STATE"
        ) from error
    return entry
