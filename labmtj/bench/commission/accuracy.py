"""What the data sheets of a bench promise of a reading of one path: gain, offsets, noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labmtj.bench.assemble import roles_of
from labmtj.config.bench import Bench
from labmtj.config.model import CurrentRange, InstrumentModel, SourceMeterModel, VoltageBankModel, VoltageRange
from labmtj.errors import InputError


@dataclass(frozen=True)
class Accuracy:
    """One-year limits of a reading: `gain` of both ends, `volts` and `amperes` of offsets, `noise` [A] rms.

    `ohms` stand behind the driving and the sensing end together.
    """

    gain: float
    volts: float
    amperes: float
    noise: float
    ohms: float

    def offset(self, siemens: float) -> float:
        """Largest current [A] at 0 V into a path of this conductance."""
        return self.amperes + self.volts * siemens


def accuracy(bench: Bench, models: Mapping[str, InstrumentModel]) -> Accuracy:
    """Of a reading from a row to a column. Raises InputError where one of them has nothing that drives or senses."""
    drive, sense = _ends(bench, models)
    source, ground = _source(drive, bench), _source(sense, bench)
    reading = _reading(sense, bench)
    behind = sum(model.output_impedance for model in (drive, sense) if isinstance(model, VoltageBankModel))
    gain = source.gain + reading.gain
    return Accuracy(gain, source.offset + ground.offset, reading.offset, reading.noise, behind)


Ends = SourceMeterModel | VoltageBankModel


def _ends(bench: Bench, models: Mapping[str, InstrumentModel]) -> tuple[Ends, Ends]:
    """The data sheets of what drives the rows and of what senses the columns."""
    roles = roles_of(bench, dict(models))
    row, col = bench.lines.rows[1], bench.lines.cols[1]
    drive = bench.channels[roles.drive][0] if roles.drive is not None else "" if isinstance(row, int) else row[0]
    sense = bench.channels[roles.sense][0] if isinstance(col, int) else col[0]
    first, second = models[drive], models[sense]
    if not isinstance(first, Ends) or not isinstance(second, Ends):
        raise InputError(f"{bench.title}: {drive} and {sense} are to drive and to sense, and cannot")
    return first, second


def _source(model: Ends, bench: Bench) -> VoltageRange:
    fitting = [entry for entry in model.source_voltage if entry.range >= bench.measure.source_range * (1 - 1e-9)]
    return min(fitting or model.source_voltage, key=lambda entry: entry.range)


def _reading(model: Ends, bench: Bench) -> CurrentRange:
    """The range of readings: what the file says, or the largest, which banks stay on."""
    if isinstance(model, VoltageBankModel):
        return max(model.measure_current, key=lambda entry: entry.range)
    fitting = [entry for entry in model.measure_current if entry.range >= bench.measure.range * (1 - 1e-9)]
    return min(fitting or model.measure_current, key=lambda entry: entry.range)
