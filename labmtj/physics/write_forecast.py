"""What becomes of a layer that is written with given pulses on dies of one kind, before any pulse is sent.

A rough count, of means only: it is there to tell what works from what cannot. The figures come from runs on other
simulated dies.

What is counted. A cell is missed if none of its pulses switches it. Every pulse on a cell may flip others; those of
the written cells that it leaves wrong are disturbed. Without verification nobody finds them. With it each sweep
writes them again, and each of those pulses disturbs in its turn: who disturbs whom is a matrix, and where its
spectral radius, the `spread`, is 1 or more no number of sweeps ends it. (Its mean may well be above 1: a far cell's
pulse flips near ones for certain where long wires are made up for, but a near cell's pulse flips no far ones.)
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from labmtj.physics.reach import NO_PATH, Path, Reach, reach
from labmtj.physics.variation import DieModel
from labmtj.physics.write_window import CellSample, mean_chance, sample, survivors, wear
from labmtj.records import Amplitudes, Cell, Floats, Scheme, State

MOST_DAMAGE = 1e-5  # chosen (physics.md, section 3): 40 nm junctions break with P = 1e-6 at it
_SHARES = 5  # chosen: shares of the amplitude at which misses are worked out; they change smoothly between
_SCALES = (0.6, 0.75, 0.9, 1.0, 1.15, 1.35, 1.6, 2.0)  # chosen: steps within which a window is not missed


@dataclass(frozen=True)
class Writing:
    """How a layer is to be written, as far as a forecast needs it.

    `amplitudes` [V] between the two lines, or across each cell where they are `compensated`: then each cell gets what
    is believed that the wires take of it on top. `rises` are the pulses that a cell may get, as multiples of them,
    `widths` their widths as multiples of `width` [s]. No pulse puts more than `most` [V] on its cell, as far as the
    bench can tell, or more than `between` [V] between two lines. `verified`: cells are read, and pulsed only while
    they are wrong, with `sweeps` of repairs; else each cell gets all its pulses. `own`: amplitudes are multiples of
    each cell's own switching voltage over the middle cell's. `layer` is (rows, cols).
    """

    amplitudes: Amplitudes
    width: float
    scheme: Scheme
    layer: tuple[int, int]
    most: float
    rises: tuple[float, ...] = (1.0,)
    widths: tuple[float, ...] = (1.0,)
    verified: bool = True
    compensated: bool = False
    own: bool = False
    between: float = math.inf
    sweeps: int = 4


@dataclass(frozen=True)
class Forecast:
    """What becomes of it; shares are of the layer's cells, means over dies.

    `missed` and `disturbed` at the end, `flips` expected for a pulse among the layer's other cells, `flip` the mean
    chance of the half-selected cell that sees most, `spread` disturbed cells for each repaired one in the long run,
    `pulses` a cell that must change. `far` and `near` are the shares of the amplitude that reach the cells `farthest`
    from the sources and `nearest` to them, `half` the largest share of any other cell. `cell_volts` [V] is what
    `hottest` sees, `damage` its sum of dt / t63 over all pulses it may get and `broken` its chance to break by that.
    """

    missed: float
    disturbed: float
    flips: float
    flip: float
    spread: float
    pulses: float
    far: float
    near: float
    half: float
    farthest: Cell
    nearest: Cell
    hottest: Cell
    cell_volts: float
    damage: float
    broken: float

    @property
    def wrong(self) -> float:
        """Share of cells that end up wrong."""
        return min(1.0, self.missed + self.disturbed)


@dataclass(frozen=True, eq=False)
class Survey:
    """Dies of one kind under one scheme: a sample of their cells, and what reaches them when mixed and when all AP.

    `believed` is the share of the amplitude that is believed to reach each position, (positions,).
    """

    model: DieModel
    cells: CellSample
    typical: Reach
    lightest: Reach
    believed: Floats


@functools.lru_cache(maxsize=8)
def survey(
    model: DieModel, *, scheme: Scheme, amplitude: float, path: Path = NO_PATH, wire: float | None = None
) -> Survey:
    """Look at dies of one kind; `amplitude` [V] need be about right only, since cells are nearly linear.

    `wire` [ohm a segment] is what is believed of it, the truth if it is not given. Raises SolveError where the network
    has no solution that can be proven.
    """

    def solved(kind: DieModel, state: State | None) -> Reach:
        return reach(kind, scheme=scheme, amplitude=amplitude, path=path, state=state)

    typical = solved(model, None)
    believed = typical if wire is None or wire == model.wire else solved(replace(model, wire=wire), None)
    return Survey(model, sample(model), typical, solved(model, State.AP), believed.selected)


def forecast(writing: Writing, seen: Survey) -> Forecast:
    """Forecast a layer on dies that were surveyed under its scheme."""
    share = seen.typical.selected
    found = [_towards(target, writing, seen) for target in State]
    lost, flip, tries = (float(np.mean([getattr(one, name) for one in found])) for name in ("lost", "flip", "tries"))
    flips: Floats = np.mean([one.flips for one in found], axis=0)  # of the cell in each column by the row's pulses
    # Half of the pulses come after a cell was written; what the others disturb is still to be written. Verified, only
    # half of the cells need a pulse, and those in question are found and written again, as often as there are sweeps.
    share_wrong: Floats = 0.5 * (0.5 if writing.verified else 1.0) * flips.sum(axis=0)
    for _ in range(writing.sweeps if writing.verified else 0):
        share_wrong = np.minimum(share_wrong, 0.5) @ flips
    spread = float(np.abs(np.linalg.eigvals(flips)).max())
    disturbed = float(np.minimum(share_wrong, 0.5).mean())  # flipped again and again it is right half the time
    volts, hottest = _hottest(writing, seen)
    damage, broken = wear(seen.model, volts, width=writing.width * np.array(writing.widths))
    return Forecast(
        missed=0.5 * lost,  # the other half of the cells need not change
        disturbed=disturbed,
        flips=float(flips.sum(axis=1).mean()) / tries,
        flip=flip,
        spread=spread,
        pulses=tries,
        far=float(share.min()),
        near=float(share.max()),
        half=float(seen.typical.others.max()),
        farthest=seen.typical.farthest,
        nearest=seen.typical.nearest,
        hottest=hottest,
        cell_volts=float(volts.max()),
        damage=damage,
        broken=broken,
    )


def best(writing: Writing, seen: Survey) -> tuple[float, Forecast]:
    """The multiple of the amplitudes, from 0.6 to twice, that leaves fewest cells wrong, and what it leaves.

    Of those that wear no cell beyond `MOST_DAMAGE`, where there are any.
    """
    found = [(scale, forecast(_scaled(writing, scale), seen)) for scale in _SCALES]
    return min(found, key=lambda pair: (max(0.0, pair[1].damage - MOST_DAMAGE), pair[1].wrong))


def _scaled(writing: Writing, scale: float) -> Writing:
    amplitudes = Amplitudes(scale * writing.amplitudes.ap_to_p, scale * writing.amplitudes.p_to_ap)
    return replace(writing, amplitudes=amplitudes)


def _pulses(writing: Writing, amplitude: float, believed: Floats) -> Floats:
    """Volts between the lines of all pulses that cells may get, (cells, pulses); of them `believed` reaches each."""
    pulses = np.minimum(amplitude * np.array(writing.rises), writing.most)
    reaching = believed if writing.compensated else np.ones_like(believed)
    return np.minimum(pulses / reaching[:, np.newaxis], writing.between)


class _Direction(NamedTuple):
    """Writing one state: share missed, largest mean chance of a half-selected cell, pulses a cell; `flips`.

    Those are how many of the cells that each position stands for one position's pulses flip, (positions, positions).
    """

    lost: float
    flip: float
    tries: float
    flips: Floats


def _towards(target: State, writing: Writing, seen: Survey) -> _Direction:
    (rows, cols), typical, width = writing.layer, seen.typical, writing.width
    inside = np.array([at.row <= rows and at.col <= cols for at in typical.positions])
    places = [at.position for at, within in zip(typical.positions, inside.tolist(), strict=True) if within]
    lines = _pulses(writing, writing.amplitudes.towards(target), seen.believed[inside])
    volts = lines * typical.selected[inside][:, np.newaxis]
    # Cells that get alike are written alike: a few of them tell about all.
    first = volts[:, 0]
    order = np.argsort(first, kind="stable")
    chosen = order[np.linspace(0, order.size - 1, _SHARES).round().astype(np.intp)]
    widths = writing.width * np.array(writing.widths)
    cells = sample(seen.model, spread=False) if writing.own else seen.cells
    left = [survivors(cells, tries, width=widths, target=target) for tries in volts[chosen]]
    lost = float(np.interp(first, first[chosen], [still[-1] for still in left]).mean())
    # A cell that is verified gets a pulse for each time that it was still not switched.
    counted = [1.0 + float(still[:-1].sum()) if writing.verified else float(still.size) for still in left]
    tries = np.interp(first, first[chosen], counted)
    others = typical.others[inside] * lines[:, 0, np.newaxis, np.newaxis]
    chance = mean_chance(seen.cells, width=width, target=target, most=float(others.max()))
    at_rows, at_cols = (np.array(side) for side in zip(*places, strict=True))
    chances = np.where(others > 0, chance(others), 0.0)[:, at_rows, at_cols]
    # Half of the other cells stand in the state that such a pulse takes them out of. Each position stands for as many
    # cells of its row, its column and the rest as there are of them for one that was solved.
    same_row, same_col = np.equal.outer(at_rows, at_rows), np.equal.outer(at_cols, at_cols)
    along = (cols - 1) / max(1, len(set(at_cols.tolist())) - 1)
    down = (rows - 1) / max(1, len(set(at_rows.tolist())) - 1)
    weight = np.where(same_row, along, np.where(same_col, down, along * down))
    flips = 0.5 * weight * chances * tries[:, np.newaxis]
    return _Direction(lost, float(chances.max()), float(tries.mean()), flips)


def _hottest(writing: Writing, seen: Survey) -> tuple[Floats, Cell]:
    """Volts across the cell that sees most, pulse by pulse, if it gets all of them; and which cell that is."""
    lines = _pulses(writing, max(writing.amplitudes.ap_to_p, writing.amplitudes.p_to_ap), seen.believed)
    volts = np.minimum(lines * seen.lightest.selected[:, np.newaxis], writing.most)
    number = int(np.argmax(volts.max(axis=1)))
    return volts[number], seen.lightest.positions[number]
