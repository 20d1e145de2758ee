"""One process runs a run: a lock in its folder, which the operating system frees when the process dies."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout

from labmtj.errors import Busy, StorageError

LOCK, HOLDER = "run.lock", "worker.json"


@contextmanager
def claimed(folder: Path) -> Generator[None, None, None]:
    """Hold a run folder. Raises Busy, naming who has it, and StorageError where no lock can be made."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise Busy(f"{folder}: this run is in the hands of {described(holder(folder))}") from error
    except OSError as error:
        raise StorageError(f"{folder}: no lock can be made there: {error.strerror or error}") from error
    try:
        _write_holder(folder)
        yield
    finally:
        lock.release()


def is_claimed(folder: Path) -> bool:
    """Whether a living process holds a run folder."""
    if not (folder / LOCK).exists():
        return False
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def holder(folder: Path) -> dict[str, Any]:
    """Who holds, or last held, a run folder: pid, host, user, since, command; empty if that is not known."""
    try:
        found = json.loads((folder / HOLDER).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def described(found: Mapping[str, Any]) -> str:
    """The holder for a message."""
    if not found:
        return "a process that did not say who it is"
    return f"process {found['pid']} of {found['user']} on {found['host']} since {found['since']} ({found['command']})"


def _write_holder(folder: Path) -> None:
    content = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": getpass.getuser(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200],
    }
    beside = folder / f"{HOLDER}.new"
    try:
        beside.write_text(json.dumps(content), encoding="utf-8")
        os.replace(beside, folder / HOLDER)
    except OSError as error:
        raise StorageError(f"{folder / HOLDER}: it cannot be written: {error.strerror}") from error
