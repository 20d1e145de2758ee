"""What is new in a journal: only bytes that were not seen before are read, and each line's CRC is checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from labmtj.errors import StorageError
from labmtj.runs.journal import entry_of

CHUNK = 1 << 22  # chosen: bytes a look; 4 MB parse in some 0.2 s, so that a long journal is seen to be read


class Tail:
    """The lines of a journal from the last look on, each with the place of its first byte.

    A line without its end waits: its writer is at work, or died. What a resumed run cuts off was such a line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._place = self._line = 0
        self.size = 0

    @property
    def place(self) -> int:
        """Bytes of whole lines that have been read."""
        return self._place

    @property
    def whole(self) -> bool:
        """Whether everything that was there at the last look has been read, but for a line that has not ended."""
        return self.size - self._place < CHUNK

    def more(self) -> list[tuple[int, dict[str, Any]]]:
        """The next entries, at most some megabytes of them.

        Raises StorageError for a missing file, one that became shorter than what was read, and a damaged line.
        """
        try:
            self.size = os.stat(self.path).st_size
            if self.size < self._place:
                raise StorageError(f"{self.path}: it is shorter than it was; a journal only grows: look at the disk")
            if self.size == self._place:
                return []
            with open(self.path, "rb") as file:
                file.seek(self._place)
                data = file.read(CHUNK)
                while b"\n" not in data and len(data) < self.size - self._place:
                    data += file.read(CHUNK)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{self.path}: the journal cannot be read: {error.strerror}") from error
        found: list[tuple[int, dict[str, Any]]] = []
        for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            self._line += 1
            text = line[:-1]
            if text:
                entry = entry_of(text)
                if entry is None:
                    raise StorageError(f"{self.path}:{self._line}: this line is damaged (its CRC does not fit)")
                found.append((self._place, entry))
            self._place += len(line)
        return found

    def at(self, place: int) -> dict[str, Any]:
        """The entry of the line that begins at this byte. Raises StorageError."""
        try:
            with open(self.path, "rb") as file:
                file.seek(place)
                entry = entry_of(file.readline()[:-1])
        except OSError as error:
            raise StorageError(f"{self.path}: the journal cannot be read: {error.strerror}") from error
        if entry is None:
            raise StorageError(f"{self.path}: there is no whole line at byte {place}")
        return entry
