"""What a process that uses a bench shares with whoever may take the bench from it: a small file in memory.

It holds a flag (the bench has been made safe by somebody else: this process sends nothing more), the reason, and
the moment until which the process is to be heard of (labmtj.bench.guardian). Moments are those of the machine's
monotonic clock, which is the same for all of its processes.
"""

from __future__ import annotations

import mmap
import os
import secrets
import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from labmtj.errors import Fenced, StorageError
from labmtj.host_state import shared_folder

_SIZE = 4096
_FLAG, _DEADLINE, _REASON = 0, 8, 64  # offsets [byte]
_LONGEST = 2000  # chosen: bytes of a reason


class SharedFence:
    """The file, mapped (labmtj.bench.transport.Fence); made by the process that can be shut out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with open(path, "r+b") as file:
                self._map = mmap.mmap(file.fileno(), _SIZE)
        except (OSError, ValueError) as error:
            raise StorageError(f"{path}: not a fence that can be used: {error}") from error

    @classmethod
    def made(cls) -> SharedFence:
        """A new one, open, in the host's folder. Raises StorageError."""
        folder = shared_folder() / "fences"
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.fence"
        try:
            folder.mkdir(exist_ok=True)
            if not folder.stat().st_mode & 0o002:
                folder.chmod(0o1777)  # made just now: everybody may add a file
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                if hasattr(os, "fchmod"):
                    os.fchmod(handle, 0o666)  # whoever presses the panic button may shut it
                os.ftruncate(handle, _SIZE)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageError(f"{path}: cannot be made: {error.strerror}; name a folder in LABMTJ_STATE") from error
        return cls(path)

    @property
    def shut(self) -> bool:
        """Whether the bench has been taken away from the process that made this."""
        return self._map[_FLAG] != 0

    @property
    def reason(self) -> str:
        """Why, by whom and when."""
        return self._map[_REASON : _REASON + _LONGEST].rstrip(b"\0").decode(errors="replace")

    def check(self) -> None:
        """Raise Fenced if somebody else has made the bench safe."""
        if self._map[_FLAG]:
            raise Fenced(f"{self.reason}; this process does not touch the bench any more")

    def shut_out(self, reason: str) -> None:
        """Take the bench away: from now on the process that made this sends nothing more."""
        data = reason.encode()[:_LONGEST]
        self._map[_REASON : _REASON + len(data)] = data
        self._map[_FLAG] = 1

    @property
    def deadline(self) -> float:
        """Control the moment [s] until which the process is to be heard of; infinite for none."""
        return struct.unpack_from("d", self._map, _DEADLINE)[0] or float("inf")

    @deadline.setter
    def deadline(self, moment: float) -> None:
        struct.pack_into("d", self._map, _DEADLINE, moment)

    def remove(self) -> None:
        """Take the file away; what is mapped stays."""
        with suppress(OSError):  # Windows keeps a file that is mapped
            self.path.unlink()


class Beat:
    """Tells a guardian until when it hears of a transaction's next message (labmtj.bench.transport.Heartbeat).

    A transaction is one request to the array: in it sources may be on. Its deadline is that of the message that is
    under way, and `silence` [s] between two of them. Only the thread that began it counts: one that beats by itself
    proves nothing. Between transactions sources are at 0 V, and a process may think for as long as it likes.
    """

    def __init__(self, fence: SharedFence, *, silence: float, alive: Callable[[], None] = lambda: None) -> None:
        self._fence, self._silence, self._alive = fence, silence, alive
        self._thread: int | None = None

    def expect(self, seconds: float) -> None:
        """Within so many seconds [s] the message that is about to leave is answered."""
        if self._thread == threading.get_ident():
            self._fence.deadline = time.monotonic() + seconds

    def rest(self) -> None:
        """It has been answered; the next one comes soon."""
        if self._thread == threading.get_ident():
            self._fence.deadline = time.monotonic() + self._silence

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """One request to the array. Raises BenchError, before it begins, if there is no guardian any more."""
        if self._thread is not None:
            yield
            return
        self._alive()
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self._fence.deadline = 0.0
            self._thread = None
