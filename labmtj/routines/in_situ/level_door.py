"""Learning where every line has a source: row and column voltages together make each cell's flip probability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from labmtj.physics.crossbar_stack import Crossbar
from labmtj.physics.flip_pulses import FlipLaw, flip_law
from labmtj.ports import ArrayAccess
from labmtj.records import Amplitudes, DieMap, Floats, Ints, LinePulse, Placement, State
from labmtj.routines.in_situ.crossbar_door import CrossbarDoor, Driving
from labmtj.routines.in_situ.doors import Aimed
from labmtj.routines.in_situ.line_wires import LineWires
from labmtj.routines.in_situ.shaping import PHASES, LineLevels, LineShaper

_DELTA = 60.0  # chosen: [kT] middle of what 30 to 60 nm junctions have, for maps without a `switching` step
_SPREAD = 0.05  # chosen: of V_c0 (data/reference/mtj-dies.yaml), for cells that nobody has measured one by one


class LevelDoor(CrossbarDoor):
    """An array with a source on every line (labmtj.routines.in_situ.doors.Door).

    With `own_cells` the shapes are those of every cell whose V_c0 and Delta are in the map, and the median cell's for
    the others; else the median cell's for all. `median` [V] are the cell voltages that flip the median cell half the
    time at the map's width. `wired` is the map's crossbar: what its wires take is made up for.
    """

    coding = "levels"

    def __init__(
        self,
        array: ArrayAccess,
        *,
        die: DieMap,
        places: Sequence[Placement],
        how: Driving,
        own_cells: bool,
        median: Amplitudes,
        wired: Crossbar | None,
    ) -> None:
        super().__init__(array, die=die, places=places, how=how)
        self._own_cells, self._median, self._wired = own_cells, median, wired

    def check(self) -> None:
        """Raise LimitExceeded if the strongest update, or a pulse that writes a cell, would pass a limit."""
        super().check()
        for layer, (inputs, outputs) in enumerate(devices.shape for devices in self.devices):
            for sign in (1.0, -1.0):
                for aimed in self.pulses(layer, np.full(inputs, sign), np.ones(outputs), update=0):
                    self.array.check_lines(aimed.pulse)

    def pulses(self, layer: int, rows: Floats, cols: Floats, *, update: int) -> Iterator[Aimed]:
        """Up to four pulses whose levels ask each cell for P = |rows x cols|."""
        del update  # nothing is drawn: the cells themselves draw
        shaped: LineLevels = self._shapers[layer].levels(rows[np.newaxis], cols[np.newaxis])
        place = self._places[layer]
        for phase, (_, target) in enumerate(PHASES):
            if not shaped.fired[0, phase]:
                continue
            (of_rows, row_volts), (of_cols, col_volts) = (
                _driven(lines, volts[0, phase])
                for lines, volts in ((place.rows, shaped.rows), (place.cols, shaped.cols))
            )
            yield Aimed(LinePulse(of_rows, row_volts, of_cols, col_volts, self.how.width), target)

    @cached_property
    def _shapers(self) -> list[LineShaper]:
        die, wired = self._die, self._wired
        wires = None
        if wired is not None:
            wires = LineWires(
                wired.r_p[np.newaxis],
                wired.tmr0[np.newaxis],
                wired.wire,
                wired.row_contact,
                wired.col_contact,
                wired.v_h,
                wired.k_p,
                volts=0.5 * (self._median.ap_to_p + self._median.p_to_ap),
            )
        found: list[LineShaper] = []
        for devices in self.devices:
            inputs, outputs = devices.shape
            found.append(
                LineShaper(
                    self._laws(devices.row, devices.col),
                    shape=(1, inputs, outputs),
                    sign=die.polarity.sign(State.P),
                    good=die.good[devices.row, devices.col][np.newaxis],
                    wires=wires,
                    at=None if wires is None else (devices.row[:, 0], devices.col[0]),
                )
            )
        return found

    def _laws(self, row: Ints, col: Ints) -> Mapping[State, FlipLaw]:
        die, width = self._die, self.how.width
        found: dict[State, FlipLaw] = {}
        for target, v_c0, delta in ((State.P, die.v_c0_p, die.delta_p), (State.AP, die.v_c0_ap, die.delta_ap)):
            known = None if v_c0 is None or delta is None else np.isfinite(v_c0) & np.isfinite(delta) & die.good
            if v_c0 is None or delta is None or known is None or not known.any():
                # Only the median voltage is known, at the map's width: V_c0 is what that means with such a barrier.
                unit = flip_law(1.0, delta=_DELTA, width=die.width)
                critical = self._median.towards(target) / float(unit.half)
                found[target] = flip_law(np.full((1, 1, 1), critical), delta=_DELTA, width=width, spread=_SPREAD)
                continue
            middle = float(np.median(v_c0[known])), float(np.median(delta[known]))
            if not self._own_cells:
                one = np.full((1, 1, 1), middle[0])
                found[target] = flip_law(one, delta=middle[1], width=width, spread=_SPREAD)
                continue
            volts: Floats = np.where(known, v_c0, middle[0])
            barrier: Floats = np.where(known, delta, middle[1])
            found[target] = flip_law(volts[row, col][np.newaxis], delta=barrier[row, col][np.newaxis], width=width)
        return found


def _driven(lines: Sequence[int], volts: Floats) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The lines that are not at ground, and their volts."""
    chosen = np.flatnonzero(volts).tolist()
    return tuple(lines[n] for n in chosen), tuple(float(volts[n]) for n in chosen)
