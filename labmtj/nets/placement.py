"""Where a layer lies on the array: which rows and columns, given what is defective."""

from __future__ import annotations

import numpy as np

from labmtj.errors import PlacementError
from labmtj.records import Defect, Floats, Ints, Placement

# chosen: costs that rank placements. A short in use, or on a row in use (it drags the whole row down),
# is worse than anything else; a short in a used column loads it only through the wires.
_SHORT_IN_USE, _SHORT_ON_ROW, _SHORT_ON_COL, _OTHER_IN_USE = 100.0, 30.0, 3.0, 10.0


def identity(layer: tuple[int, int]) -> Placement:
    """The first rows and columns."""
    return Placement(tuple(range(1, layer[0] + 1)), tuple(range(1, layer[1] + 1)))


def explicit(rows: tuple[int, ...], cols: tuple[int, ...], *, layer: tuple[int, int], shape: tuple[int, int]) -> Placement:
    """The rows and columns that a user names. Raises PlacementError if they do not fit layer and array."""
    for what, lines, needed, there in (("rows", rows, layer[0], shape[0]), ("columns", cols, layer[1], shape[1])):
        if len(lines) != needed:
            raise PlacementError(f"the layer needs {needed} {what}, {len(lines)} are named")
        if len(set(lines)) != len(lines):
            raise PlacementError(f"one of the {what} {lines} is named twice")
        if min(lines) < 1 or max(lines) > there:
            raise PlacementError(f"the array has {what} 1 to {there}, not all of {lines}")
    return Placement(tuple(rows), tuple(cols))


def avoid_defects(defect: Ints, layer: tuple[int, int]) -> Placement:
    """Rows and columns, in their order, with the least cost of defects; the first ones where all are good.

    `defect` (rows, cols) holds `Defect` values. Rows and columns are chosen in turn, each the best for
    the other, from several starts, until nothing changes. Raises PlacementError if the layer is larger
    than the array.
    """
    rows, cols = defect.shape
    if layer[0] > rows or layer[1] > cols:
        raise PlacementError(f"a layer of {layer[0]} x {layer[1]} devices does not fit on an array of {rows} x {cols}")
    short = (defect == Defect.SHORT).astype(np.float64)
    other = ((defect != Defect.NONE) & (defect != Defect.SHORT)).astype(np.float64)
    best: tuple[float, Placement] | None = None
    # Starts: columns by their number of defects, and the first ones.
    for start in (np.argsort((short * 10 + other).sum(axis=0), kind="stable"), np.arange(cols)):
        chosen_cols = np.sort(start[: layer[1]])
        chosen_rows = np.arange(layer[0])
        for _ in range(10):
            new_rows = _cheapest(_line_cost(short, other, chosen_cols, axis=0), layer[0])
            new_cols = _cheapest(_line_cost(short, other, new_rows, axis=1), layer[1])
            if np.array_equal(new_rows, chosen_rows) and np.array_equal(new_cols, chosen_cols):
                break
            chosen_rows, chosen_cols = new_rows, new_cols
        cost = _cost(short, other, chosen_rows, chosen_cols)
        if best is None or cost < best[0]:
            best = cost, Placement(tuple((chosen_rows + 1).tolist()), tuple((chosen_cols + 1).tolist()))
    assert best is not None  # both starts were tried
    return best[1]


def _line_cost(short: Floats, other: Floats, crossing: Ints, *, axis: int) -> Floats:
    """Cost of using each row (axis 0) or column (axis 1), given the crossing lines in use."""
    along = 1 - axis
    whole = (_SHORT_ON_ROW if axis == 0 else _SHORT_ON_COL) * short.sum(axis=along)
    used = np.take(_SHORT_IN_USE * short + _OTHER_IN_USE * other, crossing, axis=along).sum(axis=along)
    return whole + used


def _cheapest(cost: Floats, count: int) -> Ints:
    return np.sort(np.argsort(cost, kind="stable")[:count])


def _cost(short: Floats, other: Floats, rows: Ints, cols: Ints) -> float:
    in_use = np.ix_(rows, cols)
    cells = _SHORT_IN_USE * short[in_use].sum() + _OTHER_IN_USE * other[in_use].sum()
    return float(cells + _SHORT_ON_ROW * short[rows].sum() + _SHORT_ON_COL * short[:, cols].sum())
