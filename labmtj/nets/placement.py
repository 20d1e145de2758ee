"""Where a layer lies on the array: which rows and columns, given what is defective."""

from __future__ import annotations

import numpy as np

from labmtj.errors import PlacementError
from labmtj.nets.network import Network
from labmtj.records import Defect, DieMap, Floats, Ints, Placement

# chosen: a stuck or open cell is wrong by a whole window half the time, and must cost more than a shorted
# line that is not crossed where the short is; a short in use carries some thirty windows.
_SHORT, _OTHER = 1000.0, 3.0
_SHORTED_LINE = 0.5  # chosen: above the error of all good cells of a line (0.1-0.3), so that spare lines replace it


def identity(layer: tuple[int, int]) -> Placement:
    """The first rows and columns."""
    return Placement(tuple(range(1, layer[0] + 1)), tuple(range(1, layer[1] + 1)))


def explicit(
    rows: tuple[int, ...], cols: tuple[int, ...], *, layer: tuple[int, int], shape: tuple[int, int]
) -> Placement:
    """The rows and columns that a user names. Raises PlacementError if they do not fit layer and array."""
    for what, lines, needed, there in (("rows", rows, layer[0], shape[0]), ("columns", cols, layer[1], shape[1])):
        if len(lines) != needed:
            raise PlacementError(f"the layer needs {needed} {what}, {len(lines)} are named")
        if len(set(lines)) != len(lines):
            raise PlacementError(f"one of the {what} {lines} is named twice")
        if min(lines) < 1 or max(lines) > there:
            raise PlacementError(f"the array has {what} 1 to {there}, not all of {lines}")
    return Placement(tuple(rows), tuple(cols))


def avoid_defects(die: DieMap, layer: tuple[int, int]) -> Placement:
    """Rows and columns, in their order, on which the layer meets the least error.

    The cost of a cell is the square of its window 1/R_P - 1/R_AP off the median cell's, relative to it.
    A line with a short costs more than one without, since the short loads all of it; what it does to the
    other cells is in the map, which was measured through the wires. Rows and columns are chosen in turn,
    each the best for the other, from several starts, until nothing changes. Raises PlacementError if the
    layer is larger than the array, or if no cell is good.
    """
    rows, cols = die.defect.shape
    if layer[0] > rows or layer[1] > cols:
        raise PlacementError(f"a layer of {layer[0]} x {layer[1]} cells does not fit on an array of {rows} x {cols}")
    cost = cell_costs(die)
    short = (die.defect == Defect.SHORT).astype(np.float64)
    row_cost, col_cost = _SHORTED_LINE * short.sum(axis=1), _SHORTED_LINE * short.sum(axis=0)
    found: list[tuple[float, tuple[int, ...], tuple[int, ...]]] = []
    for start in (_cheapest(cost.sum(axis=0), cols, ordered=False), np.arange(cols, dtype=np.int64)):
        chosen_rows, chosen_cols = np.arange(0), np.sort(start[: layer[1]])
        for _ in range(rows + cols):
            new_rows = _cheapest(row_cost + cost[:, chosen_cols].sum(axis=1), layer[0])
            new_cols = _cheapest(col_cost + cost[new_rows].sum(axis=0), layer[1])
            if np.array_equal(new_rows, chosen_rows) and np.array_equal(new_cols, chosen_cols):
                break
            chosen_rows, chosen_cols = new_rows, new_cols
        lines = row_cost[chosen_rows].sum() + col_cost[chosen_cols].sum()
        total = float(cost[np.ix_(chosen_rows, chosen_cols)].sum() + lines)
        found.append((total, tuple((chosen_rows + 1).tolist()), tuple((chosen_cols + 1).tolist())))
    _, best_rows, best_cols = min(found)
    return Placement(best_rows, best_cols)


def optimise(die: DieMap, network: Network, *, layer: int, inputs: Floats) -> Placement:
    """Rows and pairs of columns on which a layer (from 0) of this network errs least, in any order (`nets.placing`).

    `inputs` (samples, inputs) of the network, 0..1, tell what varies; labels have no part in it. Raises
    PlacementError as `avoid_defects` does.
    """
    from labmtj.nets.placing.moments import moments
    from labmtj.nets.placing.optimise import optimise as search
    from labmtj.nets.stack import NetworkStack

    stack = NetworkStack.of([network])
    found = search(die, stack.devices[layer], moments(stack, inputs)[layer])
    return Placement(tuple((found.rows[0] + 1).tolist()), tuple((found.cols[0] + 1).tolist()))


def around(die: DieMap, placement: Placement, target: Ints) -> Placement:
    """Another place for a layer that meets stuck cells: pairs swapped where that suits them, else other lines.

    `target` (inputs, device columns) holds `State` values; + and - devices of an output stand in neighbouring
    columns. Swapped, each stuck cell wants the state of its partner; where the map knows that it is in
    it (`die.state`), the pair is right as it stands.
    """
    if die.state is None:
        return avoid_defects(die, (len(placement.rows), len(placement.cols)))
    rows = np.array(placement.rows) - 1
    cols, swapped = list(placement.cols), False
    for plus in range(0, len(cols) - 1, 2):
        pair = np.array(cols[plus : plus + 2]) - 1
        stuck = die.defect[np.ix_(rows, pair)] == Defect.STUCK
        state = die.state[np.ix_(rows, pair)]
        wanted = target[:, plus : plus + 2]
        as_it_is = int(np.count_nonzero(stuck & (state != wanted)))
        other_way = int(np.count_nonzero(stuck & (state != wanted[:, ::-1])))
        if other_way < as_it_is:
            cols[plus : plus + 2] = reversed(cols[plus : plus + 2])
            swapped = True
    if swapped:
        return Placement(placement.rows, tuple(cols))
    return avoid_defects(die, (len(placement.rows), len(placement.cols)))


def cell_costs(die: DieMap) -> Floats:
    """Cost of using each cell, shape (rows, cols): squared relative error of its window, or a defect's cost."""
    if not die.good.any():
        raise PlacementError("the map shows no good cell: there is nowhere to place a layer")
    with np.errstate(divide="ignore", invalid="ignore"):
        window = 1.0 / die.r_p - 1.0 / die.r_ap
    typical = float(np.median(window[die.good]))
    error = np.where(die.good, window / typical - 1.0, 0.0) ** 2
    return np.where(die.good, error, np.where(die.defect == Defect.SHORT, _SHORT, _OTHER))


def _cheapest(cost: Floats, count: int, *, ordered: bool = True) -> Ints:
    """Numbers of the lines that cost least, in their order or the cheapest first."""
    found: Ints = np.argsort(cost, kind="stable")[:count].astype(np.int64)
    return np.sort(found) if ordered else found
