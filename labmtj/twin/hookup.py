"""What the array's lines are connected to: which source, through which resistance, with which thermal EMF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from labmtj.records import Floats
from labmtj.twin.sources import Source

GROUND = -1
"""Stands for a source: the common ground."""


@dataclass(frozen=True)
class Contact:
    """One closed path from a line to a source (its number, or GROUND): ohms and thermal EMF [V]."""

    source: int
    ohms: float
    emf: float = 0.0


@dataclass(frozen=True, eq=False)
class Connections:
    """Which contacts each line has (rows, then columns); a line without a contact floats.

    From them: `siemens` (lines, sources) of each line to each source, `emf_current` [A] likewise, and
    `total` [S] of each line, ground included. `folded` names sources whose own resistance [ohm] is a part of
    their one contact. Two objects are the same connections only if they are one
    object, so that what was solved for one can be kept under it.
    """

    lines: tuple[tuple[Contact, ...], ...]
    sources: int
    folded: Mapping[int, float] = field(default_factory=dict[int, float])
    siemens: Floats = field(init=False)
    emf_current: Floats = field(init=False)
    total: Floats = field(init=False)
    ground_emf: Floats = field(init=False)
    _lines_of: tuple[tuple[int, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.lines)
        siemens, emf = np.zeros((count, self.sources)), np.zeros((count, self.sources))
        ground, ground_emf = np.zeros(count), np.zeros(count)
        for number, contacts in enumerate(self.lines):
            for contact in contacts:
                if contact.source == GROUND:
                    ground[number] += 1 / contact.ohms
                    ground_emf[number] += contact.emf / contact.ohms
                else:
                    siemens[number, contact.source] += 1 / contact.ohms
                    emf[number, contact.source] += contact.emf / contact.ohms
        for name, value in (("siemens", siemens), ("emf_current", emf), ("ground_emf", ground_emf)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "total", siemens.sum(axis=1) + ground)
        found = tuple(tuple(np.flatnonzero(siemens[:, source]).tolist()) for source in range(self.sources))
        object.__setattr__(self, "_lines_of", found)

    def lines_of(self, source: int) -> tuple[int, ...]:
        """Numbers of the lines that hang on a source."""
        return self._lines_of[source]


class OpenGates(NamedTuple):
    """Open gates of a chip: its kernel (from 1), the mask of its rows (bit 0 is row 1), and the volts on them."""

    kernel: int
    rows: int
    volts: float


@dataclass(frozen=True)
class Hookup:
    """Everything the array is connected to now: the lines' connections, the sources behind them, a chip's gates.

    `gates` is None where there are none, or all are closed. `quiet` says that no source drives anything: only offsets
    stand on the lines.
    """

    connections: Connections
    sources: tuple[Source, ...]
    gates: OpenGates | None = None
    quiet: bool = field(init=False, compare=False)
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quiet", all(source.quiet for source in self.sources))
        object.__setattr__(self, "_hash", hash((self.connections, self.sources, self.gates)))

    def __hash__(self) -> int:
        return self._hash
