"""All checks of a run folder, one after the other; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labmtj.errors import StorageError
from labmtj.protocol.evidence.check import Check
from labmtj.protocol.evidence.kept import check_ledger, check_report
from labmtj.protocol.evidence.lines import Lines, check_lines, read_lines
from labmtj.protocol.evidence.order import check_order
from labmtj.protocol.evidence.stored import check_inputs, check_maps, check_store
from labmtj.runs.claim import is_claimed
from labmtj.runs.folder import known_run
from labmtj.runs.store import JOURNAL


@dataclass(frozen=True)
class Looked:
    """A run folder that is about to be looked at: its journal as it is now, and whether a process holds the run."""

    folder: Path
    lines: Lines
    running: bool


def look(folder: Path) -> Looked:
    """Read the journal of a run. Raises MissingFile where there is none."""
    place = known_run(folder)
    try:
        running = is_claimed(place)
    except StorageError:  # on a medium that cannot be written nothing can be locked, and nothing runs
        running = False
    return Looked(place, read_lines(place / JOURNAL), running)


def verify(run: Looked, *, sha256: str = "") -> Iterator[Check]:
    """Check after check, the journal first; `sha256` is what somebody wrote down of the journal.

    A run that is still running is checked as far as its journal goes.
    """
    folder, lines, running = run.folder, run.lines, run.running
    yield from check_lines(lines)
    if not lines.whole:
        return
    if not lines.damaged:
        yield from check_order(lines, running=running)
    if sha256:
        yield _noted(lines, sha256)
    yield from check_inputs(folder, lines)
    store = check_store(folder, lines, running=running)
    yield store
    yield from check_maps(folder, lines)
    report = check_report(folder, lines, store=store)
    if report is not None:
        yield report
    if not running:
        yield check_ledger(folder, lines)


def _noted(lines: Lines, sha256: str) -> Check:
    found, wanted = lines.sha256, sha256.strip().lower()
    if found == wanted:
        return Check("sha256", "good", "the journal is the one that was noted")
    return Check("sha256", "damaged", f"the journal has {found}, noted was {wanted}")
