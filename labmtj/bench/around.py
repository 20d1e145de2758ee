"""What every array around another array passes on unchanged."""

from __future__ import annotations

from labmtj.ports import ArrayAccess, CellModel, Clock
from labmtj.records import LinePulse, Pulse


class AroundArray:
    """An array that stands around another one: its questions are the other's, but for those that a subclass has."""

    def __init__(self, array: ArrayAccess) -> None:
        self._array = array

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self._array.shape

    @property
    def clock(self) -> Clock:
        """The bench's clock."""
        return self._array.clock

    @property
    def analog(self) -> bool:
        """Whether each row can have a voltage of its own in `multiply`."""
        return self._array.analog

    @property
    def own_levels(self) -> tuple[bool, bool]:
        """Whether driven rows, and driven columns, can each have a voltage of their own in `pulse_lines`."""
        return self._array.own_levels

    def check_lines(self, pulse: LinePulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit or cannot be made here; touches nothing."""
        self._array.check_lines(pulse)

    def check(self, pulse: Pulse) -> None:
        """Raise LimitExceeded if `pulse` would pass a limit; touches nothing."""
        self._array.check(pulse)

    def trust(self, model: CellModel | None) -> None:
        """Hold pulses against the cell limit by what this model says that cells get."""
        self._array.trust(model)
