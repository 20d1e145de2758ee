"""One process owns an instrument: a lease on this host by its address, and by its model and serial number.

The address comes first, for it is known before anything is sent. Two addresses may lead to the same instrument, so the
serial number has a lease of its own; which one an address led to last is remembered, and one that nobody has used yet
is asked for nothing but *IDN?. The operating system takes a lease back when its holder, and the guardian that
makes the bench safe after it, are gone.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path
from typing import Any, cast

import psutil
from pyvisa import rname

from labmtj.errors import Busy
from labmtj.host_lock import HostLock
from labmtj.host_state import named, shared_folder, who

_PATIENCE = 0.1  # [s] chosen: for a holder that has the lock and has not yet written who it is
_GUARDIAN = 5.0  # [s] chosen: a dead process's guardian needs 2 s to make a bench safe on which everything answers


def canonical(address: str) -> str:
    """An address as VISA spells it out, so that TCPIP::host::INSTR and tcpip0::HOST::inst0::INSTR are the same."""
    try:
        return str(rname.parse_resource_name(address)).lower()
    except rname.InvalidResourceName:
        return address.strip().lower()  # a name that only the VISA library knows


def lock_of(key: str) -> HostLock:
    """The lock of an address or of a serial number."""
    folder = shared_folder() / "leases"
    folder.mkdir(exist_ok=True)
    if not folder.stat().st_mode & 0o002:
        folder.chmod(0o1777)  # made just now: everybody may add a file
    readable = re.sub(r"[^a-z0-9.]+", "-", key.lower()).strip("-")[:60]
    return HostLock(folder / f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:8]}.lease")


def holder(lock: HostLock) -> dict[str, Any]:
    """What the holder of a lease, or its last one, has written; empty if nothing can be read."""
    try:
        found = json.loads(lock.read())
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def alive(found: dict[str, Any]) -> bool:
    """Whether the process that has written this is there; one that has ended and is not collected yet is not."""
    try:
        return psutil.Process(int(found.get("pid", -1))).status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):
        return False


class Leases:
    """The leases of one open bench; `fence` is the file by which their holder can be shut out."""

    def __init__(self, bench: str, fence: Path) -> None:
        self._locks: dict[str, HostLock] = {}
        self._who = {**who(), "bench": bench, "fence": str(fence)}
        self._address: dict[str, str] = {}

    @property
    def handles(self) -> list[int]:
        """Handles for a guardian, which holds the leases until the bench is safe."""
        return [lock.handle for lock in self._locks.values()]

    def take_address(self, name: str, address: str) -> str | None:
        """Take the lease of an address; what is remembered of who stands there ("model/serial"). Raises Busy."""
        key = self._address[name] = canonical(address)
        known = holder(lock_of(key)).get("identity")
        self._take(key, f"{name} ({address})", known if isinstance(known, str) else None)
        return known if isinstance(known, str) else None

    def take_identity(self, name: str, identity: str) -> None:
        """Take the lease of an instrument ("model/serial") that an address leads to, and remember it. Raises Busy."""
        if identity not in self._locks:
            self._take(identity, f"{name} ({identity})", identity)
        self._write(self._locks[self._address[name]], identity)

    def release(self) -> None:
        """Give all leases back."""
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()

    def leave(self) -> None:
        """Leave all leases to the guardian, which has not finished yet."""
        for lock in self._locks.values():
            lock.close()
        self._locks.clear()

    def _take(self, key: str, what: str, identity: str | None) -> None:
        lock = lock_of(key)
        began = time.monotonic()
        while not lock.take():
            found = holder(lock)
            waited = time.monotonic() - began
            there = alive(found)
            if there or waited > (_GUARDIAN if found else _PATIENCE):
                raise Busy(_busy(what, found, alive=there))
            time.sleep(0.01)
        self._locks[key] = lock
        self._write(lock, identity)

    def _write(self, lock: HostLock, identity: str | None) -> None:
        lock.write(json.dumps({**self._who, "identity": identity}))


def _busy(what: str, found: dict[str, Any], *, alive: bool) -> str:
    """Who has it, in words."""
    if not found:
        return f"{what} is in use by another process, which has not said who it is; try again"
    if not alive:
        return (
            f"{what} was in use by {named(found)}; that process has died, and its guardian cannot make the bench safe: "
            "look at the instruments, try again, or `labmtj safe BENCH`"
        )
    return f"{what} is in use by {named(found)}; wait for it, or end it"
