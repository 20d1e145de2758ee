"""One update of a layer as pulses: which lines, in which polarity, and which of them chance lets take part.

An outer product r x c asks the + device of a pair to P and the - device to AP where it is positive, the other way round
where it is negative. Rows of one sign, and of every column the device that one polarity serves, share a pulse: at most
four pulses whatever the size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose, uniforms
from labmtj.records import Floats, State

Places = NDArray[np.intp]

_PLACES = 1 << 12  # numbers of lines kept apart for each layer: more than any array has
PHASES = 4


@dataclass(frozen=True, eq=False)
class Phase:
    """Inputs and outputs, from 0, that one pulse serves, and the state that it writes.

    `columns` are device columns of the layer, from 0 (2k is the + device of output k), one for each of `outputs`;
    `number` is 0 .. 3.
    """

    number: int
    target: State
    inputs: Places
    outputs: Places
    columns: Places


def phases(rows: Floats, cols: Floats) -> Iterator[Phase]:
    """Phases of the outer product of `rows` (inputs,) and `cols` (outputs,); none where nothing is asked."""
    outputs: Places = np.flatnonzero(cols)
    for side, sign in enumerate((1.0, -1.0)):
        inputs = np.flatnonzero(rows * sign > 0.0)
        if not inputs.size or not outputs.size:
            continue
        for half, target in enumerate((State.P, State.AP)):
            upwards = cols[outputs] * sign > 0.0
            # P raises a weight on its + device, AP on its - device.
            plus: NDArray[np.bool_] = upwards if target is State.P else ~upwards
            columns: Places = 2 * outputs + ~plus
            yield Phase(2 * side + half, target, inputs, outputs, columns)


def balanced(rows: Floats, cols: Floats) -> tuple[Floats, Floats]:
    """Chances of rows and of columns to take part, 0..1, whose product is min(1, |rows x cols|), cell by cell.

    Both sides get the same largest chance, so that few cells, not whole blocks of them, are hit together. Where the
    largest product is above 1 the larger ones saturate line by line.
    """
    most = float(np.abs(rows).max()), float(np.abs(cols).max())
    if min(most) == 0.0:
        return np.zeros_like(rows), np.zeros_like(cols)
    ratio = math.sqrt(most[1] / most[0])
    return np.minimum(1.0, np.abs(rows) * ratio), np.minimum(1.0, np.abs(cols) / ratio)


def drawn_lines(rows: Floats, cols: Floats, *, seed: int, layer: int, update: int) -> Iterator[Phase]:
    """Phases of an update with the lines that chance lets take part: row i and column j with P = |rows_i cols_j|.

    Drawn anew for every phase, at the address (seed, layer, update, phase, line).
    """
    of_rows, of_cols = balanced(rows, cols)
    for phase in phases(rows, cols):
        first, when = 2 * layer * _PLACES, PHASES * update + phase.number
        own = uniforms(seed, Purpose.DRAWN_LINE, rows.size, when, first=first) < of_rows
        other = uniforms(seed, Purpose.DRAWN_LINE, cols.size, when, first=first + _PLACES) < of_cols
        inputs, chosen = phase.inputs[own[phase.inputs]], other[phase.outputs]
        if inputs.size and chosen.any():
            yield Phase(phase.number, phase.target, inputs, phase.outputs[chosen], phase.columns[chosen])


def drawn_cells(rows: Floats, cols: Floats, *, seed: int, layer: int, update: int) -> dict[State, NDArray[np.bool_]]:
    """Devices (inputs, device columns) that chance asks to each state: each by itself with P = min(1, |rows x cols|).

    For arrays in which every cell of a column can be let in or left out: its gate.
    """
    products = np.outer(rows, cols)
    chance = np.repeat(np.abs(products), 2, axis=1)
    first, when = layer * _PLACES * _PLACES, update
    lot = uniforms(seed, Purpose.DRAWN_CELL, chance.size, when, first=first).reshape(chance.shape)
    hit = lot < chance
    upwards = np.repeat(products > 0.0, 2, axis=1)
    plus: NDArray[np.bool_] = np.arange(chance.shape[1], dtype=np.int64) % 2 == 0
    to_p: NDArray[np.bool_] = upwards == plus
    return {State.P: hit & to_p, State.AP: hit & ~to_p}
