"""Opening a bench: the one place that decides what stands behind PyVISA, and the one that makes it safe.

`open_bench` connects every instrument, checks its identity, puts the limits in force and grounds the
array. Leaving the context, however it is left, brings sources to 0 V, turns outputs off and opens the
relays; a step that fails does not skip the next.
"""

from __future__ import annotations

import enum
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvisa

from labmtj.bench.access import BenchArray, Waits
from labmtj.bench.limits import Gate, GatedPair, GatedSource, Limits
from labmtj.bench.routing import Harness, Line, Router
from labmtj.config.bench import BenchFile, load_bench
from labmtj.config.model import SourceMeterModel, load_model
from labmtj.drivers.link import TspLink
from labmtj.drivers.loader import load_driver
from labmtj.errors import BenchError, InputError, LabmtjError, ShutdownFailed
from labmtj.ports import Clock, Journal
from labmtj.records import Cell, Pulse, Reading, Role
from labmtj.runs.journal import MemoryJournal
from labmtj.units import Dimension, parse

_TIMEOUT = 10.0  # [s] chosen: the longest reading of a model here (25 PLC, autozero) takes 1.5 s


class WallClock:
    """Real time in seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def now(self) -> float:
        """Seconds since the bench was opened."""
        return time.monotonic() - self._start

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))


@dataclass(frozen=True)
class OpenBench:
    """A bench that is connected and at rest."""

    file: BenchFile
    array: BenchArray
    clock: Clock
    limits: Limits
    identities: dict[str, str]

    def cell(self, row: int, col: int) -> CellHandle:
        """One cell by its lines, counted from 1."""
        return CellHandle(self.array, Cell(row, col))


@dataclass(frozen=True)
class CellHandle:
    """One cell, for scripts: voltages and times are texts with their units."""

    array: BenchArray
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
) -> Generator[OpenBench, None, None]:
    """Connect a bench for the length of a `with` block, and leave it safe.

    `bench` is a shipped name, a path, or a checked file that lies on disk as it is. `limits` may be
    tighter than the file's. Raises InputError, BenchError or ShutdownFailed.
    """
    file = bench if isinstance(bench, BenchFile) else load_bench(bench)
    bounds = limits or Limits(**dict(file.bench.limits))
    safe = SafeState()
    failure: BaseException | None = None
    try:
        yield _connect(file, bounds, journal or MemoryJournal(), safe)
    except BaseException as error:
        failure = error
        raise
    finally:
        safe.reach(failure)


class Stage(enum.IntEnum):
    """The order of shutting down: no relay moves before every source is off, no session closes before."""

    SOURCES = 0
    RELAYS = 1
    SESSIONS = 2


class SafeState:
    """The steps that make a bench safe, gathered while it is opened."""

    def __init__(self) -> None:
        self._steps: list[tuple[Stage, str, Callable[[], None]]] = []

    def add(self, stage: Stage, name: str, step: Callable[[], None]) -> None:
        """Add a step; within a stage the last one added runs first."""
        self._steps.insert(0, (stage, name, step))

    def reach(self, cause: BaseException | None) -> None:
        """Run every step, whatever fails. What failed is raised, or noted on `cause`, which is on its way already.

        Signals wait until the last step is done: a second Ctrl-C must not leave a source on.
        """
        failures: list[tuple[str, BaseException]] = []
        with deferred_signals():
            for _, name, step in sorted(self._steps, key=lambda entry: entry[0]):
                try:
                    step()
                except BaseException as error:  # whatever it is, every other step must still run
                    failures.append((name, error))
        self._steps.clear()
        if failures:
            problem = ShutdownFailed(failures)
            if cause is None:
                raise problem
            cause.add_note(str(problem))


@contextmanager
def deferred_signals() -> Generator[None, None, None]:
    """Take note of Ctrl-C, SIGTERM and SIGHUP and let them act at the end of the `with` block (main thread only)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    kinds = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {kind: signal.signal(kind, lambda number, _frame: came.append(number)) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def _connect(file: BenchFile, limits: Limits, journal: Journal, safe: SafeState) -> OpenBench:
    bench = file.bench
    models = {name: load_model(file.model_file(name)) for name in bench.instruments}
    manager = _resource_manager(file)
    library: Any = manager.visalib
    clock: Clock = getattr(library, "clock", None) or WallClock()
    devices: dict[str, Any] = {}
    identities: dict[str, str] = {}
    # Sources first: connecting turns them off, and connecting a matrix moves its relays.
    for name in sorted(models, key=lambda name: not isinstance(models[name], SourceMeterModel)):
        model, address = models[name], bench.instruments[name].address
        try:
            resource: Any = manager.open_resource(address)
        except (pyvisa.Error, OSError, ValueError) as error:
            raise BenchError(f"{name}: nothing answers at {address}: {error}") from error
        safe.add(Stage.SESSIONS, f"close {name}", resource.close)
        resource.read_termination = resource.write_termination = "\n"
        resource.timeout = _TIMEOUT * 1000
        driver = load_driver(model.driver, beside=file.model_file(name))
        device = driver(TspLink(resource, f"{name} ({model.title})"), model)
        identities[name] = device.identify()
        # Only an instrument that is what it should be gets commands when the bench is left.
        if isinstance(model, SourceMeterModel):
            safe.add(Stage.SOURCES, f"sources of {name} to 0 V and off", device.shutdown)
            device.setup(source_range=bench.measure.source_range, mains=bench.mains)
        else:
            safe.add(Stage.RELAYS, f"open the relays of {name}", device.open_all)
            device.setup()
        devices[name] = device
    array = _array(file, limits, journal, devices, clock)
    array.rest()
    return OpenBench(file, array, clock, limits, identities)


def _resource_manager(file: BenchFile) -> pyvisa.ResourceManager:
    try:
        return pyvisa.ResourceManager(library_path(file))
    except LabmtjError:
        raise  # what is wrong with a simulated bench
    except (pyvisa.Error, OSError, ValueError) as error:
        raise InputError(f"PyVISA cannot open the library {file.bench.visa!r}: {error}") from error


def library_path(file: BenchFile) -> str:
    """The PyVISA library of a bench; the twin's is told which file to simulate."""
    if file.bench.visa == "@labmtj":
        if file.source.path is None:
            raise InputError("a simulated bench needs a file on disk")
        return f"{file.source.path}@labmtj"
    return file.bench.visa


def _array(file: BenchFile, limits: Limits, journal: Journal, devices: dict[str, Any], clock: Clock) -> BenchArray:
    bench = file.bench
    # Which channels and which matrix there are was checked with the file.
    (drive_row, (smu, first)), (sense_row, (_, second)) = sorted(bench.channels.items())
    matrix = next(device for device in devices.values() if hasattr(device, "switch"))
    gate, measure = Gate(limits), bench.measure
    for name in (first, second):
        channel = GatedSource(devices[smu].channel(name), gate, name)
        channel.compliance_current = limits.line_compliance
        channel.nplc = measure.nplc
        channel.source_voltage = 0.0
        channel.source_enabled = True
    pair = devices[smu].pair(
        first, second, compliance=limits.line_compliance, nplc=measure.nplc, read_range=measure.range
    )
    columns = {Line("row", n): c for n, c in bench.lines.rows.items()}
    columns |= {Line("col", n): c for n, c in bench.lines.cols.items()}
    rows = {Role.DRIVE: drive_row, Role.SENSE: sense_row, Role.GROUND: min(bench.ground_rows)}
    return BenchArray(
        shape=(bench.array.rows, bench.array.cols),
        pair=GatedPair(pair, gate),
        router=Router(matrix, Harness(columns, rows)),
        limits=limits,
        waits=Waits(bench.wait.after_relay, bench.wait.after_source),
        clock=clock,
        journal=journal,
    )
