"""Who did what to which bench, and when: a line for every command that changes one."""

from __future__ import annotations

import json
import os
from typing import Any, cast

from labmtj.errors import StorageError
from labmtj.host_state import shared_folder, who

FILE = "commands.jsonl"
_LATEST = 1 << 18  # chosen: bytes of the record in which a command of late is looked for; a line has a few hundred


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


def stopped_by_page(process: int, since: str) -> str:
    """Who has asked a process of this host to stop on the page of `labmtj watch`; empty if nobody has.

    `since` is the wall's time (ISO 8601, UTC) at which it began: an earlier one may have had its number. A record that
    cannot be read tells of nobody.
    """
    try:
        with open(shared_folder() / FILE, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LATEST))
            lines = file.read().splitlines()
    except (OSError, StorageError):
        return ""
    for line in lines:
        try:
            found: Any = json.loads(line)
        except ValueError:
            continue  # the first of them may have been cut
        if not isinstance(found, dict):
            continue
        said = cast("dict[str, Any]", found)
        asked = said.get("what") in ("stop", "safe") and said.get("how") == "page"
        if asked and said.get("of") == process and str(said.get("wall", "")) >= since:
            return f"{said.get('user')} on {said.get('host')}"
    return ""
