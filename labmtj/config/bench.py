"""Bench files: which instruments stand where, how the array is wired to them, and what it may never see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from labmtj.config import finder
from labmtj.config.adapters import AdapterEntry, driver_file
from labmtj.config.bench_magnet import Coil, Magnet, ThermometerEntry
from labmtj.config.bench_neurons import NeuronParameters, NeuronsEntry
from labmtj.config.bench_rules import problems
from labmtj.config.check import check
from labmtj.config.model import InstrumentModel, load_model
from labmtj.config.overrides import Scope, absolute, apply, parse_settings
from labmtj.config.quantities import (
    Current,
    Delay,
    Energy,
    FluxDensity,
    Fraction,
    Frequency,
    Heating,
    Length,
    Model,
    PerVoltSquared,
    Ratio,
    Resistance,
    ResistanceArea,
    SignedRatio,
    Temperature,
    Time,
    Voltage,
)
from labmtj.config.source import Source, read
from labmtj.config.wiring import LineMap, plug
from labmtj.gate_register import MOST_KERNELS

DEFAULT = "simulated-15x15"


class InstrumentEntry(Model):
    """One instrument: the name of its model file (or a path beside this file) and its VISA resource."""

    model: str
    address: str
    fallback: str | None = None
    """VISA resource of another interface of the same instrument, used where `address` does not answer."""
    dead_socket: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port that frees a raw socket which a dead process has left blocked; 5030 on TSP instruments if it is not said."""
    driver: str | None = None
    """Driver in place of the data sheet's: "./my_smu.py:MySmu" beside this file, "pymeasure:keithley.Keithley2450"."""
    adapter: AdapterEntry | None = None
    """What stands for our quantities in such a driver of another library that labmtj has no table for."""


class Lines(Model):
    """Matrix column (from 1), or channel, that each word line (rows) and each bit line (cols) is wired to."""

    rows: LineMap
    cols: LineMap


class Use(Model):
    """Which matrix row does what, by its letter; what is not said follows from the instruments in their order.

    `drive` and `sense` are the source meters on the selected row and the selected column of a read,
    `pulse_row` and `pulse_col` the sources of a pulse.
    """

    drive: str | None = None
    sense: str | None = None
    pulse_row: str | None = None
    pulse_col: str | None = None


class Pulses(Model):
    """Write pulses of this bench: the width where a protocol says none."""

    width: Time = 100e-6


class ArrayEntry(Model):
    """The array: its size, which die it is, and what is said (not believed) of its polarity.

    `wire` is what the layout gives for a segment of a line, rather too little than too much: pulses are made larger
    by what such wires take, and limits of cells hold for what they leave. A wires step measures it.

    With `kernels` the die is a chip with a transistor in every cell: so many arrays of `rows` x `cols`, of which the
    register of its card (`gates`) puts one on the lines. Its cells are counted through: row 1 of kernel 2 comes after
    the last row of kernel 1.
    """

    rows: Annotated[int, Field(ge=1, le=1024)]
    cols: Annotated[int, Field(ge=1, le=1024)]
    kernels: Annotated[int, Field(ge=1, le=MOST_KERNELS)] | None = None
    """Arrays of this size on a chip with a transistor in every cell"""
    die: str | None = None
    positive_row_writes: Literal["P", "AP"] | None = None
    wire: Resistance | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of all cells, the kernels of a chip one after the other."""
        return self.rows * (self.kernels or 1), self.cols


class GatesEntry(Model):
    """The register of a chip's card (labmtj.gate_register): the instrument whose digital port writes it, and its rails.

    `read` and `write` are the gate voltages of the open rows while cells are read and written; the lower of the two
    bounds what a shorted cell draws.
    """

    port: str
    """Instrument whose digital port writes the register: the one that drives and senses"""
    read: Voltage
    """Gate voltage of open rows while cells are read"""
    write: Voltage
    """Gate voltage of open rows while cells are written"""


class ReferenceResistor(Model):
    """A resistor of known value in the place of a cell: the line pair, counted from 1, that it is wired to."""

    row: Annotated[int, Field(ge=1)]
    """Row that it is wired to."""
    col: Annotated[int, Field(ge=1)]
    """Column that it is wired to."""
    resistance: Annotated[Resistance, Field(gt=0)]
    """Its known resistance."""


class Limits(Model):
    """What must never be exceeded: volts across a cell, volts at a terminal to ground, amperes in a line.

    Those that need not be said hold where they are: energy of one pulse in a cell, and what one cell may take in its
    whole life, over all runs that the ledger knows: damage of its barrier (1 is the time to 63 % failures), flips
    that its reads would cause on average, and pulses.
    """

    cell_voltage: Voltage
    terminal_voltage: Voltage
    line_compliance: Current
    bias_compliance: Current | None = None
    pulse_energy: Energy | None = None
    damage: Annotated[float, Field(gt=0)] | None = None
    read_dose: Annotated[float, Field(gt=0)] | None = None
    pulses: Annotated[int, Field(gt=0)] | None = None


class Wait(Model):
    """Time to let pass after a relay moved and after a source changed."""

    after_relay: Delay
    after_source: Delay
    silence: Time = 5.0  # chosen: a computer that is busy or swaps; between requests sources are at 0 V
    """How long a request to the array may be silent between two messages before the guardian makes the bench safe."""


class Measure(Model):
    """A reading: integration time in periods of the mains, current range; and the range that sources stay on."""

    nplc: Annotated[float, Field(ge=0.001, le=25)] = 1.0
    range: Current = 1e-3
    source_range: Voltage = 2.0


class Defects(Model):
    """Fractions of cells that are shorted, open or stuck in one state."""

    short: Fraction | None = None
    open: Fraction | None = None
    stuck: Fraction | None = None


class Die(Model):
    """The simulated die; what is None follows from the diameter (data/reference/mtj-dies.yaml).

    Sigmas are relative to the mean, stray fields to the anisotropy field mu0 H_k, `v_c0` is that of AP->P and
    `v_c0_ratio` what P->AP needs in units of it, `telegraph` the fraction of cells with such noise;
    `positive_row_writes` is the truth that the polarity step has to find (P if it is not said).

    Options, off unless said (physics.variation.DieModel): another `temperature` than the 300 K of the defaults and
    the change of R_P and R_AP per kelvin; `heating` by the pulse itself; `back_hopping` at that many V_c0;
    `gradient_*` (to an edge), `bow_*` (to a corner) and `correlated_*` noise of RA and V_c over the array, with
    `correlation_length` in cells; the correlation of V_c0 and Delta; what each neighbour adds to the stray field; and
    the fraction of `leaky` cells, with a resistor beside the junction.
    """

    diameter: Length | None = None
    wire: Resistance | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    resistance_area: ResistanceArea | None = None
    tmr: Ratio | None = None
    v_h: Voltage | None = None
    k_p: PerVoltSquared | None = None
    delta: Annotated[float, Field(gt=0)] | None = None
    v_c0: Voltage | None = None
    v_c0_ratio: Annotated[float, Field(gt=0)] | None = None
    tau_d: Time | None = None
    sigma_r_p: Fraction | None = None
    sigma_tmr: Fraction | None = None
    sigma_v_c: Fraction | None = None
    sigma_delta: Fraction | None = None
    stray_field: SignedRatio | None = None
    sigma_stray_field: Fraction | None = None
    anisotropy_field: FluxDensity | None = None
    defects: Defects | None = None
    transistor: TransistorEntry | None = None
    """Transistor of every cell of a chip"""
    telegraph: Fraction | None = None
    temperature: Temperature | None = None
    r_p_per_kelvin: SignedRatio | None = None
    r_ap_per_kelvin: SignedRatio | None = None
    heating: Heating | None = None
    back_hopping: Annotated[float, Field(gt=0)] | None = None
    back_hopping_rate: Frequency | None = None
    back_hopping_delta: Annotated[float, Field(gt=0)] | None = None
    gradient_r_p: SignedRatio | None = None
    gradient_v_c: SignedRatio | None = None
    bow_r_p: SignedRatio | None = None
    bow_v_c: SignedRatio | None = None
    correlated_r_p: Fraction | None = None
    correlated_v_c: Fraction | None = None
    correlation_length: Annotated[float, Field(gt=0)] | None = None
    correlation_v_c_delta: SignedRatio | None = None
    neighbour_field: SignedRatio | None = None
    leaky: Fraction | None = None
    """Fraction of cells with a resistor beside the junction."""
    positive_row_writes: Literal["P", "AP"] | None = None


class TransistorEntry(Model):
    """The transistor of every cell; what is None follows from data/reference/mtj-chips.yaml.

    `on_resistance` [ohm] at a gate overdrive of `at_overdrive`; `sigma_threshold` is the spread of the threshold.
    """

    threshold: Voltage | None = None
    """Gate voltage above its terminals at which it begins to conduct"""
    on_resistance: Resistance | None = None
    """Its resistance at small drops and an overdrive of `at_overdrive`"""
    at_overdrive: Voltage | None = None
    """Gate voltage above the threshold that `on_resistance` is stated for"""
    sigma_threshold: Voltage | None = None
    """Spread of the threshold from cell to cell"""


class Leads(Model):
    """Resistance of the lead of a channel, and of a closed relay."""

    lead: Resistance | None = None
    contact: Resistance | None = None


class Simulation(Model):
    """The twin of a bench: its die, its leads, its magnet's coil, and the file that keeps the die's hidden state."""

    state: str | None = None
    die: Die | None = None
    neurons: NeuronParameters | None = None
    """The simulated neurons, where the bench has some in the place of cells"""
    leads: Leads | None = None
    coil: Coil = Coil()


class Bench(Model):
    """A bench file."""

    title: str
    format: Literal[1]
    visa: str
    instruments: dict[str, InstrumentEntry]
    roles: dict[str, str]
    lines: Lines
    array: ArrayEntry
    limits: Limits
    wait: Wait
    measure: Measure = Measure()
    pulse: Pulses = Pulses()
    use: Use = Use()
    gates: GatesEntry | None = None
    """Register that opens the gates of a chip"""
    neurons: NeuronsEntry | None = None
    """Neurons of one three-terminal junction each in the place of an array's cells"""
    magnet: Magnet | None = None
    thermometer: ThermometerEntry | None = None
    mains: Frequency
    references: Annotated[dict[str, ReferenceResistor], Field(default_factory=dict[str, ReferenceResistor])]
    """Resistors of known value in the places of cells, by their names."""
    simulation: Simulation | None = None
    operator: str | None = None
    """Name of who uses the bench, for the records of runs; a protocol's, LABMTJ_OPERATOR and --operator come first"""
    sample: str | None = None
    """The physical piece on the bench, for the records of runs: wafer, lot, package; a protocol's comes first"""
    ledger: str | None = None
    """File that keeps what each die has taken in its life (LABMTJ_LEDGER, or one of yours, if it is not said)"""

    @property
    def channels(self) -> dict[str, tuple[str, str]]:
        """Matrix row letter -> (instrument, channel), for the rows that an instrument is plugged into."""
        return {row: plug(text) for row, text in self.roles.items() if text != "ground"}

    @property
    def register(self) -> str | None:
        """The instrument whose digital port opens a chip's gates; None without a chip."""
        return None if self.gates is None else self.gates.port

    @property
    def analog(self) -> bool:
        """Whether rows are wired to sources of their own, so that each can have its own voltage."""
        return any(not isinstance(end, int) for end in self.lines.rows.values())

    @property
    def every_line(self) -> bool:
        """Whether every line is wired to a source of its own, so that there is no matrix."""
        return not any(isinstance(end, int) for side in (self.lines.rows, self.lines.cols) for end in side.values())

    @property
    def row_kinds(self) -> int:
        """How many kinds of rows take turns: the x and the z terminals of neurons are two."""
        return 1 if self.neurons is None else 2

    @property
    def ground_rows(self) -> tuple[str, ...]:
        """Letters of the matrix rows that are at ground."""
        return tuple(row for row, plug in self.roles.items() if plug == "ground")


@dataclass(frozen=True)
class BenchFile:
    """A checked bench and the document it was made from, settings included."""

    bench: Bench
    source: Source

    def model_file(self, instrument: str) -> Path:
        """Return the datasheet of an instrument: a path beside the bench file, or a shipped one."""
        beside = None if self.source.path is None else self.source.path.parent
        return finder.find("models", self.bench.instruments[instrument].model, beside=beside)

    def model(self, instrument: str) -> InstrumentModel:
        """The data sheet of an instrument, with the driver that this bench has for it. Raises FileProblems."""
        entry = self.bench.instruments[instrument]
        return with_driver(load_model(self.model_file(instrument)), entry.driver, entry.adapter)


def with_driver(model: InstrumentModel, driver: str | None, adapter: AdapterEntry | None) -> InstrumentModel:
    """A data sheet with another driver, and what stands for our quantities in that; as it is where none is said."""
    if driver is None:
        return model
    return model.model_copy(update={"driver": driver} | ({"adapter": adapter} if adapter is not None else {}))


def scope(source: Source) -> Scope:
    """Where settings are looked up in a bench: in itself, then in its `simulation`."""
    return Scope(source, Bench, ((), ("simulation",)))


def check_bench(source: Source) -> BenchFile:
    """Check a bench document. Raises FileProblems with everything that is wrong."""
    bench = check(source, Bench, lambda bench: problems(bench, source))
    kept = absolute(absolute(source, ("simulation", "state")), ("ledger",))
    for name, entry in bench.instruments.items():
        if Path(entry.model).name != entry.model or entry.model not in finder.shipped_names("models"):
            kept = absolute(kept, ("instruments", name, "model"))
        checking = None if entry.adapter is None else entry.adapter.checked_by
        for path, driver in ((("driver",), entry.driver), (("adapter", "checked_by"), checking)):
            if driver is not None and driver_file(driver) is not None:
                kept = absolute(kept, ("instruments", name, *path))
    return BenchFile(Bench.model_validate(kept.data), kept)


def load_bench(name: str | Path = DEFAULT, *, overrides: Sequence[str] = (), seed: int | None = None) -> BenchFile:
    """Read a bench by its name or path, with `path=value` overrides and a seed for its simulated die.

    Raises MissingFile, or FileProblems with everything that is wrong.
    """
    source = read(finder.find("benches", name))
    (source,) = apply(parse_settings(overrides, seed=seed), [scope(source)])
    return check_bench(source)
