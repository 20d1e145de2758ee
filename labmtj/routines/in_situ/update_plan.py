"""Which cells of a layer an update asks for what, in which of its pulses, and sums over the lines of those.

The four pulses (`PHASES`) differ in the sign of the rows and in the state that is written; every cell is in one of
them. What belongs to rows is kept by the state that is written, (copies, 2, inputs), for a row has one sign; what
belongs to columns by the sign of the rows, (copies, 2, 2 outputs), for it tells what a column writes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.flip_pulses import LEAST
from labmtj.records import Floats, State

Flags = NDArray[np.bool_]

PHASES = ((1, State.P), (1, State.AP), (-1, State.P), (-1, State.AP))
"""Sign of the rows and state that is written, of the pulses of an update, in their order."""
_STARTS = 2  # chosen: alternating steps of least squares; they are a start only


@dataclass(frozen=True, eq=False)
class UpdatePlan:
    """Which cells are asked for what: `asked` P, whether `on` (1 or 0), and `to_p`, (copies, inputs, 2 outputs).

    `positive` (copies, inputs): sign of the row. `col_to_p` (copies, 2, 2 outputs): what a column's cells are asked to
    in pulses of positive and of negative rows. `row_on` (copies, 2, inputs) by state, `col_on` (copies, 2, 2 outputs)
    by the rows' sign: whether the line is driven at all.
    """

    asked: Floats
    on: Floats
    to_p: Flags
    positive: Flags
    col_to_p: Flags
    row_on: Flags
    col_on: Flags

    @staticmethod
    def of(rows: Floats, cols: Floats, *, smallest: float, largest: float, good: Flags) -> UpdatePlan:
        """The plan for P = |rows x cols|, of cells that are `good`, up to `largest`, lines from `smallest` on."""
        r, c = np.abs(rows), np.repeat(np.abs(cols), 2, axis=1)
        positive: Flags = rows >= 0.0
        # With positive rows the + device of a positive column goes to P, and so does the - device of a negative one.
        with_positive: Flags = np.stack([cols > 0.0, cols <= 0.0], axis=2).reshape(c.shape)
        col_to_p: Flags = np.stack([with_positive, ~with_positive], axis=1)
        to_p: Flags = positive[:, :, np.newaxis] == with_positive[:, np.newaxis, :]
        asked = r[..., np.newaxis] * c[:, np.newaxis, :]
        usable: Flags = good & (asked > 0.0)
        enough: Flags = usable & (asked >= smallest)
        groups: Flags = np.stack([enough & positive[..., np.newaxis], enough & ~positive[..., np.newaxis]], axis=1)
        col_on: Flags = np.any(groups, axis=2)
        row_on: Flags = np.stack([np.any(enough & to_p, axis=2), np.any(enough & ~to_p, axis=2)], axis=1)
        driven: Flags = np.where(to_p, row_on[:, 0, :, np.newaxis], row_on[:, 1, :, np.newaxis])
        driven &= np.where(positive[..., np.newaxis], col_on[:, 0, np.newaxis], col_on[:, 1, np.newaxis])
        on = (usable & driven).astype(np.float64)
        return UpdatePlan(np.clip(asked, LEAST, largest), on, to_p, positive, col_to_p, row_on, col_on)

    @property
    def counted(self) -> Floats:
        """What is asked of the cells that are driven."""
        return self.asked * self.on

    def of_rows(self, a: Floats) -> Floats:
        """Parts `a` (copies, 2, inputs) of the rows, by cell."""
        return np.where(self.to_p, a[:, 0, :, np.newaxis], a[:, 1, :, np.newaxis])

    def of_cols(self, b: Floats) -> Floats:
        """Parts `b` (copies, 2, 2 outputs) of the columns, by cell."""
        return np.where(self.positive[..., np.newaxis], b[:, 0, np.newaxis], b[:, 1, np.newaxis])

    def by_row(self, values: Floats) -> Floats:
        """Sums over each row's cells, by state, (copies, 2, inputs)."""
        to_p = (values * self.to_p).sum(axis=2)
        return np.stack([to_p, values.sum(axis=2) - to_p], axis=1)

    def by_col(self, values: Floats) -> Floats:
        """Sums over each column's cells, by the rows' sign, (copies, 2, 2 outputs)."""
        positive = (values * self.positive[..., np.newaxis]).sum(axis=1)
        return np.stack([positive, values.sum(axis=1) - positive], axis=1)


def least_squares(plan: UpdatePlan, need: Floats) -> tuple[Floats, Floats]:
    """Row and column parts whose sums are closest to `need` [V], cells weighted by what is asked of them."""
    weight = plan.counted
    in_row, in_col = (np.maximum(each, 1e-9) for each in (plan.by_row(weight), plan.by_col(weight)))
    a: Floats = 0.5 * plan.by_row(weight * need) / in_row
    b: Floats = np.zeros_like(in_col)
    for _start in range(_STARTS):
        b = plan.by_col(weight * (need - plan.of_rows(a))) / in_col
        a = plan.by_row(weight * (need - plan.of_cols(b))) / in_row
    return a, b


def balanced(plan: UpdatePlan, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The same sums with the highest row part equal to the highest column part in every pulse."""
    a, b = a.copy(), b.copy()
    for sign, target in PHASES:
        group = int(sign < 0)
        rows = plan.row_on[:, int(target)] & (plan.positive == (sign > 0))
        cols = plan.col_on[:, group] & (plan.col_to_p[:, group] == (target is State.P))
        both = rows.any(axis=1) & cols.any(axis=1)
        highest_a = np.where(rows, a[:, int(target)], -np.inf).max(axis=1)
        highest_b = np.where(cols, b[:, group], -np.inf).max(axis=1)
        move = np.where(both, 0.5 * (np.where(both, highest_a, 0.0) - np.where(both, highest_b, 0.0)), 0.0)[
            :, np.newaxis
        ]
        a[:, int(target)] -= np.where(rows, move, 0.0)
        b[:, group] += np.where(cols, move, 0.0)
    return a, b
