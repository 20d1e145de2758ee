"""From a bench file to a simulated bench: the die, the world, the instruments behind their addresses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labmtj.config.bench import Bench, BenchFile, load_bench
from labmtj.config.dies import die_defaults
from labmtj.config.model import SourceMeterModel, SwitchMatrixModel, load_model
from labmtj.errors import InputError
from labmtj.physics.variation import Breakdown, DieModel, draw_die
from labmtj.twin.electrics import Electrics
from labmtj.twin.instrument import Firmware, Instrument
from labmtj.twin.keithley_707b import Keithley707B
from labmtj.twin.keithley_2600 import Keithley2600
from labmtj.twin.state import MATRIX_COLS, MATRIX_ROWS, DieState
from labmtj.twin.wiring import Wiring
from labmtj.twin.world import World

DEFAULT_DIAMETER = 40e-9  # [m] the main job's device size (physics.md, section 3)
_LEAD = 0.5  # [ohm] chosen: a metre of thin coaxial cable and a probe needle


@dataclass(frozen=True)
class Place:
    """Where an instrument stands: its world, its name there, the mains [Hz] and the seed of its errors."""

    world: World
    name: str
    mains: float
    seed: int


def _keithley_2600(place: Place, model: SourceMeterModel) -> Firmware:
    return Keithley2600(place.world, place.name, model, mains=place.mains, seed=place.seed)


def _keithley_707b(place: Place, model: SwitchMatrixModel) -> Firmware:
    return Keithley707B(place.world, model)


_SOURCE_METERS: dict[str, Callable[[Place, SourceMeterModel], Firmware]] = {"keithley_2600": _keithley_2600}
_MATRICES: dict[str, Callable[[Place, SwitchMatrixModel], Firmware]] = {"keithley_707b": _keithley_707b}


@dataclass(frozen=True)
class SimulatedBench:
    """A world and its instruments, by VISA address."""

    world: World
    instruments: dict[str, Instrument]


def die_model(bench: Bench) -> DieModel:
    """The statistics of a bench's simulated die: what the file says, else the defaults of its diameter."""
    said: dict[str, Any] = {}
    if bench.simulation is not None and bench.simulation.die is not None:
        said = {key: value for key, value in dict(bench.simulation.die).items() if value is not None}
    defaults = die_defaults()
    diameter = said.get("diameter", DEFAULT_DIAMETER)
    shared = dict(defaults.shared)
    merged = shared | dict(defaults.at(diameter)) | said | {"diameter": diameter}
    defects = dict(shared["defects"])
    if "defects" in said:
        defects |= {key: value for key, value in dict(said["defects"]).items() if value is not None}
    return DieModel(
        seed=said.get("seed", 0),
        rows=bench.array.rows,
        cols=bench.array.cols,
        short=defects["short"],
        open=defects["open"],
        stuck=defects["stuck"],
        short_resistance=_pair(merged["short_resistance"]),
        telegraph_size=_pair(merged["telegraph_size"]),
        flicker_p=merged["flicker_p"] * 1e-12,  # um^2 to m^2
        flicker_ap=merged["flicker_ap"] * 1e-12,
        breakdown=Breakdown(**dict(merged["breakdown"])),
        sign=-1 if said.get("positive_row_writes") == "AP" else 1,
        **{
            key: merged[key]
            for key in DieModel.__dataclass_fields__
            if key in merged and key not in _CONVERTED and key != "seed"
        },
    )


_CONVERTED = ("short_resistance", "telegraph_size", "flicker_p", "flicker_ap", "breakdown")


def _pair(values: list[float]) -> tuple[float, float]:
    return values[0], values[1]


def wiring(file: BenchFile, matrix: SwitchMatrixModel, seed: int) -> Wiring:
    """The wires of a bench file with the contacts of its matrix."""
    bench = file.bench
    leads = bench.simulation.leads if bench.simulation is not None else None
    lead = leads.lead if leads is not None and leads.lead is not None else _LEAD
    relay = _pair(matrix.relay.resistance)
    if leads is not None and leads.contact is not None:
        relay = (leads.contact, leads.contact)
    roles = {row: bench.channels.get(row) for row in bench.roles}
    return Wiring(seed, roles, bench.lines.rows, bench.lines.cols, relay, matrix.relay.thermal_emf, lead)


def models(file: BenchFile) -> dict[str, SourceMeterModel | SwitchMatrixModel]:
    """The data sheet of every instrument on a bench, by its name there."""
    return {name: load_model(file.model_file(name)) for name in file.bench.instruments}


def matrix_model(sheets: dict[str, SourceMeterModel | SwitchMatrixModel]) -> SwitchMatrixModel:
    """The one matrix of a bench. Raises InputError for none or several."""
    found = [model for model in sheets.values() if isinstance(model, SwitchMatrixModel)]
    if len(found) != 1:
        raise InputError(f"a bench needs one switch matrix; this one names {len(found)}")
    matrix = found[0]
    if matrix.rows > MATRIX_ROWS or matrix.cards.count * matrix.cards.columns > MATRIX_COLS:
        raise InputError(f"{matrix.title}: the twin keeps at most {MATRIX_ROWS} x {MATRIX_COLS} relays")
    return matrix


def electrics(file: BenchFile) -> Electrics:
    """The array of a bench file, with its state where the file says that it lies (else in memory)."""
    truth = draw_die(die_model(file.bench))
    state = file.bench.simulation.state if file.bench.simulation is not None else None
    return Electrics(truth, DieState(truth, Path(state) if state else None))


def simulated_bench(name: str) -> SimulatedBench:
    """The simulated bench of a bench file's name or path."""
    file = load_bench(name)
    sheets = models(file)
    array = electrics(file)
    seed = array.truth.model.seed
    world = World(array, wiring(file, matrix_model(sheets), seed))
    instruments: dict[str, Instrument] = {}
    for entry_name, model in sheets.items():
        firmware = _firmware(Place(world, entry_name, file.bench.mains, seed), model)
        instruments[file.bench.instruments[entry_name].address] = Instrument(firmware)
    return SimulatedBench(world, instruments)


def _firmware(place: Place, model: SourceMeterModel | SwitchMatrixModel) -> Firmware:
    """The firmware that a data sheet names."""
    if isinstance(model, SourceMeterModel):
        source_meter = _SOURCE_METERS.get(model.firmware)
        if source_meter is not None:
            return source_meter(place, model)
    else:
        matrix = _MATRICES.get(model.firmware)
        if matrix is not None:
            return matrix(place, model)
    raise InputError(f"there is no simulated {model.title}: its firmware {model.firmware!r} is not known")
