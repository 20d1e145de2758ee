"""The switching voltage of every cell, from a few rising pulses each: what the write algorithm `model` needs.

A pulse of cell voltage V leaves a cell as it was with probability exp(-ln2 (V/V_s)^s), V_s the voltage that
switches it half the time; s is the slope of the hazard, 33 per unit of ln V for 100 us on 40 nm cells. A ramp that
switches at its k-th step therefore tells V_s to about 1/s, and ramps add up. No amplitude is made twice, so none is
wasted on what is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labmtj.errors import InputError
from labmtj.ports import ArrayAccess, Ticker, no_ticks
from labmtj.records import Cell, Column, DieMap, Finding, Floats, Pulse, PulseOutcome, Scheme, State
from labmtj.routines.writing.picture import Picture, spread_out
from labmtj.routines.writing.talk import Done, Look, Talk, converse

# chosen: ramps begin where one cell in a thousand of a 5 % spread has switched, and end where all have.
_START, _STEP, _MOST = 0.82, 1.025, 24
_PRIOR = 0.12  # chosen: relative spread of V_s within a die that is believed before anything is known
SLOPE = 30.0
"""Slope of ln(hazard) against ln V. chosen: 100 us pulses have 33 at Delta 75, 25 at Delta 50 (shared law)."""


@dataclass(frozen=True)
class RampSettings:
    """How ramps are made: how many a cell and direction, width [s], slope of the hazard."""

    ramps: int
    width: float
    slope: float = SLOPE


def switching_voltages(
    array: ArrayAccess,
    die: DieMap,
    *,
    settings: RampSettings,
    picture: Picture | None = None,
    tick: Ticker = no_ticks,
) -> tuple[DieMap, Finding]:
    """The die map with `v_switch_p` and `v_switch_ap` [V] of every good cell, and what was found.

    Raises InputError for a map that was made with pulses of another width, LimitExceeded before anything is written
    if the ramps would pass a limit.
    """
    if settings.width != die.width:
        raise InputError(f"the map is for pulses of {die.width:g} s, the ramps are asked for {settings.width:g} s")
    picture = Picture(die) if picture is None else picture.of(die)
    array.trust(picture.lower_bound)
    for target, volts in _middles(picture, die).items():
        share = _shares(picture, die)[target]
        worst = Cell(*(int(n) + 1 for n in np.unravel_index(int(np.argmin(share)), share.shape)))
        top = volts / share[worst.position] * _START * _STEP ** (_MOST - 1)
        array.check(Pulse(worst, top, settings.width))
    found = converse(array, ramp_talk(die, settings, picture=picture), voltage=die.read_voltage, tick=tick)
    return found, _finding(found, settings)


def ramp_talk(die: DieMap, settings: RampSettings, *, picture: Picture) -> Talk[DieMap]:
    """Ramps on every good cell, one after the other, up and down; the map with what they told."""
    middles, shares = _middles(picture, die), _shares(picture, die)
    good = die.good
    cells = spread_out([Cell(int(row) + 1, int(col) + 1) for row, col in np.argwhere(good)])
    state = np.full(die.shape, -1) if die.state is None else die.state.copy()
    steps: dict[State, list[tuple[Cell, list[float]]]] = {State.P: [], State.AP: []}
    for cell in cells:
        at = cell.position
        if state[at] == -1:
            (reading,) = yield Look((cell,))
            seen = die.state_of(reading)
            state[at] = -1 if seen is None else seen
        for _ in range(2 * settings.ramps):
            if state[at] == -1:
                break
            target = State(int(state[at])).other
            made: list[float] = []
            for volts in (middles[target] * _START * _STEP**n for n in range(_MOST)):
                amplitude = die.polarity.sign(target) * volts / float(shares[target][at])
                outcome: PulseOutcome = yield Pulse(cell, amplitude, settings.width)
                made.append(volts)
                (reading,) = yield Look((cell,))
                if outcome.in_compliance or reading.in_compliance:
                    state[at] = -1  # what a source in compliance does tells nothing of a cell
                    break
                if die.state_of(reading) is target:
                    state[at] = target
                    break
            else:
                break  # beyond every amplitude: nothing is learnt that an estimate could be built on
            if state[at] != -1:
                steps[target].append((cell, made))
        yield Done(1)
    estimates = {target: _estimates(die, steps[target], settings.slope, middles[target]) for target in State}
    return replace(die, v_switch_p=estimates[State.P], v_switch_ap=estimates[State.AP], state=state)


def _middles(picture: Picture, die: DieMap) -> dict[State, float]:
    """Cell voltage [V] that switched the median probe cell of the map, by target."""
    at_cells = die.switching if picture.model is None else picture.at_cells(die.switching)
    return {target: at_cells.towards(target) for target in State}


def _shares(picture: Picture, die: DieMap) -> dict[State, Floats]:
    """Cell voltage over terminal amplitude of a pulse towards each state, (rows, cols); 1 where wires are unknown."""
    if picture.model is None:
        return dict.fromkeys(State, np.ones(die.shape))
    return {t: picture.shares(t, scheme=Scheme.V_HALF, amplitude=die.switching.towards(t)) for t in State}


def _estimates(die: DieMap, ramps: Sequence[tuple[Cell, list[float]]], slope: float, volts: float) -> Floats:
    """Posterior means of V_s [V] at the cells, (rows, cols); nan where no ramp ended."""
    nodes = np.linspace(-4.0 * _PRIOR, 4.0 * _PRIOR, 241)
    middle = math.log(volts)
    believed = -0.5 * (nodes / _PRIOR) ** 2
    gathered: dict[Cell, Floats] = {}
    for cell, made in ramps:
        hazard = math.log(2.0) * np.exp(slope * (np.log(np.array(made))[:, np.newaxis] - middle - nodes))
        likely = np.log(-np.expm1(-hazard[-1])) - hazard[:-1].sum(axis=0)
        gathered[cell] = gathered.get(cell, believed) + likely
    out = np.full(die.shape, np.nan)
    for cell, log_weight in gathered.items():
        weight = np.exp(log_weight - log_weight.max())
        mean = float((weight * nodes).sum() / weight.sum())
        out[cell.position] = math.exp(middle + mean)
    return out


def _finding(die: DieMap, settings: RampSettings) -> Finding:
    rows, cols = die.shape
    columns = {
        "row": Column(("row",), np.arange(1, rows + 1), meaning="word line, from 1"),
        "col": Column(("col",), np.arange(1, cols + 1), meaning="bit line, from 1"),
    }
    figures: dict[str, float | int | str] = {"width_second": settings.width, "ramps": settings.ramps}
    parts: list[str] = []
    for name, values in (("p", die.v_switch_p), ("ap", die.v_switch_ap)):
        assert values is not None
        columns[f"v_switch_{name}"] = Column(("row", "col"), values, "V", f"switches to {name.upper()} half the time")
        known = values[np.isfinite(values)]
        if known.size:
            figures[f"v_switch_{name}_median_volt"] = float(np.median(known))
            figures[f"v_switch_{name}_spread"] = float(np.std(known) / np.mean(known))
            parts.append(
                f"{1e3 * np.median(known):.0f} mV to {name.upper()} +- {100 * np.std(known) / np.mean(known):.1f} %"
            )
    return Finding("ramps", columns, figures, f"{int(die.good.sum())} cells   " + "   ".join(parts))
