"""The journal of a run: append-only JSON lines, each with a CRC; everything else is built from it.

A line is one JSON object whose first key `crc` is the CRC-32 of the line without it. An intent is on
the disk (fsync) before its pulse leaves, its outcome after; other entries are handed to the operating
system at once, so that they survive the death of the process.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import StorageError
from labmtj.interrupts import shielded
from labmtj.records import Floats, LineOutcome, LinePulse, Pulse, PulseOutcome, Reading, Sample

FORMAT = 1


class FileJournal:
    """A journal file that is written (labmtj.ports.Journal); `told` hears of every entry after it is written."""

    told: Callable[[str, Mapping[str, Any]], None] | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._count = self._size = 0
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            _sync_folder(path.parent)  # else a power cut could take away the file's name, and the file with it
        except OSError as error:
            raise StorageError(f"{path}: the journal cannot be made: {error.strerror}") from error

    @classmethod
    def go_on(cls, path: Path) -> tuple[Self, list[dict[str, Any]]]:
        """Open a journal to add to it: the journal, and its entries until now; a torn last line is cut off.

        Raises StorageError for a missing or damaged one.
        """
        entries = list(read_journal(path))
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        lacks_end = whole < len(data) and entry_of(data[whole:]) is not None
        journal = cls.__new__(cls)
        journal.path, journal._count = path, len(entries)
        journal._size = len(data) + 1 if lacks_end else whole
        try:
            journal._file = os.open(path, os.O_WRONLY | os.O_APPEND)
            if lacks_end:
                os.write(journal._file, b"\n")
            if len(data) > journal._size:
                os.ftruncate(journal._file, journal._size)
            if len(data) != journal._size:
                os.fsync(journal._file)
        except OSError as error:
            raise StorageError(f"{path}: the journal cannot be written: {error.strerror or error}") from error
        return journal, entries

    @property
    def count(self) -> int:
        """How many entries there are; the number of the next one."""
        return self._count

    def intent(self, pulse: Pulse) -> int:
        """Store, on disk, that `pulse` is about to leave; return its number."""
        number = self._count
        content: dict[str, Any] = {
            "cell": list(pulse.cell),
            "v": pulse.amplitude,
            "width": pulse.width,
            "scheme": pulse.scheme.value,
        }
        if pulse.cols:
            content["cols"] = list(pulse.cols)
        self._append("intent", content, sync=True)
        return number

    def intent_lines(self, pulse: LinePulse) -> int:
        """Store, on disk, that this pulse on many lines is about to leave; return its number."""
        number = self._count
        self._append("intent", lines_entry(pulse), sync=True)
        return number

    def outcome(self, number: int, outcome: PulseOutcome | LineOutcome) -> None:
        """Store, on disk, what became of the pulse with this number."""
        content: dict[str, Any] = {"of": number, "t": round(outcome.time, 9)}
        if outcome.in_compliance:
            content["compliance"] = True
        if outcome.uncertain:
            content["uncertain"] = True
        self._append("outcome", content, sync=True)

    def record(self, kind: str, content: Mapping[str, Any]) -> None:
        """Store an entry of another kind."""
        self._append(kind, content, sync=False)

    def close(self) -> None:
        """Put everything on the disk and close the file."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _append(self, kind: str, content: Mapping[str, Any], *, sync: bool) -> None:
        with shielded:
            self._write(kind, content, sync=sync)
        if self.told is not None:
            self.told(kind, content)

    def _write(self, kind: str, content: Mapping[str, Any], *, sync: bool) -> None:
        line = encode({"n": self._count, "k": kind, **content})
        try:
            written = os.write(self._file, line)
            if written != len(line):
                # A piece of a line would run into the next one: take it back.
                os.ftruncate(self._file, self._size)
                raise OSError("the line was written in part; is the disk full?")
            if sync:
                os.fsync(self._file)
        except OSError as error:
            raise StorageError(f"{self.path}: the journal cannot be written: {error}") from error
        self._count += 1
        self._size += written


class MemoryJournal:
    """A journal that is kept in a list: for studies over many dies, and for tests."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def intent(self, pulse: Pulse) -> int:
        """Keep that `pulse` is about to leave; return its number."""
        entry = {"k": "intent", "cell": pulse.cell, "v": pulse.amplitude, "width": pulse.width}
        self.entries.append(entry | ({"cols": pulse.cols} if pulse.cols else {}))
        return len(self.entries) - 1

    def intent_lines(self, pulse: LinePulse) -> int:
        """Keep that this pulse on many lines is about to leave; return its number."""
        self.entries.append({"k": "intent", **lines_entry(pulse)})
        return len(self.entries) - 1

    def outcome(self, number: int, outcome: PulseOutcome | LineOutcome) -> None:
        """Keep what became of the pulse with this number."""
        self.entries.append({"k": "outcome", "of": number, "compliance": outcome.in_compliance})

    def record(self, kind: str, content: Mapping[str, Any]) -> None:
        """Keep an entry of another kind."""
        self.entries.append({"k": kind, **content})


def reading_entry(reading: Reading) -> dict[str, Any]:
    """What the journal keeps of a reading."""
    entry: dict[str, Any] = {
        "cell": list(reading.cell),
        "v": reading.voltage,
        "i": reading.current,
        "t": round(reading.time, 9),
    }
    if reading.in_compliance:
        entry["compliance"] = True
    return entry


def lines_entry(pulse: LinePulse) -> dict[str, Any]:
    """What the journal keeps of a pulse on many lines that is about to leave."""
    lines = {
        "rows": list(pulse.rows),
        "row_v": [float(volts) for volts in pulse.row_volts],
        "cols": list(pulse.cols),
        "col_v": [float(volts) for volts in pulse.col_volts],
    }
    return {"lines": lines, "width": pulse.width}


def line_pulse_of(entry: Mapping[str, Any]) -> LinePulse:
    """The pulse on many lines that an intent is about."""
    lines = entry["lines"]
    rows, cols = tuple(lines["rows"]), tuple(lines["cols"])
    return LinePulse(rows, tuple(lines["row_v"]), cols, tuple(lines["col_v"]), float(entry["width"]))


def sum_entry(found: Sample) -> dict[str, Any]:
    """What the journal keeps of one current of many cells."""
    entry: dict[str, Any] = {
        "rows": list(found.rows),
        "cols": list(found.cols),
        "v": found.voltage,
        "i": found.current,
        "t": round(found.time, 9),
    }
    if found.in_compliance:
        entry["compliance"] = True
    return entry


def product_entry(
    rows: Sequence[int], col: int, volts: Sequence[float], current: float, time: float, in_compliance: bool
) -> dict[str, Any]:
    """What the journal keeps of the current [A] into a column with several rows driven; equal volts once."""
    same = len(set(volts)) == 1
    level: Any = volts[0] if same else [float(level) for level in volts]
    entry: dict[str, Any] = {"rows": list(rows), "col": col, "v": level, "i": current, "t": round(time, 9)}
    if in_compliance:
        entry["compliance"] = True
    return entry


def products_entry(
    kernel: int, patterns: NDArray[np.bool_], col: int, voltage: float, currents: Floats, time: float
) -> dict[str, Any]:
    """What the journal keeps of the currents [A] into a column of a kernel with one pattern of gates after the other.

    A pattern is a hexadecimal number whose lowest bit is row 1 of the kernel; a current that is none is null.
    """
    masks = [f"{sum(1 << int(row) for row in np.flatnonzero(pattern)):x}" for pattern in patterns]
    found: dict[str, Any] = {"kernel": kernel, "rows": int(patterns.shape[1]), "patterns": masks, "col": col}
    return found | {"v": voltage, "i": currents.tolist(), "t": round(time, 9)}


def patterns_of(entry: Mapping[str, Any]) -> NDArray[np.bool_]:
    """The patterns (patterns, rows of a kernel) of such an entry."""
    masks = [int(mask, 16) for mask in entry["patterns"]]
    return np.array([[mask >> row & 1 for row in range(entry["rows"])] for mask in masks], dtype=np.bool_)


def finite(value: Any) -> Any:
    """The same mapping, list or number with None in the place of every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in cast("list[Any]", value)]
    return value


def encode(entry: Mapping[str, Any]) -> bytes:
    """One line: compact JSON with its CRC-32 in front; JSON has no NaN or infinity, they become null."""
    try:
        body = json.dumps(entry, separators=(",", ":"), allow_nan=False)
    except ValueError:
        body = json.dumps(finite(entry), separators=(",", ":"), allow_nan=False)
    return f'{{"crc":"{zlib.crc32(body.encode()):08x}",{body[1:]}\n'.encode()


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system lets that be done."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """The entries of a journal in order; a torn last line is passed over.

    Raises StorageError for a missing file, and for a line before the last whose CRC does not fit.
    """
    return parse(journal_bytes(path), path)


def journal_bytes(path: Path) -> bytes:
    """All that a journal holds. Raises StorageError for a missing file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: the journal cannot be read: {error.strerror}") from error


def whole_lines(path: Path, *, entries: int | None = None) -> bytes:
    """The lines of a journal, or its first `entries`, each with its end, without a torn last one.

    Raises StorageError for a missing file.
    """
    *lines, last = journal_bytes(path).split(b"\n")
    if last and entry_of(last) is not None:
        lines.append(last)
    return b"".join(line + b"\n" for line in lines[:entries])


def parse(data: bytes, path: Path) -> Iterator[dict[str, Any]]:
    """The entries in the bytes of a journal, which is called `path` in errors; a torn last line is passed over.

    Raises StorageError for a line before the last whose CRC does not fit.
    """
    lines = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        entry = entry_of(line)
        if entry is not None:
            yield entry
        elif number < len(lines):
            # The last piece has no line end if the process died while it was written; any other is damage.
            raise StorageError(f"{path}:{number}: this line is damaged (its CRC does not fit)")


def entry_of(line: bytes) -> dict[str, Any] | None:
    """The entry of a line without its end; None if its CRC does not fit, or what it says is no entry."""
    body = b"{" + line[18:]
    if line[:8] != b'{"crc":"' or line[8:16] != f"{zlib.crc32(body):08x}".encode():
        return None
    try:
        entry: Any = json.loads(body)
    except ValueError:
        return None
    return cast("dict[str, Any]", entry) if isinstance(entry, dict) else None
