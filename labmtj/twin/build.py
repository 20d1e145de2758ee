"""From a bench file to a simulated bench: the die, the world, the instruments behind their addresses."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from labmtj.account import Account
from labmtj.config.bench import Bench, BenchFile, load_bench
from labmtj.config.bench_magnet import Coil as CoilEntry
from labmtj.config.model import InstrumentModel, SourceMeterModel, SwitchMatrixModel, load_model
from labmtj.dies import die_model
from labmtj.errors import InputError
from labmtj.physics.variation import DieTruth, draw_die
from labmtj.records import Defect
from labmtj.twin.chip_electrics import ChipElectrics
from labmtj.twin.chip_register import GateCard
from labmtj.twin.coil import Coil
from labmtj.twin.electrics import Electrics
from labmtj.twin.faults.injector import Faults
from labmtj.twin.hands import Hands
from labmtj.twin.instrument import Firmware, Instrument
from labmtj.twin.record import TwinLog
from labmtj.twin.smu import Smu
from labmtj.twin.state import MATRIX_COLS, MATRIX_ROWS, DieState
from labmtj.twin.wiring import Channel, Wiring
from labmtj.twin.world import World

if TYPE_CHECKING:
    from labmtj.twin.neuron_electrics import NeuronElectrics

_JOINTS = 1e-6  # [V] chosen: rms of two joints of copper at the same table, some tenths of a kelvin apart
_LEAD = 0.5  # [ohm] chosen: a metre of thin coaxial cable and a probe needle


@dataclass(frozen=True)
class Place:
    """Where an instrument stands: its world, its name there, the mains [Hz], the seed and numbers of its errors."""

    world: World
    name: str
    mains: float
    seed: int
    numbers: Mapping[Channel, int]

    def channel(self, name: str) -> Channel:
        """A channel of this instrument as the world knows it."""
        return self.name, name

    def number(self, name: str) -> int:
        """The number of a channel in the addresses of its errors; no two on a bench have the same."""
        known = self.numbers.get((self.name, name))
        return len(self.numbers) + crc32(f"{self.name}.{name}".encode()) if known is None else known

    def smu(self, name: str, model: SourceMeterModel) -> Smu:
        """A source-measure channel of this instrument."""
        return Smu(self.world, (self.name, name), model, number=self.number(name), mains=self.mains, seed=self.seed)

    @property
    def coil(self) -> Coil:
        """What hangs on this instrument's output: a magnet's coil, or one that no die lies in."""
        return self.world.coils.setdefault(self.name, coil(CoilEntry(), tesla_per_ampere=0.0))


@dataclass(frozen=True)
class SimulatedBench:
    """A world and its instruments by VISA address; `names` are those of the bench file, by address.

    `power_on` makes the firmware of an instrument, by its name, as it is when it was just switched on.
    """

    world: World
    instruments: dict[str, Instrument]
    names: dict[str, str] = field(default_factory=dict[str, str])
    title: str = ""
    power_on: Callable[[str], Firmware] | None = None
    die: DieState | None = None  # what one process has at a time

    hands: Hands | None = None  # put things on its lines, and its die back

    @cached_property
    def faults(self) -> Faults:
        """What is wrong on it: nothing until something is put in."""
        return Faults(self.world, {self.names[a]: i for a, i in self.instruments.items()}, power_on=self.power_on)

    def account(self) -> Account:
        """What happened to the die since this bench was built."""
        with self.world.lock:
            return self.world.electrics.account()


def wiring(file: BenchFile, matrix: SwitchMatrixModel | None, seed: int) -> Wiring:
    """The wires of a bench file with the contacts of its matrix, if it has one."""
    bench = file.bench
    leads = bench.simulation.leads if bench.simulation is not None else None
    lead = leads.lead if leads is not None and leads.lead is not None else _LEAD
    relay = (0.0, 0.0) if matrix is None else (matrix.relay.resistance[0], matrix.relay.resistance[1])
    emf = _JOINTS if matrix is None else matrix.relay.thermal_emf
    if leads is not None and leads.contact is not None:
        relay = (leads.contact, leads.contact)
    roles = {row: bench.channels.get(row) for row in bench.roles}
    return Wiring(seed, roles, bench.lines.rows, bench.lines.cols, relay, emf, lead)


def models(file: BenchFile) -> dict[str, InstrumentModel]:
    """The data sheet of every instrument on a bench, by its name there; no two have the same serial number."""
    seen: Counter[Path] = Counter()
    found: dict[str, InstrumentModel] = {}
    for name in file.bench.instruments:
        path = file.model_file(name)
        model = load_model(path)
        if seen[path]:
            said = model.identity.model_copy(update={"serial": _later(model.identity.serial, seen[path])})
            model = model.model_copy(update={"identity": said})
        seen[path] += 1
        found[name] = model
    return found


def _later(serial: str, count: int) -> str:
    """The serial number `count` after this one: its last digits counted up."""
    head = serial.rstrip("0123456789")
    digits = serial[len(head) :] or "0"
    return f"{head}{int(digits) + count:0{len(digits)}d}"


def matrix_model(sheets: dict[str, InstrumentModel]) -> SwitchMatrixModel:
    """The one matrix of a bench. Raises InputError for none or several."""
    found = [model for model in sheets.values() if isinstance(model, SwitchMatrixModel)]
    if not found:
        raise InputError("this bench has no matrix; the array door and studies know benches with one")
    if len(found) != 1:
        raise InputError(f"a bench needs one switch matrix; this one names {len(found)}")
    matrix = found[0]
    if matrix.rows > MATRIX_ROWS or matrix.cards.count * matrix.cards.columns > MATRIX_COLS:
        raise InputError(f"{matrix.title}: the twin keeps at most {MATRIX_ROWS} x {MATRIX_COLS} relays")
    return matrix


def numbers(file: BenchFile) -> dict[Channel, int]:
    """Numbers of the channels in the addresses of their errors: those on matrix rows first, in their order."""
    bench = file.bench
    plugged = [channel for _, channel in sorted(bench.channels.items())]
    direct = [end for side in (bench.lines.rows, bench.lines.cols) for end in side.values() if not isinstance(end, int)]
    return {channel: number for number, channel in enumerate([*plugged, *direct])}


def die(file: BenchFile) -> tuple[DieTruth, DieState]:
    """The die of a bench file, with its state where the file says that it lies (else in memory)."""
    truth = _with_references(draw_die(die_model(file.bench)), file.bench)
    state = file.bench.simulation.state if file.bench.simulation is not None else None
    return truth, DieState(truth, Path(state) if state else None)


def electrics(file: BenchFile) -> Electrics:
    """The array of a bench file. Raises InputError for a chip with a transistor in every cell, and for neurons."""
    if file.bench.array.kernels is not None:
        raise InputError("this bench has a chip with a transistor in every cell; that is no array of bare junctions")
    if file.bench.neurons is not None:
        raise InputError("this bench has neurons of one junction each; they are no array of cells")
    return Electrics(*die(file))


def chip_electrics(file: BenchFile) -> ChipElectrics:
    """The chip of a bench file. Raises InputError for an array without transistors, and for one in a magnet."""
    if file.bench.magnet is not None:
        raise InputError("the twin of a chip with a transistor in every cell knows no magnet: leave out bench.magnet")
    return ChipElectrics(*die(file))


def neuron_electrics(file: BenchFile) -> NeuronElectrics:
    """The neurons of a bench file. Raises InputError for a bench without them."""
    # Their physics reads a table: not for benches that have none.
    from labmtj.neuron_dies import model_of_bench
    from labmtj.twin.neuron_electrics import NeuronElectrics

    bench = file.bench
    state = bench.simulation.state if bench.simulation is not None else None
    return NeuronElectrics.drawn(model_of_bench(bench), Path(state) if state else None)


def array_electrics(file: BenchFile) -> Electrics | ChipElectrics | NeuronElectrics:
    """What stands on the table of a bench file."""
    if file.bench.neurons is not None:
        return neuron_electrics(file)
    return electrics(file) if file.bench.array.kernels is None else chip_electrics(file)


def gate_card(file: BenchFile) -> GateCard | None:
    """The card of a bench file's chip; None where it has none."""
    array, gates = file.bench.array, file.bench.gates
    if gates is None or array.kernels is None:
        return None
    return GateCard(gates.port, read=gates.read, write=gates.write, kernels=array.kernels, rows=array.rows)


def coil(said: CoilEntry, *, tesla_per_ampere: float) -> Coil:
    """A coil as a bench file describes it."""
    return Coil(ohms=said.resistance, henries=said.inductance, lag=said.lag, tesla_per_ampere=tesla_per_ampere)


def _with_references(truth: DieTruth, bench: Bench) -> DieTruth:
    """The die with the bench's known resistors in the places of cells; like an open, none is a junction."""
    if not bench.references:
        return truth
    r_p, defect = truth.r_p.copy(), truth.defect.copy()
    for entry in bench.references.values():
        r_p[entry.row - 1, entry.col - 1] = entry.resistance
        defect[entry.row - 1, entry.col - 1] = Defect.OPEN
    return dataclasses.replace(truth, r_p=r_p, defect=defect)


def simulated_bench(name: str | BenchFile, *, log: Path | None = None, realtime: bool = False) -> SimulatedBench:
    """The simulated bench of a bench file's name or path; `log` names the file of the twin's own record."""
    file = load_bench(name) if isinstance(name, str) else name
    sheets = models(file)
    array = array_electrics(file)
    seed = array.truth.model.seed
    record, card = TwinLog(log), gate_card(file)
    matrix = None if file.bench.every_line else matrix_model(sheets)
    world = World(array, wiring(file, matrix, seed), log=record, realtime=realtime, card=card)
    magnet, simulation = file.bench.magnet, file.bench.simulation
    if magnet is not None and isinstance(array, Electrics):
        said = simulation.coil if simulation is not None else CoilEntry()
        array.coil = world.coils[magnet.source] = coil(said, tesla_per_ampere=magnet.tesla_per_ampere)
    numbered = numbers(file)

    def power_on(name: str) -> Firmware:
        return firmware_class(sheets[name])(Place(world, name, file.bench.mains, seed, numbered), sheets[name])

    names = {entry.address: name for name, entry in file.bench.instruments.items()}
    instruments = {address: Instrument(power_on(name), clock=world, lock=world.lock) for address, name in names.items()}
    hands = Hands(world, file.bench)
    return SimulatedBench(world, instruments, names, file.bench.title, power_on, array.state, hands)


def firmware_class(model: InstrumentModel) -> Callable[[Place, Any], Firmware]:
    """The class of this package that a data sheet names as its firmware, "module:Class". Raises InputError."""
    module_name, _, class_name = model.firmware.partition(":")
    known = module_name.isidentifier() and importlib.util.find_spec(f"labmtj.twin.firmware.{module_name}") is not None
    found = getattr(importlib.import_module(f"labmtj.twin.firmware.{module_name}"), class_name, None) if known else None
    if not isinstance(found, type):
        raise InputError(f"there is no simulated {model.title}: its firmware {model.firmware!r} is not known")
    return found
