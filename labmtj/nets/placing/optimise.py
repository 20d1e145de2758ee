"""The best lines for every network: rows and pairs of columns chosen in turn, each the best for the other.

With a gain g common to both columns of a pair, the weights of output k that a copy will have differ from the ideal
ones by

    e_i = g (A+_i - A-_i) - w_i,    error of the output = e^T C e,    g = 2 / (gain of p + gain of m)

where A+ and A- are the conductances of the cells of row i in columns p and m, in the states that they are written to,
and C is the covariance of the inputs, with a share of their mean squared: the readout corrects what is constant. What
other cells load on the wires is nearly the same for neighbouring columns; the further apart the two of a pair stand,
the more of it is left in their difference (`Picture.apart`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import PlacementError
from labmtj.nets.placing.moments import Moments
from labmtj.nets.placing.picture import Picture, picture
from labmtj.nets.placing.spare import lines_to_use
from labmtj.records import DieMap, Floats, Ints, State

Flags = NDArray[np.bool_]

# chosen: what a readout leaves of the mean of an error that it has not measured itself.
_MEAN = 0.05
_ROUNDS = 3  # chosen: rows and columns in turn; the third round gains less than 1 % of the error
_LEAST = 1e-9  # chosen: far below any error that matters, far above rounding
_MOST_SWAPS = 60  # chosen: twice what any layer of 13 x 12 needed


@dataclass(frozen=True, eq=False)
class Found:
    """Positions from 0 on the array: `rows` (networks, inputs), `cols` (networks, device columns), and the `error`.

    `error` (networks,) is the expected squared error of the last layer's pre-activations that the layer adds.
    """

    rows: Ints
    cols: Ints
    error: Floats


def optimise(die: DieMap, devices: Ints, moments: Moments) -> Found:
    """Lines for a layer of many networks, `devices` (networks, inputs, device columns) of bits, on one die.

    The search begins on lines without defects (`spare`). It draws nothing, and a network's lines do not depend on the
    others. Raises PlacementError for a layer that is larger than the array.
    """
    _, inputs, cols = devices.shape
    if inputs > die.shape[0] or cols > die.shape[1]:
        raise PlacementError(
            f"a layer of {inputs} x {cols} cells does not fit on an array of {die.shape[0]} x {die.shape[1]}"
        )
    return _Search(picture(die), devices, moments).run(lines_to_use(die, (inputs, cols)))


class _Search:
    """Orders of all rows and all columns, (networks, lines): the first ones carry the layer, the others are spare."""

    def __init__(self, seen: Picture, devices: Ints, moments: Moments) -> None:
        self.seen = seen
        self.networks, self.inputs, self.devices = devices.shape
        self.outputs = self.devices // 2
        self.state = np.where(devices == 1, int(State.P), int(State.AP))
        self.plus, self.minus = (np.swapaxes(self.state[:, :, side::2], 1, 2) for side in (0, 1))
        self.weights = np.swapaxes((devices[..., 0::2] - devices[..., 1::2]).astype(np.float64), 1, 2)
        self.spread = moments.covariance + _MEAN * moments.mean[:, :, np.newaxis] * moments.mean[:, np.newaxis, :]
        self.own = np.einsum("nii->ni", self.spread)
        self.share = moments.weight
        self.gain = 2.0 / (seen.gain[:, np.newaxis] + seen.gain[np.newaxis, :])
        self.each: Ints = np.arange(self.networks, dtype=np.int64)

    def run(self, start: tuple[Ints, Ints]) -> Found:
        """Search from these rows and columns."""
        rows, cols = (
            np.tile(np.concatenate([lines, np.setdiff1d(np.arange(count, dtype=np.int64), lines)]), (self.networks, 1))
            for lines, count in zip(start, self.seen.doubt.shape, strict=True)
        )
        for _ in range(_ROUNDS):
            cost = self.column_costs(rows)
            self.match_pairs(cost, cols)
            self.swap_columns(cost, cols)
            self.swap_rows(rows, cols)
        cost = self.column_costs(rows)
        self.swap_columns(cost, cols)
        pairs = cols[:, : self.devices]
        at = self.each[:, np.newaxis]
        error = cost[at, np.arange(self.outputs, dtype=np.int64), pairs[:, 0::2], pairs[:, 1::2]].sum(axis=1)
        return Found(rows[:, : self.inputs].copy(), pairs.copy(), error)

    def column_costs(self, rows: Ints) -> Floats:
        """Error of each output on each pair of columns, (networks, outputs, plus column, minus column)."""
        lines = rows[:, : self.inputs]
        plus, minus = (self.seen.value[state, lines[:, np.newaxis, :]] for state in (self.plus, self.minus))
        spread = self.spread[:, np.newaxis]
        heavy = spread @ minus
        doubt = np.einsum("ni,nic->nc", self.own, self.seen.doubt[lines])[:, np.newaxis]
        alone_plus = np.einsum("nkic,nkic->nkc", plus, spread @ plus) + doubt
        alone_minus = np.einsum("nkic,nkic->nkc", minus, heavy) + doubt
        ideal = np.einsum("nij,nkj->nki", self.spread, self.weights)
        along_plus, along_minus = (np.einsum("nki,nkic->nkc", ideal, side) for side in (plus, minus))
        cost = np.swapaxes(plus, 2, 3) @ heavy
        cost *= -2.0
        cost += alone_plus[..., :, np.newaxis] + alone_minus[..., np.newaxis, :]
        cost *= self.gain**2
        cost -= 2.0 * self.gain * (along_plus[..., :, np.newaxis] - along_minus[..., np.newaxis, :])
        cost += np.einsum("nki,nki->nk", ideal, self.weights)[..., np.newaxis, np.newaxis]
        cost += self.own.sum(axis=1)[:, np.newaxis, np.newaxis, np.newaxis] * self.seen.apart
        return cost * self.share[..., np.newaxis, np.newaxis]

    def match_pairs(self, cost: Floats, cols: Ints) -> None:
        """Give the pairs of columns to the outputs anew, each pair the better way round: a linear assignment."""
        from scipy.optimize import linear_sum_assignment  # pyright: ignore[reportUnknownVariableType]

        pairs = cols[:, : self.devices].reshape(self.networks, self.outputs, 2)
        at, one, other = self.each[:, np.newaxis, np.newaxis], pairs[:, np.newaxis, :, 0], pairs[:, np.newaxis, :, 1]
        output = np.arange(self.outputs, dtype=np.int64)[np.newaxis, :, np.newaxis]
        straight, turned = cost[at, output, one, other], cost[at, output, other, one]
        better = np.minimum(straight, turned)
        for network in range(self.networks):
            chosen: Ints = np.asarray(linear_sum_assignment(better[network])[1], dtype=np.int64)
            ways = turned[network, output[0, :, 0], chosen] < straight[network, output[0, :, 0], chosen]
            found = pairs[network, chosen]
            cols[network, : self.devices : 2] = np.where(ways, found[:, 1], found[:, 0])
            cols[network, 1 : self.devices : 2] = np.where(ways, found[:, 0], found[:, 1])

    def swap_columns(self, cost: Floats, cols: Ints) -> None:
        """Swap two columns of each network, the best two, until none of the swaps helps any of them."""
        count = cols.shape[1]
        swaps = _swaps(count, self.devices)
        which = np.arange(len(swaps), dtype=np.int64)
        orders = np.tile(np.arange(count, dtype=np.int64), (len(swaps), 1))
        orders[which, swaps[:, 0]], orders[which, swaps[:, 1]] = swaps[:, 1], swaps[:, 0]
        # Only the outputs of the two columns change; a spare column has none, and the first one's counts.
        one = swaps[:, 0] // 2
        other = np.where(swaps[:, 1] < self.devices, swaps[:, 1] // 2, one)
        twice = one != other
        active = self.each
        for _ in range(_MOST_SWAPS):
            change, lines, at = np.zeros((len(active), len(swaps))), cols[active], active[:, np.newaxis]
            for output, counts in ((one, True), (other, twice)):
                plus, minus = 2 * output, 2 * output + 1
                new = cost[at, output, lines[:, orders[which, plus]], lines[:, orders[which, minus]]]
                change += counts * (new - cost[at, output, lines[:, plus], lines[:, minus]])
            active = active[_swap(cols, active, swaps, change)]
            if not active.size:
                return

    def swap_rows(self, rows: Ints, cols: Ints) -> None:
        """Swap two rows of each network, the best two, until none of the swaps helps any of them."""
        count = rows.shape[1]
        plus, minus = cols[:, 0 : self.devices : 2], cols[:, 1 : self.devices : 2]
        gain = self.gain[plus, minus]
        value, every = self.seen.value, np.arange(count, dtype=np.int64)
        # What output k would see of input i if it stood on row r: (networks, outputs, inputs, rows).
        there = [
            value[state[..., np.newaxis], every, lines[:, :, np.newaxis, np.newaxis]]
            for state, lines in ((self.plus, plus), (self.minus, minus))
        ]
        error = gain[..., np.newaxis, np.newaxis] * (there[0] - there[1]) - self.weights[..., np.newaxis]
        doubt = self.seen.doubt.T
        doubted = np.einsum("nk,nkr->nr", gain**2 * self.share, doubt[plus] + doubt[minus])
        swaps = _swaps(count, self.inputs)
        first, second = swaps.T
        within = second < self.inputs
        inner = np.where(within, second, 0)
        active, share, spread, own = self.each, self.share, self.spread, self.own
        for _ in range(_MOST_SWAPS):
            at, lines = np.arange(len(active), dtype=np.int64)[:, np.newaxis], rows[active]
            here = lines[:, : self.inputs]
            now = np.take_along_axis(error, here[:, np.newaxis, :, np.newaxis], axis=3)
            move = error - now
            shared = share[:, :, np.newaxis, np.newaxis] * move
            # One input moves to another row: its own error changes, and what it has in common with the others'.
            squared = np.einsum("nkir,nkir->nir", shared, move)
            squared += doubted[:, np.newaxis, :] - doubted[at, here][..., np.newaxis]
            alone = 2.0 * np.einsum("nki,nkir->nir", now[..., 0] @ spread, shared) + own[..., np.newaxis] * squared
            change = alone[at, first, lines[:, second]] + within * alone[at, inner, lines[:, first]]
            # Two inputs change places: both moves, and what these have in common.
            places = here[:, np.newaxis, np.newaxis, :]
            both = np.einsum(
                "nkij,nkji->nij", np.take_along_axis(shared, places, axis=3), np.take_along_axis(move, places, axis=3)
            )
            change += 2.0 * within * (spread * both)[:, first, inner]
            helped = _swap(rows, active, swaps, change)
            active = active[helped]
            if not active.size:
                return
            if not helped.all():
                error, doubted, share, spread, own = (part[helped] for part in (error, doubted, share, spread, own))


def _swaps(count: int, used: int) -> Ints:
    """Every two of `count` lines, (swaps, 2), but for two spare ones."""
    return np.array([pair for pair in itertools.combinations(range(count), 2) if pair[0] < used])


def _swap(lines: Ints, active: Ints, swaps: Ints, change: Floats) -> Flags:
    """Make the swap of each active network that lowers its error most; which of them had one."""
    best = np.argmin(change, axis=1)
    helped = change[np.arange(len(active), dtype=np.int64), best] < -_LEAST
    which = active[helped]
    first, second = swaps[best[helped]].T
    lines[which, first], lines[which, second] = lines[which, second], lines[which, first]
    return helped
