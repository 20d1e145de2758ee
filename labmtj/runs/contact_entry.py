"""What the journal keeps of a contact check, and the check that an entry stands for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from labmtj.records import Contact, Line, LineFault

_DIGITS = 6  # chosen: of conductances; nothing is computed from them


def contact_entry(contact: Contact, *, quarantine: str) -> dict[str, Any]:
    """The entry of a check; `quarantine` is what was asked for."""
    entry: dict[str, Any] = {
        "at": contact.level,
        "quarantine": quarantine,
        "rows": [_short(value) for value in contact.rows],
        "cols": [_short(value) for value in contact.cols],
        "faults": [[*fault.line, fault.text, fault.interrupted] for fault in contact.faults],
        "out": [list(line) for line in contact.quarantined],
        "t": round(contact.time, 9),
        "seconds": round(contact.seconds, 9),
    }
    return entry


def contact_from(entry: Mapping[str, Any]) -> Contact:
    """The check of an entry; conductances have the digits of the entry."""
    faults = tuple(LineFault(Line(axis, number), text, bad) for axis, number, text, bad in entry["faults"])
    left_out = tuple(Line(axis, number) for axis, number in entry["out"])
    rows, cols = (_floats(entry[axis]) for axis in ("rows", "cols"))
    return Contact(entry["at"], rows, cols, faults, left_out, entry["t"], entry["seconds"])


def _short(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _floats(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in values)
