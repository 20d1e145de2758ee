"""Bringing cells into a state before something is measured on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labmtj.errors import BenchError
from labmtj.ports import ArrayAccess
from labmtj.records import Amplitudes, Cell, DieMap, Pulse, Scheme, State
from labmtj.routines.characterise import write_amplitudes

_TRIES = 12  # chosen: a good cell needs one or two at the write amplitude of the map
_SWEEPS = 4  # chosen: from 20 nm up one or two are enough; below, cells lose their state meanwhile
_RISE = 1.04  # chosen: what each further try adds; cells whose V_c0 is 15 % above the median are reached


def read_state(array: ArrayAccess, die: DieMap, cell: Cell, *, read: float) -> State:
    """The state that a cell reads as at `read` [V]. Raises BenchError in compliance."""
    state = die.state_of(array.read([cell], voltage=read)[0])
    if state is None:
        raise BenchError(f"cell {cell} drives a source into compliance: it is shorted, map the die again")
    return state


def write_pulse(cell: Cell, die: DieMap, target: State, *, volts: float, width: float) -> Pulse:
    """A V/2 pulse of the magnitude `volts` [V] that writes `target`."""
    return Pulse(cell, die.polarity.sign(target) * volts, width, Scheme.V_HALF)


def bring(
    array: ArrayAccess, die: DieMap, wanted: Mapping[Cell, State], *, read: float, amplitudes: Amplitudes | None = None
) -> frozenset[Cell]:
    """Write each cell until it reads as wanted, with rising pulses of the map's width; then read all again.

    What a pulse on a neighbour disturbed is written again; returned are the cells that were not as wanted even at the
    last reading of all. `amplitudes` [V] to begin with; the map's write amplitudes if not given. Raises BenchError
    for a cell that does not switch.
    """
    volts = amplitudes or write_amplitudes(die.switching)
    wrong: frozenset[Cell] = frozenset(wanted)
    for _sweep in range(_SWEEPS):
        for cell in sorted(wrong):
            _write(array, die, cell, wanted[cell], amplitude=volts.towards(wanted[cell]), read=read)
        wrong = frozenset(cell for cell in wanted if read_state(array, die, cell, read=read) is not wanted[cell])
        if not wrong:
            break
    return wrong


def _write(array: ArrayAccess, die: DieMap, cell: Cell, target: State, *, amplitude: float, read: float) -> None:
    for _attempt in range(_TRIES):
        if read_state(array, die, cell, read=read) is target:
            return
        array.pulse(write_pulse(cell, die, target, volts=amplitude, width=die.width))
        amplitude *= _RISE
    raise BenchError(f"cell {cell} does not go to {target.name} in {_TRIES} pulses; leave it out")


def measurable(die: DieMap, cells: Iterable[Cell]) -> list[Cell]:
    """Those of `cells` that have both states."""
    return [cell for cell in cells if die.good[cell.position]]


def all_cells(shape: tuple[int, int]) -> list[Cell]:
    """All cells of an array, row by row."""
    return [Cell(row, col) for row in range(1, shape[0] + 1) for col in range(1, shape[1] + 1)]
