"""Bringing cells into a state before something is measured on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labmtj.errors import BenchError
from labmtj.ports import ArrayAccess
from labmtj.records import Amplitudes, Cell, DieMap, Pulse, Scheme, State
from labmtj.routines.cell_voltage import amplitudes_for
from labmtj.routines.characterise import write_amplitudes
from labmtj.routines.writing.picture import Picture

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
    """A V/2 pulse of the magnitude `volts` [V] between the terminals, of the sign that writes `target`."""
    return Pulse(cell, die.polarity.sign(target) * volts, width, Scheme.V_HALF)


@dataclass(frozen=True, eq=False)
class Writes:
    """Amplitudes [V] between terminals that write each cell, by target; of the map's width unless said."""

    die: DieMap
    volts: Mapping[State, Mapping[Cell, float]]
    width: float

    def pulse(self, cell: Cell, target: State, *, share: float = 1.0) -> Pulse:
        """The pulse that writes `target`, at this share of its amplitude."""
        return write_pulse(cell, self.die, target, volts=share * self.volts[target][cell], width=self.width)

    def check(self, array: ArrayAccess) -> None:
        """Raise LimitExceeded if any of the pulses would pass a limit."""
        for target, volts in self.volts.items():
            for cell in volts:
                array.check(self.pulse(cell, target))

    def middle(self, target: State) -> float:
        """Amplitude [V] of the median cell."""
        return float(np.median(list(self.volts[target].values())))


def writes_of(
    die: DieMap,
    cells: Sequence[Cell],
    *,
    amplitudes: Amplitudes | None = None,
    width: float | None = None,
    picture: Picture | None = None,
) -> Writes:
    """How to write `cells`: at `amplitudes` [V] between terminals, else at the map's write amplitudes.

    The map's are those of its median probe: where the map knows its wires (`picture`, made anew if not given), every
    cell gets on top what the wires take from it.
    """
    same = amplitudes or write_amplitudes(die.switching)
    picture = picture or Picture(die)
    volts = {target: np.full(len(cells), same.towards(target)) for target in State}
    if amplitudes is None and picture.model is not None:
        wanted = picture.at_cells(same)
        volts = {
            target: amplitudes_for(
                picture.model, cells, cell_voltage=wanted.towards(target), state=-1, before=target.other
            )
            for target in State
        }
    by_cell = {target: dict(zip(cells, found.tolist(), strict=True)) for target, found in volts.items()}
    return Writes(die, by_cell, width or die.width)


def bring(array: ArrayAccess, writes: Writes, wanted: Mapping[Cell, State], *, read: float) -> frozenset[Cell]:
    """Write each cell until it reads as wanted, with rising pulses; then read all again.

    What a pulse on a neighbour disturbed is written again; returned are the cells that were not as wanted even at the
    last reading of all. Raises BenchError for a cell that does not switch.
    """
    wrong: frozenset[Cell] = frozenset(wanted)
    for _sweep in range(_SWEEPS):
        for cell in sorted(wrong):
            _write(array, writes, cell, wanted[cell], read=read)
        wrong = frozenset(cell for cell in wanted if read_state(array, writes.die, cell, read=read) != wanted[cell])
        if not wrong:
            break
    return wrong


def _write(array: ArrayAccess, writes: Writes, cell: Cell, target: State, *, read: float) -> None:
    for attempt in range(_TRIES):
        if read_state(array, writes.die, cell, read=read) is target:
            return
        fire(array, writes.pulse(cell, target, share=_RISE**attempt))
    raise BenchError(f"cell {cell} does not go to {target.name} in {_TRIES} pulses; leave it out")


def fire(array: ArrayAccess, pulse: Pulse) -> None:
    """Fire a pulse that must reach its level. Raises BenchError if a source was in compliance."""
    if array.pulse(pulse).in_compliance:
        raise BenchError(f"a pulse on cell {pulse.cell} drives a source into compliance: map the die again")


def measurable(die: DieMap, cells: Iterable[Cell]) -> list[Cell]:
    """Those of `cells` that have both states."""
    return [cell for cell in cells if die.good[cell.position]]


def all_cells(shape: tuple[int, int]) -> list[Cell]:
    """All cells of an array, row by row."""
    return [Cell(row, col) for row in range(1, shape[0] + 1) for col in range(1, shape[1] + 1)]
