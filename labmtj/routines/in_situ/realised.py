"""Flip probabilities that are asked, and what counting says of them: the check of a calibration on the cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.errors import InputError
from labmtj.physics.flip_pulses import amplitudes_for_probability
from labmtj.physics.switching_law import ATTEMPT_TIME
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Column, DieMap, Finding, Floats, Ints, State
from labmtj.routines.bring import fire, measurable, read_state, write_pulse
from labmtj.routines.cell_voltage import amplitudes_for
from labmtj.routines.counts import wilson
from labmtj.routines.switching import crossbar_of_map, known_states

RESET = 0.97  # chosen: probability of the pulses that only bring a cell back
_UNKNOWN = "V_c0 and Delta of the chosen cells are not in the map: measure their switching at two widths first"
_MOST = 6  # chosen: pulses in all over trials wanted, for each probability, before a cell is left


def measure_flip_probability(
    array: ArrayAccess,
    *,
    die: DieMap,
    cells: Sequence[Cell],
    read: float,
    asked: Sequence[float],
    trials: int,
    width: float | None = None,
    tau_d: float = ATTEMPT_TIME,
    tick: Ticker = no_ticks,
) -> Finding:
    """Fire pulses on `cells` that should flip them with each of the probabilities `asked`, and count the flips.

    `trials` towards each state for each of `asked`, at `width` [s] (the map's if not said), every one of a voltage of
    its own for its cell. Pulses that bring a cell back are not counted. Cells whose V_c0 and Delta are not in the map
    are left out; raises InputError where there are no others, LimitExceeded before anything is fired.
    """
    chosen, width = _characterised(die, measurable(die, cells)), width or die.width
    volts = _terminal_volts(die, chosen, asked=(*asked, RESET), width=width, tau_d=tau_d)
    for target in State:
        for place, cell in enumerate(chosen):
            for amplitude in volts[int(target), :, place]:
                array.check(write_pulse(cell, die, target, volts=float(amplitude), width=width))
    fired, flipped = np.zeros((2, len(asked), len(chosen)), np.int64), np.zeros((2, len(asked), len(chosen)), np.int64)
    for place, cell in enumerate(chosen):
        state = read_state(array, die, cell, read=read)
        for number in range(len(asked)):
            for _pulse in range(2 * _MOST * trials):
                if fired[:, number, place].min() >= trials:
                    break
                target = state.other
                enough = bool(fired[target, number, place] >= trials)
                amplitude = float(volts[int(target), -1 if enough else number, place])
                fire(array, write_pulse(cell, die, target, volts=amplitude, width=width))
                state = read_state(array, die, cell, read=read)
                if not enough:
                    fired[target, number, place] += 1
                    flipped[target, number, place] += state is target
        tick()
    return _finding(chosen, np.array(asked), fired, flipped, width=width)


def _characterised(die: DieMap, cells: Sequence[Cell]) -> list[Cell]:
    """Those of `cells` whose V_c0 and Delta towards both states are in the map."""
    needed = (die.v_c0_p, die.delta_p, die.v_c0_ap, die.delta_ap)
    found = [cell for cell in cells if all(each is not None and np.isfinite(each[cell.position]) for each in needed)]
    if not found:
        raise InputError(_UNKNOWN)
    return found


def _terminal_volts(
    die: DieMap, cells: Sequence[Cell], *, asked: Sequence[float], width: float, tau_d: float
) -> Floats:
    """Amplitudes [V] between the terminals of each cell, (targets, probabilities, cells)."""
    model, state = crossbar_of_map(die), known_states(die)
    rows, cols = np.array([cell.position for cell in cells], int).reshape(-1, 2).T
    out = np.empty((2, len(asked), len(cells)))
    for target, v_c0, delta in ((State.P, die.v_c0_p, die.delta_p), (State.AP, die.v_c0_ap, die.delta_ap)):
        if v_c0 is None or delta is None or not np.isfinite(v_c0[rows, cols] + delta[rows, cols]).all():
            raise InputError(
                "V_c0 and Delta of a chosen cell are not in the map: measure its switching at two widths first"
            )
        for number, probability in enumerate(asked):
            wanted = amplitudes_for_probability(
                probability, v_c0=v_c0[rows, cols], delta=delta[rows, cols], width=width, tau_d=tau_d
            )
            out[int(target), number] = amplitudes_for(
                model, cells, cell_voltage=wanted, state=state, before=target.other
            )  # fmt: skip
    return out


def _finding(cells: Sequence[Cell], asked: Floats, fired: Ints, flipped: Ints, *, width: float) -> Finding:
    columns = {
        "row": Column(("cell",), np.array([cell.row for cell in cells]), meaning="word line, from 1"),
        "col": Column(("cell",), np.array([cell.col for cell in cells]), meaning="bit line, from 1"),
        "asked": Column(("asked",), asked, "1", "probability of a flip that was asked"),
    }
    figures: dict[str, float | int | str] = {"width_second": width, "pulses": int(fired.sum())}
    said: list[str] = []
    for target in State:
        end = target.name.lower()
        columns[f"fired_{end}"] = Column(("asked", "cell"), fired[target], "1", f"pulses towards {target.name}")
        columns[f"flipped_{end}"] = Column(("asked", "cell"), flipped[target], "1", "of these, how many flipped")
        total, events = fired[target].sum(axis=1), flipped[target].sum(axis=1)
        low, high = wilson(events, total)
        share = events / np.maximum(total, 1)
        columns[f"realised_{end}"] = Column(("asked",), share, "1", "share that flipped, all cells")
        columns[f"realised_{end}_low"] = Column(("asked",), low, "1", "lower end of Wilson's 95 % interval")
        columns[f"realised_{end}_high"] = Column(("asked",), high, "1", "upper end of Wilson's 95 % interval")
        for number, probability in enumerate(asked):
            figures[f"realised_{end}_asked_{probability:g}"] = float(share[number])
        pairs = ", ".join(f"{p:g}: {q:.2g}" for p, q in zip(asked, share, strict=True))
        said.append(f"to {target.name} {pairs}")
    return Finding("flip_probability", columns, figures, f"{len(cells)} cells   asked: realised   " + "   ".join(said))
