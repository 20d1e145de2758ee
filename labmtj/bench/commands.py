"""Who did what to which bench, and when: a line for every command that changes one."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labmtj.errors import StorageError
from labmtj.host_state import shared_folder

FILE = "commands.jsonl"
_LONGEST = 1000  # chosen: characters of a command line that are kept


def who() -> dict[str, Any]:
    """This process: user, host, pid, command line and the present time, for a record."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # a number without a name, as in some containers
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return {
        "wall": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "user": user,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "command": " ".join([name, *sys.argv[1:]])[:_LONGEST],
    }


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
