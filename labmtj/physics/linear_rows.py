"""Kernels that eliminate a rectangle of resistors and wires row by row, down to its hybrid matrix.

A rectangle has two ports a line: a *near* one, where the line comes from its terminal (left of a word
line, bottom of a bit line), and a *far* one, where it goes on (right, top). Near ports are given voltages,
far ports are given the currents drawn out of them; what comes back are the currents into the near ports
and the voltages of the far ones:

    [current in, near; voltage, far] = K [voltage, near; current out, far]

K is symmetric (reciprocity) and, unlike an admittance, exists for every rectangle: with wires of no
resistance, with open cells only, with shorts. Its entries are conductances between near ports, shares of
voltages between 0 and 1 from near to far ports and minus resistances between far ports, so none grows
without bound as the wires' resistance goes to zero.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.jit import jit
from labmtj.records import Floats


@jit
def in_series(k: Floats, height: int, width: int, ports: int, r: float, first: Floats, second: Floats) -> None:
    """Put `r` in series with the first `ports` (an even number) ports of the hybrid matrix `k`, in place.

    A port of current i falls by r i: K becomes K - r K[:, P] (1 + r K[P, P])^-1 K[P, :], for two ports P at a
    time, on the first `height` rows and `width` columns. K need not be symmetric; with r = 1 and all ports
    K becomes K (1 + K)^-1. `first`, `second` are working vectors.
    """
    for port in range(0, ports, 2):
        one, other = k[port], k[port + 1]
        a, b, c, d = 1.0 + r * one[port], r * one[port + 1], r * other[port], 1.0 + r * other[port + 1]
        factor = r / (a * d - b * c)
        a, b, c, d = factor * a, factor * b, factor * c, factor * d
        for n in range(width):
            first[n] = d * one[n] - b * other[n]
            second[n] = a * other[n] - c * one[n]
        for m in range(height):
            row = k[m]
            x, y = row[port], row[port + 1]
            for n in range(width):
                row[n] -= x * first[n] + y * second[n]


@jit
def _add_row(g: Floats, r: float, k: Floats, away: Floats, divider: Floats, q: Floats) -> None:
    """Connect a word line at 0 V to the bit line ports 0, 1, ... of `k`; prepare its response.

    `away` and `divider` as in crossbar_lines.look_away; q[n, p] becomes the voltage of node n for 1 V on
    bit line p, and in the last column for 1 A drawn from the far end.
    """
    cols = g.shape[0]
    # On the way to the terminal q holds the source currents seen from each node outwards.
    for n in range(cols - 1, -1, -1):
        seen, own = g[n], q[n]
        if n + 1 < cols:
            beyond, share = q[n + 1], divider[n + 1]
            seen += away[n + 1] * share
            for p in range(cols + 1):
                own[p] = share * beyond[p]
        else:
            for p in range(cols + 1):
                own[p] = 0.0
            own[cols] = -1.0
        away[n] = seen
        divider[n] = 1.0 / (1.0 + r * seen)
        own[n] += g[n]
    before = r
    for n in range(cols):
        own, ports, share, siemens = q[n], k[n], divider[n], g[n]
        if n > 0:
            nearer = q[n - 1]
            for p in range(cols + 1):
                own[p] = share * (nearer[p] + r * own[p])
        else:
            for p in range(cols + 1):
                own[p] *= share * r
        diagonal = ports[n]
        for p in range(cols):
            ports[p] -= siemens * own[p]
        # A cell is in series with the rest of its line. As g - g q g the small part of a large g would be lost.
        after = away[n + 1] * divider[n + 1] if n + 1 < cols else 0.0
        ports[n] = diagonal + siemens / (1.0 + siemens * before / (1.0 + before * after))
        before = r + before / (1.0 + before * siemens)


@jit
def _eliminate(g: Floats, r: float, whole: bool, tops: bool, ends: bool, k: Floats) -> None:
    """Fill the hybrid matrix `k` of the cells `g` (rows, cols), from the top row down.

    The order of its ports: the bottom of each column (an even number, the last one may be void), the top of
    each column if `tops`, then for each row its left end and, if `ends`, its right end. Unless
    `whole`, only the rows of the bottoms are filled.
    """
    rows, cols = g.shape
    ports, wide = cols + cols % 2, k.shape[1]
    away, divider, q = np.empty(cols), np.empty(cols), np.empty((cols, cols + 1))
    first, second = np.empty(wide), np.empty(wide)
    for m in range(k.shape[0]):
        for n in range(wide):
            k[m, n] = 0.0
    at = ports
    if tops:
        for n in range(cols):
            k[n, ports + n] = 1.0
            k[ports + n, n] = 1.0
        at += cols
    for row in range(rows):
        _add_row(g[row], r, k, away, divider, q)
        volts = 1.0
        for n in range(cols):
            volts *= divider[n]
            k[n, at] = -g[row, n] * volts
            if ends:
                k[n, at + 1] = -g[row, n] * q[n, cols]
        after = at + (2 if ends else 1)
        if whole:
            for m in range(at, after):
                for n in range(cols):
                    k[m, n] = k[n, m]
            k[at, at] = away[0] * divider[0]
            if ends:
                k[at, at + 1] = volts
                k[at + 1, at] = volts
                k[at + 1, at + 1] = q[cols - 1, cols]
        at = after
        # Whole cache lines only: the columns beyond are still zero.
        in_series(k, at if whole else cols, min((at + 7) // 8 * 8, wide), ports, r, first, second)


@jit
def eliminate(g: Floats, r: float, whole: bool, tops: bool, ends: bool, out: Floats) -> None:
    """Fill `out` with what each of the arrays `g` (B, M, N) [S] is from outside.

    Its transfer conductances, `out` (B, M, N): the current [A] out of each column for 1 V on each row. If
    `whole`, its hybrid matrix instead, ports in the order left, right, bottom, top; without `tops` or `ends`
    the array ends there, and these far ports are left out.
    """
    count, rows, cols = g.shape
    bottoms, above, each = cols + cols % 2, cols if tops else 0, 2 if ends else 1
    total = bottoms + above + each * rows
    k = np.empty((total if whole else bottoms, (total + 7) // 8 * 8))
    order = np.empty(out.shape[1], np.int64)
    for end in range(each):
        for row in range(rows):
            order[end * rows + row] = bottoms + above + each * row + end
    if whole:
        for col in range(cols):
            order[each * rows + col] = col
            if tops:
                order[each * rows + cols + col] = bottoms + col
    for die in range(count):
        _eliminate(g[die], r, whole, tops, ends, k)
        for m in range(out.shape[1]):
            for n in range(out.shape[2]):
                out[die, m, n] = k[order[m], order[n]] if whole else -k[n, order[m]]
