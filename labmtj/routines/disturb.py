"""Disturb: what pulses do to the cells that share a line with the written one, and what reading does to a cell.

Both are small rates. What counts as exposed is a cell in the state that the voltage can leave, for as long as a
reading still finds it there; the exposure of a cell that flips between two readings is taken to half of the time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.errors import BenchError, InputError
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Amplitudes, Cell, Column, DieMap, Finding, Floats, Ints, State
from labmtj.routines.bring import bring, fire, measurable, read_state, writes_of
from labmtj.routines.counts import rate_bound
from labmtj.routines.writing.picture import Picture


def measure_half_select(
    array: ArrayAccess,
    *,
    die: DieMap,
    cell: Cell,
    read: float,
    pulses: int,
    amplitudes: Amplitudes | None = None,
    width: float | None = None,
    readings: int = 5,
    picture: Picture | None = None,
    tick: Ticker = no_ticks,
) -> Finding:
    """Fire `pulses` towards each state on `cell`, and count flips among the good cells of its row and column.

    These see half of the amplitude; `amplitudes` [V] between terminals and `width` [s] are the map's if not said.
    Before each polarity they are written to the state that it can leave, and read at `read` [V] `readings` times,
    evenly spread. Ticks once a reading of all. Raises LimitExceeded first.
    """
    rows, cols = array.shape
    line = [Cell(row, cell.col) for row in range(1, rows + 1)] + [Cell(cell.row, col) for col in range(1, cols + 1)]
    victims = measurable(die, [each for each in line if each != cell])
    if not victims:
        raise InputError(f"no cell on the lines of {cell} has both states in the die map; choose another cell")
    picture = picture or Picture(die)
    fired = writes_of(die, [cell], amplitudes=amplitudes, width=width, picture=picture)
    fired.check(array)
    own = writes_of(die, victims, picture=picture)
    steps = np.diff(np.round(np.linspace(0, pulses, min(readings, pulses) + 1))).astype(int).tolist()
    flips, exposed = np.zeros((2, len(victims)), np.int64), np.zeros((2, len(victims)))
    for target in State:
        lost = bring(array, own, dict.fromkeys(victims, target.other), read=read)
        standing = np.array([each not in lost for each in victims])
        for count in steps:
            for _pulse in range(count):
                fire(array, fired.pulse(cell, target))
            still = np.array([read_state(array, die, each, read=read) is target.other for each in victims])
            exposed[target] += count * (0.5 * standing + 0.5 * (standing & still))
            flips[target] += standing & ~still
            standing &= still
            tick()
    figures: dict[str, float | int | str] = {"row": cell.row, "col": cell.col, "width_second": fired.width}
    said = [f"{len(victims)} cells on the lines of {cell}"]
    for target in State:
        end, count, dose = target.name.lower(), int(flips[target].sum()), float(exposed[target].sum())
        bound = float(rate_bound(count, dose))  # of a hazard: a share cannot say that all flipped early
        figures |= {
            f"amplitude_{end}_volt": fired.middle(target),
            f"flips_{end}": count,
            f"cell_pulses_{end}": dose,
            f"flips_per_pulse_{end}": count / dose,
            f"flips_per_pulse_{end}_bound": bound,
        }
        said.append(f"to {target.name}: {count} flips in {dose:.0f} half-selected pulses, below {bound:.2g} a pulse")
    return Finding("half_select", _columns(victims, flips, exposed, unit="1", what="pulses"), figures, "   ".join(said))


def measure_read_disturb(
    array: ArrayAccess,
    *,
    die: DieMap,
    cells: Sequence[Cell],
    read: float,
    voltage: float,
    seconds: float,
    readings: int = 4,
    picture: Picture | None = None,
    tick: Ticker = no_ticks,
) -> Finding:
    """Hold `voltage` [V] on `cells`, for `seconds` of each sign, and count those that left their state.

    All chosen cells of a row are held together, by integrations of its ammeter; each sign begins from the state
    that it can leave. The time is that of the bench's clock, settling included, so rates come out a little low.
    States are read at `read` [V], `readings` times, at doses that double. Ticks once a reading. Raises
    BenchError where a row's cells together drive the source into compliance.
    """
    chosen = measurable(die, cells)
    if not chosen:
        raise InputError("none of the chosen cells has both states in the die map; choose good ones")
    ends = [seconds * 0.5 ** (readings - 1 - number) for number in range(readings)]
    writes = writes_of(die, chosen, picture=picture)
    flips, exposed = np.zeros((2, len(chosen)), np.int64), np.zeros((2, len(chosen)))
    doses, lost = np.zeros((2, readings)), np.zeros((2, readings), np.int64)
    row_of = np.array([cell.row for cell in chosen])
    for target in State:
        gone = bring(array, writes, dict.fromkeys(chosen, target.other), read=read)
        standing, begun = np.array([cell not in gone for cell in chosen]), np.zeros(len(chosen))
        for number, end in enumerate(ends):
            held = begun.copy()
            for row in sorted(set(row_of.tolist())):
                mine = row_of == row
                cols = [cell.col for cell in chosen if cell.row == row]
                held[mine] += _hold(array, row, cols, voltage=die.polarity.sign(target) * voltage,
                                    seconds=float(end - begun[mine][0]))  # fmt: skip
            still = np.array([read_state(array, die, cell, read=read) is target.other for cell in chosen])
            exposed[target] += (held - begun) * (0.5 * standing + 0.5 * (standing & still))
            flips[target] += standing & ~still
            standing &= still
            begun = held
            doses[target, number], lost[target, number] = held.mean(), int((~standing).sum()) - len(gone)
            tick()
    figures: dict[str, float | int | str] = {"voltage_volt": voltage, "cells": len(chosen)}
    said = [f"{len(chosen)} cells at {1e3 * voltage:.0f} mV"]
    for target in State:
        end_, count, dose = target.name.lower(), int(flips[target].sum()), float(exposed[target].sum())
        bound = float(rate_bound(count, dose))
        figures |= {
            f"flips_{end_}": count,
            f"dose_{end_}_cell_second": dose,
            f"rate_{end_}_per_second": count / dose,
            f"rate_{end_}_bound_per_second": bound,
        }
        said.append(f"to {target.name}: {count} flips in {dose:.0f} cell seconds, below {bound:.2g} /s")
    columns = _columns(chosen, flips, exposed, unit="s", what="seconds") | {
        "target": Column(("target",), np.array([int(target) for target in State]), meaning="state left for: 0 P, 1 AP"),
        "dose": Column(("target", "reading"), doses, "s", "time at the voltage, mean of the cells"),
        "lost": Column(("target", "reading"), lost, "1", "cells that had left their state by then"),
    }
    return Finding("read_disturb", columns, figures, "   ".join(said))


def _hold(array: ArrayAccess, row: int, cols: Sequence[int], *, voltage: float, seconds: float) -> float:
    """Integrate at one voltage [V] for `seconds` or a little more; the time that passed [s]."""
    array.sense([row], cols, voltage=0.0)  # the route is taken before the clock is looked at
    start = array.clock.now()
    while array.clock.now() - start < seconds:
        if array.sense([row], cols, voltage=voltage).in_compliance:
            raise BenchError(
                f"{len(cols)} cells of row {row} at {voltage} V are beyond the range or the compliance; "
                "choose fewer cells of a row"
            )
    return array.clock.now() - start


def _columns(cells: Sequence[Cell], flips: Ints, exposed: Floats, *, unit: str, what: str) -> dict[str, Column]:
    columns = {
        "row": Column(("cell",), np.array([cell.row for cell in cells]), meaning="word line, from 1"),
        "col": Column(("cell",), np.array([cell.col for cell in cells]), meaning="bit line, from 1"),
    }
    for target in State:
        end = target.name.lower()
        columns[f"flips_{end}"] = Column(("cell",), flips[target], "1", f"flips to {target.name}")
        columns[f"exposed_{end}"] = Column(("cell",), exposed[target], unit, f"{what} in the state that can be left")
    return columns
