"""Writing a layer on an array, and reading it once more."""

from __future__ import annotations

from functools import partial

import numpy as np

from labmtj.errors import LimitExceeded
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Copy, DieMap, Ints, Placement, Pulse, State
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.settings import Algorithm, WriteSettings
from labmtj.routines.writing.talk import Tally, allowed, converse, no_tally
from labmtj.routines.writing.verifier import UNREADABLE
from labmtj.routines.writing.writer import Writer
from labmtj.units import Dimension, show

__all__ = ["WriteSettings", "program_layer", "verify_layer"]


def program_layer(
    array: ArrayAccess,
    *,
    die_map: DieMap,
    target: Ints,
    placement: Placement,
    settings: WriteSettings,
    picture: Picture | None = None,
    tick: Ticker = no_ticks,
    tally: Tally = no_tally,
) -> Copy:
    """Write `target` (inputs, device columns; `State` values) to the cells of `placement`.

    Cells that the map calls defective are read but never pulsed. After the sweep everything is verified; cells that
    another cell's pulse has disturbed are written again, `repair_sweeps` times at most. `picture` spares working
    out again what the map says of the wires; `tally` hears of cells as they are written. Raises LimitExceeded
    before anything is written if an amplitude is above a limit, or if the steps of ISPP would pass one.
    """
    room = partial(allowed, array)
    writer = Writer(die_map, target, placement=placement, settings=settings, allowed=room, picture=picture, tally=tally)
    for state in State:
        amplitude = settings.amplitudes.towards(state) * settings.growth.amplitude(0)
        array.check(Pulse(placement.cell(0, 0), amplitude, settings.width, settings.scheme))
        if settings.algorithm is Algorithm.ISPP:
            _check_last_step(array, settings, state, placement)
    return converse(array, writer.talk(), voltage=settings.read, tick=tick)


def _check_last_step(array: ArrayAccess, settings: WriteSettings, state: State, placement: Placement) -> None:
    """Refuse steps that would pass a limit before the retries are over."""
    last = settings.amplitudes.towards(state) * settings.growth.amplitude(settings.retries)
    try:
        array.check(Pulse(placement.cell(0, 0), last, settings.width, settings.scheme))
    except LimitExceeded as error:
        raise LimitExceeded(
            f"ispp would step up to {show(last, Dimension.VOLTAGE)} in its {settings.retries + 1} pulses towards "
            f"{state.name}: {error}; allow fewer retries, or begin lower"
        ) from error


def verify_layer(array: ArrayAccess, *, die_map: DieMap, copy: Copy, read: float, tick: Ticker = no_ticks) -> Ints:
    """Read the cells of a copy once more; states, shape of the layer (-1 where a cell cannot be read)."""
    states: list[int] = []
    for cell in copy.placement.cells:
        found = die_map.state_of(array.read([cell], voltage=read)[0])
        states.append(UNREADABLE if found is None else int(found))
        tick()
    return np.array(states).reshape(copy.target.shape)
