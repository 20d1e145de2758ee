"""Kernels of studies.in_situ.chip_plant: row by row updates of many chips, every cell at a voltage of its own.

Devices are in (rows of a layer, columns), of which columns 2k and 2k + 1 are the + and - device of output k; bit 1 is
P. Direction 0 writes P, direction 1 AP. The pulses' shape is a table over ln P, a cell's hazard one over the voltage.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labmtj.physics.chance import Purpose
from labmtj.physics.chance_kernels import locate, normal, uniform_there
from labmtj.physics.jit import jit
from labmtj.records import Floats, Ints

Bits = NDArray[np.int8]
Floats32 = NDArray[np.float32]
PULSES, EVENTS, FLIPS, WRITES, ENERGY = 0, 1, 2, 3, 4
_PULSE, _NOISE = int(Purpose.PULSE), int(Purpose.READ_NOISE)


@jit
def _log_hazard(table: Floats32, at: float) -> float:
    """A row of a table at the place `at`, in nodes: a cubic through four of them."""
    first = min(max(int(at) - 1, 0), table.size - 4)
    a = at - first
    b, c, d = a - 1.0, a - 2.0, a - 3.0
    return (
        -b * c * d * (1.0 / 6.0) * table[first]
        + a * c * d * 0.5 * table[first + 1]
        - a * b * d * 0.5 * table[first + 2]
        + a * b * c * (1.0 / 6.0) * table[first + 3]
    )


@jit
def _flips(draw: float, volts: float, grid: Floats, table: Floats32, bound: Floats) -> bool:
    """Whether a cell flips at `volts`: only if the draw lies below what no cell exceeds is its own table looked up."""
    at = min(max((volts - grid[0]) * grid[1], 0.0), bound.size - 1.0)
    if draw >= bound[min(int(at) + 1, bound.size - 1)]:
        return False
    return draw < -math.expm1(-math.exp(_log_hazard(table, at)))


@jit
def _asks(wanted: Floats, least: float) -> bool:
    """Whether anything of a row (outputs,) is asked for with at least this probability."""
    return np.abs(wanted).max() >= least


@jit
def update(
    asking: Ints,
    of: Ints,
    seeds: Ints,
    ordinals: Ints,
    place: int,
    wanted: Floats,
    movable: NDArray[np.bool_],
    on: Floats32,
    scale: Floats32,
    position: Ints,
    block: int,
    volts: Floats,
    watts: Floats,
    asked_step: float,
    grid: Floats,
    hazards: Floats32,
    bounds: Floats,
    wire: float,
    width: float,
    bits: Bits,
    weights: Floats32,
    costs: Floats,
) -> None:
    """Pulse all rows of a layer of the copies `asking`, first the cells that shall become P, then the others.

    `of` (copies,) is the die of each, `wanted` (copies, rows, outputs) the probabilities with which weights shall move,
    with their signs; `movable`, `on` [windows], `scale` (.., 2) are (dies, rows, columns) and `hazards` (dies, rows,
    columns, 2, nodes), `bounds` (dies, 2, nodes). `position` (blocks, columns) is a column's place in its kernel,
    `volts` (2, nodes) and `watts` (2, 2, nodes), by direction and bit, the shape; `grid` (2, 2) the first voltage of
    `hazards` and their nodes per volt. Of the voltage a row's `wire` [ohm a segment] takes what the currents of all
    cells that are pulsed with it drop there, as far as they go in a first approximation.
    """
    nodes, columns = volts.shape[1], bits.shape[2]
    asked = np.zeros(columns)
    current = np.zeros(columns)
    last = (nodes - 1) * asked_step
    least, per_log = math.exp(-last), 1.0 / asked_step
    for copy in asking:
        die = of[copy]
        for row in range(bits.shape[1]):
            if not _asks(wanted[copy, row], least):
                continue
            where = position[row // block]
            for towards in range(2):
                start = 0
                while start < columns:
                    # Columns of one kernel, whose cells hang on one wire.
                    end = start + 1
                    while end < columns and where[end] != 0:
                        end += 1
                    rest = 0.0
                    for col in range(start, end):
                        current[col] = asked[col] = 0.0
                        chance = wanted[copy, row, col >> 1]
                        if col & 1 == towards:
                            chance = -chance
                        if -chance < least or not movable[die, row, col]:
                            continue
                        at = (math.log(min(-chance, 1.0)) + last) * per_log
                        node = min(int(at), nodes - 2)
                        part = at - node
                        own = scale[die, row, col, towards]
                        asked[col] = volts[towards, node] * (1.0 - part) + volts[towards, node + 1] * part
                        takes = watts[towards, bits[copy, row, col]]
                        power = (takes[node] * (1.0 - part) + takes[node + 1] * part) * own * own
                        current[col] = power / (asked[col] * own)
                        rest += current[col]
                        costs[copy, ENERGY] += power * width
                    if rest > 0.0:
                        costs[copy, PULSES] += 1.0
                        drop = wire * where[start] * rest
                        for col in range(start, end):
                            drop += wire * rest
                            rest -= current[col]
                            if asked[col] == 0.0 or bits[copy, row, col] == 1 - towards:
                                continue
                            costs[copy, EVENTS] += 1.0
                            cell = place + row * columns + col
                            draw = uniform_there(locate(seeds[copy], _PULSE, cell), np.uint64(ordinals[copy]))
                            seen = asked[col] - drop / scale[die, row, col, towards]
                            if _flips(draw, seen, grid[towards], hazards[die, row, col, towards], bounds[die, towards]):
                                bits[copy, row, col] = 1 - towards
                                gain = on[die, row, col] if towards == 0 else -on[die, row, col]
                                weights[copy, row, col >> 1] += gain if col & 1 == 0 else -gain
                                costs[copy, FLIPS] += 1.0
                    start = end
        ordinals[copy] += 1


@jit
def write(
    copies: Ints,
    of: Ints,
    seeds: Ints,
    ordinals: Ints,
    place: int,
    wanted: Bits,
    movable: NDArray[np.bool_],
    on: Floats32,
    volts: Floats,
    watts: Floats,
    rise: float,
    attempts: int,
    grid: Floats,
    hazards: Floats32,
    bounds: Floats,
    width: float,
    bits: Bits,
    weights: Floats32,
    costs: Floats,
) -> None:
    """Pulse devices of `wanted` bits (copies, rows, columns; -1 for any) until they read so, or `attempts` times.

    `volts` (2,) is the first amplitude of both directions, of which each further attempt adds the share `rise`; `watts`
    (2,) what it takes up. The rest as in `update`.
    """
    for copy in copies:
        die = of[copy]
        for row in range(bits.shape[1]):
            for col in range(bits.shape[2]):
                goal = wanted[copy, row, col]
                if goal < 0 or goal == bits[copy, row, col] or not movable[die, row, col]:
                    continue
                towards = 1 - goal
                located = locate(seeds[copy], _PULSE, place + row * bits.shape[2] + col)
                for attempt in range(attempts):
                    factor = 1.0 + rise * attempt
                    draw = uniform_there(located, np.uint64(ordinals[copy] + attempt))
                    costs[copy, WRITES] += 1.0
                    costs[copy, ENERGY] += watts[towards] * factor * factor * width
                    seen = volts[towards] * factor
                    if _flips(draw, seen, grid[towards], hazards[die, row, col, towards], bounds[die, towards]):
                        bits[copy, row, col] = goal
                        gain = on[die, row, col] if towards == 0 else -on[die, row, col]
                        weights[copy, row, col >> 1] += gain if col & 1 == 0 else -gain
                        break
        ordinals[copy] += attempts


@jit
def add_noise(sums: Floats, seeds: Ints, ordinals: Ints, place: int, sigma: float) -> None:
    """Add normal numbers to `sums` (copies, n); every copy's reading has an ordinal of its own."""
    for copy in range(sums.shape[0]):
        for at in range(sums.shape[1]):
            sums[copy, at] += sigma * normal(seeds[copy], _NOISE, place + at, ordinals[copy])
        ordinals[copy] += 1
