"""Verdicts about a program step: whether its algorithm, scheme, width and amplitude can write a layer at all."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from labmtj.config.bench import Limits
from labmtj.physics.reach import Path
from labmtj.physics.schemes import levels
from labmtj.physics.variation import DieModel
from labmtj.physics.write_forecast import MOST_DAMAGE, Forecast, Survey, Writing, best, forecast, survey
from labmtj.physics.write_window import switching_volts
from labmtj.protocol.kinds.fields import AmplitudePair
from labmtj.protocol.kinds.program import ProgramStep
from labmtj.records import Amplitudes, State
from labmtj.routines.characterise import WRITE_MARGIN
from labmtj.routines.writing.settings import MODEL_MARGIN, STEPS, Algorithm
from labmtj.units import Dimension, show

# chosen: one cell in two hundred wrong is what verification is there to avoid, one in a thousand is worth a word
_CANNOT, _POOR = 5e-3, 1e-3
_LONGEST = 1.0  # [s] as routines.writing.settings has it for pulses that are widened


class Severity(enum.IntEnum):
    """How bad it is."""

    ERROR = 0
    REFUSED = 1
    WARNING = 2
    NOTE = 3


@dataclass(frozen=True)
class Verdict:
    """What is found about a step: the field that it is about, what, and what to do."""

    severity: Severity
    field: tuple[str, ...]
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Ground:
    """What a verdict stands on: the kind of die, the ohms to its lines, and the limits that hold."""

    model: DieModel
    path: Path
    limits: Limits


def writing_of(
    step: ProgramStep, layer: tuple[int, int], ground: Ground, *, wire: float | None
) -> tuple[Writing, Survey]:
    """A program step as a forecast takes it, and the dies surveyed for it; `wire` [ohm] as the map has it by then.

    Raises SolveError, LimitExceeded.
    """
    width, algorithm = step.pulse.width or 0.0, step.algorithm
    typical = {state: switching_volts(ground.model, width=width, target=state) for state in State}
    seen = survey(ground.model, scheme=step.scheme, amplitude=typical[State.P], path=ground.path, wire=wire)
    compensated = step.compensate and wire is not None
    margin = MODEL_MARGIN if algorithm is Algorithm.MODEL else WRITE_MARGIN
    if isinstance(step.pulse.amplitude, AmplitudePair) and algorithm is not Algorithm.MODEL:
        amplitudes = step.pulse.amplitude.record
    else:
        # The map finds it on cells of the diagonal, each through its own wires.
        scale = margin if compensated else margin / float(np.median(seen.typical.selected))
        amplitudes = Amplitudes(scale * typical[State.P], scale * typical[State.AP])
    growth = STEPS[algorithm] if step.step is None else replace(STEPS[algorithm], rise=step.step)
    blind = algorithm is Algorithm.ONE_SHOT
    attempts = range(1 if blind else step.retries + 1)
    ends = [abs(volts) for volts in levels(step.scheme, 1.0) if volts is not None]
    writing = Writing(
        amplitudes,
        width,
        step.scheme,
        layer,
        ground.limits.cell_voltage,
        rises=tuple(growth.amplitude(attempt) for attempt in attempts),
        widths=tuple(min(growth.width(attempt), _LONGEST / width) for attempt in attempts),
        verified=not blind,
        compensated=compensated,
        own=algorithm is Algorithm.MODEL,
        between=ground.limits.terminal_voltage / max(ends),
        sweeps=step.repair_sweeps,
    )
    return writing, seen


def judge_writing(
    step: ProgramStep, layer: tuple[int, int], ground: Ground, *, wire: float | None = None
) -> Iterator[Verdict]:
    """Judge a program step; `wire` [ohm a segment] is what the map has by then. Raises SolveError, LimitExceeded."""
    writing, seen = writing_of(step, layer, ground, wire=wire)
    found = forecast(writing, seen)
    if found.damage > MOST_DAMAGE:
        yield Verdict(
            Severity.REFUSED,
            ("pulse", "amplitude"),
            f"a cell that does not switch is written into breakdown: {len(writing.rises)} pulses of up to "
            f"{show(found.cell_volts, Dimension.VOLTAGE, 3)} on cell {found.hottest} add {found.damage:.1e} to its "
            f"damage, {MOST_DAMAGE:.0e} is allowed; {found.broken:.1%} of cells would break",
            "lower the amplitude, the retries or the width",
        )
    asked, said = max(writing.amplitudes.ap_to_p, writing.amplitudes.p_to_ap), step.pulse.amplitude != "from_map"
    last = asked * max(writing.rises)
    if step.algorithm is Algorithm.ISPP and last > writing.most:
        yield Verdict(
            Severity.REFUSED if said else Severity.WARNING,
            ("pulse", "amplitude"),
            f"stepped up {len(writing.rises) - 1} times it would come to {show(last, Dimension.VOLTAGE, 3)}, above the "
            f"limit of {show(writing.most, Dimension.VOLTAGE)} for a cell",
            f"begin no higher than {show(asked * writing.most / last, Dimension.VOLTAGE, 3)}, or allow fewer retries",
        )
    elif asked > writing.most and not said:
        yield Verdict(
            Severity.WARNING,
            ("pulse", "amplitude"),
            f"the map will ask for about {show(asked, Dimension.VOLTAGE, 3)} on these dies, above the limit of "
            f"{show(writing.most, Dimension.VOLTAGE)}",
            "lengthen the pulses, or raise the limit if the devices stand it",
        )
    if found.wrong > _POOR:
        yield _wrong(step, writing, seen, found, ground, wire)
    yield Verdict(Severity.NOTE, (), _figures(writing, found))


def _wrong(
    step: ProgramStep, writing: Writing, seen: Survey, found: Forecast, ground: Ground, wire: float | None
) -> Verdict:
    """Too many cells will be wrong: whether another amplitude would do, whose fault it is, and what would help."""
    scale, least = best(writing, seen)
    what = f"{step.algorithm} in pulses of {show(writing.width, Dimension.TIME)} with {step.scheme}"
    if least.wrong <= _CANNOT:
        where = ("pulse", "amplitude") if least.wrong < 0.5 * found.wrong else ("algorithm",)
        hint = (
            f"{_percent(least.wrong)} with {scale:.2g} times the amplitude" if where == ("pulse", "amplitude") else ""
        )
        severity = Severity.WARNING
        text = f"{what} leaves {_percent(found.wrong)} of the cells wrong: {_reason(found)}"
        return Verdict(severity, where, text, hint or _remedy(writing, ground))
    bare = replace(ground.model, wire=1e-3)
    _, unwired = best(writing, survey(bare, scheme=writing.scheme, amplitude=writing.amplitudes.ap_to_p))
    voltages = "one voltage for all cells"
    if writing.compensated and wire is not None:
        voltages = f"making up for {show(wire, Dimension.RESISTANCE)} a segment"
    at_best = f"at the best amplitude {_percent(least.wrong)} of the cells end up wrong"
    if unwired.wrong <= _CANNOT:
        text = (
            f"{voltages} cannot work here: through {show(ground.model.wire, Dimension.RESISTANCE)} a "
            f"segment cell {found.farthest} gets {found.far:.2f} of the amplitude, and half-selected cells up to "
            f"{found.half:.2f}, so that what writes the one flips the others; {at_best}"
        )
        known = "" if step.compensate else "; write compensate: true"
        hint = f"measure the wires before (or open a map that has them), so that each cell's amplitude makes up{known}"
        return Verdict(Severity.REFUSED, ("algorithm",), text, hint)
    return Verdict(
        Severity.REFUSED,
        ("algorithm",),
        f"{what} cannot work here: {at_best}, {_reason(least)}",
        _remedy(writing, ground),
    )


def _reason(found: Forecast) -> str:
    """Where the wrong cells come from."""
    parts: list[str] = []
    if found.missed > 0.1 * found.wrong:
        parts.append(f"{_percent(found.missed)} are never switched, the pulse is too weak for the tail of the spread")
    if found.disturbed > 0.1 * found.wrong:
        more = f"; each repair disturbs {found.spread:.1f} cells in the long run" if found.spread > 0.5 else ""
        chance = f"half-selected, P = {found.flip:.1e} a pulse{more}"
        parts.append(f"{_percent(found.disturbed)} are flipped by pulses on other cells ({chance})")
    return " and ".join(parts)


def _remedy(writing: Writing, ground: Ground) -> str:
    """What would work instead, of what is near: verification, or longer pulses."""
    growth = STEPS[Algorithm.VERIFY_FIRST]
    rises = tuple(growth.amplitude(attempt) for attempt in range(11))
    longer = [width for width in (1e-6, 1e-5, 1e-4) if width > writing.width]
    tried = (
        []
        if writing.verified
        else [("verify_first", replace(writing, verified=True, rises=rises, widths=(1.0,) * 11, sweeps=4))]
    )
    tried += [(f"a width of {show(width, Dimension.TIME)}", replace(writing, width=width)) for width in longer]
    for name, other in tried:
        volts = {state: switching_volts(ground.model, width=other.width, target=state) for state in State}
        amplitudes = Amplitudes(WRITE_MARGIN * volts[State.P], WRITE_MARGIN * volts[State.AP])
        seen = survey(ground.model, scheme=other.scheme, amplitude=amplitudes.ap_to_p, path=ground.path)
        if best(replace(other, amplitudes=amplitudes), seen)[1].wrong < _POOR:
            return f"{name} would do"
    return ""


def _figures(writing: Writing, found: Forecast) -> str:
    """What is expected of a layer that can be written."""
    cells = writing.layer[0] * writing.layer[1]
    amplitudes = writing.amplitudes
    low, high = sorted((amplitudes.ap_to_p, amplitudes.p_to_ap))
    flipped = 0.5 * cells * found.pulses * found.flips
    return (
        f"{show(low, Dimension.VOLTAGE, 3)} and {show(high, Dimension.VOLTAGE, 3)}, of which the cells get "
        f"{found.far:.2f} to {found.near:.2f}; {_percent(found.wrong)} of {cells} cells wrong at the end, "
        f"{_few(flipped)} flipped by pulses on others on the way"
    )


def _few(count: float) -> str:
    return f"{count:.0f}" if count >= 10 else f"{count:.2g}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share >= 1e-6 else "less than 0.0001 %"
