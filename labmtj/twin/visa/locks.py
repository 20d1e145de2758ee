"""The lock of one VISA resource: who may talk to it (VPP-4.3, section 3.6).

A session may hold an exclusive lock, or share one with the sessions that know its key; both nest. A session
that shares a lock may take the exclusive one over it.
"""

from __future__ import annotations

import threading

from pyvisa.constants import AccessModes, StatusCode

OPENED_SHARED = (
    "opened shared"  # the key of all sessions that ask for a shared lock when they open, where none can be named
)


class ResourceLock:
    """Holders by session handle."""

    def __init__(self, name: str) -> None:
        self._name, self._made = name, 0  # for keys
        self.changed = threading.Condition()
        self.held = False  # whether anybody holds it: one look for sessions that lock nothing
        self._exclusive: int | None = None
        self._depth = 0
        self._sharing: dict[int, int] = {}  # how often each session has locked
        self._key = ""

    @property
    def mode(self) -> AccessModes:
        """How the resource is locked."""
        if self._exclusive is not None:
            return AccessModes.exclusive_lock
        return AccessModes.shared_lock if self._sharing else AccessModes.no_lock

    def admits(self, session: int) -> bool:
        """Whether a session may talk to the resource now."""
        with self.changed:
            if self._exclusive is not None:
                return self._exclusive == session
            return not self._sharing or session in self._sharing

    def take_exclusive(self, session: int) -> StatusCode | None:
        """Lock for one session alone; None while others are in the way."""
        with self.changed:
            if not self.admits(session):
                return None
            self._exclusive, self._depth, self.held = session, self._depth + 1, True
            return StatusCode.success if self._depth == 1 else StatusCode.success_nested_exclusive

    def take_shared(self, session: int, key: str | None) -> tuple[str, StatusCode] | None:
        """Lock together with those who know the key, a new one if None; None while others are in the way."""
        with self.changed:
            if self._exclusive not in (None, session):
                return None
            mine = self._sharing.get(session, 0)
            if mine and key not in (None, self._key):
                return "", StatusCode.error_invalid_access_key
            if self._sharing and not mine and key != self._key:
                return None
            if not self._sharing:
                self._made += 1
                self._key = f"{self._name} {self._made}" if key is None else key
            self._sharing[session], self.held = mine + 1, True
            return self._key, StatusCode.success_nested_shared if mine else StatusCode.success

    def release(self, session: int) -> StatusCode:
        """Undo the session's last lock, the exclusive ones first."""
        with self.changed:
            if self._exclusive == session:
                self._depth -= 1
                if not self._depth:
                    self._exclusive = None
            elif self._sharing.get(session):
                self._sharing[session] -= 1
                if not self._sharing[session]:
                    del self._sharing[session]
            else:
                return StatusCode.error_session_not_locked
            self.held = self._exclusive is not None or bool(self._sharing)
            self.changed.notify_all()
            if self._exclusive == session:
                return StatusCode.success_nested_exclusive
            return StatusCode.success_nested_shared if session in self._sharing else StatusCode.success

    def leave(self, session: int) -> None:
        """Undo all locks of a session that closes."""
        while self.release(session) >= 0:
            pass
