"""A file that one process of this machine has at a time, and that the operating system takes back when it dies.

The lock is on the open file, not on the process: whoever inherits its handle (a guardian) keeps it locked after the
one that took it has died. The file stays, with what its last holder wrote into it; it is never removed, since a lock on
a file that has gone locks nobody out.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from labmtj.errors import StorageError

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_LARGEST = 1 << 14  # chosen: bytes of what a holder says of itself; a long command line has a few hundred


class HostLock:
    """The lock of one file, by a handle of its own; taken in the same process twice it is in its own way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def __del__(self) -> None:
        self.close()

    @property
    def taken(self) -> bool:
        """Whether this object has the lock."""
        return self._handle is not None

    @property
    def handle(self) -> int:
        """The handle that holds the lock, for a process that is to hold it, too. Raises StorageError without one."""
        if self._handle is None:
            raise StorageError(f"{self.path} is not locked")
        return self._handle

    def take(self) -> bool:
        """Take the lock at once; False if somebody has it. Raises StorageError where no file can be locked."""
        if self._handle is not None:
            return True
        try:
            handle = _opened(self.path)
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            _lock(handle)
        except OSError as error:
            os.close(handle)
            if error.errno in _TAKEN:
                return False
            raise _unusable(self.path, error) from error
        self._handle = handle
        return True

    def write(self, text: str) -> None:
        """Say who has it."""
        data = text.encode()[:_LARGEST]
        os.ftruncate(self.handle, 0)
        os.lseek(self.handle, 0, os.SEEK_SET)
        os.write(self.handle, data)

    def read(self) -> str:
        """What its holder, or its last holder, has said; empty if nobody has."""
        try:
            with open(self.path, "rb") as file:
                return file.read(_LARGEST).decode(errors="replace")
        except OSError:
            return ""

    def release(self) -> None:
        """Let go, also for whoever has inherited the handle."""
        if self._handle is not None:
            _unlock(self._handle)
            self.close()

    def close(self) -> None:
        """Close the handle; who has inherited it keeps the lock."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def is_held(path: Path) -> bool | None:
    """Whether some process has the lock of a file, found without taking it; None where the system does not say.

    Linux lists locks by the numbers of their files in /proc/locks (proc_locks(5)).
    """
    try:
        number = os.stat(path).st_ino
    except OSError:
        return False
    try:
        with open("/proc/locks", encoding="ascii") as file:
            lines = [line.split() for line in file]
    except (OSError, ValueError):
        return None
    # 1: FLOCK ADVISORY WRITE <pid> <major>:<minor>:<number of the file> <first byte> <last byte>
    # Who waits for one has an arrow in front.
    return any(
        "FLOCK" in line and "->" not in line and any(word.endswith(f":{number}") for word in line[5:7])
        for line in lines
    )


def _unusable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be locked: {error.strerror}; name a folder of a local disk in LABMTJ_STATE")


def _opened(path: Path) -> int:
    """A handle of the file, which every user may lock.

    Only a file that is not there is created: Linux does not let a user create what another one owns in a folder such as
    /tmp (fs.protected_regular).
    """
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass  # made below
    try:
        handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return os.open(path, flags)
    if hasattr(os, "fchmod"):
        os.fchmod(handle, 0o666)  # whatever the umask says
    return handle


if sys.platform == "win32":
    import msvcrt

    _BYTE = 1 << 30  # chosen: far behind the text, which others must be able to read

    def _lock(handle: int) -> None:
        os.lseek(handle, _BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _unlock(handle: int) -> None:
        os.lseek(handle, _BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
