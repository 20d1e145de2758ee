"""What a scenario was found to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labmtj.errors import LabmtjError


class NotHeld(LabmtjError):
    """Something that must hold did not; the text says what."""

    exit_code = 5


@dataclass(frozen=True)
class Verdict:
    """One round: which scenario, whether everything held, the figure it measured, what did not hold."""

    scenario: str
    row: int
    held: bool
    figure: float | None
    faults: tuple[str, ...] = ()
    folder: str = ""


@dataclass(frozen=True)
class Tally:
    """All rounds of one scenario: the worst figure of those that held, and what did not hold."""

    scenario: str
    row: int
    title: str
    measures: str
    tried: int
    held: int
    worst: float | None
    faults: tuple[str, ...]


def tally(verdicts: Sequence[Verdict], *, title: str, measures: str) -> Tally:
    """Put the rounds of one scenario together; there is at least one."""
    figures = [verdict.figure for verdict in verdicts if verdict.figure is not None]
    return Tally(
        verdicts[0].scenario,
        verdicts[0].row,
        title,
        measures,
        len(verdicts),
        sum(verdict.held for verdict in verdicts),
        max(figures) if figures else None,
        tuple(fault for verdict in verdicts for fault in verdict.faults),
    )
