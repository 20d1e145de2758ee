"""Large crossbars of resistors: blocks of cells joined to larger ones, as in nested dissection.

Blocks are described by hybrid matrices, as in linear_rows; the method is derived in linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.physics.jit import jit
from labmtj.physics.linear_rows import eliminate, in_series
from labmtj.records import Floats, Ints

LEFT, RIGHT, BOTTOM, TOP = range(4)
MOST_LINES = 16  # of a block that is eliminated row by row (chosen: fastest of 8, 16 and 32)


@dataclass(frozen=True)
class Block:
    """A rectangle of cells as its hybrid matrix `k`; `sizes` counts its ports left, right, bottom and top."""

    k: Floats
    sizes: tuple[int, ...]

    def ports(self, side: int) -> slice:
        """Where the ports of one side are in the matrix."""
        start = sum(self.sizes[:side])
        return slice(start, start + self.sizes[side])

    def layout(self, joined: int) -> list[tuple[int, int, int]]:
        """For each side its first port, a place for its first port elsewhere, and its size once one is joined."""
        return [(self.ports(side).start, 0, 0 if side == joined else self.sizes[side]) for side in range(4)]

    def seen_from(self, side: int) -> Floats:
        """Rows of the ports of one side, without their own columns."""
        own = self.ports(side)
        return np.concatenate((self.k[own, : own.start], self.k[own, own.stop :]), axis=1)


@jit
def _place(k: Floats, change: Floats, sides: Ints, out: Floats) -> None:
    """Write `k`, without the side that was joined, plus its `change` to `out`.

    `sides` (4, 3): for each side its first port in `k`, its first port in `out`, and its size.
    """
    row = 0
    for a in range(4):
        own, at, height = sides[a]
        col = 0
        for b in range(4):
            other, to, width = sides[b]
            for m in range(height):
                for n in range(width):
                    out[at + m, to + n] = k[own + m, other + n] + change[row + m, col + n]
            col += width
        row += height


@jit
def _place_between(between: Floats, of_x: Ints, of_y: Ints, out: Floats) -> None:
    """Write what joins the ports of two blocks to `out`, both ways; `of_x`, `of_y` as `sides` of _place."""
    row = 0
    for a in range(4):
        at, height = of_x[a, 1], of_x[a, 2]
        col = 0
        for b in range(4):
            to, width = of_y[b, 1], of_y[b, 2]
            for m in range(height):
                for n in range(width):
                    out[at + m, to + n] = between[row + m, col + n]
            for n in range(width):
                for m in range(height):
                    out[to + n, at + m] = between[row + m, col + n]
            col += width
        row += height


def _divider(resistance: Floats, conductance: Floats) -> Floats:
    """(1 + R S)^-1: the voltages at a joint against those of its open far side."""
    size = len(resistance)
    # The kernel takes ports in pairs; it turns R S into R S (1 + R S)^-1.
    even = size + size % 2
    loop = np.zeros((even, even))
    np.matmul(resistance, conductance, out=loop[:size, :size])
    in_series(loop, even, even, even, 1.0, np.empty(even), np.empty(even))
    np.negative(loop, out=loop)
    loop.flat[:: even + 1] += 1.0
    return loop[:size, :size]


def _join(x: Block, far: int, y: Block, near: int) -> Block:
    """Connect the far ports of `x` on one side to the near ports of `y` on the opposite one."""
    a, b = x.seen_from(far), y.seen_from(near)
    minus_r, s = x.k[x.ports(far), x.ports(far)], y.k[y.ports(near), y.ports(near)]
    divider = _divider(-minus_r, s)
    at_joint = divider @ a
    of_x, of_y = np.array((x.layout(far), y.layout(near)))
    # Lines count from the left and from the top: x is the left block, or the lower one.
    totals = of_x[:, 2] + of_y[:, 2]
    of_x[:, 1] = of_y[:, 1] = np.cumsum(totals) - totals
    if far == RIGHT:
        of_y[:, 1] += of_x[:, 2]
    else:
        of_x[:, 1] += of_y[:, 2]
    out = np.empty((totals.sum(),) * 2)
    _place(x.k, at_joint.T @ (s @ a), of_x, out)
    _place(y.k, b.T @ ((divider @ minus_r) @ b), of_y, out)
    _place_between(at_joint.T @ b, of_x, of_y, out)
    return Block(out, tuple(totals.tolist()))


def _halves(first: int, last: int) -> int:
    return (first + last + 1) // 2


def _block(g: Floats, r: float, rows: tuple[int, int], cols: tuple[int, int]) -> Block:
    """Hybrid matrix of a part of the array, without the far ports where the array ends."""
    height, width = rows[1] - rows[0], cols[1] - cols[0]
    if max(height, width) <= MOST_LINES:
        tops, ends = rows[0] > 0, cols[1] < g.shape[1]
        sizes = (height, height if ends else 0, width, width if tops else 0)
        k = np.empty((1, sum(sizes), sum(sizes)))
        # A copy: kernels are compiled anew for arrays that may not be written.
        cells = np.array(g[None, slice(*rows), slice(*cols)], order="C")
        eliminate(cells, r, True, tops, ends, k)
        return Block(k[0], sizes)
    if height >= width:
        middle = _halves(*rows)
        return _join(_block(g, r, (middle, rows[1]), cols), TOP, _block(g, r, (rows[0], middle), cols), BOTTOM)
    middle = _halves(*cols)
    return _join(_block(g, r, rows, (cols[0], middle)), RIGHT, _block(g, r, rows, (middle, cols[1])), LEFT)


def currents(g: Floats, r: float, volts: Floats) -> Floats:
    """Column currents [A] (K, N) of the array `g` (M, N) [S], M or N above 1, for row voltages `volts` (K, M).

    The last joint needs no matrix, only its own voltages and currents at those of the rows.
    """
    rows, cols = g.shape
    on_rows = volts.T
    if rows >= cols:
        middle = _halves(0, rows)
        lower, upper = _block(g, r, (middle, rows), (0, cols)), _block(g, r, (0, middle), (0, cols))
        down, left, joint = lower.k[lower.ports(BOTTOM)], lower.ports(LEFT), lower.ports(TOP)
        minus_r, s = lower.k[joint, joint], upper.k[upper.ports(BOTTOM), upper.ports(BOTTOM)]
        sent = upper.k[upper.ports(BOTTOM), upper.ports(LEFT)] @ on_rows[:middle]
        voltage = _divider(-minus_r, s) @ (lower.k[joint, left] @ on_rows[middle:] + minus_r @ sent)
        return -(down[:, left] @ on_rows[middle:] + down[:, joint] @ (sent + s @ voltage)).T
    middle = _halves(0, cols)
    one, other = _block(g, r, (0, rows), (0, middle)), _block(g, r, (0, rows), (middle, cols))
    down, left, joint = one.k[one.ports(BOTTOM)], one.ports(LEFT), one.ports(RIGHT)
    minus_r, s = one.k[joint, joint], other.k[other.ports(LEFT), other.ports(LEFT)]
    voltage = _divider(-minus_r, s) @ (one.k[joint, left] @ on_rows)
    return -np.concatenate(
        (
            down[:, left] @ on_rows + down[:, joint] @ (s @ voltage),
            other.k[other.ports(BOTTOM), other.ports(LEFT)] @ voltage,
        )
    ).T
