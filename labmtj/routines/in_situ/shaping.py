"""Voltages of lines that ask every cell of a layer to flip with the product of what its row and its column ask.

A layer's output k has two columns side by side, its + and its - device. Weight (i, k) is to move in the direction of
r_i c_k with P = |r_i c_k|: for a positive product the + device towards P and the - device towards AP. Cells that see
one polarity are pulsed together, and rows of one sign, for what a column gets is the same for all rows of a pulse. So
an update takes four pulses at most, whatever the size of the layer (PHASES).

    cell voltage = share_ij (a_i + b_j),  rows at +a_i, columns at -b_j, all else at ground

Between P = 0.001 and 0.3 ln(-ln(1 - P)) is nearly straight in the voltage, so a sum of voltages is a product of
probabilities. a and b start as weighted least squares of the voltages that the cells need (with the cells' own
V_c0 and Delta, or the die's, and with what the wires take), and are then moved until every line's sum of flip
probabilities is what it should be: with cells that differ no line can serve each of its cells, but what it does to
all of them together is right. (The same as fitting a two-way logistic model by its margins.)

Where only a and b together count, their split is such that the highest of both are equal: a half-selected cell then
sees no more than half of what the most driven cell sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError
from labmtj.physics.flip_pulses import LEAST, FlipLaw, horner
from labmtj.records import Floats, Ints, State
from labmtj.routines.in_situ.line_wires import LineWires
from labmtj.routines.in_situ.update_plan import PHASES, UpdatePlan, balanced, least_squares

SMALLEST = 0.003  # chosen: a line whose best cell is asked for less stays at ground; 1 in 300 of a flip is lost
LARGEST = 0.95  # chosen: what "always" is taken for; 0.999 costs 3 % more voltage at 100 us and 21 % at 10 ns
_SWEEPS, _TURNS = 2, 2  # chosen: the mean over a layer is then within 5 % of what was asked (eight dies)
_TINY = 1e-9
_MIXED = 0.75  # chosen: weight of what wires take at newer voltages; a short's lines swing otherwise
_LEAST_SHARE = 0.2  # chosen: of the terminals' voltage; below it an array is no longer pulsed in parallel
_STEP = 0.08  # longest step of a line, of the voltage of P = 1/2: far from the goal a tangent leads astray


@dataclass(frozen=True, eq=False)
class LineLevels:
    """Voltages [V] to ground of a layer's lines in the pulses of one update, in the order of `PHASES`.

    `rows` (copies, 4, inputs) and `cols` (copies, 4, 2 outputs); 0 is ground. `fired` (copies, 4): whether anything
    is driven in that pulse at all. A cell sees row less column.
    """

    rows: Floats
    cols: Floats
    fired: NDArray[np.bool_]

    @property
    def cell_voltages(self) -> Floats:
        """Difference of the lines' voltages of all cells [V], (copies, 4, inputs, 2 outputs)."""
        return self.rows[..., np.newaxis] - self.cols[:, :, np.newaxis, :]

    @property
    def highest(self) -> Floats:
        """Largest magnitude of `cell_voltages` [V], (copies,)."""
        rows, cols = self.rows, self.cols
        above = rows.max(axis=2) - cols.min(axis=2)
        below = cols.max(axis=2) - rows.min(axis=2)
        return np.maximum(above, below).max(axis=1)


class LineShaper:
    """Shapes the updates of one layer on copies of an array; made once, then asked for every update.

    `laws` are those of the layer's cells towards both states, of arrays (copies, inputs, 2 outputs) or what
    broadcasts to `shape` = (copies, inputs, outputs): (copies, 1, 1) for cells of which only the die is known.
    `sign` +1: a positive cell voltage (row above column) writes P. `good` (copies, inputs, 2 outputs) marks the cells
    that can flip (the others count for nothing). `wires` and `at`, the layer's rows and columns on the array (from
    0), bring in what the wires take; without them terminal voltages are cell voltages.
    """

    def __init__(
        self,
        laws: Mapping[State, FlipLaw],
        *,
        shape: tuple[int, int, int],
        sign: int = 1,
        good: NDArray[np.bool_] | None = None,
        wires: LineWires | None = None,
        at: tuple[Ints, Ints] | None = None,
        smallest: float = SMALLEST,
        largest: float = LARGEST,
    ) -> None:
        copies, inputs, outputs = shape
        self._cells = (copies, inputs, 2 * outputs)
        if not LEAST <= smallest < largest < 1.0:
            raise InputError(
                f"probabilities from {smallest:g} to {largest:g}: {LEAST:g} or more, and below 1, are needed"
            )
        if wires is not None and (at is None or (len(at[0]), len(at[1])) != self._cells[1:]):
            raise InputError(f"a layer of {inputs} x {2 * outputs} cells behind wires: `at` must name its lines")
        self._order = len(laws[State.P].forward)
        self._laws = np.stack([self._packed(laws[target]) for target in State], axis=1)
        self._good = np.broadcast_to(np.asarray(True if good is None else good, np.bool_), self._cells).copy()
        self._sign, self._wires, self._at = sign, wires, at
        self._smallest, self._largest = smallest, largest
        self._limit = _STEP * float(self._laws[0].mean())

    def levels(
        self,
        rows: Floats,
        cols: Floats,
        *,
        of: Ints | None = None,
        ap: Floats | float = 0.5,
        sweeps: int = _SWEEPS,
        turns: int = _TURNS,
    ) -> LineLevels:
        """Voltages for P = min(1, |rows x cols|) in the direction of rows x cols.

        `rows` (copies, inputs) and `cols` (copies, outputs) are of the copies `of`, all if not said. `ap`: the share
        of the AP state in the cells of the whole array (copies, rows, cols), one half where states are unknown; only
        the wires ask for it. `sweeps` and `turns` are how often sums are matched and what wires take is looked up.
        """
        which = np.arange(self._cells[0]) if of is None else of
        plan = UpdatePlan.of(rows, cols, smallest=self._smallest, largest=self._largest, good=self._good[which])
        law: Floats = np.where(plan.to_p, self._laws[:, int(State.P), which], self._laws[:, int(State.AP), which])
        cells = _Cells(plan, law, order=self._order, limit=self._limit)
        a, b = least_squares(plan, cells.need)
        if self._wires is None:
            a, b = cells.matched(a, b, sweeps=sweeps)
            return self._laid_out(plan, *balanced(plan, a, b))
        lost: Floats = np.zeros(1)
        for turn in range(turns):
            terminal = self._on_array(self._laid_out(plan, *balanced(plan, a, b)))
            # At first the lines are as if without wires, and so the cells get what they need.
            found = self._wires.dropped(terminal - lost, ap=ap, of=which)
            lost = found if turn == 0 else lost + _MIXED * (found - lost)
            missing: Floats = np.abs(self._in_phase(plan, lost))
            if turn == 0:
                share: Floats = cells.need / (cells.need + missing)
                a, b = least_squares(plan, cells.need / share)
            else:
                there = np.maximum(plan.of_rows(a) + plan.of_cols(b), 1e-3)
                share = np.maximum(1.0 - missing / there, _LEAST_SHARE)
            cells.behind(share)
            a, b = cells.matched(a, b, sweeps=sweeps if turn == turns - 1 else 1)
        return self._laid_out(plan, *balanced(plan, a, b))

    def _packed(self, law: FlipLaw) -> Floats:
        """All numbers of a law, (numbers, copies, inputs, 2 outputs)."""
        parts = np.concatenate([
            law.half[np.newaxis], law.lowest[np.newaxis], law.highest[np.newaxis], law.forward, law.backward
        ])  # fmt: skip
        missing = len(self._cells) - law.half.ndim
        parts = parts.reshape(len(parts), *[1] * missing, *law.half.shape)
        return np.broadcast_to(parts, (len(parts), *self._cells)).copy()

    def _on_array(self, laid: LineLevels) -> Floats:
        """Differences of the lines' voltages of all cells of the array [V], (copies, 4, rows, cols)."""
        if self._wires is None or self._at is None:
            return laid.cell_voltages
        _, height, width = self._wires.r_p.shape
        on_rows = np.zeros((*laid.rows.shape[:2], height))
        on_cols = np.zeros((*laid.cols.shape[:2], width))
        on_rows[:, :, self._at[0]], on_cols[:, :, self._at[1]] = laid.rows, laid.cols
        return on_rows[..., np.newaxis] - on_cols[:, :, np.newaxis]

    def _in_phase(self, plan: UpdatePlan, values: Floats) -> Floats:
        """Of `values` (copies, 4, rows, cols) of the array those of the layer's cells, each in its own pulse."""
        if self._at is not None:
            values = values[:, :, self._at[0][:, np.newaxis], self._at[1]]
        positive = np.where(plan.to_p, values[:, 0], values[:, 1])
        negative = np.where(plan.to_p, values[:, 2], values[:, 3])
        return np.where(plan.positive[:, :, np.newaxis], positive, negative)

    def _laid_out(self, plan: UpdatePlan, a: Floats, b: Floats) -> LineLevels:
        count = len(a)
        rows = np.zeros((count, len(PHASES), self._cells[1]))
        cols = np.zeros((count, len(PHASES), self._cells[2]))
        for phase, (sign, target) in enumerate(PHASES):
            group, polarity = int(sign < 0), self._sign * (1.0 if target is State.P else -1.0)
            rows[:, phase] = np.where(
                plan.row_on[:, int(target)] & (plan.positive == (sign > 0)), a[:, int(target)], 0.0
            )
            rows[:, phase] *= polarity
            mine = plan.col_on[:, group] & (plan.col_to_p[:, group] == (target is State.P))
            cols[:, phase] = np.where(mine, b[:, group], 0.0) * -polarity
        # A pulse in which only one side is driven flips nothing.
        fired = (rows != 0.0).any(axis=2) & (cols != 0.0).any(axis=2)
        return LineLevels(rows * fired[..., np.newaxis], cols * fired[..., np.newaxis], fired)


class _Cells:
    """What the cells of a plan need, and lines moved until the sums of their flip probabilities are as asked."""

    def __init__(self, plan: UpdatePlan, law: Floats, *, order: int, limit: float) -> None:
        self._plan, self._half, self._lowest, self._highest = plan, law[0], law[1], law[2]
        self._forward, backward = law[3 : 3 + order], law[3 + order :]
        x = np.clip(horner(backward, np.log(-np.log1p(-plan.asked))), self._lowest, self._highest)
        self.need: Floats = self._half * (1.0 + x)
        powers: Floats = np.arange(order - 1, 0, -1, dtype=np.float64)
        self._slope = horner(self._forward[:-1] * powers[:, np.newaxis, np.newaxis, np.newaxis], x)
        self._limit = limit
        self._per_volt = 1.0 / self._half
        self._sums = plan.by_row(plan.counted), plan.by_col(plan.counted)

    def behind(self, share: Floats) -> None:
        """Cells get this `share` of the voltage between their terminals."""
        self._per_volt = share / self._half

    def matched(self, a: Floats, b: Floats, *, sweeps: int) -> tuple[Floats, Floats]:
        """Row and column parts [V] after this many steps of Newton's on the rows' and on the columns' sums."""
        plan = self._plan
        slope = self._slope * self._per_volt * plan.on
        for _sweep in range(sweeps):
            for fold, sums in ((plan.by_row, self._sums[0]), (plan.by_col, self._sums[1])):
                x = plan.of_rows(a) + plan.of_cols(b)
                x *= self._per_volt
                x -= 1.0
                np.clip(x, self._lowest, self._highest, out=x)
                hazard = np.exp(horner(self._forward, x))
                stays = np.exp(-hazard)
                hazard *= stays
                hazard *= slope
                flips, rise = fold((1.0 - stays) * plan.on), fold(hazard)
                asked = sums > 0.0
                log_off = np.log(np.where(asked, sums, 1.0) / np.where(asked, np.maximum(flips, _TINY), 1.0))
                step: Floats = np.clip(log_off * flips / np.maximum(rise, _TINY), -self._limit, self._limit)
                if fold == plan.by_row:
                    a = a + step
                else:
                    b = b + step
        return a, b
