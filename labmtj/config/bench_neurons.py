"""The neurons of a bench file: how many there are, where their common terminals go, and what is simulated of them.

A neuron is one junction with three terminals (labmtj.records.neurons). To a bench, `count` of them are an array of
2 count rows and `count` columns: rows 2n - 1 and 2n are the x and the z terminal of neuron n, column n is the common
one, and there is a junction at (2n - 1, n) and at (2n, n) only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from labmtj.config.model import InstrumentModel, SourceMeterModel
from labmtj.config.quantities import (
    Current,
    FluxDensity,
    Fraction,
    Length,
    Model,
    PerVoltSquared,
    Ratio,
    Resistance,
    ResistanceArea,
    SignedRatio,
    Temperature,
    Voltage,
)
from labmtj.config.source import Source
from labmtj.errors import Problem

if TYPE_CHECKING:
    from labmtj.config.bench import Bench

_LIFE = ("damage", "read_dose", "pulses")


class NeuronsEntry(Model):
    """Neurons of one three-terminal junction each, with a source meter on every kind of terminal.

    The x terminal is on the matrix row that drives, the z terminal on the one that senses (`use`); `common` is the
    third, which holds the common terminals at 0 V.
    """

    count: Annotated[int, Field(ge=1, le=512)]
    """How many neurons; the array has twice as many rows, and as many columns."""
    common: str
    """Matrix row (a letter of `roles`) of the source meter on the common terminals."""
    range: Current | None = None
    """Range of the z terminal's meter while neurons are operated; that of `measure` if it is not said."""


class NeuronDefectShares(Model):
    """Fractions of simulated neurons that do not work; what is None follows from data/reference/mtj-neurons.yaml."""

    short: Fraction | None = None
    """Fraction of neurons whose x junction is shorted"""
    open: Fraction | None = None
    """Fraction of neurons of which both junctions are open"""


class NeuronParameters(Model):
    """The simulated neurons; what is None follows from data/reference/mtj-neurons.yaml (labmtj.physics.neuron).

    Sigmas are relative to the mean, but for those of the offset and the asymmetry. Another device than the default one
    needs a table of its own magnetisation, which takes some minutes when it is first asked for.
    """

    temperature: Temperature | None = None
    """Temperature of the free layer"""
    diameter: Length | None = None
    """Diameter of the free layer and of both junctions"""
    thickness: Length | None = None
    """Thickness of the free layer"""
    saturation: FluxDensity | None = None
    """Saturation of the free layer, mu0 M_s"""
    anisotropy: FluxDensity | None = None
    """Anisotropy field B_k of the free layer along z, demagnetisation included"""
    bias: FluxDensity | None = None
    """Field along z that holds the free layer up without a current"""
    unit: FluxDensity | None = None
    """Field that the critical current makes"""
    ratio: Ratio | None = None
    """Damping-like torque of the x junction's current over its field-like one"""
    damping: Ratio | None = None
    """Gilbert damping of the free layer"""
    critical_current: Current | None = None
    """Current into the x terminal at which the argument of tanh is one"""
    probe_efficiency: SignedRatio | None = None
    """Torque that a current through the z junction makes, over that of the x junction"""
    resistance_area_x: ResistanceArea | None = None
    """Resistance times area of the x junction half-way between P and AP"""
    resistance_area_z: ResistanceArea | None = None
    """Resistance times area of the z junction half-way between P and AP"""
    tmr: Ratio | None = None
    """TMR of both junctions at zero bias"""
    v_h: Voltage | None = None
    """Bias at which TMR has halved"""
    k_p: PerVoltSquared | None = None
    """Rise of the conductance with the square of the voltage"""
    offset: SignedRatio | None = None
    """Mean stray field along x, in units of the critical current's field"""
    asymmetry: SignedRatio | None = None
    """Mean dependence of the torque's efficiency on the angle"""
    sigma_current: Fraction | None = None
    """Relative spread of the critical current"""
    sigma_offset: Fraction | None = None
    """Spread of the stray field along x, in units of the critical current's field"""
    sigma_asymmetry: Fraction | None = None
    """Spread of the dependence of the torque's efficiency on the angle"""
    sigma_tmr: Fraction | None = None
    """Relative spread of TMR"""
    sigma_resistance: Fraction | None = None
    """Relative spread of the resistances"""
    defects: NeuronDefectShares | None = None
    """Fractions of neurons that do not work"""
    short_resistance: Annotated[list[Resistance], Field(min_length=2, max_length=2)] | None = None
    """Resistance of a short, uniform between these two"""
    open_resistance: Resistance | None = None
    """Resistance of an open junction"""
    fano: Fraction | None = None
    """Fano factor of the junctions' shot noise"""
    flicker: Annotated[float, Field(ge=0)] | None = None
    """1/f noise of the junctions [um^2]"""

    def said(self) -> dict[str, object]:
        """What is said, as `labmtj.neuron_dies.neuron_model` takes it; `defects` as a mapping."""
        found = {name: value for name, value in self if value is not None}
        if self.defects is not None:
            found["defects"] = {name: value for name, value in self.defects if value is not None}
        return found


def neuron_problems(bench: Bench, source: Source, models: Mapping[str, InstrumentModel]) -> Iterator[Problem]:
    """Yield what is wrong with the neurons of a bench, and what a bench with neurons cannot have."""
    simulation, neurons = bench.simulation, bench.neurons
    if neurons is None:
        if simulation is not None and simulation.neurons is not None:
            hint = "write, for example: neurons: {count: 16, common: C}"
            yield source.problem(("simulation", "neurons"), "this bench has no neurons", hint=hint, key=True)
        return
    yield from _shape(bench, source, neurons)
    yield from _others(bench, source)
    if not bench.analog and not bench.every_line:
        yield from _meters(bench, source, neurons, models)


def _shape(bench: Bench, source: Source, neurons: NeuronsEntry) -> Iterator[Problem]:
    wanted = {"rows": 2 * neurons.count, "cols": neurons.count}
    for side, count in wanted.items():
        if getattr(bench.array, side) != count:
            hint = f"write array: {{rows: {wanted['rows']}, cols: {wanted['cols']}}}"
            message = f"{neurons.count} neurons have {count} {side}, two rows and a column each"
            yield source.problem(("array", side), message, hint=hint)


def _others(bench: Bench, source: Source) -> Iterator[Problem]:
    """What goes with arrays and chips only."""
    if bench.array.kernels is not None:
        yield source.problem(("array", "kernels"), "neurons are no chip with a transistor in every cell", key=True)
    if bench.magnet is not None:
        message = "neurons stand in no magnet: their bias is the stray field of a polarizer"
        yield source.problem(("magnet",), message, key=True)
    if bench.references:
        yield source.problem(("references",), "there is no place for known resistors among neurons", key=True)
    for name in _LIFE:
        if getattr(bench.limits, name) is not None:
            message = "nothing counts what a neuron takes in its life: leave this limit out"
            yield source.problem(("limits", name), message, key=True)
    if bench.analog or bench.every_line:
        message = "all terminals of neurons pass the matrix: wire them to matrix columns"
        yield source.problem(("lines",), message, key=True)
    die = bench.simulation and bench.simulation.die
    for name in () if die is None else sorted(die.model_fields_set - {"seed"}):
        message = "of a bench with neurons only the seed stands here, their parameters in simulation.neurons"
        yield source.problem(("simulation", "die", name), message, key=True)


def _meters(
    bench: Bench, source: Source, neurons: NeuronsEntry, models: Mapping[str, InstrumentModel]
) -> Iterator[Problem]:
    """Three source meters, one for each kind of terminal."""
    here = ("neurons", "common")
    meters = [
        row for row, (name, _) in sorted(bench.channels.items()) if isinstance(models.get(name), SourceMeterModel)
    ]
    if neurons.common not in meters:
        hint = f"rows with one: {', '.join(meters) or 'none'}"
        yield source.problem(here, f"no source meter is plugged into matrix row {neurons.common}", hint=hint)
        return
    taken = {neurons.common: "the common terminals"}
    for name in ("drive", "sense"):
        row: str | None = getattr(bench.use, name)
        if row is None or row not in bench.channels:
            continue  # what is not there is said elsewhere
        if row in taken:
            message = f"matrix row {row} is that of {taken[row]}: neurons need a source meter on each kind of terminal"
            yield source.problem(("use", name), message)
        elif row not in meters:
            yield source.problem(("use", name), f"no source meter is plugged into matrix row {row}")
        taken.setdefault(row, "the x terminals" if name == "drive" else "the z terminals")
    if len(meters) < 3:
        message = f"neurons need three source meters on matrix rows; here: {', '.join(meters)}"
        yield source.problem(("roles",), message, key=True)
