"""What must hold in a bench file where the die is a chip with a transistor in every cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from labmtj import units
from labmtj.config.check import nearest
from labmtj.config.model import InstrumentModel, SourceMeterModel
from labmtj.config.source import Source
from labmtj.errors import Problem
from labmtj.gate_register import MOST_ROWS
from labmtj.units import Dimension

if TYPE_CHECKING:
    from labmtj.config.bench import Bench

_LINES = 14  # of the port that the register hangs on (labmtj.gate_register)


def chip_problems(bench: Bench, source: Source, models: Mapping[str, InstrumentModel]) -> Iterator[Problem]:
    """Yield what is wrong with the kernels of a chip, and with the register that opens their gates."""
    array, gates, die = bench.array, bench.gates, bench.simulation and bench.simulation.die
    if array.kernels is None or gates is None:
        if array.kernels is not None:
            hint = "write, for example: gates: {port: smu, read: 750 mV, write: 1.6 V}"
            message = "a chip's gates are opened by its register: which instrument writes it, and which are its rails?"
            yield source.problem(("array", "kernels"), message, hint=hint)
        elif gates is not None:
            message = "gates are of a chip with a transistor in every cell, which array.kernels would say"
            yield source.problem(("gates",), message, key=True)
        elif die is not None and die.transistor is not None:
            message = "a transistor in every cell is that of a chip, which array.kernels would say"
            yield source.problem(("simulation", "die", "transistor"), message, key=True)
        return
    if array.rows > MOST_ROWS:
        message = f"the register of a chip opens the gates of up to {MOST_ROWS} rows of a kernel, not of {array.rows}"
        yield source.problem(("array", "rows"), message)
    if gates.read > gates.write:
        read, write = (units.show(volts, Dimension.VOLTAGE) for volts in (gates.read, gates.write))
        message = f"gates are open further while cells are read ({read}) than while they are written ({write})"
        yield source.problem(("gates", "read"), message, hint="the lower of both bounds what a shorted cell draws")
    if bench.analog:
        message = "the rows of a kernel hang on one source, behind the matrix; which row takes part its gate says"
        yield source.problem(("lines", "rows"), message, key=True)
    yield from _port(bench, source, models)


def _port(bench: Bench, source: Source, models: Mapping[str, InstrumentModel]) -> Iterator[Problem]:
    here, port = ("gates", "port"), bench.register or ""
    model = models.get(port)
    if model is None:
        able = [name for name, other in models.items() if _digital(other)]
        yield source.problem(here, f"there is no instrument {port}", hint=nearest(port, able or list(models)))
    elif not _digital(model):
        yield source.problem(here, f"{port} ({model.title}) has no digital port of {_LINES} lines")
    else:
        others = sorted({name for name, _ in bench.channels.values()} - {port})
        if others:
            message = f"{port} opens the gates and {', '.join(others)} drives or senses: gates and sources move in the "
            message += "order of one message, so one instrument does both"
            yield source.problem(here, message)


def _digital(model: InstrumentModel) -> bool:
    return isinstance(model, SourceMeterModel) and model.digital_lines >= _LINES
