"""Retention by waiting: write, wait with all lines at ground, read; at times that grow.

A cell counts as lost from the first reading on that shows it in the other state. Reading is a dose too: `read`
should be low, and the few readings here are nothing beside the waits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Column, DieMap, Finding, State
from labmtj.routines.bring import bring, measurable, read_state, writes_of
from labmtj.routines.counts import rate_bound, share_bound, wilson
from labmtj.routines.writing.picture import Picture
from labmtj.units import Dimension, show


def measure_retention(
    array: ArrayAccess,
    *,
    die: DieMap,
    cells: Sequence[Cell],
    read: float,
    times: Sequence[float],
    picture: Picture | None = None,
    tick: Ticker = no_ticks,
) -> Finding:
    """Write `cells` in a checkerboard, and read them at `read` [V] when each of `times` [s] has passed since.

    `times` rise. Ticks once a reading of all. Raises BenchError for a cell that cannot be written.
    """
    chosen = measurable(die, cells)
    if not chosen:
        raise InputError("none of the chosen cells has both states in the die map; choose good ones")
    if list(times) != sorted(set(times)) or times[0] <= 0.0:
        raise InputError(f"the waiting times {list(times)} s do not rise from above 0 s")
    written = {cell: State((cell.row + cell.col) % 2) for cell in chosen}
    never = bring(array, writes_of(die, chosen, picture=picture), written, read=read)
    began = array.clock.now()
    target = np.array([int(state) for state in written.values()])
    stood = np.array([cell not in never for cell in chosen])
    gone, lost_at = ~stood, np.full(len(chosen), np.nan)
    passed, lost = np.zeros(len(times)), np.zeros((2, len(times)), np.int64)
    for number, until in enumerate(times):
        array.rest()
        array.clock.sleep(max(0.0, began + until - array.clock.now()))
        found = [read_state(array, die, cell, read=read) for cell in chosen]
        now = array.clock.now() - began
        changed = ~gone & (np.array([int(state) for state in found]) != target)
        gone |= changed
        lost_at[changed], passed[number] = now, now
        lost[:, number] = [int((gone & stood & (target == state)).sum()) for state in State]
        tick()
    of = np.array([int((stood & (target == state)).sum()) for state in State])
    low, high = wilson(lost, np.maximum(of, 1)[:, np.newaxis])
    columns = {
        "row": Column(("cell",), np.array([cell.row for cell in chosen]), meaning="word line, from 1"),
        "col": Column(("cell",), np.array([cell.col for cell in chosen]), meaning="bit line, from 1"),
        "written": Column(("cell",), target, "1", "state that was written: 0 P, 1 AP"),
        "lost_at": Column(("cell",), lost_at, "s", "time of the first reading that shows the other state; nan: none"),
        "state": Column(("state",), np.array([int(state) for state in State]), meaning="0 P, 1 AP"),
        "time": Column(("time",), passed, "s", "since the cells were written"),
        "cells": Column(("state",), of, "1", "cells that stood in this state at the beginning"),
        "lost": Column(("state", "time"), lost, "1", "cells lost by then"),
        "lost_low": Column(("state", "time"), low, "1", "share lost, lower end of Wilson's 95 % interval"),
        "lost_high": Column(("state", "time"), high, "1", "share lost, upper end of Wilson's 95 % interval"),
    }
    figures: dict[str, float | int | str] = {"cells": len(chosen), "waited_second": float(passed[-1])}
    said = [f"{len(chosen)} cells after {show(float(passed[-1]), Dimension.TIME)}"]
    for state in State:
        count, seconds = (
            int(lost[state, -1]),
            float(np.where(gone, lost_at, passed[-1])[stood & (target == state)].sum()),
        )
        if not of[state]:
            continue
        bound = float(share_bound(count, of[state]))
        figures |= {
            f"lost_{state.name.lower()}": count,
            f"lost_share_{state.name.lower()}_bound": bound,
            f"rate_{state.name.lower()}_bound_per_second": float(rate_bound(count, seconds)),
        }
        said.append(f"{state.name}: {count} of {of[state]} lost, share below {bound:.2g}")
    return Finding("retention", columns, figures, "   ".join(said))
