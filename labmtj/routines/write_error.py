"""Write error rate: pulses of one amplitude to and fro, and how many did not write.

Every pulse starts from the other state, by a reading. What so many pulses can say is stated: without an error in n
pulses the rate is below 3 / n (one-sided 95 %).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Amplitudes, Cell, Column, DieMap, Finding, Ints, State
from labmtj.routines.bring import Writes, fire, measurable, read_state, writes_of
from labmtj.routines.counts import share_bound, share_interval
from labmtj.routines.writing.picture import Picture

_MOST = 4  # chosen: pulses in all over pulses wanted of one polarity before a cell that hardly switches is left


def measure_write_error(
    array: ArrayAccess,
    *,
    die: DieMap,
    cells: Sequence[Cell],
    read: float,
    pulses: int,
    amplitudes: Amplitudes | None = None,
    width: float | None = None,
    picture: Picture | None = None,
    tick: Ticker = no_ticks,
) -> Finding:
    """Fire at least `pulses` towards each state on each of `cells` and count those that did not write.

    `amplitudes` [V] between terminals and `width` [s] are the map's if not said (`writes_of`); readings at `read`
    [V]. A cell that does not come to and fro is
    left after four times as many. Raises LimitExceeded, before anything is fired, for amplitudes above a limit.
    """
    chosen = measurable(die, cells)
    if not chosen:
        raise InputError("none of the chosen cells has both states in the die map; choose good ones")
    writes = writes_of(die, chosen, amplitudes=amplitudes, width=width, picture=picture)
    writes.check(array)
    fired, missed = np.zeros((2, len(chosen)), np.int64), np.zeros((2, len(chosen)), np.int64)
    for place, cell in enumerate(chosen):
        state = read_state(array, die, cell, read=read)
        for _pulse in range(_MOST * pulses):
            if fired[:, place].min() >= pulses:
                break
            target = state.other
            fire(array, writes.pulse(cell, target))
            state = read_state(array, die, cell, read=read)
            fired[target, place] += 1
            missed[target, place] += state is not target
        tick()
    return _finding(chosen, fired, missed, writes=writes)


def _finding(cells: Sequence[Cell], fired: Ints, missed: Ints, *, writes: Writes) -> Finding:
    columns = {
        "row": Column(("cell",), np.array([cell.row for cell in cells]), meaning="word line, from 1"),
        "col": Column(("cell",), np.array([cell.col for cell in cells]), meaning="bit line, from 1"),
    }
    figures: dict[str, float | int | str] = {"width_second": writes.width}
    said: list[str] = []
    for target in State:
        end = target.name.lower()
        columns[f"pulses_{end}"] = Column(("cell",), fired[target], "1", f"pulses towards {target.name}")
        columns[f"errors_{end}"] = Column(("cell",), missed[target], "1", "pulses that did not write")
        bound = share_bound(missed[target], fired[target])
        columns[f"bound_{end}"] = Column(("cell",), bound, "1", "upper 95 % bound of the error rate, one-sided")
        count, errors = int(fired[target].sum()), int(missed[target].sum())
        low, high = share_interval(errors, count)
        figures |= {
            f"amplitude_{end}_volt": writes.middle(target),
            f"pulses_{end}": count,
            f"errors_{end}": errors,
            f"rate_{end}": errors / max(count, 1),
            f"rate_{end}_low": float(low),
            f"rate_{end}_high": float(high),
            f"rate_{end}_bound": float(share_bound(errors, count)),
        }
        rule = f"below {share_bound(errors, count):.2g} (3 over the pulses)" if errors == 0 else f"{low:.2g}-{high:.2g}"
        said.append(f"to {target.name}: {errors} of {count} missed, rate {rule}")
    return Finding("write_error", columns, figures, f"{len(cells)} cells   " + "   ".join(said))
