"""How a simulated bench is wired: matrix rows to channels, matrix columns to lines, ohms of each path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from labmtj.physics.chance import Purpose, normal, uniform
from labmtj.twin.electrics import GROUND, Contact

Channel = tuple[str, str]  # instrument name in the bench file, channel name: ("smu", "a")


@dataclass(frozen=True)
class Wiring:
    """What a bench file says about wires, and what its seed says about contacts.

    `roles` maps a matrix row letter to a channel, or to None for ground. `row_lines` and `col_lines`
    map array lines (from 1) to matrix columns (from 1). `relay` is the range of closed contacts [ohm],
    `emf` the rms thermal EMF of a path [V], `lead` the resistance of the wire to a line [ohm].
    """

    seed: int
    roles: Mapping[str, Channel | None]
    row_lines: Mapping[int, int]
    col_lines: Mapping[int, int]
    relay: tuple[float, float]
    emf: float
    lead: float
    channels: tuple[Channel, ...] = field(init=False)
    _line_of: dict[int, int] = field(init=False, default_factory=dict[int, int])
    _paths: dict[tuple[str, int], tuple[float, float]] = field(
        init=False, default_factory=dict[tuple[str, int], tuple[float, float]]
    )

    def __post_init__(self) -> None:
        named = sorted({channel for channel in self.roles.values() if channel is not None})
        object.__setattr__(self, "channels", tuple(named))
        self._line_of.update({column: line - 1 for line, column in self.row_lines.items()})
        self._line_of.update({column: self.rows + line - 1 for line, column in self.col_lines.items()})

    @property
    def rows(self) -> int:
        """Word lines of the array."""
        return len(self.row_lines)

    @property
    def cols(self) -> int:
        """Bit lines of the array."""
        return len(self.col_lines)

    def role(self, row: str) -> Channel | None:
        """The channel on a matrix row, or None for ground or nothing."""
        return self.roles.get(row)

    def source(self, row: str) -> int | None:
        """The number of the source on a matrix row, GROUND, or None where nothing is plugged in."""
        if row not in self.roles:
            return None
        channel = self.roles[row]
        return GROUND if channel is None else self.channels.index(channel)

    def line(self, column: int) -> int | None:
        """The line on a matrix column: rows from 0, then columns; None where nothing is wired."""
        return self._line_of.get(column)

    def contact(self, row: str, column: int, source: int) -> Contact:
        """The path through a closed crosspoint to a source."""
        path = self._paths.get((row, column))
        if path is None:
            place = (ord(row) - ord("A")) * 1000 + column
            low, high = self.relay
            path = (
                self.lead + low + (high - low) * uniform(self.seed, int(Purpose.RELAY), place, 0),
                self.emf * normal(self.seed, int(Purpose.THERMAL_EMF), place, 0),
            )
            self._paths[row, column] = path
        return Contact(source, *path)

    def crosspoint(self, line: int, row: str) -> tuple[str, int]:
        """The relay that puts a line (rows from 0, then columns) on a matrix row."""
        if line < self.rows:
            return row, self.row_lines[line + 1]
        return row, self.col_lines[line - self.rows + 1]
