"""Kernels for many small driven crossbars at once: one array a lane, `LANES` lanes side by side.

The method, in words. All terminals are held, so the voltage of every cell follows from the currents of all
cells by sums alone: a segment of a word line carries what the cells beyond it draw, a node lies below its
source by what the segments before it drop, and the same along the bit lines. In short v = base - Z i(v), with
Z the sum of the two wirings, symmetric and positive, and i(v) increasing in every cell. Near the solution
the right-hand side changes by -Z G, whose eigenvalues lie between 0 and `load`, and `load` has a bound that is
cheap: the farthest node of a line drops more than any other, so the largest sum of (resistance to the
terminal) x (slope) over the cells of a word line, plus the largest of a bit line (15 x 15, 40 nm, 5 ohm: 0.11).
For eigenvalues within [1, 1 + load] the Chebyshev iteration (Golub and Varga 1961, doi:10.1007/BF01386013)
contracts best of all: by (sqrt(1 + load) - 1) / (sqrt(1 + load) + 1) a step, 0.026 here, 0.17 at 100 nm. The
number of steps follows from the bound before the first one (8 and 18), so it is a property of the array
alone, and no line is ever solved: a step is one evaluation of all cells, two running sums along each line,
and no division but the one in the law of the cell. That is about 20 M N operations, all of them vectors.

A short is a resistor far below its neighbours, and would raise the bound to 1 and more. Up to `MOST_SHORTS`
resistors an array are therefore taken out and put back exactly in every step: their voltages without them are
known after the running sums, a system of their number gives their currents, and each current lowers the nodes
of its own two lines only. What remains has the bound of the other cells, since taking out a resistor makes Z
smaller.

Layout: (rows, cols x LANES), far end of the word lines first, so that every running sum goes upwards through
memory and the loops are long. Lanes do not mix anywhere: a result does not depend on what is solved beside it.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.jit import jit_apart
from labmtj.records import Floats

LANES = 4
"""Arrays side by side (chosen: the fields of four 15 x 15 arrays nearly fit the first-level cache)."""


@jit_apart
def currents(
    row: int, half: int, device: Floats, curve: float, v: Floats, current: Floats, seen: Floats, flow_b: Floats
) -> None:
    """Current of each cell of a row (`half` of a pair), and of the bit line segment below it.

    `seen` are the sums of all rows so far.
    """
    for place in range(seen.size):
        volts = v[row, place]
        squared = volts * volts
        rise = 1.0 + squared * curve
        law = (1.0 + device[1, row, place] * squared) * rise / (rise + device[2, row, place])
        drawn = device[0, row, place] * volts * law
        current[half, place] = drawn
        passed = seen[place] + drawn
        seen[place] = passed
        flow_b[row, place] = passed


@jit_apart
def begin(
    row: int, half: int, level: Floats, foot: Floats, reach: Floats, device: Floats, curve: float, v: Floats,
    slope: Floats, step: Floats, drop: Floats,
) -> None:  # fmt: skip
    """Give a row's cells the voltage between their sources (`level`, `foot`), and find their slopes there.

    `drop` gathers what 1 V on every cell would drop along the bit lines up to their far ends; `reach` is the
    resistance from the row to their terminals. The slope is that of mtj.junction.
    """
    for place in range(drop.size):
        volts = level[place] - foot[place]
        squared = volts * volts
        rise = 1.0 + squared * curve
        inverse = 1.0 / (rise + device[2, row, place])
        bend = device[1, row, place] * squared
        inner = (1.0 + 3.0 * bend) * rise + 2.0 * (1.0 + bend) * (rise - 1.0) * device[2, row, place] * inverse
        steep = device[0, row, place] * inner * inverse
        v[row, place] = volts
        step[row, place] = 0.0
        slope[half, place] = steep
        drop[place] += reach[place] * steep


@jit_apart
def spread(row: int, lanes: Floats, wide: Floats) -> None:
    """Repeat a row's value of each lane along all of its cells."""
    for lane in range(LANES):
        wide[lane] = lanes[row, lane]
    for place in range(wide.size - LANES):
        wide[place + LANES] = wide[place]


@jit_apart
def along_rows(row: int, current: Floats, start: Floats, resistance: Floats, r: float, w: Floats) -> None:
    """Turn the cell currents of a row and the next into segment currents, and these into the voltages of their nodes.

    `current` is (2, places). Eight sums in registers, by name: one sum that goes through memory, or too few of
    them at a time, would wait at every cell for the one before, and take longer than all the rest.
    """
    last, below = current.shape[1] - LANES, row + 1
    f0, f1, f2, f3, g0, g1, g2, g3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for node in range(0, last + 1, LANES):
        a, b, c, d = np.uint64(node), np.uint64(node + 1), np.uint64(node + 2), np.uint64(node + 3)
        f0 += current[0, a]
        f1 += current[0, b]
        f2 += current[0, c]
        f3 += current[0, d]
        g0 += current[1, a]
        g1 += current[1, b]
        g2 += current[1, c]
        g3 += current[1, d]
        current[0, a], current[0, b], current[0, c], current[0, d] = f0, f1, f2, f3
        current[1, a], current[1, b], current[1, c], current[1, d] = g0, g1, g2, g3
    f0, f1 = start[row, 0] - resistance[row, 0] * f0, start[row, 1] - resistance[row, 1] * f1
    f2, f3 = start[row, 2] - resistance[row, 2] * f2, start[row, 3] - resistance[row, 3] * f3
    g0, g1 = start[below, 0] - resistance[below, 0] * g0, start[below, 1] - resistance[below, 1] * g1
    g2, g3 = start[below, 2] - resistance[below, 2] * g2, start[below, 3] - resistance[below, 3] * g3
    w[row, last], w[row, last + 1], w[row, last + 2], w[row, last + 3] = f0, f1, f2, f3
    w[below, last], w[below, last + 1], w[below, last + 2], w[below, last + 3] = g0, g1, g2, g3
    for node in range(last - LANES, -1, -LANES):
        a, b, c, d = np.uint64(node), np.uint64(node + 1), np.uint64(node + 2), np.uint64(node + 3)
        f0 -= r * current[0, a]
        f1 -= r * current[0, b]
        f2 -= r * current[0, c]
        f3 -= r * current[0, d]
        g0 -= r * current[1, a]
        g1 -= r * current[1, b]
        g2 -= r * current[1, c]
        g3 -= r * current[1, d]
        w[row, a], w[row, b], w[row, c], w[row, d] = f0, f1, f2, f3
        w[below, a], w[below, b], w[below, c], w[below, d] = g0, g1, g2, g3


@jit_apart
def update(
    row: int, ohms: Floats, flow_b: Floats, w: Floats, b: Floats, keep: Floats, move: Floats, step: Floats, v: Floats
) -> None:
    """One Chebyshev step of a row's cells; `b` becomes the row's bit line nodes, from those of the row below."""
    for place in range(b.size):
        below = b[place] + ohms[place] * flow_b[row, place]
        b[place] = below
        volts = v[row, place]
        change = keep[place] * step[row, place] + move[place] * (w[row, place] - below - volts)
        step[row, place] = change
        v[row, place] = volts + change


@jit_apart
def judge(
    row: int,
    ohms: Floats,
    flow_b: Floats,
    device: Floats,
    curve: float,
    w: Floats,
    b: Floats,
    used: Floats,
    v: Floats,
    node_b: Floats,
    worst: Floats,
    summed: Floats,
) -> None:
    """As `update`, but final: cells get the voltage of their nodes, and `used` their current at it.

    `used` holds the currents with which the nodes were found; what the two differ by is missing at a node.
    """
    for place in range(b.size):
        below = b[place] + ohms[place] * flow_b[row, place]
        b[place] = below
        node_b[row, place] = below
        volts = w[row, place] - below
        squared = volts * volts
        rise = 1.0 + squared * curve
        law = (1.0 + device[1, row, place] * squared) * rise / (rise + device[2, row, place])
        drawn = device[0, row, place] * volts * law
        missing = abs(drawn - used[row, place])
        v[row, place] = volts
        used[row, place] = drawn
        worst[place] = max(worst[place], missing)
        summed[place] += missing
