"""Newton's method with conjugate gradients, for large crossbars with any mix of held and free lines.

In words. With the cell currents i, every cell obeys v = base + u - Z i(v): Z sums what the segments of its two
lines drop (crossbar_lanes), u is the unknown voltage of a line that no source holds, counted at its terminal.
Such a line has an equation of its own instead: its cell currents add up to what is forced into it (0 where it
floats). A Newton step replaces i(v) by its tangent G and asks for

    d + Z G d - u = -residual,     sums of G d along the free lines = what they lack.

I + Z G is symmetric and positive in the inner product that weights cells by G, so conjugate gradients apply
there; and they stay within the vectors that change no free line's sum if each residual is first moved, line by
line, until its weighted sums vanish (projected, or constraint-preconditioned: Gould, Hribar and Nocedal 2001,
doi:10.1137/S1064827598345667). What to move the lines by is the network with wires of no resistance, one
node a line: a dense Cholesky factor of the number of free lines, made once a Newton step.

The eigenvalues of I + Z G lie between 1 and 1 + load (crossbar_lanes); iterations grow with the root of that: about
3 a decade at 64 x 64, 40 nm and 5 ohm. A short is one eigenvalue outside and costs one iteration more. Each
iteration is 25 M N operations, so a solution of n x n cells takes about n^3 and 20 fields of the array's size,
where elimination takes n^4 and n^3. Inner solutions are as exact as the Newton step that they are for.
"""

# Kernels take plain arrays by position.

from __future__ import annotations

import numpy as np

from labmtj.physics.crossbar_lines import FORCED
from labmtj.physics.crossbar_lumped import line_sums, lumped, move_lines, number_lines, substitute_lines
from labmtj.physics.jit import jit, jit_apart
from labmtj.physics.mtj_kernel import junction
from labmtj.records import Floats, Ints

_MOST_STEPS = 20
_MOST_ITERATIONS = 3000
_SETTLED = 1e-14  # of the largest terminal voltage: what a further step would still change
_FIRST = 0.03  # chosen: relative exactness of the first inner solutions; the curvature leaves more than that


@jit_apart
def _drops(
    current: Floats, r: float, end_w: Floats, end_b: Floats, line: Floats, through: Floats, drop: Floats
) -> None:
    """Voltage that cell currents take from every cell by their way through the wires: Z i.

    `end` [ohm] is the resistance between source and first node, 0 for a free line, whose first node counts.
    """
    rows, cols = current.shape
    for row in range(rows):
        flow = 0.0
        for back in range(cols):
            col = np.uint64(cols - 1 - back)
            flow += current[row, col]
            line[col] = flow
        fallen = end_w[row] * flow
        drop[row, 0] = fallen
        for col in range(1, cols):
            fallen += r * line[col]
            drop[row, col] = fallen
    for col in range(cols):
        line[col] = 0.0
    for back in range(rows):
        row = np.uint64(rows - 1 - back)
        for col in range(cols):
            line[col] += current[row, col]
            through[row, col] = line[col]
    for row in range(rows):
        for col in range(cols):
            line[col] = line[col] + r * through[row, col] if row > 0 else end_b[col] * through[row, col]
            drop[row, col] += line[col]


@jit_apart
def _weigh(slope: Floats, cells: Floats, out: Floats) -> None:
    for row in range(cells.shape[0]):
        for col in range(cells.shape[1]):
            out[row, col] = slope[row, col] * cells[row, col]


@jit
def _square(slope: Floats, cells: Floats) -> float:
    total = 0.0
    for row in range(cells.shape[0]):
        for col in range(cells.shape[1]):
            total += slope[row, col] * cells[row, col] * cells[row, col]
    return total


@jit_apart
def _descend(slope: Floats, p: Floats, drop: Floats, squares: float, d: Floats, residual: Floats) -> None:
    """One step of conjugate gradients along `p`, whose image is p + drop."""
    rows, cols = p.shape
    bend = 0.0
    for row in range(rows):
        for col in range(cols):
            bend += slope[row, col] * p[row, col] * (p[row, col] + drop[row, col])
    length = squares / bend
    for row in range(rows):
        for col in range(cols):
            d[row, col] += length * p[row, col]
            residual[row, col] -= length * (p[row, col] + drop[row, col])


@jit
def _lay_down(
    current: Floats, r: float, end_w: Floats, end_b: Floats, term_w: Floats, term_b: Floats, number_w: Ints,
    number_b: Ints, volts: Floats, x: Floats, y: Floats, flow_w: Floats, flow_b: Floats,
) -> None:  # fmt: skip
    """Node voltages and segment currents from the cell currents and the voltages of the free lines."""
    rows, cols = current.shape
    for row in range(rows):
        flow = 0.0
        for back in range(cols):
            flow += current[row, cols - 1 - back]
            flow_w[cols - 1 - back, row] = flow
        if number_w[row] >= 0:
            flow_w[0, row] = term_w[FORCED, row]
        x[0, row] = volts[number_w[row]] if number_w[row] >= 0 else -end_w[row] * flow
        for col in range(1, cols):
            x[col, row] = x[col - 1, row] - r * flow_w[col, row]
    for col in range(cols):
        flow = 0.0
        for back in range(rows):
            flow -= current[rows - 1 - back, col]
            flow_b[rows - 1 - back, col] = flow
        if number_b[col] >= 0:
            flow_b[0, col] = term_b[FORCED, col]
        y[0, col] = volts[number_b[col]] if number_b[col] >= 0 else -end_b[col] * flow
        for row in range(1, rows):
            y[row, col] = y[row - 1, col] - r * flow_b[row, col]


@jit
def _evaluate(v: Floats, device: Floats, curve: float, current: Floats, slope: Floats) -> None:
    for row in range(v.shape[0]):
        for col in range(v.shape[1]):
            current[row, col], slope[row, col] = junction(
                v[row, col], device[0, row, col], device[1, row, col], device[2, row, col], curve
            )


@jit
def _project(
    slope: Floats, factor: Floats, number_w: Ints, number_b: Ints, wanted: Floats, weighed: Floats, sums: Floats,
    cells: Floats,
) -> None:  # fmt: skip
    """Move the free lines until the weighted sums of `cells` along them are `wanted`."""
    if not sums.size:
        return
    _weigh(slope, cells, weighed)
    line_sums(weighed, number_w, number_b, sums)
    for line in range(sums.size):
        sums[line] = wanted[line] - sums[line]
    substitute_lines(factor, sums)
    move_lines(sums, number_w, number_b, cells)


@jit
def _gradients(
    slope: Floats, r: float, end_w: Floats, end_b: Floats, factor: Floats, number_w: Ints, number_b: Ints,
    exactness: float, most: int, d: Floats,
) -> int:  # fmt: skip
    """Solve d + Z G d = d0 up to voltages of free lines, from d0 = `d`, in place; returns the iterations taken."""
    shape = slope.shape
    residual, p, drop, weighed = np.empty(shape), np.zeros(shape), np.empty(shape), np.empty(shape)
    line, through = np.empty(shape[1]), np.empty(shape)
    sums, none = np.empty(factor.shape[0]), np.zeros(factor.shape[0])
    _weigh(slope, d, weighed)
    _drops(weighed, r, end_w, end_b, line, through, drop)
    first, squares = _square(slope, d), 0.0
    for row in range(shape[0]):
        for col in range(shape[1]):
            residual[row, col] = -drop[row, col]
    for iteration in range(most):
        _project(slope, factor, number_w, number_b, none, weighed, sums, residual)
        before, squares = squares, _square(slope, residual)
        if squares <= exactness * exactness * first:
            return iteration
        share = squares / before if before > 0.0 else 0.0
        for row in range(shape[0]):
            for col in range(shape[1]):
                p[row, col] = residual[row, col] + share * p[row, col]
        _weigh(slope, p, weighed)
        _drops(weighed, r, end_w, end_b, line, through, drop)
        _descend(slope, p, drop, squares, d, residual)
    return most


@jit
def conjugate(
    device: Floats, curve: float, base: Floats, scale: float, r: float, term_w: Floats, term_b: Floats,
    x: Floats, y: Floats, flow_w: Floats, flow_b: Floats,
) -> None:  # fmt: skip
    """Find the operating point from no currents at all, in place; the caller proves the result.

    Layouts and arguments as in crossbar_newton.newton.
    """
    rows, cols = base.shape
    end_w, end_b = np.empty(rows), np.empty(cols)
    number_w, number_b, forced = np.empty(rows, np.int64), np.empty(cols, np.int64), np.empty(rows + cols)
    free = number_lines(term_w, end_w, number_w, forced, 0)
    free = number_lines(term_b, end_b, number_b, forced, free)
    factor, sums, lack = np.empty((free, free)), np.empty(free), np.empty(free)
    v, d, current, slope = base.copy(), np.empty((rows, cols)), np.empty((rows, cols)), np.empty((rows, cols))
    drop, through, weighed, line = (
        np.empty((rows, cols)),
        np.empty((rows, cols)),
        np.empty((rows, cols)),
        np.empty(cols),
    )
    left, exactness = _MOST_ITERATIONS, _FIRST
    for _step in range(_MOST_STEPS):
        _evaluate(v, device, curve, current, slope)
        _drops(current, r, end_w, end_b, line, through, drop)
        for row in range(rows):
            for col in range(cols):
                d[row, col] = base[row, col] - drop[row, col] - v[row, col]
        # The step without wires comes first; it gives the free lines what they lack.
        if free > 0:
            lumped(slope, number_w, number_b, factor)
            line_sums(current, number_w, number_b, lack)
            for a in range(free):
                lack[a] = forced[a] - lack[a]
        _project(slope, factor, number_w, number_b, lack, weighed, sums, d)
        left -= _gradients(slope, r, end_w, end_b, factor, number_w, number_b, exactness, left, d)
        change = 0.0
        for row in range(rows):
            for col in range(cols):
                v[row, col] += d[row, col]
                change = max(change, abs(d[row, col]))
        # Left are what the inner solution left, and the curvature [2 / V]; the next step need not do better.
        rest = exactness * change + 2.0 * change * change
        if rest <= _SETTLED * scale or not change <= 100.0 * scale or left == 0:
            break
        exactness = min(_FIRST, 2.0 * rest)
    _evaluate(v, device, curve, current, weighed)
    # The free lines' voltages are what their cells lie above or below their sources and the drops.
    sums[:] = 0.0
    if free > 0:
        _drops(current, r, end_w, end_b, line, through, drop)
        for row in range(rows):
            for col in range(cols):
                weighed[row, col] = slope[row, col] * (v[row, col] - base[row, col] + drop[row, col])
        line_sums(weighed, number_w, number_b, sums)
        substitute_lines(factor, sums)
    _lay_down(current, r, end_w, end_b, term_w, term_b, number_w, number_b, sums, x, y, flow_w, flow_b)
