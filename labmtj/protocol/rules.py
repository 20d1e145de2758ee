"""What must hold between the fields of a protocol, and between a protocol and its bench."""

from __future__ import annotations

from collections.abc import Iterator

from labmtj import units
from labmtj.config.bench import Bench, BenchFile, Limits
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.protocol.schema import ProtocolFile, listed
from labmtj.protocol.steps import (
    AmplitudePair,
    InferStep,
    Lines,
    MapStep,
    PolarityStep,
    ProgramStep,
    Step,
    TuneStep,
    VerifyStep,
)
from labmtj.units import Dimension

_DIMENSIONS = {
    "cell_voltage": Dimension.VOLTAGE,
    "terminal_voltage": Dimension.VOLTAGE,
    "line_compliance": Dimension.CURRENT,
}


def problems(protocol: ProtocolFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """Yield what is wrong between fields that are right by themselves."""
    network = protocol.network
    if network.shipped is None and network.files is None:
        hint = "write shipped: wine/17, or files: FOLDER and solution: 7"
        yield source.problem(("network",), "no network is named", hint=hint)
    if network.shipped is not None and network.files is not None:
        yield source.problem(("network", "files"), "a network is either shipped or in files, not both", key=True)
    elif network.files is not None and network.solution is None:
        yield source.problem(("network", "files"), "solution is missing", hint="write, for example: solution: 7")
    elif network.shipped is not None and network.solution is not None:
        hint = "the number of a shipped network stands in its name: wine/17"
        yield source.problem(("network", "solution"), "solution goes with files", hint=hint, key=True)
    steps = listed(protocol)
    yield from _order(steps, source)
    for here, step in steps:
        yield from _fields(here, step, source, bench)


def _order(steps: list[tuple[KeyPath, Step]], source: Source) -> Iterator[Problem]:
    """Yield every step that needs what no step before it has done."""
    done: set[str] = set()
    layers = {f"infer {step.layer}" for _, step in steps if isinstance(step, ProgramStep)}
    for here, step in steps:
        needs: list[str] = []
        match step:
            case MapStep():
                needs = ["polarity"]
            case ProgramStep():
                needs = ["map"]
            case InferStep(layer=layer):
                needs = [f"program {layer}"] + ([f"infer {layer - 1}"] if layer > 1 else [])
            case VerifyStep(layer=layer):
                needs = [f"program {layer}"]
            case TuneStep():
                needs = sorted(layers) or ["infer 1"]
            case _:
                pass
        missing = [need for need in needs if need not in done]
        if missing:
            kind, _, number = missing[0].partition(" ")
            which = f"a {kind} step" + (f" of layer {number}" if number else "")
            yield source.problem(here, f"{which.replace('a infer', 'an infer')} must come before this one", key=True)
        layer = getattr(step, "layer", None)
        done.add(f"{here[2]} {layer}" if layer else str(here[2]))


def _fields(here: KeyPath, step: Step, source: Source, bench: BenchFile) -> Iterator[Problem]:
    array = bench.bench.array
    if isinstance(step, PolarityStep):
        if step.start > step.ceiling:
            yield source.problem((*here, "start"), "the first pulse is above the ceiling")
        if step.cell is not None and (step.cell[0] > array.rows or step.cell[1] > array.cols):
            message = f"cell {step.cell} is not on the array, which has {array.rows} x {array.cols} cells"
            yield source.problem((*here, "cell"), message, hint=f"the array: {bench.source.place(('array',))}")
    if isinstance(step, InferStep) and step.bits is not None and step.inputs == "map":
        yield source.problem((*here, "bits"), "bits belong to inputs: bit_serial", key=True)
    if isinstance(step, InferStep) and step.inputs == "analog" and not bench.bench.analog:
        hint = "write inputs: array, which is bit by bit here; a bank on the rows (the bench parallel) does analog"
        yield source.problem((*here, "inputs"), "this bench drives its rows from one source", hint=hint)
    if isinstance(step, ProgramStep) and isinstance(step.place, Lines):
        for side, lines, count in (("rows", step.place.rows, array.rows), ("cols", step.place.cols, array.cols)):
            for position, line in enumerate(lines):
                at = (*here, "place", side, position)
                if line > count:
                    hint = f"the array has {count} {side} ({bench.source.place(('array', side))})"
                    yield source.problem(at, f"line {line} is not on the array", hint=hint)
                if line in lines[:position]:
                    yield source.problem(at, f"line {line} stands twice")


def tighter(protocol: ProtocolFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """Yield every limit of the protocol that is looser than the bench's."""
    for name, dimension in _DIMENSIONS.items():
        own, allowed = getattr(protocol.limits, name, None), getattr(bench.bench.limits, name)
        if own is not None and own > allowed:
            shown, most = units.show(own, dimension), units.show(allowed, dimension)
            message = f"{shown} is looser than the bench's limit {most}"
            hint = f"the bench allows {most} ({bench.source.place(('limits', name))}); a protocol may only be tighter"
            yield source.problem(("limits", name), message, hint=hint)


def limits(protocol: ProtocolFile, bench: BenchFile) -> Limits:
    """Return the limits that hold for this protocol on this bench: the tighter of the two."""
    own = {name: getattr(protocol.limits, name, None) for name in _DIMENSIONS}
    return bench.bench.limits.model_copy(update={name: value for name, value in own.items() if value is not None})


def above(protocol: ProtocolFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """Yield every voltage of a step that is above a limit, taking all of it to fall across the cell."""
    allowed = limits(protocol, bench)
    for here, step in listed(protocol):
        for path, voltage, share in _voltages(here, step, source):
            # Half of a pulse stands at each of two terminals, all of a read voltage at one.
            for name, value in (("cell_voltage", voltage), ("terminal_voltage", voltage * share)):
                most = getattr(allowed, name)
                if value > most:
                    owner = "protocol" if getattr(protocol.limits, name, None) is not None else "bench"
                    place = (source if owner == "protocol" else bench.source).place(("limits", name))
                    shown, limit = units.show(voltage, Dimension.VOLTAGE), units.show(most, Dimension.VOLTAGE)
                    noun = "a cell" if name == "cell_voltage" else "a terminal"
                    part = "as much" if value == voltage else units.show(value, Dimension.VOLTAGE)
                    message = f"{shown} could put {part} on {noun}, above its limit {limit}"
                    yield source.problem(path, message, hint=f"the {owner} allows {limit} ({place})")
                    break


def _voltages(here: KeyPath, step: Step, source: Source) -> Iterator[tuple[KeyPath, float, float]]:
    """Yield path, value [V] and the share of it that one terminal sees, of every voltage that a step states."""
    match step:
        case PolarityStep():
            yield (*here, "ceiling"), step.ceiling, 0.5
            yield (*here, "read"), step.read, 1.0
        case MapStep():
            yield (*here, "read"), step.read, 1.0
        case InferStep(read=float(read)):
            yield (*here, "read"), read, 1.0
        case ProgramStep(pulse=pulse) if isinstance(pulse.amplitude, AmplitudePair):
            written = source.data["steps"][here[1]]["program"]["pulse"]["amplitude"]
            path: KeyPath = (*here, "pulse", "amplitude")
            for name in ("ap_to_p", "p_to_ap"):
                yield (*path, name) if isinstance(written, dict) else path, getattr(pulse.amplitude, name), 0.5
        case _:
            pass


def inputs(step: InferStep, bench: Bench) -> str:
    """How a step's inputs reach the rows of this bench."""
    if step.inputs == "array":
        return "analog" if bench.analog else "bit_serial"
    return step.inputs
