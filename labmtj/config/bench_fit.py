"""What a bench file asks of its instruments' models: channels that exist, one matrix with enough rows and columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labmtj.config import finder
from labmtj.config.adapters import is_foreign
from labmtj.config.bench_chip import chip_problems
from labmtj.config.bench_magnet import magnet_problems, thermometer_problems
from labmtj.config.bench_neurons import neuron_problems
from labmtj.config.check import nearest
from labmtj.config.model import (
    FieldSourceModel,
    InstrumentModel,
    SourceMeterModel,
    SwitchMatrixModel,
    ThermometerModel,
    VoltageBankModel,
    load_model,
)
from labmtj.config.source import KeyPath, Source
from labmtj.config.wiring import Plug
from labmtj.errors import MissingFile, Problem

if TYPE_CHECKING:
    from labmtj.config.bench import Bench

Models = dict[str, InstrumentModel]


def problems(bench: Bench, source: Source) -> Iterator[Problem]:
    """Yield what the models of the instruments do not allow; instruments without a model are somebody else's."""
    beside = None if source.path is None else source.path.parent
    models: Models = {}
    for name, entry in bench.instruments.items():
        try:
            models[name] = load_model(finder.find("models", entry.model, beside=beside))
        except MissingFile:
            return
        if is_foreign(entry.driver or "") and not isinstance(models[name], SourceMeterModel):
            hint = "leave the driver out: the data sheet names ours"
            message = f"{entry.driver} would have to be a source meter, which {entry.model} is not"
            yield source.problem(("instruments", name, "driver"), message, hint=hint)
    for row, plugged in sorted(bench.channels.items()):
        yield from _channel(source, ("roles", row), plugged, models)
    for side in ("rows", "cols"):
        wires: dict[int, int | Plug] = getattr(bench.lines, side)
        for plugged in sorted(end for end in wires.values() if not isinstance(end, int)):
            yield from _channel(source, ("lines", side), plugged, models, named=False)
    yield from chip_problems(bench, source, models)
    yield from neuron_problems(bench, source, models)
    yield from magnet_problems(bench.magnet, source, models)
    yield from thermometer_problems(bench.thermometer, source, models)
    if bench.every_line:
        yield from _every_line(bench, source, models)
        return
    matrices = {name: model for name, model in models.items() if isinstance(model, SwitchMatrixModel)}
    if len(matrices) != 1:
        names = ", ".join(matrices) or "none"
        yield source.problem(("instruments",), f"a bench needs one switch matrix; here: {names}", key=True)
        return
    ((name, matrix),) = matrices.items()
    yield from _matrix(bench, source, name, matrix)
    yield from _use(bench, source)


def _channel(source: Source, here: KeyPath, plugged: Plug, models: Models, *, named: bool = True) -> Iterator[Problem]:
    """What is wrong with a channel that something is plugged into; names of instruments are checked elsewhere."""
    instrument, channel = plugged
    model = models.get(instrument)
    if isinstance(model, SwitchMatrixModel):
        yield source.problem(here, f"{instrument} is a switch matrix and drives nothing")
    elif isinstance(model, FieldSourceModel | ThermometerModel):
        yield source.problem(here, f"{instrument} ({model.title}) is not for lines of the array")
    elif model is None:
        if not named:
            yield source.problem(here, f"there is no instrument {instrument}", hint=nearest(instrument, list(models)))
    elif channel not in model.channels:
        hint = nearest(channel, model.channels) or f"its channels: {', '.join(model.channels)}"
        yield source.problem(here, f"{instrument} ({model.title}) has no channel {channel}", hint=hint)


def _every_line(bench: Bench, source: Source, models: Models) -> Iterator[Problem]:
    """A source on every line: those of one axis belong to one bank, and the banks' sensors read the currents."""
    for side in ("rows", "cols"):
        wires: dict[int, int | Plug] = getattr(bench.lines, side)
        names = sorted({end[0] for end in wires.values() if not isinstance(end, int)})
        banks = [models.get(name) for name in names]
        if len(names) != 1 or not all(isinstance(model, VoltageBankModel) for model in banks):
            hint = "wire all of them to one, for example {1..19: dac.1..19}"
            message = f"lines without a matrix need sources that change together; here: {', '.join(names)}"
            yield source.problem(("lines", side), message, hint=hint, key=True)
        elif not all(isinstance(model, VoltageBankModel) and model.measure_current for model in banks):
            yield source.problem(
                ("lines", side), f"{names[0]} does not measure currents, and nothing else does", key=True
            )
    for name, model in models.items():
        if isinstance(model, SwitchMatrixModel):
            yield source.problem(
                ("instruments", name), f"no line is wired to {name}: it has nothing to switch", key=True
            )
    for row in bench.roles:
        yield source.problem(("roles", row), "this bench has no matrix: write roles: {}", key=True)


def _use(bench: Bench, source: Source) -> Iterator[Problem]:
    for name, row in bench.use:
        if row is not None and row not in bench.channels:
            hint = f"rows with a source: {', '.join(sorted(bench.channels))}"
            yield source.problem(("use", name), f"no source is plugged into matrix row {row}", hint=hint)


def _matrix(bench: Bench, source: Source, name: str, matrix: SwitchMatrixModel) -> Iterator[Problem]:
    columns, last = matrix.cards.count * matrix.cards.columns, chr(ord("A") + matrix.rows - 1)
    for row in bench.roles:
        if len(row) == 1 and row > last:
            yield source.problem(("roles", row), f"{name} has the rows A to {last}, not {row}", key=True)
    for side in ("rows", "cols"):
        wires: dict[int, int | Plug] = getattr(bench.lines, side)
        beyond = sorted(column for column in wires.values() if isinstance(column, int) and column > columns)
        if beyond:
            message = f"{name} has the columns 1 to {columns}, not {beyond[0]}"
            yield source.problem(("lines", side), message, key=True)
