"""From a protocol, a bench and overrides to a checked job; nothing here touches an instrument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labmtj.config import finder
from labmtj.config.bench import DEFAULT, Bench, BenchFile, Limits, check_bench, scope
from labmtj.config.check import check
from labmtj.config.overrides import Scope, absolute, apply, parse_settings
from labmtj.config.source import Source, read
from labmtj.errors import LimitExceeded, PlacementError, Problem
from labmtj.protocol import rules
from labmtj.protocol.inherit import inherit
from labmtj.protocol.schema import Network, ProtocolFile, listed
from labmtj.protocol.steps import InferStep, Lines, MapStep, PolarityStep, ProgramStep, Step

# chosen: 64 levels round an input by at most 0.8 % of full scale, less than devices of one die differ.
DEFAULT_BITS = 6


@dataclass(frozen=True)
class Protocol:
    """A protocol with everything inherited and filled in; `limits` are the tighter of its own and the bench's."""

    title: str
    network: Network
    steps: tuple[Step, ...]
    limits: Limits


@dataclass(frozen=True)
class Job:
    """A protocol on a bench. `source` is the protocol's document, `steps[n]` of both are the same step."""

    protocol: Protocol
    source: Source
    bench: BenchFile


def load_protocol(
    protocol: str | Path, *, bench: str | Path = DEFAULT, overrides: Sequence[str] = (), seed: int | None = None
) -> Job:
    """Read a protocol and its bench by name or path, with `path=value` overrides and a seed for the die.

    An override is looked up in the protocol (its steps by name), the bench, and the bench's simulation.
    Raises MissingFile, FileProblems, or LimitExceeded for a voltage or a limit that the bench forbids.
    """
    source, bench_source = read(finder.find("protocols", protocol)), read(finder.find("benches", bench))
    scopes = [Scope(source, ProtocolFile, ((), ("steps",))), scope(bench_source)]
    source, bench_source = apply(parse_settings(overrides, seed=seed), scopes)
    return check_protocol(source, check_bench(bench_source))


def check_protocol(source: Source, bench: BenchFile) -> Job:
    """Check a protocol document on a checked bench. Raises FileProblems or LimitExceeded."""
    kept = absolute(source, ("network", "files"))
    merged = inherit(kept)
    written = check(merged, ProtocolFile, lambda protocol: rules.problems(protocol, merged, bench))
    _refuse(LimitExceeded, rules.tighter(written, merged, bench))
    _refuse(LimitExceeded, rules.above(written, merged, bench))
    steps = tuple(_filled(listed(written), bench.bench))
    return Job(Protocol(written.title, written.network, steps, rules.limits(written, bench)), kept, bench)


def _refuse(error: type[LimitExceeded] | type[PlacementError], problems: Iterable[Problem]) -> None:
    texts = dict.fromkeys(str(problem) for problem in problems)
    if texts:
        raise error("\n".join(texts))


def _filled(steps: Sequence[tuple[object, Step]], bench: Bench) -> Iterator[Step]:
    """Yield the steps with what follows from the bench, and from the map before them, filled in."""
    measured: MapStep | None = None
    for _, step in steps:
        match step:
            case PolarityStep():
                yield step.model_copy(update={"width": step.width or bench.pulse.width})
            case MapStep():
                measured = step.model_copy(update={"width": step.width or bench.pulse.width})
                yield measured
            case ProgramStep() if measured is not None and step.pulse.width is None:
                yield step.model_copy(update={"pulse": step.pulse.model_copy(update={"width": measured.width})})
            case InferStep() if measured is not None:
                inputs = rules.inputs(step, bench)
                bits = (step.bits or DEFAULT_BITS) if inputs == "bit_serial" else None
                yield step.model_copy(update={"read": step.read or measured.read, "inputs": inputs, "bits": bits})
            case _:
                yield step


def check_fits(job: Job, shapes: Mapping[int, tuple[int, int]]) -> None:
    """Check that every layer to be written is one of `shapes` (inputs, device columns) and fits on the array.

    Raises PlacementError with the place in the protocol.
    """
    _refuse(PlacementError, _misfits(job, shapes))


def _misfits(job: Job, shapes: Mapping[int, tuple[int, int]]) -> Iterator[Problem]:
    source, array = job.source, job.bench.bench.array
    place = job.bench.source.place(("array",))
    for index, step in enumerate(job.protocol.steps):
        if not isinstance(step, ProgramStep):
            continue
        here = ("steps", index, "program", "layer")
        if step.layer not in shapes:
            known = ", ".join(str(number) for number in sorted(shapes))
            yield source.problem(here, f"the network has no layer {step.layer}", hint=f"its layers: {known}")
            continue
        rows, cols = shapes[step.layer]
        if rows > array.rows or cols > array.cols:
            message = f"layer {step.layer} needs {rows} x {cols} devices, the array has {array.rows} x {array.cols}"
            yield source.problem(here, message, hint=f"the array: {place}")
        elif isinstance(step.place, Lines):
            for side, lines, count in (("rows", step.place.rows, rows), ("cols", step.place.cols, cols)):
                if len(lines) != count:
                    path = ("steps", index, "program", "place", side)
                    message = f"layer {step.layer} needs {count} {side}, {len(lines)} are named"
                    yield source.problem(path, message)
