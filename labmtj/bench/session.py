"""Opening a bench: the one place that decides what stands behind PyVISA, and the one that makes it safe.

`open_bench` connects every instrument, checks its identity, puts the limits in force and grounds the
array. Leaving the context, however it is left, brings sources to 0 V, turns outputs off, opens the relays
and ramps a magnet to zero, in this order; a step that fails does not skip the next.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyvisa

from labmtj import host_state
from labmtj.account import Account
from labmtj.bench.assemble import Connected, assemble, roles_of
from labmtj.bench.latch import Interlocks
from labmtj.bench.life_ledger import session_life
from labmtj.bench.limits import Gate, Limits
from labmtj.bench.magnet import Magnet
from labmtj.bench.message_gate import message_gate
from labmtj.bench.reach import device_on, library_path, open_resource, resource_manager
from labmtj.bench.safe_state import SafeState, Stage, leave_safe
from labmtj.bench.taking import admitted, custody_of
from labmtj.bench.thermometer import Sensor
from labmtj.config.bench import Bench, BenchFile, load_bench
from labmtj.config.model import (
    FieldSourceModel,
    InstrumentModel,
    SourceMeterModel,
    SwitchMatrixModel,
    ThermometerModel,
    load_model,
)
from labmtj.drivers.foreign_meter import AdaptedDriver
from labmtj.drivers.loader import driver_of
from labmtj.errors import BenchError, InputError
from labmtj.ports import ArrayAccess, Clock, ContactCheck, FieldSource, Journal, NeuronAccess, Thermometer
from labmtj.records import Cell, Pulse, Reading
from labmtj.runs.cassette import recording
from labmtj.runs.journal import MemoryJournal
from labmtj.units import Dimension, parse

__all__ = [
    "CellHandle",
    "OpenBench",
    "WallClock",
    "connect_instrument",
    "library_path",
    "open_bench",
    "resource_manager",
]

if TYPE_CHECKING:
    from labmtj.bench.custody import Custody

_TIMEOUT = 10.0  # [s] chosen: the longest reading of a model here (25 PLC, autozero) takes 1.5 s


class WallClock:
    """Real time in seconds, from `start` [s] on when it was made."""

    def __init__(self, start: float = 0.0) -> None:
        self._start = time.monotonic() - start

    def now(self) -> float:
        """Seconds since the bench was opened."""
        return time.monotonic() - self._start

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))


def no_panic() -> None:
    """What a bench that nobody has opened does in a panic."""


@dataclass(frozen=True)
class OpenBench:
    """A bench that is connected and at rest; a simulated one can give an account of what was done to its die."""

    file: BenchFile
    array: ArrayAccess
    clock: Clock
    limits: Limits
    identities: dict[str, str]
    contact: ContactCheck
    field: FieldSource | None = None
    thermometer: Thermometer | None = None
    neurons: NeuronAccess | None = None
    account: Callable[[], Account] | None = None
    panic: Callable[[], None] = no_panic
    """Turns all sources off blindly and at once; for the handler of a signal."""
    devices: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """Drivers by the names of their instruments: `.foreign` of one is the object of PyMeasure or QCoDeS behind it."""

    def cell(self, row: int, col: int) -> CellHandle:
        """One cell by its lines, counted from 1."""
        return CellHandle(self.array, Cell(row, col))


@dataclass(frozen=True)
class CellHandle:
    """One cell, for scripts: voltages and times are texts with their units."""

    array: ArrayAccess
    cell: Cell

    def read(self, *, at: str) -> Reading:
        """Read at plus and minus this voltage, for example "50 mV"."""
        return self.array.read([self.cell], voltage=parse(at, Dimension.VOLTAGE))[0]

    def pulse(self, amplitude: str, *, width: str) -> Reading:
        """Fire one V/2 pulse, for example "-400 mV" for "100 us", and read at a tenth of it."""
        volts = parse(amplitude, Dimension.VOLTAGE)
        self.array.pulse(Pulse(self.cell, volts, parse(width, Dimension.TIME)))
        return self.array.read([self.cell], voltage=abs(volts) / 10)[0]


@contextmanager
def open_bench(
    bench: str | Path | BenchFile = "simulated-15x15",
    *,
    journal: Journal | None = None,
    limits: Limits | None = None,
    record: Path | None = None,
    clock_from: float = 0.0,
    report: Path | None = None,
    acknowledge: str | None = None,
) -> Generator[OpenBench, None, None]:
    """Connect a bench for the length of a `with` block, and leave it safe.

    `bench` is a shipped name, a path, or a checked file that lies on disk as it is. `limits` may be
    tighter than the file's, `record` the file of a cassette for all that is said to the instruments, `clock_from` [s]
    where a clock that is the wall's begins (a simulated bench has its own). A bench that other processes can reach gets
    leases and a guardian, which writes into the file `report` if it ever has to make the bench safe. `acknowledge` is
    what a person says about an interlock that had opened.
    Raises InputError, BenchError (Busy, InterlockOpen) or ShutdownFailed.
    """
    file = bench if isinstance(bench, BenchFile) else load_bench(bench)
    bounds = limits or Limits(**dict(file.bench.limits))
    safe = SafeState()
    failure: BaseException | None = None
    log = journal or MemoryJournal()
    # A file that leaves open who drives what is refused before anything is touched.
    models = {name: file.model(name) for name in file.bench.instruments}
    roles_of(file.bench, models)
    drivers_of(file, models)
    opened: OpenBench | None = None
    interlocks: Interlocks | None = None
    try:
        manager = resource_manager(file)
        custody = custody_of(file, manager, safe, report=report)
        place = host_state.shared_folder() if custody is not None else None if report is None else report.parent
        interlocks = Interlocks(place, acknowledge=acknowledge, journal=log)
        opened = _connect(file, manager, bounds, log, safe, record, clock_from, custody, interlocks)
        if journal is None and custody is not None:
            with session_life(opened.array, file, bounds) as living:  # of a run the engine keeps it, by its journal
                opened = replace(opened, array=living)
                yield opened
        else:
            yield opened
    except BaseException as error:
        failure = error
        if interlocks is not None:
            interlocks.left(error)
        raise
    finally:
        safe.reach(failure)
    if opened.account is not None:
        log.record("account", opened.account().entry())


def _connect(
    file: BenchFile,
    manager: pyvisa.ResourceManager,
    limits: Limits,
    journal: Journal,
    safe: SafeState,
    record: Path | None,
    clock_from: float,
    custody: Custody | None,
    interlocks: Interlocks,
) -> OpenBench:
    bench = file.bench
    models = {name: file.model(name) for name in bench.instruments}
    library: Any = manager.visalib
    if record is not None:
        tape = ExitStack()
        tape.enter_context(recording(library, record))
        safe.add(Stage.SESSIONS, "close the cassette", tape.close)
    clock: Clock = getattr(library, "clock", None) or WallClock(clock_from)
    devices: dict[str, Any] = {}
    identities: dict[str, str] = {}
    gate = Gate(limits)
    # Sources first: connecting turns them off, and connecting a matrix moves its relays.
    for name in sorted(models, key=lambda name: isinstance(models[name], SwitchMatrixModel)):
        model = models[name]
        device, close = connect_instrument(file, manager, name, model, custody=custody, gate=gate)
        safe.add(Stage.SESSIONS, f"close {name}", close)
        identities[name] = device.identify()
        admitted(bench, name, model, identities[name], custody, interlocks)
        # Only an instrument that is what it should be, and ours, gets commands when the bench is left.
        leave_safe(safe, name, model, device, panic=custody is not None, register=bench.register == name)
        set_up(bench, name, model, device)
        devices[name] = device
    if custody is not None:
        custody.arm()  # before an output turns on
    assembled = assemble(file, limits, journal, Connected(devices, models), clock, gate=gate)
    array, contact, neurons = assembled.array, assembled.contact, assembled.neurons
    if custody is not None:
        array, contact = custody.watch(array), custody.watch_contact(contact)
        neurons = neurons and custody.watch_neurons(neurons)
    array.rest()
    magnet = _magnet(bench, devices, models, clock, journal)
    if magnet is not None:
        safe.add(Stage.FIELD, "field to zero", magnet.shutdown)
    sensor = bench.thermometer
    thermometer = None if sensor is None else Sensor(devices[sensor.instrument], sensor.channel)
    account = getattr(library, "account", None)
    found = contact, magnet, thermometer, neurons, account, safe.panic, devices
    return OpenBench(file, array, clock, limits, identities, *found)


def _magnet(
    bench: Bench, devices: dict[str, Any], models: dict[str, InstrumentModel], clock: Clock, journal: Journal
) -> Magnet | None:
    """The field of a bench that has one."""
    if bench.magnet is None:
        return None
    model = models[bench.magnet.source]
    if not isinstance(model, FieldSourceModel):
        raise InputError(f"{bench.title}: {bench.magnet.source} is no supply for a magnet")
    return Magnet(devices[bench.magnet.source], model, bench.magnet, clock=clock, journal=journal)


def connect_instrument(
    file: BenchFile,
    manager: pyvisa.ResourceManager,
    name: str,
    model: InstrumentModel,
    *,
    custody: Custody | None = None,
    gate: Gate | None = None,
) -> tuple[Any, Callable[[], None]]:
    """Open the resource of one instrument: its driver, and what closes the session. Raises BenchError.

    What is sent passes the message gate; `gate` is that of the bench, where several instruments make one.
    """
    address = file.bench.instruments[name].address if custody is None else custody.address(name)
    try:
        resource = open_resource(manager, address, timeout=_TIMEOUT)
    except (pyvisa.Error, OSError, ValueError) as error:
        raise BenchError(f"{name}: nothing answers at {address}: {error}") from error
    fence, heartbeat = (None, None) if custody is None else (custody.fence, custody.beat)
    sheet = file.model_file(name)
    bounds, magnet = gate or Gate(Limits(**dict(file.bench.limits))), file.bench.magnet
    most = None if magnet is None else magnet.limit / abs(magnet.tesla_per_ampere) * (1 + 1e-6)
    driver, register = driver_of(model, beside=sheet), file.bench.register == name
    words = message_gate(
        model, bounds.limits, name=name, gate=bounds, driver=driver, most_current=most, register=register
    )
    device, transport = device_on(
        resource, name, model, sheet, fence=fence, gate=words, heartbeat=heartbeat, register=register
    )

    def close() -> None:
        try:
            getattr(device, "let_go", lambda: None)()
        finally:
            transport.close()

    return device, close


def drivers_of(file: BenchFile, models: Mapping[str, InstrumentModel]) -> None:
    """See that every driver is there, and every library that one of them needs. Raises InputError; touches nothing."""
    for name, model in models.items():
        driver = driver_of(model, beside=file.model_file(name))
        if not isinstance(driver, AdaptedDriver):
            continue
        driver.check_importable()
        own = load_model(file.model_file(name)).driver
        if model.driver != own and file.bench.instruments[name].adapter is None and own != driver.adapter.checked_by:
            raise InputError(
                f"{name}: {driver.name} is for an instrument of {driver.adapter.checked_by}, and the data sheet here "
                f"is of {own}: name the class for this model, or say under adapter: what stands for what"
            )


def set_up(bench: Bench, name: str, model: InstrumentModel, device: Any) -> None:
    """Set what reads and pulses rely on; outputs are off, and relays open, after it."""
    if isinstance(model, SwitchMatrixModel):
        device.setup()
    elif isinstance(model, SourceMeterModel):
        device.setup(source_range=bench.measure.source_range, mains=bench.mains)
    elif isinstance(model, FieldSourceModel):
        said = bench.magnet.compliance if bench.magnet is not None else None
        device.setup(compliance=said or model.voltage)
    elif isinstance(model, ThermometerModel):
        device.setup()
    else:
        direct = (end for side in (bench.lines.rows, bench.lines.cols) for end in side.values())
        used = [end for end in (*bench.channels.values(), *direct) if not isinstance(end, int)]
        device.setup(channels=[channel for instrument, channel in used if instrument == name])
