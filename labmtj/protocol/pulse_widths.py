"""Whether the source that makes a bench's pulses can make them as long, or as short, as a step says."""

from __future__ import annotations

from collections.abc import Iterator

from labmtj.bench.assemble import roles_of
from labmtj.config.bench import BenchFile
from labmtj.config.model import (
    InstrumentModel,
    PulseBounds,
    PulseGeneratorModel,
    SourceMeterModel,
    VoltageBankModel,
    load_model,
)
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem
from labmtj.protocol.kinds.step import Step
from labmtj.units import Dimension, show


def problems(steps: list[tuple[KeyPath, Step]], source: Source, bench: BenchFile) -> Iterator[Problem]:
    """Yield every width that the protocol states and the bench's source of pulses cannot make."""
    stated = [(path, width) for here, step in steps for path, width in _widths(step, here)]
    if not stated or bench.bench.neurons is not None:
        return
    found = _maker(bench)
    if found is None:
        return
    title, bounds = found
    for path, width in stated:
        if not bounds.minimum <= width <= bounds.maximum:
            least, most = show(bounds.minimum, Dimension.TIME), show(bounds.maximum, Dimension.TIME)
            message = f"a pulse of {show(width, Dimension.TIME)} cannot be made here"
            yield source.problem(path, message, hint=f"{title} makes {least} to {most}")


def _widths(step: Step, here: KeyPath) -> Iterator[tuple[KeyPath, float]]:
    """Widths [s] of a step, each with its place; those that it leaves to the bench are not its own."""
    pulse = getattr(step, "pulse", None)
    for path, width in (
        ((*here, "width"), getattr(step, "width", None)),
        ((*here, "pulse", "width"), getattr(pulse, "width", None)),
    ):
        if isinstance(width, float):
            yield path, width
    for index, width in enumerate(getattr(step, "widths", None) or ()):
        yield (*here, "widths", index), width


def _maker(bench: BenchFile) -> tuple[str, PulseBounds] | None:
    """Title of the instrument that makes the pulses, and what it can; None where the file leaves it open."""
    sheets = {name: load_model(bench.model_file(name)) for name in bench.bench.instruments}
    try:
        roles = roles_of(bench.bench, sheets)
    except InputError:
        return None  # said elsewhere
    if bench.bench.every_line:
        end = next(iter(bench.bench.lines.rows.values()))
        name = "" if isinstance(end, int) else end[0]
    else:
        name = bench.bench.channels[roles.pulse_col][0]
    sheet: InstrumentModel | None = sheets.get(name)
    if isinstance(sheet, PulseGeneratorModel):
        return sheet.title, sheet.width
    return (sheet.title, sheet.pulse) if isinstance(sheet, SourceMeterModel | VoltageBankModel) else None
