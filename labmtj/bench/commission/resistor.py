"""With a resistor of known value on one row and one column: sign, scale, leads, settling and noise at 10 mV."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from labmtj.bench.commission.accuracy import Accuracy, accuracy
from labmtj.bench.commission.items import Figure, Item, Stage, Task, amperes, ohms
from labmtj.bench.doctor import Verdict
from labmtj.bench.lines import LEVEL
from labmtj.bench.session import open_bench
from labmtj.config.bench import BenchFile
from labmtj.config.model import InstrumentModel
from labmtj.errors import InputError, LabmtjError
from labmtj.ports import ArrayAccess
from labmtj.records import Floats
from labmtj.runs.journal import MemoryJournal
from labmtj.units import Dimension, parse, show

READINGS = 32  # chosen: their rms is known to 13 %
LEADS = 20.0  # [ohm] chosen: two metres of thin coaxial cable, two relays and two probes, with some to spare
TOLERANCE = 0.01  # chosen: a metal film resistor off the shelf
_MAP = 50e-3  # [V] at which maps are read by the protocols that ship
_QUIET = 0.05  # chosen: of a reading there: a tenth of what P and AP differ by at a TMR of 100 %
_LIKE_SHEET = 3.0  # chosen: times the noise of the data sheet; more is picked up
_SETTLED = 1e-3  # chosen: of a reading; less than one per cent, the smallest step of a tuned conductance
_FACTORS = (0.25, 1.0, 4.0, 16.0)
_REPEATS = 16  # chosen: readings at each waiting time, each after relays have moved
_SIGMAS = 4.0  # chosen: one bench in ten thousand is called unsettled for noise

OFFSET = Task(
    Stage.RESISTOR,
    "offset",
    what="The resistor is read at 0 V.",
    why="What flows at 0 V is added to every reading of one sign; reads take both signs, and lose it.",
    good="No more than the offsets that the data sheets allow, as volts across the resistor and as amperes.",
    advice="let the instruments warm up for an hour; then calibrate, or look for a source of heat at relays and probes",
)
SIGN = Task(
    Stage.RESISTOR,
    "sign",
    what="The resistor is read at +10 mV and at -10 mV.",
    why="Swapped leads write every cell into the other state, and make weights negative.",
    good="The current is positive at +10 mV and negative at -10 mV, each by itself once the offset is taken away.",
    advice="HI goes to the lines and LO to ground, on both sources: look at their leads, and at roles in the file",
)
SCALE = Task(
    Stage.RESISTOR,
    "scale",
    what="The resistance is worked out from both signs and held against the value that it should have.",
    why="It proves ranges, units and wiring in one: another line, a second path or a wrong range give another value.",
    good="Within the accuracy of source and meter, the resistor's tolerance, and 20 ohm for leads.",
    advice="is it on the lines that were asked for, and nothing else on any? Then look at the leads, and at measure",
)
LEAD = Task(
    Stage.RESISTOR,
    "leads",
    what="What the resistance is too large by: leads, two relays, two probes, and the sources' own resistance.",
    why="It is in series with every cell, and a part of every pulse falls across it.",
    good="Below 20 ohm beyond what the data sheets say, as far as resistor and meter can tell.",
    advice="a contact is dirty or a relay worn; measure again with 100 ohm, which tells leads a hundred times better",
)
SETTLING = Task(
    Stage.RESISTOR,
    "settling",
    what="The resistor is read after relays have moved, with a quarter of the waiting times of the file, with these, "
    "with four and with sixteen times these.",
    why="A reading that is taken too early sees the line still being charged, and relays that still bounce.",
    good="With the times of the file it is within 0.1 % of what it is with sixteen times these, or within the noise.",
    advice="multiply wait.after_relay and wait.after_source by four, and do this stage again",
)
NOISE = Task(
    Stage.RESISTOR,
    "noise",
    what=f"The resistor is read {READINGS} times at 10 mV, one after the other.",
    why="A map tells P from AP by a difference of about half of a reading, and tuning looks for per cents at 50 mV.",
    good="Below 5 % of a reading at 50 mV, a tenth of that difference, and below three times what the data sheet says.",
    advice="look for pick-up: measure.nplc of 1 or more, one common ground, shields closed, no pump or lamp near by",
)


@dataclass(frozen=True)
class Resistor:
    """A resistor [ohm] between a row and a column, from 1, that has its value to within `tolerance` (a fraction)."""

    row: int = 1
    col: int = 1
    ohms: float = 10e3
    tolerance: float = TOLERANCE

    def __str__(self) -> str:
        return f"{show(self.ohms, Dimension.RESISTANCE)} ({100 * self.tolerance:g} %)"


def resistor(text: str, *, row: int = 1, col: int = 1) -> Resistor:
    """A resistor as people write it: "10 kohm", or "10 kohm, 0.1 %". Raises InputError, UnitError."""
    value, comma, tolerance = text.partition(",")
    found = parse(value, Dimension.RESISTANCE)
    share = TOLERANCE
    if comma:
        number = tolerance.strip().removesuffix("%").strip()
        try:
            share = float(number) / 100
        except ValueError as error:
            raise InputError(f"{text!r}: write a tolerance as, for example, 10 kohm, 0.1 %") from error
    if not 10 <= found <= 1e6 or not 0 < share <= 0.2:  # chosen: 10 mV give 1 mA to 10 nA
        raise InputError(f"{text!r}: the resistor is of 10 ohm to 1 Mohm, known to 20 % or better")
    return Resistor(row, col, found, share)


def on_resistor(file: BenchFile, models: Mapping[str, InstrumentModel], said: Resistor) -> Iterator[Item]:
    """Read a known resistor. Raises Busy, and InputError for lines that are not there."""
    rows, cols = len(file.bench.lines.rows), len(file.bench.lines.cols)
    if not (1 <= said.row <= rows and 1 <= said.col <= cols):
        raise InputError(f"row {said.row}, column {said.col} is not on this bench, which has {rows} x {cols} lines")
    bounds = accuracy(file.bench, models)
    with open_bench(file, journal=MemoryJournal()) as bench:  # no die, no life of one
        zero = _sampled(bench.array, said, 0.0, READINGS)
        plus = _sampled(bench.array, said, LEVEL, READINGS)
        minus = _sampled(bench.array, said, -LEVEL, READINGS)
    yield _offset(zero, bounds, said)
    forward, back = float(plus.mean() - zero.mean()), float(minus.mean() - zero.mean())
    sign = SIGN.judged(
        forward > 0 > back, f"{amperes(forward)} at +10 mV, {amperes(back)} at -10 mV, offset taken away"
    )
    yield sign
    if sign.verdict is Verdict.BAD:
        return
    yield from _scale(2 * LEVEL / float(plus.mean() - minus.mean()), bounds, said)
    noise = float(plus.std(ddof=1))
    yield _noise(noise, abs(forward), bounds)
    yield _settling(file, said, noise)


def _sampled(array: ArrayAccess, said: Resistor, volts: float, count: int, *, moving: bool = False) -> Floats:
    """Currents [A] through the resistor; with `moving` every reading comes after relays have moved."""
    found: list[float] = []
    for _ in range(count):
        if moving:
            array.rest()
        sample = array.sense([said.row], [said.col], voltage=volts)
        found.append(math.nan if sample.in_compliance else sample.current)
    return np.array(found)


def _offset(zero: Floats, bounds: Accuracy, said: Resistor) -> Item:
    mean, most = float(zero.mean()), bounds.offset(1 / said.ohms)
    share = abs(mean) * said.ohms / LEVEL
    text = f"{amperes(mean)} at 0 V, {100 * share:.2g} % of a reading at 10 mV; the data sheets allow {amperes(most)}"
    return OFFSET.judged(abs(mean) <= most, text, figures={"offset": Figure(mean, "A"), "allowed": Figure(most, "A")})


def _noise(noise: float, reading: float, bounds: Accuracy) -> Item:
    share, there = noise / reading, noise / reading * LEVEL / _MAP
    text = f"{amperes(noise)} rms, {100 * share:.2g} % of the reading at 10 mV, {100 * there:.2g} % at 50 mV; "
    text += f"the data sheet has {amperes(bounds.noise)}"
    verdict = Verdict.BAD if there > _QUIET else Verdict.GOOD
    if verdict is Verdict.GOOD and noise > _LIKE_SHEET * bounds.noise:
        verdict = Verdict.UNKNOWN
    return NOISE.done(verdict, text, figures={"noise": Figure(noise, "A"), "share": Figure(share, "")})


def _scale(found: float, bounds: Accuracy, said: Resistor) -> Iterator[Item]:
    known = said.ohms + bounds.ohms
    unsure = known * (bounds.gain + said.tolerance)
    figures = {"resistance": Figure(found, "ohm"), "uncertainty": Figure(unsure, "ohm")}
    behind = f" and {ohms(bounds.ohms)} of the sources" if bounds.ohms else ""
    good = -unsure <= found - known <= unsure + LEADS
    yield SCALE.judged(good, f"{ohms(found)} for {said}{behind}", figures=figures)
    lead = found - known
    text = f"{lead:+.2f} ohm, known to {ohms(unsure)} with this resistor"
    verdict = Verdict.GOOD if unsure <= LEADS and lead <= LEADS + unsure else Verdict.UNKNOWN
    yield LEAD.done(verdict, text, figures={"leads": Figure(lead, "ohm"), "uncertainty": Figure(unsure, "ohm")})


def _settling(file: BenchFile, said: Resistor, noise: float) -> Item:
    """Readings with other waiting times: the bench is opened anew for each."""
    means: dict[float, float] = {}
    try:
        for factor in _FACTORS:
            with open_bench(_waiting(file, factor), journal=MemoryJournal()) as bench:
                means[factor] = float(_sampled(bench.array, said, LEVEL, _REPEATS, moving=True).mean())
    except LabmtjError as error:
        return SETTLING.judged(False, str(error))
    last = means[_FACTORS[-1]]
    most = _SETTLED * abs(last) + _SIGMAS * noise * math.sqrt(2 / _REPEATS)
    off = {factor: mean - last for factor, mean in means.items()}
    enough = [factor for factor in _FACTORS if all(abs(off[later]) <= most for later in _FACTORS if later >= factor)]
    shown = ", ".join(f"{factor:g}x {100 * off[factor] / last:+.2g} %" for factor in _FACTORS[:-1])
    good = abs(off[1.0]) <= most and math.isfinite(last)
    figures = {f"off_at_{factor:g}x": Figure(off[factor], "A") for factor in _FACTORS[:-1]}
    more = "" if not good or enough[0] == 1.0 else "; a quarter of them would do"
    text = (
        f"{shown} of a reading beside the one with 16x the waiting times, known to {100 * most / abs(last):.2g} %{more}"
    )
    return SETTLING.judged(good, text, figures=figures)


def _waiting(file: BenchFile, factor: float) -> BenchFile:
    """The same bench with waiting times so many times as long."""
    wait = file.bench.wait
    longer = {"after_relay": factor * wait.after_relay, "after_source": factor * wait.after_source}
    return BenchFile(file.bench.model_copy(update={"wait": wait.model_copy(update=longer)}), file.source)
