"""What is wrong with a bench, found in the order in which it is safe to look.

Limits of the file first; then identities, and every source at 0 V and off before a relay moves; then the matrix, all
relays open; then all lines to ground, alone; then the contact of every line of the array. Nothing above 10 mV is put
on it, and a stage that fails ends the examination of what depends on it. Every instrument is left as after any
session, the other way round: lines at ground, sources at 0 V and off (a source that is off holds 0 V; its driver sees
to that when it is set up), relays open, sessions closed.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from labmtj.bench.assemble import Connected, Roles, bank_ends, generator_pulses, meter, roles_of, router
from labmtj.bench.assemble_lines import direct_lines
from labmtj.bench.bank_lines import BankLineTester
from labmtj.bench.latch import Interlocks
from labmtj.bench.limits import Gate, Limits
from labmtj.bench.lines import LEVEL, LineTester
from labmtj.bench.routing import Router
from labmtj.bench.safe_state import SafeState, Stage, leave_safe
from labmtj.bench.session import WallClock, connect_instrument, drivers_of, resource_manager, set_up
from labmtj.bench.taking import admitted, custody_of
from labmtj.config.bench import Bench, BenchFile
from labmtj.config.model import (
    InstrumentModel,
    SourceMeterModel,
    SwitchMatrixModel,
)
from labmtj.errors import LabmtjError
from labmtj.host_state import shared_folder
from labmtj.ports import Clock
from labmtj.records import Line, LineFault
from labmtj.runs.journal import MemoryJournal
from labmtj.units import Dimension, show

if TYPE_CHECKING:
    from labmtj.bench.custody import Custody


class Tester(Protocol):
    """What examines the lines of a bench."""

    @property
    def lines(self) -> list[Line]:
        """Every line of the array."""
        ...

    def faults(self) -> Iterator[LineFault]:
        """Examine every line; nothing for a good one."""
        ...


class Verdict(enum.StrEnum):
    """How a check came out."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, how it came out, what was found and what to do."""

    subject: str
    verdict: Verdict
    text: str
    advice: str = ""


def examine(file: BenchFile, *, acknowledge: str | None = None, repeat: int = 1) -> Iterator[Finding]:
    """Examine a bench; findings come as they are made. Raises what is wrong with the file itself, and Busy.

    `acknowledge` is what a person says about an interlock that had opened. Every line is examined `repeat` times, for
    contacts that come and go.
    """
    bench = file.bench
    models = {name: file.model(name) for name in bench.instruments}
    drivers_of(file, models)
    fits = list(unkept_limits(bench, models))
    yield from fits or [Finding("limits", Verdict.GOOD, "within what the instruments can do")]
    try:
        roles = roles_of(bench, models)
    except LabmtjError as error:
        yield Finding("roles", Verdict.BAD, str(error))
        return
    safe = SafeState()
    try:
        manager = resource_manager(file)
        taken = Taken.of(file, manager, safe, acknowledge)
        clock: Clock = getattr(manager.visalib, "clock", None) or WallClock()
        devices: dict[str, Any] = {}
        for name in sorted(models, key=lambda name: isinstance(models[name], SwitchMatrixModel)):
            finding = connect_one(file, manager, name, models[name], devices, safe, taken)
            yield finding
        missing = sorted(set(models) - set(devices))
        if missing:
            what = f"not examined: {', '.join(missing)} must answer first"
            yield Finding("relays and lines", Verdict.UNKNOWN, what, "mend what is bad above")
            return
        if taken.custody is not None:
            taken.custody.arm()  # before an output turns on
        connected = Connected(devices, models)
        if bench.every_line:
            yield from _lines(bench, lambda: direct_lines(bench, connected, clock), repeat)
        else:
            yield from _relays(bench, roles, connected, clock, repeat)
    finally:
        safe.reach(None)


def unkept_limits(bench: Bench, models: Mapping[str, InstrumentModel]) -> Iterator[Finding]:
    """Limits and settings of the file that its instruments cannot keep."""
    limits = bench.limits
    for name, model in models.items():
        if isinstance(model, SourceMeterModel):
            bounds = model.compliance
            if not bounds.minimum <= limits.line_compliance <= bounds.maximum:
                shown = show(limits.line_compliance, Dimension.CURRENT)
                yield Finding(name, Verdict.BAD, f"its compliance cannot be {shown}", "change limits.line_compliance")
            if max(entry.range for entry in model.measure_current) < bench.measure.range:
                shown = show(bench.measure.range, Dimension.CURRENT)
                yield Finding(name, Verdict.BAD, f"it has no current range for {shown}", "change measure.range")
            if not model.nplc.minimum <= bench.measure.nplc <= model.nplc.maximum:
                yield Finding(
                    name, Verdict.BAD, f"it cannot integrate over {bench.measure.nplc:g} periods", "measure.nplc"
                )


@dataclass(frozen=True)
class Taken:
    """What stands between this process and others that may want the bench."""

    custody: Custody | None
    interlocks: Interlocks

    @classmethod
    def of(cls, file: BenchFile, manager: Any, safe: SafeState, acknowledge: str | None) -> Taken:
        """Take the bench. Raises Busy."""
        custody = custody_of(file, manager, safe)
        place = None if custody is None else shared_folder()
        return cls(custody, Interlocks(place, acknowledge=acknowledge, journal=MemoryJournal()))


def connect_one(
    file: BenchFile,
    manager: Any,
    name: str,
    model: InstrumentModel,
    devices: dict[str, Any],
    safe: SafeState,
    taken: Taken,
) -> Finding:
    """Connect one instrument, check who it is and set it up."""
    address = file.bench.instruments[name].address
    try:
        device, close = connect_instrument(file, manager, name, model, custody=taken.custody)
        safe.add(Stage.SESSIONS, f"close {name}", close)
        serial = device.identify()
        admitted(file.bench, name, model, serial, taken.custody, taken.interlocks)
        register = file.bench.register == name
        leave_safe(safe, name, model, device, panic=taken.custody is not None, register=register)
        set_up(file.bench, name, model, device)
    except LabmtjError as error:
        return Finding(name, Verdict.BAD, str(error), f"look at {address}, its cable and its model in the bench file")
    devices[name] = device
    return Finding(name, Verdict.GOOD, f"{model.title}, serial {serial}, at {address}")


def _relays(bench: Bench, roles: Roles, connected: Connected, clock: Clock, repeat: int) -> Iterator[Finding]:
    matrix = next(device for device in connected.devices.values() if hasattr(device, "switch"))
    try:
        matrix.open_all()
        left = sorted(matrix.closed())
    except LabmtjError as error:
        yield Finding("relays", Verdict.BAD, str(error), "the matrix does not do as it is told: look at its cards")
        return
    if left:
        names = ", ".join(f"{row}{col}" for row, col in left)
        yield Finding("relays", Verdict.BAD, f"still closed after all were opened: {names}")
        return
    yield Finding("relays", Verdict.GOOD, "all open when told so")
    routes = router(bench, roles, connected)
    try:
        routes.take(routes.route({}))
    except LabmtjError as error:
        yield Finding("ground", Verdict.BAD, str(error), "look at the matrix: nothing is put on lines before")
        return
    yield Finding("ground", Verdict.GOOD, "every line that passes the matrix is at ground, nothing else is closed")
    yield from _lines(bench, lambda: _tester(bench, roles, connected, clock, routes), repeat)


def _lines(bench: Bench, prepare: Callable[[], Tester], repeat: int) -> Iterator[Finding]:
    """Examine every line, with what `prepare` makes ready."""
    seen: dict[LineFault, int] = {}
    try:
        tester = prepare()
        for _ in range(repeat):
            for fault in dict.fromkeys(tester.faults()):
                seen[fault] = seen.get(fault, 0) + 1
    except LabmtjError as error:
        yield Finding("lines", Verdict.BAD, str(error))
        return
    for fault, count in seen.items():
        roles, end = _wire(bench, fault.line.axis, fault.line.number)
        often = "" if repeat == 1 else f" ({count} of {repeat} times)"
        yield Finding(str(fault.line), Verdict.BAD, fault.text + often, f"{end}{roles}")
    good = len(tester.lines) - len({fault.line for fault in seen})
    verdict = Verdict.GOOD if good == len(tester.lines) else Verdict.UNKNOWN
    often = "" if repeat == 1 else f", {repeat} times"
    yield Finding("lines", verdict, f"{good} of {len(tester.lines)} conduct at {show(LEVEL, Dimension.VOLTAGE)}{often}")


def _tester(bench: Bench, roles: Roles, connected: Connected, clock: Clock, routes: Router) -> Tester:
    """What examines the lines of this bench, with its meters on at 0 V."""
    gate, wait = Gate(Limits(**dict(bench.limits))), bench.wait
    if bench.gates is not None:
        from labmtj.bench.assemble_chip import chip_lines

        return chip_lines(bench, connected, roles, gate, routes, clock)
    if roles.drive is None:
        return BankLineTester(
            routes,
            bank_ends(bench, roles, connected, gate),
            clock,
            cols=bench.array.cols,
            settle=wait.after_source,
            relay=wait.after_relay,
            full_scale=bench.measure.range,
        )
    drive, sense = meter(bench, connected, roles.drive, gate), meter(bench, connected, roles.sense, gate)
    for channel in (drive, sense):
        channel.current_range = bench.measure.range
    shape = (bench.array.rows, bench.array.cols)
    pulser = generator_pulses(bench, roles, connected, gate)
    settle = wait.after_relay + wait.after_source
    kinds = bench.row_kinds
    tester = LineTester(routes, drive, sense, clock, shape=shape, settle=settle, pulser=pulser, row_kinds=kinds)
    if bench.neurons is None:
        return tester
    from labmtj.bench.assemble_neurons import common_meter
    from labmtj.bench.neuron_lines import CommonRelays, NeuronTester

    common = common_meter(bench, connected, roles, gate)
    return NeuronTester(tester, CommonRelays(routes, drive, common, clock, bench.neurons.count, settle))


def _wire(bench: Bench, axis: str, number: int) -> tuple[str, str]:
    """Where to look: roles by matrix row, and the line's matrix column or channel."""
    wires = bench.lines.rows if axis == "row" else bench.lines.cols
    end = wires[(number - 1) % bench.array.rows + 1 if axis == "row" else number]
    if bench.every_line and not isinstance(end, int):
        return "", f"channel {'.'.join(end)}"
    roles = ", ".join(f"{row} is {plug}" for row, plug in sorted(bench.roles.items()))
    return f"; rows: {roles}", f"matrix column {end if isinstance(end, int) else '.'.join(end)}"
