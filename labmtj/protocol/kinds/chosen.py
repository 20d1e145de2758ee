"""Fields of steps that measure on chosen cells: which cells, and at which amplitudes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, cast

import numpy as np
from pydantic import Field

from labmtj.config.quantities import refuse, written_as
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem
from labmtj.protocol.kinds.fields import Amplitude, AmplitudePair
from labmtj.protocol.kinds.step import Stated
from labmtj.records import Amplitudes, Cell, DieMap

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress

_GOLDEN = 0.6180339887498949  # multiples of it fill the unit interval evenly, however many are taken

Count = Annotated[int, Field(ge=1, le=10_000_000)]


def _cells(value: object) -> object:
    """Accept all, a number of cells, or a list of [row, col]."""
    if value == "all" or (type(value) is int and value > 0):
        return value
    entries = cast("list[object]", value) if isinstance(value, list | tuple) else []
    pairs = [tuple(cast("list[object]", entry)) for entry in entries if isinstance(entry, list | tuple)]
    right = all(len(pair) == 2 and all(type(line) is int and line > 0 for line in pair) for pair in pairs)
    if not pairs or len(pairs) < len(entries) or not right:
        hint = "write all, a number of cells that are spread over the array, or a list: [[3, 7], [12, 2]]"
        raise refuse(f"{value!r} is no choice of cells", hint=hint)
    if len(set(pairs)) < len(pairs):
        raise refuse("a cell stands twice in this list")
    return tuple(pairs)


Chosen = Annotated[
    Literal["all"] | int | tuple[tuple[int, int], ...],
    *written_as(
        _cells,
        {
            "anyOf": [
                {"const": "all"},
                {"type": "integer", "minimum": 1},
                {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
            ]
        },
    ),
]


def chosen_cells(chosen: Literal["all"] | int | tuple[tuple[int, int], ...], die: DieMap) -> list[Cell]:
    """The cells that are meant: all good ones, so many good ones spread over the array, or those that are named.

    Raises InputError for a named cell that is defective, and for more cells than there are good ones.
    """
    from labmtj.routines.bring import all_cells

    if isinstance(chosen, tuple):
        cells = [Cell(*pair) for pair in chosen]
        bad = [str(cell) for cell in cells if not die.good[cell.position]]
        if bad:
            raise InputError(f"cell {', '.join(bad)} is defective in the die map; choose others")
        return cells
    good = [cell for cell in all_cells(die.shape) if die.good[cell.position]]
    if chosen == "all":
        return good
    if chosen > len(good):
        raise InputError(f"{chosen} cells are asked for and the die map has {len(good)} good ones; write all")
    order = np.argsort((np.arange(len(good)) + 1) * _GOLDEN % 1.0, kind="stable")
    return [good[place] for place in sorted(order[:chosen].tolist())]


def off_the_array(
    chosen: Literal["all"] | int | tuple[tuple[int, int], ...], at: KeyPath, source: Source, bench: BenchFile
) -> Iterator[Problem]:
    """Yield a problem for each named cell that is not on the array."""
    array = bench.bench.array
    for place, cell in enumerate(chosen if isinstance(chosen, tuple) else ()):
        if cell[0] > array.rows or cell[1] > array.cols:
            message = f"cell {cell} is not on the array, which has {array.rows} x {array.cols} cells"
            yield source.problem((*at, place), message, hint=f"the array: {bench.source.place(('array',))}")


def stated_amplitude(amplitude: Amplitude, written: Source, here: KeyPath) -> Iterator[Stated]:
    """The amplitudes of a step's field `amplitude`, of which each terminal sees half."""
    if isinstance(amplitude, AmplitudePair):
        said = written.data["steps"][here[1]][here[2]]["amplitude"]
        path: KeyPath = (*here, "amplitude")
        for name in ("ap_to_p", "p_to_ap"):
            yield Stated((*path, name) if isinstance(said, dict) else path, getattr(amplitude, name), 0.5)


def forget_states(progress: Progress, cells: Iterable[Cell] | None = None) -> None:
    """After pulses on `cells` (None: on any) their states are unknown in the map, where it has states."""
    from labmtj.routines.bring import all_cells

    die = progress.known_map
    if die.state is None:
        return
    state = die.state.copy()
    for cell in all_cells(die.shape) if cells is None else cells:
        state[cell.position] = -1
    progress.keep_map(replace(die, state=state))


def said_amplitudes(amplitude: Amplitude) -> Amplitudes | None:
    """The amplitudes [V] between terminals that are said; None for those of the map."""
    return None if amplitude == "from_map" else amplitude.record
