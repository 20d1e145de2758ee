"""The lines of a journal by themselves: CRCs, running numbers, the header."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from labmtj.protocol.evidence.check import Check, named
from labmtj.runs.journal import FORMAT, entry_of, journal_bytes

Entry = dict[str, Any]


@dataclass(frozen=True)
class Lines:
    """A journal as it lies there: its whole lines, and the entry of each, None for one whose CRC does not fit.

    `torn` says that there is a piece of one more line, which was cut off.
    """

    whole: tuple[bytes, ...]
    found: tuple[Entry | None, ...]
    torn: bool

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of the lines that are good."""
        return tuple(entry for entry in self.found if entry is not None)

    @cached_property
    def damaged(self) -> tuple[int, ...]:
        """Numbers, from 1, of the lines that are not."""
        return tuple(number for number, entry in enumerate(self.found, start=1) if entry is None)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the whole lines."""
        return self.sha256_of(len(self.whole))

    @property
    def header(self) -> Entry:
        """The first entry if it is that of a run, else an empty one."""
        first = self.found[0] if self.found else None
        return first if first is not None and first.get("k") == "run" else {}

    @property
    def how(self) -> str:
        """How the run ended by its last entry: done, stopped, failed ..; "" for one without an end."""
        last = self.found[-1] if self.found else None
        return str(last.get("how", "")) if last is not None and last.get("k") == "end" else ""

    def sha256_of(self, count: int) -> str:
        """SHA-256 of the first `count` whole lines."""
        found = hashlib.sha256()
        for line in self.whole[:count]:
            found.update(line + b"\n")
        return found.hexdigest()


def read_lines(path: Path) -> Lines:
    """Read a journal, whatever state it is in. Raises StorageError for a missing file."""
    pieces = journal_bytes(path).split(b"\n")
    last = pieces.pop()
    torn = bool(last) and entry_of(last) is None
    if last and not torn:
        pieces.append(last)
    return Lines(tuple(pieces), tuple(entry_of(line) for line in pieces), torn)


def check_lines(lines: Lines) -> Iterator[Check]:
    """Whether every line is as it was written, none is missing, and the first says what the run is."""
    name, count = "journal.jsonl", len(lines.whole)
    if lines.damaged:
        where = named([f"line {number} does not fit its CRC" for number in lines.damaged])
        yield Check(name, "damaged", f"{where}, of {count} lines")
    elif not count:
        yield Check(name, "open", "it is empty: the process died before its first line was on the disk")
        return
    else:
        torn = "; one more was cut off as the process died, nothing had acknowledged it" if lines.torn else ""
        yield Check(name, "good", f"{count} entries, each fits its CRC{torn}")
    yield _numbers(lines)
    yield _header(lines)


def _numbers(lines: Lines) -> Check:
    problems: list[str] = []
    expected = 0
    for entry in lines.found:
        number = expected if entry is None else entry.get("n")
        if number != expected:
            problems.append(f"{number} follows {expected - 1}" if expected else f"it begins with {number}")
        expected = number + 1 if isinstance(number, int) else expected + 1
    if problems:
        return Check("numbers", "damaged", f"{named(problems)}: lines are missing, or not where they were")
    return Check("numbers", "good", f"0 to {expected - 1} without a gap")


def _header(lines: Lines) -> Check:
    if not lines.header:
        return Check("header", "damaged", "the first entry is not that of a run")
    number = lines.header.get("format", 0)
    if not isinstance(number, int) or number > FORMAT:
        return Check("header", "open", f"format {number} is newer than this labmtj knows ({FORMAT}); update it")
    return Check("header", "good", f"{lines.header.get('title', '')}, begun {lines.header.get('wall', '')}")
