"""Kernels that load an array into a lane of crossbar_lanes, and that treat its shorts apart from the other cells."""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.crossbar_lanes import LANES
from labmtj.physics.jit import jit
from labmtj.physics.mtj import LINEAR
from labmtj.records import Floats, Ints, State

MOST_SHORTS = 8
ROW, COL = 0, 1  # of a short
_LARGE = 0.05  # chosen: a resistor's share of the load from which taking it out is cheaper than more steps

_P, _AP = int(State.P), int(State.AP)


@jit
def load(
    lane: int, cells: Floats, state: NDArray[np.int8], array: int, k_p: float, ends_w: Floats, ends_b: Floats, r: float,
    device: Floats, where: Ints, siemens: Floats, inverse: Floats, weight: Floats,
) -> int:  # fmt: skip
    """Put an array's cells into a lane, its shorts apart; returns their number, or -1 if there are too many.

    `weight` (lanes,) becomes the largest sum of zero-bias conductances along a row [S].

    `where` (lanes, shorts, 2), `siemens` (lanes, shorts) and `inverse` (lanes, shorts, shorts) describe the
    shorts: the last is the matrix that turns their voltages, were they not there, into their currents.
    """
    rows, cols = state.shape[1:]
    count, weight[lane] = 0, 0.0
    for row in range(rows):
        total = 0.0
        for col in range(cols):
            place = np.uint64((cols - 1 - col) * LANES + lane)
            kind, conductance = state[array, row, col], cells[0, array, row, col]
            total += conductance
            if kind == LINEAR:
                reach = ends_w[row, lane] + r * col + ends_b[col, lane] + r * (rows - 1 - row)
                if conductance * reach > _LARGE:
                    if count == MOST_SHORTS:
                        return -1
                    where[lane, count, ROW], where[lane, count, COL] = row, col
                    siemens[lane, count] = conductance
                    count += 1
                    conductance = 0.0
            device[0, row, place] = conductance
            device[1, row, place] = k_p if kind == _P else 0.0
            device[2, row, place] = cells[1, array, row, col] if kind == _AP else 0.0
        weight[lane] = max(weight[lane], total)
    for a in range(count):
        row, col = where[lane, a, ROW], where[lane, a, COL]
        for b in range(count):
            other_row, other_col = where[lane, b, ROW], where[lane, b, COL]
            shared = 0.0
            if row == other_row:
                shared += ends_w[row, lane] + r * min(col, other_col)
            if col == other_col:
                shared += ends_b[col, lane] + r * (rows - 1 - max(row, other_row))
            inverse[lane, a, b] = shared
        inverse[lane, a, a] += 1.0 / siemens[lane, a]
    # Gauss and Jordan in place; positive definite, so any pivot will do.
    for pivot in range(count):
        factor = 1.0 / inverse[lane, pivot, pivot]
        inverse[lane, pivot, pivot] = 1.0
        for b in range(count):
            inverse[lane, pivot, b] *= factor
        for a in range(count):
            if a != pivot:
                share = inverse[lane, a, pivot]
                inverse[lane, a, pivot] = 0.0
                for b in range(count):
                    inverse[lane, a, b] -= share * inverse[lane, pivot, b]
    return count


@jit
def put_back(
    lane: int, count: int, where: Ints, inverse: Floats, ends_w: Floats, ends_b: Floats, volts_b: Floats, r: float,
    flow_b: Floats, w: Floats, into: Floats, drawn: Floats,
) -> None:  # fmt: skip
    """Add the currents of a lane's shorts to its lines, from the voltages that they would have without.

    `drawn` (2, lanes, shorts) receives these currents [A] and voltages [V].
    """
    rows, cols = flow_b.shape[0], volts_b.shape[0]
    for a in range(count):
        row, col = where[lane, a, ROW], where[lane, a, COL]
        place = (cols - 1 - col) * LANES + lane
        node = volts_b[col, lane] + ends_b[col, lane] * flow_b[rows - 1, place]
        for beyond in range(row, rows - 1):
            node += r * flow_b[beyond, place]
        drawn[1, lane, a] = w[row, place] - node
    for a in range(count):
        row, col = where[lane, a, ROW], where[lane, a, COL]
        current = 0.0
        for b in range(count):
            current += inverse[lane, a, b] * drawn[1, lane, b]
        drawn[0, lane, a] = current
        into[row, lane] += current
        for along in range(cols):
            w[row, (cols - 1 - along) * LANES + lane] -= (ends_w[row, lane] + r * min(along, col)) * current
        for beyond in range(row, rows):
            flow_b[beyond, (cols - 1 - col) * LANES + lane] += current
