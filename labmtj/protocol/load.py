"""From a protocol, a bench and overrides to a checked job; nothing here touches an instrument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from labmtj.config import finder
from labmtj.config.bench import DEFAULT, Bench, BenchFile, Limits, check_bench, scope
from labmtj.config.check import check
from labmtj.config.overrides import Scope, absolute, apply, parse_settings
from labmtj.config.source import Source, read
from labmtj.errors import FileProblems, LimitExceeded, PlacementError, Problem
from labmtj.protocol import rules
from labmtj.protocol.criteria import Abort
from labmtj.protocol.inherit import inherit
from labmtj.protocol.kinds.fields import Lines
from labmtj.protocol.kinds.program import ProgramStep
from labmtj.protocol.kinds.step import Step
from labmtj.protocol.kinds.tune import TuneStep
from labmtj.protocol.raising import Confirmation, lifted, raised, written
from labmtj.protocol.schema import Network, ProtocolFile, listed


@dataclass(frozen=True)
class Protocol:
    """A protocol with everything inherited and filled in; `limits` are the tighter of its own and the bench's.

    `operator` and `sample` are the bench's where the protocol names none, "" where nobody does.
    """

    title: str
    network: Network | None
    steps: tuple[Step, ...]
    limits: Limits
    operator: str = ""
    sample: str = ""
    abort: Abort | None = None


@dataclass(frozen=True)
class Job:
    """A protocol on a bench. `source` is the protocol's document, `steps[n]` of both are the same step."""

    protocol: Protocol
    source: Source
    bench: BenchFile


def load_protocol(
    protocol: str | Path,
    *,
    bench: str | Path = DEFAULT,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    confirm: Confirmation | None = None,
) -> Job:
    """Read a protocol and its bench by name or path, with `path=value` overrides and a seed for the die.

    An override is looked up in the protocol (its steps by name), the bench, and the bench's simulation. With
    `confirm`, one of a limit may allow more than the bench file, if somebody confirms it.
    Raises MissingFile, FileProblems, or LimitExceeded for a voltage or a limit that the bench forbids.
    """
    source, bench_source = read(finder.find("protocols", protocol)), read(finder.find("benches", bench))
    refuse_study(source)
    before = bench_source
    if confirm is not None:
        (bench_source,) = apply(parse_settings(lifted(overrides, bench_source)), [scope(bench_source)])
    scopes = [Scope(source, ProtocolFile, ((), ("steps",))), scope(bench_source)]
    source, bench_source = apply(parse_settings(overrides, seed=seed), scopes)
    file = check_bench(bench_source)
    if confirm is not None:
        confirm.settle(raised(file.bench.limits, written(before), f"what {before.name} says"))
    return check_protocol(source, file)


def refuse_study(source: Source) -> None:
    """Raise FileProblems for the file of a study or a training, with what to do with it."""
    data: Any = source.data
    if isinstance(data, dict) and "steps" not in data and "in_situ" in data:
        hint = f"it is carried out with: labmtj study {source.name}"
        problem = source.problem(("in_situ",), "this is a study, not a protocol", hint=hint, key=True)
        raise FileProblems([problem])
    if isinstance(data, dict) and "steps" not in data and "neuron_network" in data:
        hint = f"it is carried out with: labmtj study {source.name}"
        problem = source.problem(("neuron_network",), "this is a study, not a protocol", hint=hint, key=True)
        raise FileProblems([problem])
    if isinstance(data, dict) and "steps" not in data and "methods" in data:
        hint = f"it is carried out with: labmtj train {source.name}"
        problem = source.problem(("methods",), "this is a training file, not a protocol", hint=hint, key=True)
        raise FileProblems([problem])
    if isinstance(data, dict) and "steps" not in data and ("diameters" in data or "networks" in data):
        key = "diameters" if "diameters" in data else "networks"
        hint = f"it is run with: labmtj study {source.name}"
        raise FileProblems([source.problem((key,), "this is a study, not a protocol", hint=hint, key=True)])


def check_protocol(source: Source, bench: BenchFile) -> Job:
    """Check a protocol document on a checked bench. Raises FileProblems or LimitExceeded."""
    kept = _absolute(source)
    merged = inherit(kept)
    written = check(merged, ProtocolFile, lambda protocol: rules.problems(protocol, merged, bench))
    _refuse(LimitExceeded, rules.tighter(written, merged, bench))
    _refuse(LimitExceeded, rules.above(written, merged, bench))
    steps = tuple(_filled(listed(written), bench.bench))
    names = {name: getattr(written, name) or getattr(bench.bench, name) or "" for name in ("operator", "sample")}
    found = Protocol(written.title, written.network, steps, rules.limits(written, bench), abort=written.abort, **names)
    return Job(found, kept, bench)


def _refuse(error: type[LimitExceeded] | type[PlacementError], problems: Iterable[Problem]) -> None:
    found = list(dict.fromkeys(problems))
    if found:
        raise error("\n".join(dict.fromkeys(map(str, found))), found)


def _absolute(source: Source) -> Source:
    """The document with the files that it names by whole paths: the run folder's copy must find them too."""
    kept = source
    for key in ("files", "trained", "folder"):
        kept = absolute(kept, ("network", key))
    data: Any = source.data
    steps: Any = cast("dict[str, Any]", data).get("steps") if isinstance(data, dict) else None
    for index in range(len(cast("list[Any]", steps)) if isinstance(steps, list) else 0):
        kept = absolute(kept, ("steps", index, "open_map", "file"))
        kept = absolute(kept, ("steps", index, "train_array", "folder"))
    return kept


def _filled(steps: Sequence[tuple[object, Step]], bench: Bench) -> Iterator[Step]:
    """Yield the steps with what follows from the bench, and from the steps before them, filled in."""
    before: list[Step] = []
    for _, step in steps:
        before.append(step.filled(bench, before))
        yield before[-1]


def check_fits(job: Job, shapes: Mapping[int, tuple[int, int]]) -> None:
    """Check that every layer to be written is one of `shapes` (inputs, device columns) and fits on the array.

    What is tuned is the whole network, so all of its layers must have been written before.

    Raises PlacementError with the place in the protocol.
    """
    _refuse(PlacementError, _misfits(job, shapes))


def _misfits(job: Job, shapes: Mapping[int, tuple[int, int]]) -> Iterator[Problem]:
    source, array = job.source, job.bench.bench.array
    place = job.bench.source.place(("array",))
    written: set[int] = set()
    for index, step in enumerate(job.protocol.steps):
        if isinstance(step, TuneStep) and not written >= set(shapes):
            missing = " and ".join(f"layer {number}" for number in sorted(set(shapes) - written))
            hint = "write a program and an infer step for each before it, or leave tune out"
            yield source.problem(("steps", index, "tune"), f"nothing has written {missing}", hint=hint, key=True)
        if not isinstance(step, ProgramStep):
            continue
        written.add(step.layer)
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
