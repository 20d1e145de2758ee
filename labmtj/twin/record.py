"""The twin's own record of what was done to it: pulses, relay moves, sources, violations. Nobody else writes it.

It is the referee of tests that kill a measuring process: what stands here happened. Each entry is one
JSON object a line, written before the call that caused it returns. Where a file is named, entries also hold the
moment (`wall`, seconds since 1970), and every new level of a source: who measures how fast a bench was made safe
must not ask the process that did it.
"""

from __future__ import annotations

import json
import os
import time as wall_time
from collections import deque
from pathlib import Path
from typing import Any

from labmtj.errors import StorageError

KEPT = 10_000  # entries that stay in memory


class TwinLog:
    """An append-only record: the last entries in memory, all of them in a file where one is named."""

    def __init__(self, path: Path | None = None) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.count = 0
        self._file: int | None = None
        if path is not None:
            try:
                self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            except OSError as error:
                raise StorageError(f"{path}: the twin's record cannot be written: {error}") from error

    @property
    def kept(self) -> bool:
        """Whether all of it is kept, in a file: then what sources do stands in it, too."""
        return self._file is not None

    def write(self, kind: str, time: float, **fields: Any) -> None:
        """Add an entry of this kind at this time [s] of the bench."""
        entry = {"n": self.count, "t": round(time, 9), "kind": kind, **fields}
        if self._file is not None:
            entry["wall"] = round(wall_time.time(), 6)
        self.count += 1
        self.entries.append(entry)
        if self._file is not None:
            os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def since(self, number: int) -> list[dict[str, Any]]:
        """Entries from this number on, as far as they are still in memory."""
        return [entry for entry in self.entries if entry["n"] >= number]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
