"""One process runs a run: a lock in its folder, which the operating system frees when the process dies."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from labmtj.errors import Busy
from labmtj.host_lock import HostLock
from labmtj.host_state import who

LOCK = "run.lock"


@contextmanager
def claimed(folder: Path) -> Generator[None, None, None]:
    """Hold a run folder. Raises Busy, naming who has it, and StorageError where nothing can be locked."""
    lock = HostLock(folder / LOCK)
    if not lock.take():
        raise Busy(f"{folder}: this run is in the hands of {described(holder(folder))}")
    try:
        lock.write(json.dumps(who()))
        yield
    finally:
        lock.release()


def is_claimed(folder: Path) -> bool:
    """Whether a living process holds a run folder."""
    lock = HostLock(folder / LOCK)
    if not lock.path.exists():
        return False
    free = lock.take()
    lock.release()
    return not free


def holder(folder: Path) -> dict[str, Any]:
    """Who holds, or last held, a run folder, as labmtj.host_state.who has it; empty if that is not known."""
    try:
        found = json.loads(HostLock(folder / LOCK).read())
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def described(found: Mapping[str, Any]) -> str:
    """The holder for a message."""
    if not found:
        return "a process that did not say who it is"
    return f"process {found['pid']} of {found['user']} on {found['host']} since {found['wall']} ({found['command']})"
