"""Who has a run just now: seen without touching its lock, for whoever looks must not be in the way of who wants it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from labmtj.host_lock import HostLock, is_held
from labmtj.runs.claim import LOCK, holder

_CLOCKS = 2.0  # [s] chosen: by how much the start of a process and what it wrote of itself may differ


@dataclass(frozen=True)
class Holder:
    """The process that has a run: what it wrote of itself; `here` if it can be reached from this host."""

    pid: int
    said: dict[str, Any]
    here: bool

    @property
    def words(self) -> str:
        """Who it is, in words."""
        return f"process {self.pid} of {self.said.get('user')} on {self.said.get('host')}: {self.said.get('command')}"


def holder_of(folder: Path, *, ended: bool) -> Holder | None:
    """The living process that has the run of a folder; None if nobody has.

    `ended` says that the journal has its end: where the system does not tell who holds a lock, that decides.
    """
    said = holder(folder)
    pid = int(said.get("pid", -1)) if said else -1
    here = said.get("host") == socket.gethostname()
    held = is_held(HostLock(folder / LOCK).path)
    if held is False or not said:
        return None
    if not same_process(said) or (held is None and ended):
        return None
    return Holder(pid, said, here and pid != os.getpid())


def same_process(said: dict[str, Any]) -> bool:
    """Whether the process that wrote this of itself is there, and no later one with the same number."""
    try:
        process = psutil.Process(int(said.get("pid", -1)))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.create_time() <= datetime.fromisoformat(str(said["wall"])).timestamp() + _CLOCKS
    except (psutil.Error, ValueError, KeyError):
        return False
