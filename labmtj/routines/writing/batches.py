"""Which cells are written by one pulse, with what amplitude, and in which order.

Cells of a row that want the same state can share a pulse: their columns get the column's half together. Their
amplitudes must not differ by more than the writing allows, and the row's source must carry all their currents.
Where the map does not know the wires, cells are written one by one: nobody could tell what each of them gets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from labmtj.records import Cell, Floats, Ints, State
from labmtj.routines.writing.picture import Picture, spread_out
from labmtj.routines.writing.settings import MODEL_MARGIN, Algorithm, Order, WriteSettings

RISKY = 0.6  # chosen: of the selected cell's voltage on a half-selected one; at 0.5 it is V/2 as everywhere
_TURNS = 8  # chosen: of moving batches about; most orders are settled after three
_EXCESS = 1.12  # chosen: what one cell of a batch may get over what it wants; the spread of V_c is 5 %


@dataclass(frozen=True)
class Batch:
    """Columns (from 1) of a row that one pulse writes to `target`; its first amplitude [V], unsigned."""

    row: int
    cols: tuple[int, ...]
    target: State
    amplitude: float

    @property
    def cells(self) -> list[Cell]:
        """The cells."""
        return [Cell(self.row, col) for col in self.cols]


class Batches:
    """Makes batches of cells from a die map and settings."""

    def __init__(self, picture: Picture, settings: WriteSettings) -> None:
        self._picture, self._settings, self._die = picture, settings, picture.die
        margin = MODEL_MARGIN if settings.algorithm is Algorithm.MODEL else None
        self._wanted = picture.wanted(settings.amplitudes, margin=margin)
        self.compensated = settings.compensate and picture.model is not None

    def far_first(self, cells: Sequence[Cell]) -> list[Cell]:
        """Cells from the one that needs most at its terminals to the one that needs least, if that is the way to go.

        Empty where any order will do: where no pulse puts on a half-selected cell near its terminals what comes close
        to writing it. Written last, near cells lose nothing to the pulses of far ones.
        """
        if not self.compensated:
            return []
        nominal = float(np.nanmedian(self._wanted[State.P]))
        share = self._picture.shares(State.P, scheme=self._settings.scheme, amplitude=nominal)
        here = [share[cell.position] for cell in cells]
        if not here or 0.5 * max(here) < RISKY * min(here):
            return []
        return [cell for _, cell in sorted(zip(here, cells, strict=True))]

    def of(self, cells: Sequence[Cell], target: Callable[[Cell], State], *, state: Ints) -> list[Batch]:
        """Batches of `cells`, in the order in which they are written, with the other cells in `state`."""
        if self._settings.order is not Order.BATCHES or not self.compensated:
            chosen = list(cells) if self._settings.order is Order.NAIVE else spread_out(cells)
            return self._with_amplitudes([Batch(c.row, (c.col,), target(c), 0.0) for c in chosen], state)
        groups: dict[tuple[int, State], list[int]] = {}
        for cell in sorted(cells):
            groups.setdefault((cell.row, target(cell)), []).append(cell.col)
        found = [
            Batch(row, tuple(part), to, 0.0)
            for (row, to), cols in groups.items()
            for part in self._parts(row, cols, to)
        ]
        return _shortest(self._with_amplitudes(found, state))

    def _parts(self, row: int, cols: Sequence[int], target: State) -> list[list[int]]:
        """Columns in groups whose cells draw no more than the source may give, as resistors of the lower state."""
        parts: list[list[int]] = []
        drawn = 0.0
        for col in cols:
            at = row - 1, col - 1
            amperes = self._wanted[target][at] / self._die.r_p[at]
            if not parts or len(parts[-1]) >= self._settings.together or drawn + amperes > self._settings.line_current:
                parts.append([])
                drawn = 0.0
            parts[-1].append(col)
            drawn += amperes
        return parts

    def _with_amplitudes(self, batches: list[Batch], state: Ints) -> list[Batch]:
        """The same with amplitudes; a batch whose cells cannot share one is taken apart."""
        if not batches:
            return []
        if not self.compensated:
            wanted = [self._plain(batch) for batch in batches]
            return [replace(batch, amplitude=volts) for batch, volts in zip(batches, wanted, strict=True)]
        volts, excess = self._solve(batches, state)
        done: list[Batch] = []
        split: list[Batch] = []
        for batch, amplitude, over in zip(batches, volts.tolist(), excess.tolist(), strict=True):
            if len(batch.cols) > 1 and over > _EXCESS:
                middle = len(batch.cols) // 2
                split += [replace(batch, cols=batch.cols[:middle]), replace(batch, cols=batch.cols[middle:])]
            else:
                done.append(replace(batch, amplitude=amplitude))
        return done + self._with_amplitudes(split, state)

    def _plain(self, batch: Batch) -> float:
        return max(float(self._wanted[batch.target][cell.position]) for cell in batch.cells)

    def _solve(self, batches: list[Batch], state: Ints) -> tuple[Floats, Floats]:
        """Terminal amplitudes [V] of all batches, and how unequally their cells are served."""
        volts, excess = np.empty(len(batches)), np.empty(len(batches))
        polarity = self._die.polarity
        for target in State:
            alone = [n for n, batch in enumerate(batches) if batch.target is target and len(batch.cols) == 1]
            if alone:
                nominal = float(np.nanmedian(self._wanted[target]))
                share = self._picture.shares(target, scheme=self._settings.scheme, amplitude=nominal)
                at = tuple(np.array([batches[n].cells[0].position for n in alone]).T)
                volts[alone], excess[alone] = self._wanted[target][at] / share[at], 1.0
            chosen = [n for n, batch in enumerate(batches) if batch.target is target and len(batch.cols) > 1]
            if not chosen:
                continue
            volts[chosen], excess[chosen] = self._picture.terminal(
                [(batches[n].row, batches[n].cols) for n in chosen],
                wanted=self._wanted[target],
                signs=np.full(len(chosen), polarity.sign(target)),
                scheme=self._settings.scheme,
                state=state,
            )
        return volts, excess


def _shortest(batches: list[Batch]) -> list[Batch]:
    """An order in which neighbours share lines: the nearest one next, then each moved to where it fits best."""
    lines = [frozenset({("row", batch.row)} | {("col", col) for col in batch.cols}) for batch in batches]
    moves = np.array([[len(one ^ other) for other in lines] for one in lines])
    first = np.array([len(one) for one in lines])  # from all lines at ground, and back there
    left, order = list(range(len(batches))), list[int]()
    while left:
        cost = first if not order else moves[order[-1]]
        order.append(min(left, key=lambda n: (int(cost[n]), batches[n].row, batches[n].cols)))
        left.remove(order[-1])

    def between(before: int, after: int) -> int:
        if before < 0 or after < 0:
            return int(first[max(before, after)]) if max(before, after) >= 0 else 0
        return int(moves[before, after])

    for _turn in range(_TURNS):
        better = False
        for batch in list(order):
            at = order.index(batch)
            rest = order[:at] + order[at + 1 :]
            ends = [-1, *rest, -1]
            joints = list(pairwise(ends))
            won = between(joints[at][0], batch) + between(batch, joints[at][1]) - between(*joints[at])
            costs = [between(a, batch) + between(batch, b) - between(a, b) for a, b in joints]
            place = int(np.argmin(costs))
            if costs[place] < won:
                order, better = [*rest[:place], batch, *rest[place:]], True
        if not better:
            break
    return [batches[n] for n in order]
