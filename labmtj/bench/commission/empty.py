"""With nothing on the lines: who answers, whether relays do as they are told, whether open lines are open."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labmtj.bench.assemble import Connected, roles_of, router
from labmtj.bench.commission.items import Figure, Item, Stage, Task, amperes, ohms
from labmtj.bench.commission.leakage import FINE, LEAST, Look, Probe, probe
from labmtj.bench.doctor import Finding, Taken, Verdict, connect_one
from labmtj.bench.limits import Gate, Limits
from labmtj.bench.lines import LEVEL
from labmtj.bench.routing import Line, Router
from labmtj.bench.safe_state import SafeState
from labmtj.bench.session import WallClock, resource_manager
from labmtj.config.bench import Bench, BenchFile
from labmtj.config.model import InstrumentModel, SwitchMatrixModel
from labmtj.errors import LabmtjError
from labmtj.ports import Clock

IDENTITY = Task(
    Stage.EMPTY,
    "identity",
    what="Each instrument is asked who it is, set up as for a run with its outputs off, and read back.",
    why="The wrong box at an address, or another firmware, does other things than what was checked.",
    good="The model of the bench file answers, with the firmware that its data sheet was written for.",
    advice="look at its address, its cable and its model in the bench file",
)
CROSSPOINTS = Task(
    Stage.EMPTY,
    "relays",
    what="Each crosspoint that the wiring uses is closed alone and opened again, with all outputs off.",
    why="A relay that does not move, or another one that does, puts pulses on the wrong line.",
    good="The matrix itself says that this crosspoint is closed, then that none is.",
    advice="look at the cards of the matrix and their slots: roles and lines count rows and columns from the first one",
)
IDLE = Task(
    Stage.EMPTY,
    "idle sources",
    what="The sources stand at 10 mV, of both signs, while no relay leads to a line.",
    why="What flows now goes past open relays, in the matrix or in the cables to it, and adds to every reading.",
    good=f"Less than {amperes(LEVEL / LEAST)}: more than {ohms(LEAST)}.",
    advice="a relay is stuck closed, or a cable between source and matrix is damp or damaged: unplug them one by one",
)
ISOLATION = Task(
    Stage.EMPTY,
    "isolation",
    what="Each line stands at 10 mV, of both signs, while all others are at 0 V; nothing is connected to any.",
    why="Current between lines that touch nothing flows beside the cells ever after.",
    good=f"Each line gives less than {amperes(LEVEL / LEAST)}, or five times the noise of the sensors.",
    advice="is there really nothing on the lines? Then look at the probe card and the cables of the lines named",
)
_SHOWN = 6  # chosen: lines that are named one by one


def on_empty_lines(
    file: BenchFile,
    models: dict[str, InstrumentModel],
    identities: dict[str, str],
    *,
    acknowledge: str | None = None,
) -> Iterator[Item]:
    """Examine a bench with nothing on its lines; `identities` gets who answers. Raises Busy."""
    bench, safe = file.bench, SafeState()
    try:
        manager = resource_manager(file)
        taken = Taken.of(file, manager, safe, acknowledge)
        clock: Clock = getattr(manager.visalib, "clock", None) or WallClock()
        devices: dict[str, Any] = {}
        for name in sorted(models, key=lambda name: isinstance(models[name], SwitchMatrixModel)):
            finding = connect_one(file, manager, name, models[name], devices, safe, taken)
            yield _identity(finding, models[name], devices.get(name), identities)
        if len(devices) < len(models):
            return
        if taken.custody is not None:
            taken.custody.arm()  # before an output turns on
        connected = Connected(devices, models)
        yield from _lines(bench, connected, clock)
    finally:
        safe.reach(None)


def _identity(finding: Finding, model: InstrumentModel, device: Any, identities: dict[str, str]) -> Item:
    name = finding.subject
    link = getattr(device, "link", None)
    if device is not None and link is None:
        identities[name] = finding.text  # a driver of another library: nobody here can ask for its firmware
    if link is None:
        return IDENTITY.done(finding.verdict, finding.text, subject=name, advice=finding.advice)
    maker, found, serial, firmware = link.identify()
    identities[name] = ", ".join((maker, found, serial, firmware))
    if firmware == model.identity.firmware:
        return IDENTITY.done(Verdict.GOOD, f"{finding.text}, firmware {firmware}", subject=name)
    text = f"{finding.text}, firmware {firmware}; its data sheet was written for {model.identity.firmware}"
    advice = "read its release notes for what changed in the commands that are used; then write it into the data sheet"
    return IDENTITY.done(Verdict.UNKNOWN, text, subject=name, advice=advice)


def _lines(bench: Bench, connected: Connected, clock: Clock) -> Iterator[Item]:
    roles, routes = roles_of(bench, connected.models), None
    if not bench.every_line:
        matrix = next(device for device in connected.devices.values() if hasattr(device, "switch"))
        item = _crosspoints(bench, matrix)
        yield item
        if item.verdict is Verdict.BAD:
            return
        routes = router(bench, roles, connected)
    gate = Gate(Limits(**dict(bench.limits)))
    try:
        yield from _isolation(probe(bench, roles, connected, gate, routes, clock), routes)
    except LabmtjError as error:
        yield ISOLATION.judged(False, str(error))


def _crosspoints(bench: Bench, matrix: Any) -> Item:
    """Every crosspoint that roles and lines use."""
    columns = [
        end for side in (bench.lines.rows, bench.lines.cols) for _, end in sorted(side.items()) if isinstance(end, int)
    ]
    wrong: list[str] = []
    try:
        matrix.open_all()
        for row in sorted(bench.roles):
            for column in columns:
                closed = matrix.switch([("close", [(row, column)])])
                opened = matrix.switch([("open", [(row, column)])])
                if closed != {(row, column)} or opened:
                    wrong.append(f"{row}{column} ({_listed(closed)}, then {_listed(opened)})")
    except LabmtjError as error:
        wrong.append(str(error))
    finally:
        matrix.open_all()
    count = Figure(len(bench.roles) * len(columns), "")
    if wrong:
        return CROSSPOINTS.judged(False, f"not as they were told: {_some(wrong)}", figures={"crosspoints": count})
    return CROSSPOINTS.judged(True, f"{count.value} crosspoints close and open", figures={"crosspoints": count})


def _isolation(tester: Probe, routes: Router | None) -> Iterator[Item]:
    """What sources give to no line, and each line to nothing."""
    idle, looks, limit = _looks(tester)
    if idle:
        text = "; ".join(f"{amperes(value)} with {where}" for where, value in idle.items())
        good = all(abs(value) <= limit for value in idle.values())
        figures = {where.replace(" ", "_"): Figure(value, "A") for where, value in idle.items()}
        yield IDLE.judged(good, text, figures=figures)
        if not good:
            return
    leaky = [line for line, look in looks.items() if not abs(look.out) <= limit]
    worst = max(looks, key=lambda line: abs(_overflow(looks[line].out)))
    most = abs(_overflow(looks[worst].out))
    figures = {"most": Figure(most, "A"), "bound": Figure(limit, "A")}
    bound = f"less than {amperes(limit)} each, {ohms(LEVEL / limit)}"
    if not leaky:
        text = f"{len(looks)} lines, {bound}; most is {amperes(most)} on {worst}"
        yield ISOLATION.judged(True, text, figures=figures)
    if 2 * len(leaky) > len(looks):
        text = f"{len(leaky)} of {len(looks)} lines conduct, as with something connected to them; "
        text += f"{worst} {_given(looks[worst])}, and should give less than {amperes(limit)}"
        yield ISOLATION.judged(False, text, figures=figures)
        return
    for line in leaky[:_SHOWN]:
        text = f"{_given(looks[line])}, and should give less than {amperes(limit)}{_where(tester, line, looks, limit)}"
        yield ISOLATION.judged(False, text, subject=str(line), figures={"out": Figure(looks[line].out, "A")})
    if leaky[_SHOWN:]:
        yield ISOLATION.judged(False, f"so do {len(leaky) - _SHOWN} more lines", figures=figures)
    if routes is not None:
        routes.take(routes.route({}))


def _looks(tester: Probe) -> tuple[dict[str, float], dict[Line, Look], float]:
    """What sources give to no line, and to each, and what they may give [A].

    Only if nothing is there that would overfill the fine range is it looked at on that; else what is there is told.
    """
    idle = {where: _overflow(value) for where, value in tester.idle().items()}
    looks = {line: tester.look(line) for line in tester.lines}
    seen = [*idle.values(), *(_overflow(look.out) for look in looks.values())]
    if all(abs(value) <= tester.most for value in seen) and tester.refine():
        idle = {where: _overflow(value) for where, value in tester.idle().items()}
        looks = {line: tester.look(line) for line in tester.lines}
        return idle, looks, tester.bound
    return idle, looks, tester.most


def _where(tester: Probe, line: Line, looks: Mapping[Line, Look], limit: float) -> str:
    """The line that it leads to, if one takes half of it; else ground."""
    out = abs(_overflow(looks[line].out))
    for other in tester.lines:
        if other != line and not abs(tester.between(line, other)) < max(0.5 * min(out, FINE), limit):
            return f": it is tied to {other}"
    return ": it is tied to ground, or to what is not measured"


def _given(look: Look) -> str:
    return f"gives {amperes(look.out)} at 10 mV" if math.isfinite(look.out) else "fills its source at 10 mV"


def _overflow(value: float) -> float:
    """A current beyond the range, also where both halves were: nan is infinite as well."""
    return value if math.isfinite(value) else math.inf


def _listed(crosspoints: frozenset[tuple[str, int]]) -> str:
    return ", ".join(f"{row}{column}" for row, column in sorted(crosspoints)) or "none"


def _some(texts: Sequence[str]) -> str:
    return "; ".join(texts[:_SHOWN]) + (f" and {len(texts) - _SHOWN} more" if texts[_SHOWN:] else "")
