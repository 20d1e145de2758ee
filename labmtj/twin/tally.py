"""The tally of a simulated die: what pulses, reads and rest did to it while this process has it (labmtj.account).

It lives in memory only and changes nothing: no number that is drawn, nothing that the die's file holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.account import Account
from labmtj.records import Floats
from labmtj.twin.hookup import Hookup
from labmtj.twin.state import DieState

_SELECTED = 0.98  # chosen: of the largest voltage between two lines; errors of sources are 0.1 %, V/2 is far below


class Tally:
    """Counts of one die; `state` is read, never written."""

    def __init__(self, state: DieState) -> None:
        self._state = state
        self._shape = state.state.shape
        self._began, self._pulses = state.clock, state.pulses
        self._cycles, self._damage, self._broken = state.cycles.copy(), state.damage.copy(), int(state.broken.sum())
        self._peak, self._selected = np.zeros(self._shape), np.zeros(self._shape)
        self._disturb, self._disturbed = np.zeros(self._shape), np.zeros(self._shape)
        self._pulse_energy = self._source_energy = self._read_energy = self._terminal = 0.0
        self._expected = {False: 0.0, True: 0.0}  # flips in time at rest (True) and with volts on the lines
        self._flipped = {False: 0, True: 0}
        self._ones, self._least = np.ones(self._shape), 0.0

    def pulse(
        self,
        hookup: Hookup,
        cells: tuple[Floats, Floats],
        sources: tuple[tuple[float, ...], tuple[float, ...]],
        seconds: float,
        chance: Floats,
        flipped: NDArray[np.bool_],
    ) -> None:
        """One pulse: volts and amperes of cells and of sources, each cell's chance to flip, and who did."""
        volts, amperes = cells
        self._pulse_energy += seconds * float(np.vdot(volts, amperes))
        self._source_energy += seconds * sum(v * i for v, i in zip(*sources, strict=True))
        self._stress(volts, min(0.0, *sources[0]), max(0.0, *sources[0]))
        selected = _selected(hookup, sources[0], self._shape[0])
        self._selected += selected
        self._disturb += np.where(selected, 0.0, chance)
        self._disturbed += flipped & ~selected

    def hold(
        self, cells: tuple[Floats, Floats], sources: tuple[float, ...], seconds: float, rates: Floats, *, rest: bool
    ) -> None:
        """Time with volts on the lines, or at rest: the rate at which each cell leaves its state."""
        self._expected[rest] += seconds * float(np.vdot(rates, self._ones))
        if rest:
            return
        self._read_energy += seconds * float(np.vdot(*cells))
        low, high = min(0.0, *sources), max(0.0, *sources)
        if high - low > self._least:  # no cell sees more than two lines are apart: most reads raise no peak
            self._stress(cells[0], low, high)

    def flip(self, *, rest: bool) -> None:
        """A cell left its state by itself, at rest or not."""
        self._flipped[rest] += 1

    def _stress(self, volts: Floats, low: float, high: float) -> None:
        np.maximum(self._peak, np.abs(volts), out=self._peak)
        self._least = float(self._peak.min())
        self._terminal = max(self._terminal, -low, high)

    def account(self) -> Account:
        """The account up to now. Relays move in turn, from open: of an odd number of moves the first closed it."""
        state = self._state
        return Account(
            seconds=state.clock - self._began,
            pulses=state.pulses - self._pulses,
            closures=((state.cycles - self._cycles + 1) // 2).astype(np.float64),
            pulse_energy=self._pulse_energy,
            source_energy=self._source_energy,
            read_energy=self._read_energy,
            terminal=self._terminal,
            broken=int(state.broken.sum()) - self._broken,
            peak=self._peak.copy(),
            damage=state.damage - self._damage,
            selected=self._selected.copy(),
            disturb=self._disturb.copy(),
            disturbed=self._disturbed.copy(),
            read_disturb=self._expected[False],
            read_disturbed=self._flipped[False],
            rest_loss=self._expected[True],
            rest_lost=self._flipped[True],
        )


def _selected(hookup: Hookup, source_volts: tuple[float, ...], rows: int) -> NDArray[np.bool_]:
    """Cells whose two lines are as far apart as any two, by what their sources are asked for; floating lines not."""
    wired = hookup.connections
    asked = [v if source.current else source.level for source, v in zip(hookup.sources, source_volts, strict=True)]
    driven: Floats = wired.siemens @ np.array(asked)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = driven / wired.total
    apart = np.abs(level[:rows, np.newaxis] - level[rows:])
    return apart >= _SELECTED * np.fmax.reduce(apart, axis=None)
