"""The part of a chip's state that belongs to one kernel, as an array of its own (labmtj.twin.state)."""

from __future__ import annotations

from labmtj.twin.state import DieState


class KernelState(DieState):
    """Kernel `number` (from 0) of a chip's state, of `rows` rows: views of its arrays, its clock, its ordinals.

    Lines, relays, the clock and the count of pulses are the chip's; what has passed at rest is the kernel's own. It is
    stored with the chip only.
    """

    def __init__(self, chip: DieState, number: int, rows: int) -> None:
        self._chip, self._number, self.path = chip, number, None
        self.rows = slice(number * rows, (number + 1) * rows)
        for name in ("state", "broken", "hazard", "flips", "damage"):
            setattr(self, name, getattr(chip, name)[self.rows])
        # Line and count are the address of a reading's noise, and all kernels are read through the same lines.
        self.row_reads, self.col_reads, self.cycles = chip.row_reads[:rows], chip.col_reads, chip.cycles

    @property
    def clock(self) -> float:
        """Virtual seconds in the life of the die."""
        return self._chip.clock

    @clock.setter
    def clock(self, seconds: float) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._chip.clock = seconds

    @property
    def pulses(self) -> int:
        """Pulses the die has received."""
        return self._chip.pulses

    @pulses.setter
    def pulses(self, count: int) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._chip.pulses = count

    @property
    def rest(self) -> float:
        """Seconds at rest that are not yet in the cells' exposure."""
        return float(self._chip.rests[self._number])

    @rest.setter
    def rest(self, seconds: float) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._chip.rests[self._number] = seconds

    def enter(self) -> None:
        """Something happens to the kernel: what has passed since it was left was rest."""
        self._chip.rests[self._number] += self._chip.clock - self._chip.left[self._number]
        self._chip.left[self._number] = self._chip.clock

    def leave(self) -> None:
        """From now on it is at rest."""
        self._chip.left[self._number] = self._chip.clock
