"""Which sign of voltage writes which state: found on a spare cell, rising in steps under a ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labmtj.errors import PolarityNotFound
from labmtj.ports import ArrayAccess
from labmtj.records import Cell, Polarity, Pulse, Reading, Scheme, State
from labmtj.units import Dimension, show

CONTRAST = 1.3  # chosen: smallest ratio of resistances that is taken for a change of state; noise is below 1.01


def spare_cells(shape: tuple[int, int]) -> list[Cell]:
    """Cells to try, from the far corner inwards: layers are placed from the near one."""
    rows, cols = shape
    reach = range(min(rows, cols, 3))
    ring = sorted((down + left, down, left) for down in reach for left in reach)
    return [Cell(rows - down, cols - left) for _, down, left in ring]


def find_polarity(
    array: ArrayAccess,
    *,
    cells: Sequence[Cell],
    start: float,
    step: float,
    ceiling: float,
    width: float,
    read: float,
    scheme: Scheme = Scheme.V_HALF,
) -> Polarity:
    """Pulse one cell with both signs from `start` [V] up by `step` until it has gone to and fro.

    The sign after which the resistance fell writes P. A cell that does not switch below `ceiling`, that
    drives a source into compliance or whose readings are noise is left and the next of `cells` tried.
    Raises PolarityNotFound.
    """
    array.check(Pulse(cells[0], ceiling, width, scheme))
    how = _Ramp(start, step, ceiling, width, read, scheme)
    for cell in cells:
        found = _on_cell(array, cell, how)
        if found is not None:
            return found
    names = ", ".join(str(cell) for cell in cells)
    raise PolarityNotFound(
        f"none of the cells {names} switched below {show(ceiling, Dimension.VOLTAGE)}; "
        "check the contact to the array, or raise the ceiling of the polarity step"
    )


@dataclass(frozen=True)
class _Ramp:
    """Amplitudes [V] from `start` up by `step`, none above `ceiling`; width [s], read voltage [V] and scheme."""

    start: float
    step: float
    ceiling: float
    width: float
    read: float
    scheme: Scheme

    @property
    def steps(self) -> list[float]:
        """The amplitudes [V]."""
        return [self.start + n * self.step for n in range(1 + int((self.ceiling - self.start) / self.step + 1e-9))]


def _on_cell(array: ArrayAccess, cell: Cell, how: _Ramp) -> Polarity | None:
    before, again = array.read([cell, cell], voltage=how.read)
    if not _alike(before, again):
        return None
    coarse = _round(array, cell, before, how)
    if coarse is None:
        return None
    (p_sign, p_volts), (ap_sign, ap_volts) = coarse[State.P], coarse[State.AP]
    if p_sign == ap_sign:
        return None  # goes both ways with one sign: not a cell to learn from
    # A cell that began in P had to be written AP before it could show how little AP to P needs: ramp each
    # direction once more by itself, from the other state.
    before = _after(array, cell, ap_sign * max(p_volts, ap_volts), how)
    amplitudes: list[float] = []
    for sign in (p_sign, ap_sign):
        found = _ramp(array, cell, sign, before, how)
        if found is None:
            return None
        amplitude, before = found
        amplitudes.append(amplitude)
    return Polarity(State.P if p_sign > 0 else State.AP, cell, *amplitudes)


def _after(array: ArrayAccess, cell: Cell, amplitude: float, how: _Ramp) -> Reading | None:
    """The reading after a pulse; None if either met the compliance."""
    limited = array.pulse(Pulse(cell, amplitude, how.width, how.scheme)).in_compliance
    reading = array.read([cell], voltage=how.read)[0]
    return None if limited or reading.in_compliance else reading


def _ramp(
    array: ArrayAccess, cell: Cell, sign: int, before: Reading | None, how: _Ramp
) -> tuple[float, Reading] | None:
    """Pulses of one sign, rising, until the cell changes: the amplitude [V] and the reading after it."""
    for amplitude in how.steps:
        after = _after(array, cell, sign * amplitude, how)
        if before is None or after is None:
            return None
        if not _alike(before, after):
            return amplitude, after
    return None


def _round(array: ArrayAccess, cell: Cell, before: Reading, how: _Ramp) -> dict[State, tuple[int, float]] | None:
    """Pulses of both signs, rising, until the cell has gone to and fro: sign and amplitude that wrote each state.

    None if the cell did not switch both ways, tripped a source or could not be read.
    """
    switched: dict[State, tuple[int, float]] = {}
    for amplitude in how.steps:
        for sign in (1, -1):
            after = _after(array, cell, sign * amplitude, how)
            if after is None:
                return None
            if not _alike(before, after):
                # An open cell shows nothing but noise: a change counts only if a second reading confirms it.
                if not _alike(after, array.read([cell], voltage=how.read)[0]):
                    return None
                state = State.P if after.conductance > before.conductance else State.AP
                switched.setdefault(state, (sign, amplitude))
            before = after
        if len(switched) == 2:
            return switched
    return None


def _alike(first: Reading, second: Reading) -> bool:
    """Whether two readings show the same state; a reading in compliance or without a current is like no other."""
    if not first.conductance > 0:
        return False
    return 1 / CONTRAST < second.conductance / first.conductance < CONTRAST
