"""What a bench file asks of its instruments' models: channels that exist, one matrix with enough rows and columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labmtj.config import finder
from labmtj.config.check import nearest
from labmtj.config.model import SourceMeterModel, SwitchMatrixModel, load_model
from labmtj.config.source import Source
from labmtj.errors import MissingFile, Problem

if TYPE_CHECKING:
    from labmtj.config.bench import Bench


def problems(bench: Bench, source: Source) -> Iterator[Problem]:
    """Yield what the models of the instruments do not allow; instruments without a model are somebody else's."""
    beside = None if source.path is None else source.path.parent
    models: dict[str, SourceMeterModel | SwitchMatrixModel] = {}
    for name, entry in bench.instruments.items():
        try:
            models[name] = load_model(finder.find("models", entry.model, beside=beside))
        except MissingFile:
            return
    yield from _channels(bench, source, models)
    matrices = {name: model for name, model in models.items() if isinstance(model, SwitchMatrixModel)}
    if len(matrices) != 1:
        names = ", ".join(matrices) or "none"
        yield source.problem(("instruments",), f"a bench needs one switch matrix; here: {names}", key=True)
        return
    ((name, matrix),) = matrices.items()
    yield from _matrix(bench, source, name, matrix)


def _channels(
    bench: Bench, source: Source, models: dict[str, SourceMeterModel | SwitchMatrixModel]
) -> Iterator[Problem]:
    plugs = sorted(bench.channels.items())
    fine = len(set(bench.channels.values())) == len(plugs)
    for row, (instrument, channel) in plugs:
        model = models.get(instrument)
        if isinstance(model, SwitchMatrixModel):
            fine = False
            yield source.problem(("roles", row), f"{instrument} is a switch matrix and drives nothing")
        elif model is None or not channel:
            fine = False
        elif channel not in model.channels:
            fine = False
            hint = nearest(channel, model.channels)
            yield source.problem(("roles", row), f"{instrument} ({model.title}) has no channel {channel}", hint=hint)
    if fine and (len(plugs) != 2 or plugs[0][1][0] != plugs[1][1][0]):
        message = "two channels of one instrument are needed, for the selected row and the selected column"
        yield source.problem(("roles",), message, hint="for example {A: smu.a, B: smu.b, C: ground}", key=True)


def _matrix(bench: Bench, source: Source, name: str, matrix: SwitchMatrixModel) -> Iterator[Problem]:
    columns, last = matrix.cards.count * matrix.cards.columns, chr(ord("A") + matrix.rows - 1)
    for row in bench.roles:
        if len(row) == 1 and row > last:
            yield source.problem(("roles", row), f"{name} has the rows A to {last}, not {row}", key=True)
    for side in ("rows", "cols"):
        wires: dict[int, int] = getattr(bench.lines, side)
        beyond = sorted(column for column in wires.values() if column > columns)
        if beyond:
            message = f"{name} has the columns 1 to {columns}, not {beyond[0]}"
            yield source.problem(("lines", side), message, key=True)
