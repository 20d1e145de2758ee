"""The neuron_curves step: both read-outs of neurons against their input current, fitted with tanh and sech."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

from pydantic import Field

from labmtj.config.quantities import Voltage, refuse, written_as
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem
from labmtj.ports import NeuronAccess, Ticker
from labmtj.protocol.kinds.step import Stated, Step

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress


def _neurons(value: object) -> object:
    """Accept all, or a list of numbers."""
    if value == "all":
        return value
    numbers = cast("list[object]", value) if isinstance(value, list | tuple) else []
    if not numbers or not all(type(number) is int and number > 0 for number in numbers):
        raise refuse(f"{value!r} is no choice of neurons", hint="write all, or a list of numbers from 1: [1, 3]")
    if len(set(numbers)) < len(numbers):
        raise refuse("a neuron stands twice in this list")
    return tuple(numbers)


NeuronList = Annotated[
    Literal["all"] | tuple[int, ...],
    *written_as(
        _neurons,
        {"anyOf": [{"const": "all"}, {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1}}]},
    ),
]


class NeuronCurvesStep(Step):
    """Sweep neurons from -`negative` to `largest` at `points` drives, `repeats` times each, and fit tanh and sech.

    The drives lie half a step from 0 V, where the conductance of the junction that carries the input is unknown, so
    their number is even. `probe` stands on the z terminals. `v_h`, the voltage at which TMR has halved, is not fitted:
    it looks like a device that saturates more slowly than tanh.
    """

    kind: ClassVar[str] = "neuron_curves"
    on_arrays: ClassVar[bool] = False
    on_neurons: ClassVar[bool] = True
    changes_cells: ClassVar[bool] = False

    neurons: NeuronList = "all"
    """Numbers of the neurons to measure, from 1, or all."""
    largest: Voltage = 0.15  # chosen: 3.8 critical currents of the default device, where tanh is 1 to 0.1 %
    """The largest drive above 0 V."""
    negative: Voltage = 0.24  # chosen: at a TMR of 100 % that makes nearly as much input as 150 mV above 0 V
    """The largest drive below 0 V, where the junction conducts less."""
    points: Annotated[int, Field(ge=12, le=1000)] = 40  # chosen: steps of a quarter of the critical current
    """Drives of a sweep, half of them of each sign."""
    probe: Voltage = 0.02  # chosen: a fiftieth of the critical current through the z junction, 0.1 % noise
    """Voltage of the z terminal while it is read."""
    repeats: Annotated[int, Field(ge=2, le=1000)] = 2
    """Sweeps of each neuron, each of them up with the probe at + and down with the probe at -."""
    v_h: Voltage = 0.5  # chosen: MgO junctions, as in data/reference/mtj-neurons.yaml
    """Voltage at which TMR has halved."""

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The largest drives and the probe; a terminal sees all of each."""
        yield Stated((*here, "largest"), self.largest)
        yield Stated((*here, "negative"), self.negative)
        yield Stated((*here, "probe"), self.probe)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """An odd number of drives, neurons that are not there."""
        entry = bench.bench.neurons
        if self.points % 2:
            message = f"{self.points} drives that go evenly from - to + have 0 V among them, which tells no conductance"
            yield source.problem((*here, "points"), message, hint=f"write an even number, such as {self.points + 1}")
        if entry is None or self.neurons == "all":
            return  # that a bench has no neurons is said where steps and benches are compared
        for place, number in enumerate(self.neurons):
            if number > entry.count:
                message = f"neuron {number} is not there; this bench has {entry.count}"
                hint = f"the bench says so ({bench.source.place(('neurons', 'count'))})"
                yield source.problem((*here, "neurons", place), message, hint=hint)

    def chosen(self, count: int) -> tuple[int, ...]:
        """The numbers that are meant, of a bench with `count` neurons."""
        return tuple(range(1, count + 1)) if self.neurons == "all" else self.neurons

    def items(self, progress: Progress) -> int:
        """All sweeps."""
        return self.repeats * len(self.chosen(known_neurons(progress).count))

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Measure and fit; the map goes into the journal and the run folder."""
        from labmtj.routines.neurons.measure import drives, measure_neurons

        access = known_neurons(progress)
        found = measure_neurons(
            access,
            neurons=self.chosen(access.count),
            levels=drives(self.largest, self.points, negative=self.negative),
            probe=self.probe,
            repeats=self.repeats,
            v_h=self.v_h,
            name=progress.die_name,
            tick=tick,
        )
        finding = replace(found.finding, figures={**found.finding.figures, **_meters(progress)})
        progress.keep_neurons(found.neuron_map, finding)
        return progress.find(finding)


def _meters(progress: Progress) -> dict[str, float]:
    """What the meters could read: the current limit of all three, and the range of the one on the z terminals."""
    found: dict[str, float] = {}
    if progress.limits is not None:
        found["current_limit_ampere"] = progress.limits.line_compliance
    if progress.neuron_range is not None:
        found["range_z_ampere"] = progress.neuron_range
    return found


def known_neurons(progress: Progress) -> NeuronAccess:
    """The neurons of the bench. Raises InputError where there are none."""
    if progress.neurons is None:
        raise InputError("this step needs neurons: run it on a bench that has some, --bench neurons")
    return progress.neurons
