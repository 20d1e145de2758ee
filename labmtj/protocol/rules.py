"""What must hold between the fields of a protocol, and between a protocol and its bench."""

from __future__ import annotations

from collections.abc import Iterator

from labmtj import units
from labmtj.config.bench import BenchFile, Limits
from labmtj.config.source import KeyPath, Source
from labmtj.errors import InputError, Problem, SolveError
from labmtj.protocol import criteria, pulse_widths
from labmtj.protocol.kinds.step import Stated, Step
from labmtj.protocol.schema import Network, ProtocolFile, listed
from labmtj.units import Dimension

_DIMENSIONS = {
    "cell_voltage": Dimension.VOLTAGE,
    "terminal_voltage": Dimension.VOLTAGE,
    "line_compliance": Dimension.CURRENT,
}


def problems(protocol: ProtocolFile, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """Yield what is wrong between fields that are right by themselves."""
    if protocol.network is not None:
        yield from _network(protocol.network, source)
    steps = listed(protocol)
    yield from _order(steps, source, network=protocol.network is not None)
    for here, step in steps:
        yield from _place(step, here, source, bench, protocol.network)
        yield from step.problems(here, source, bench)
    yield from pulse_widths.problems(steps, source, bench)
    if protocol.abort is not None:
        yield from criteria.problems(protocol.abort, steps, source, bench)


def _place(step: Step, here: KeyPath, source: Source, bench: BenchFile, network: Network | None) -> Iterator[Problem]:
    """Yield a step that the bench's array is not for, and one whose network is none for such an array."""
    kernels, array = bench.bench.array.kernels, bench.source.place(("array",))
    neurons = bench.bench.neurons
    if neurons is not None:
        if not step.on_neurons:
            place = bench.source.place(("neurons",))
            message = f"{step.kind} is for arrays of cells; this bench has {neurons.count} neurons ({place})"
            yield source.problem(here, message, key=True)
    elif step.on_neurons and not (step.on_arrays or step.on_chips):
        message = f"{step.kind} is for neurons of one junction each; this bench has none ({array})"
        yield source.problem(here, message, hint="run it with --bench neurons", key=True)
    elif kernels is not None and not step.on_chips:
        message = f"{step.kind} is for arrays without transistors; this bench has a chip of {kernels} kernels ({array})"
        yield source.problem(here, message, key=True)
    elif kernels is None and not step.on_arrays:
        message = f"{step.kind} is for chips with a transistor in every cell; this bench has none ({array})"
        yield source.problem(here, message, hint="run it with --bench simulated-1t1r", key=True)
    elif step.of_network and network is not None and network.for_chips is step.on_arrays:
        which = "a chip with a transistor in every cell" if network.for_chips else "an array without transistors"
        yield source.problem(here, f"this step cannot have a network for {which}", key=True)


def _network(network: Network, source: Source) -> Iterator[Problem]:
    named = [key for key in ("shipped", "files", "trained") if getattr(network, key) is not None]
    if not named:
        hint = "write shipped: wine/17, or files: FOLDER and solution: 7, or trained: FILE for a chip"
        yield source.problem(("network",), "no network is named", hint=hint)
    if "trained" in named and len(named) > 1:
        yield source.problem(("network", "trained"), f"a network is either {' or '.join(named)}, not both", key=True)
    for key in ("images", "folder"):
        if getattr(network, key) is not None and named and not network.for_chips:
            yield source.problem(("network", key), f"{key} goes with a network for a chip", key=True)
    if network.shipped is not None and network.files is not None:
        yield source.problem(("network", "files"), "a network is either shipped or in files, not both", key=True)
    elif network.files is not None and network.solution is None:
        yield source.problem(("network", "files"), "solution is missing", hint="write, for example: solution: 7")
    elif network.shipped is not None and network.solution is not None:
        hint = "the number of a shipped network stands in its name: wine/17"
        yield source.problem(("network", "solution"), "solution goes with files", hint=hint, key=True)


def _order(steps: list[tuple[KeyPath, Step]], source: Source, *, network: bool) -> Iterator[Problem]:
    """Yield every step that needs what no step before it has done."""
    done: set[str] = set()
    layers = sorted(f"infer {label.split()[1]}" for _, step in steps if (label := step.label).startswith("program "))
    for here, step in steps:
        needs = [label for need in step.needs() for label in (layers or ["infer 1"] if need == "infer all" else [need])]
        missing = [need for need in needs if need not in done and need != "network"]
        if missing:
            kind, _, number = missing[0].partition(" ")
            which = f"a {kind} step" + (f" of layer {number}" if number else "")
            yield source.problem(here, f"{which.replace('a infer', 'an infer')} must come before this one", key=True)
        if not network and step.of_network:
            hint = "write, for example, network: {shipped: wine/17}"
            yield source.problem(here, "this step needs a network", hint=hint, key=True)
        done |= {step.label, *step.gives}


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
    said = [stated for here, step in listed(protocol) for stated in step.voltages(source, here)]
    if protocol.abort is not None and protocol.abort.read is not None:
        said.append(Stated(("abort", "read"), protocol.abort.read))
    for stated in said:
        path, voltage, share = stated.path, stated.volts, stated.share
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
                reaching = _reaching(voltage, bench) if name == "cell_voltage" and share < 1.0 else ""
                hint = f"the {owner} allows {limit} ({place}){reaching}"
                yield source.problem(path, message, hint=hint)
                break


def _reaching(volts: float, bench: BenchFile) -> str:
    """What the cell that gets most of a pulse would see of it through the wires of the bench's simulated die."""
    # Solves the array: only where something is wrong already.
    from labmtj.protocol.through_wires import largest_share

    try:
        cell, seen = largest_share(bench, volts)
    except (SolveError, InputError):
        return ""  # what is wrong with the bench is said elsewhere
    return f"; cell {cell} of its simulated die would see {units.show(seen, Dimension.VOLTAGE, 3)}"
