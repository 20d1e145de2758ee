"""How a simulated bench is wired: matrix rows to channels, matrix columns to lines, ohms of each path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from labmtj.physics.chance import Purpose, normal, uniform
from labmtj.twin.hookup import GROUND, Contact

Channel = tuple[str, str]  # instrument name in the bench file, channel name: ("smu", "a")
_DIRECT = 100_000  # place of wires that pass no relay, in the addresses of their draws


@dataclass(frozen=True)
class Wiring:
    """What a bench file says about wires, and what its seed says about contacts.

    `roles` maps a matrix row letter to a channel, or to None for ground. `row_lines` and `col_lines`
    map array lines (from 1) to matrix columns (from 1), or to a channel that is wired to the line
    directly. `relay` is the range of closed contacts [ohm], `emf` the rms thermal EMF of a path [V],
    `lead` the resistance of the wire to a line [ohm].
    """

    seed: int
    roles: Mapping[str, Channel | None]
    row_lines: Mapping[int, int | Channel]
    col_lines: Mapping[int, int | Channel]
    relay: tuple[float, float]
    emf: float
    lead: float
    channels: tuple[Channel, ...] = field(init=False)
    direct: Mapping[int, Channel] = field(init=False)
    _line_of: dict[int, int] = field(init=False, default_factory=dict[int, int])
    _paths: dict[tuple[str, int], tuple[float, float]] = field(
        init=False, default_factory=dict[tuple[str, int], tuple[float, float]]
    )

    def __post_init__(self) -> None:
        lines = {n - 1: end for n, end in self.row_lines.items()}
        lines |= {self.rows + n - 1: end for n, end in self.col_lines.items()}
        direct = {line: end for line, end in lines.items() if not isinstance(end, int)}
        plugged = {channel for channel in self.roles.values() if channel is not None}
        object.__setattr__(self, "channels", tuple(sorted(plugged | set(direct.values()))))
        object.__setattr__(self, "direct", direct)
        self._line_of.update({end: line for line, end in lines.items() if isinstance(end, int)})

    @property
    def rows(self) -> int:
        """Word lines of the array."""
        return len(self.row_lines)

    @property
    def cols(self) -> int:
        """Bit lines of the array."""
        return len(self.col_lines)

    def name(self, line: int) -> str:
        """A line (rows from 0, then columns) as people call it."""
        return f"row {line + 1}" if line < self.rows else f"column {line - self.rows + 1}"

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

    def wire(self, line: int, source: int) -> Contact:
        """The path of a line that is wired to a channel: its lead, with the EMF of two joints."""
        return Contact(source, self.lead, self.emf * normal(self.seed, int(Purpose.THERMAL_EMF), _DIRECT + line, 0))

    def crosspoint(self, line: int, row: str) -> tuple[str, int]:
        """The relay that puts a line (rows from 0, then columns) on a matrix row; KeyError for a direct wire."""
        end = self.row_lines[line + 1] if line < self.rows else self.col_lines[line - self.rows + 1]
        if not isinstance(end, int):
            raise KeyError(f"{self.name(line)} passes no relay")
        return row, end
