"""What can be found wrong with a file without running anything: `labmtj check`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from labmtj.bench.assemble import roles_of
from labmtj.config import finder
from labmtj.config.bench import DEFAULT, Bench, BenchFile, check_bench, load_bench, scope
from labmtj.config.check import check
from labmtj.config.model import load_model
from labmtj.config.overrides import Scope, apply, parse_settings
from labmtj.config.source import Source, read
from labmtj.dies import die_model
from labmtj.errors import FileProblems, InputError, LimitExceeded, MissingFile, PlacementError, Problem
from labmtj.nets import files
from labmtj.physics.write_forecast import MOST_DAMAGE
from labmtj.physics.write_window import wear
from labmtj.protocol.course import chip_of
from labmtj.protocol.feasibility import Finding, judge, share_of_cells
from labmtj.protocol.inherit import inherit
from labmtj.protocol.kinds.confirm import ConfirmStep
from labmtj.protocol.kinds.pause import PauseStep, long_time
from labmtj.protocol.load import Job, check_fits, check_protocol, refuse_study
from labmtj.protocol.schema import ProtocolFile
from labmtj.protocol.write_verdicts import Severity
from labmtj.units import Dimension, show

_NOBODYS = ("192.0.2.", "198.51.100.", "203.0.113.")


@dataclass(frozen=True)
class Examination:
    """What was found in a file: `kind` protocol, bench or model, the exit code, and lines on what it will do."""

    kind: str
    name: str
    findings: tuple[Finding, ...] = ()
    summary: tuple[str, ...] = field(default_factory=tuple)
    exit_code: int = 0
    job: Job | None = None

    @property
    def refused(self) -> list[Finding]:
        """What must not be run."""
        return [finding for finding in self.findings if finding.severity <= Severity.REFUSED]


def examine(
    name: str | Path, *, bench: str | Path = DEFAULT, overrides: Sequence[str] = (), seed: int | None = None
) -> Examination:
    """Examine a protocol on a bench, a bench file, or a data sheet. Raises MissingFile for one that is not there."""
    path = _find(name)
    try:
        source = read(path)
        data: Any = source.data
        keys = set(cast("dict[str, Any]", data)) if isinstance(data, dict) else set[str]()
        if "instruments" in keys:
            return _bench(path, overrides, seed)
        if "firmware" in keys:
            load_model(path)
            return Examination("model", source.name, summary=(f"data sheet: {data['title']}",))
        refuse_study(source)
        return _protocol(source, bench, overrides, seed)
    except FileProblems as error:
        return Examination("file", str(name), _errors(error.problems), exit_code=error.exit_code)


def layers(job: Job) -> dict[int, tuple[int, int]]:
    """Shapes (inputs, device columns) of the layers of a job's network, from 1. Raises FileProblems, PlacementError.

    The layers of a network for a chip lie in blocks: none of them has a shape on the array.
    """
    wanted = job.protocol.network
    if wanted is None:
        return {}
    key = "shipped" if wanted.shipped is not None else "trained" if wanted.trained is not None else "files"
    try:
        if wanted.for_chips:
            chip_of(job)
            return {}
        if wanted.shipped is not None:
            network = files.shipped(wanted.shipped)
        else:
            network = files.read_network(Path(wanted.files or ""), solution=wanted.solution or 0)
    except FileProblems:
        raise
    except InputError as error:
        raise FileProblems([job.source.problem(("network", key), str(error))]) from error
    shapes = {number: layer.shape for number, layer in enumerate(network.layers, start=1)}
    check_fits(job, shapes)
    return shapes


def _find(name: str | Path) -> Path:
    for kind in ("protocols", "benches", "models"):
        try:
            return finder.find(kind, name)
        except MissingFile:
            continue
    return finder.find("protocols", name)


def _errors(problems: Sequence[Problem], severity: Severity = Severity.ERROR) -> tuple[Finding, ...]:
    return tuple(Finding(severity, problem) for problem in problems)


def _missing_drivers(file: BenchFile) -> Iterator[Finding]:
    """Drivers that are not here, those of other libraries too; a file of the user's own is not run for a look."""
    for name, entry in file.bench.instruments.items():
        key, model = "model" if entry.driver is None else "driver", file.model(name)
        if model.driver.rpartition(":")[0].endswith(".py"):
            continue
        from labmtj.bench.session import drivers_of

        try:
            drivers_of(file, {name: model})
        except InputError as error:
            yield from _errors([file.source.problem(("instruments", name, key), str(error))])


def _placeholders(file: BenchFile) -> Iterator[Finding]:
    """Addresses for documentation (RFC 5737), which no instrument has, in a file for real instruments."""
    for name, entry in file.bench.instruments.items():
        if file.bench.visa != "@labmtj" and any(net in entry.address for net in _NOBODYS):
            text = f"{name}: this address belongs to no instrument (RFC 5737): put in that of yours"
            yield Finding(Severity.WARNING, file.source.problem(("instruments", name, "address"), text))


def _bench(path: Path, overrides: Sequence[str], seed: int | None) -> Examination:
    file = load_bench(path, overrides=overrides, seed=seed)
    try:
        roles_of(file.bench, {name: load_model(file.model_file(name)) for name in file.bench.instruments})
    except InputError as error:
        found = _errors([file.source.problem(("roles",), str(error), key=True)])
        return Examination("bench", file.source.name, found, exit_code=error.exit_code)
    missing = tuple(_missing_drivers(file))
    if missing:
        return Examination("bench", file.source.name, missing, exit_code=InputError.exit_code)
    bench = file.bench
    most, width = bench.limits.cell_voltage, bench.pulse.width
    findings: tuple[Finding, ...] = ()
    # Neurons get no pulses.
    damage, broken = (0.0, 0.0) if bench.neurons is not None else wear(die_model(bench), most, width=width)
    if damage > MOST_DAMAGE:
        text = (
            f"one pulse of {show(width, Dimension.TIME)} at this limit breaks {share_of_cells(broken)} of such a die "
            f"(damage {damage:.1e}; {MOST_DAMAGE:.0e} is what a cell should see in its life)"
        )
        place = file.source.problem(("limits", "cell_voltage"), text)
        findings = (Finding(Severity.WARNING, place),)
    findings += tuple(_placeholders(file))
    instruments = ", ".join(f"{name} {entry.model}" for name, entry in bench.instruments.items())
    limits = (
        f"{show(most, Dimension.VOLTAGE)} a cell, {show(bench.limits.terminal_voltage, Dimension.VOLTAGE)} a terminal"
    )
    summary = (f"{bench.title}: {instruments}", f"limits: {limits}", f"simulated die: {describe(bench)}")
    return Examination("bench", file.source.name, findings, summary)


def _protocol(source: Source, bench: str | Path, overrides: Sequence[str], seed: int | None) -> Examination:
    bench_source = read(finder.find("benches", bench))
    scopes = [Scope(source, ProtocolFile, ((), ("steps",))), scope(bench_source)]
    source, bench_source = apply(parse_settings(overrides, seed=seed), scopes)
    found: list[Problem] = []
    file: BenchFile | None = None
    try:
        file = check_bench(bench_source)
    except FileProblems as error:
        found += error.problems
        try:
            check(inherit(source), ProtocolFile)  # what can be said of it without its bench
        except FileProblems as more:
            found += more.problems
    if file is None:
        return Examination("protocol", source.name, _errors(found), exit_code=InputError.exit_code)
    try:
        job = check_protocol(source, file)
        findings = judge(job, layers(job))
    except (FileProblems, PlacementError) as error:
        return Examination("protocol", source.name, _errors(error.problems), exit_code=error.exit_code)
    except LimitExceeded as error:
        return Examination(
            "protocol", source.name, _errors(error.problems, Severity.REFUSED), exit_code=error.exit_code
        )
    refused = any(finding.severity is Severity.REFUSED for finding in findings)
    code = LimitExceeded.exit_code if refused else 0
    return Examination("protocol", source.name, tuple(findings), tuple(_summary(job)), code, job)


def _summary(job: Job) -> list[str]:
    """What will be done, in a few lines."""
    bench, steps = job.bench.bench, job.protocol.steps
    shown = ", ".join(step.label for step in steps)
    return [
        f"{job.protocol.title}: {len(steps)} steps on {bench.title}",
        f"steps: {shown}",
        f"limits: {show(job.protocol.limits.cell_voltage, Dimension.VOLTAGE)} a cell, "
        f"{show(job.protocol.limits.terminal_voltage, Dimension.VOLTAGE)} a terminal",
        f"judged for dies of {describe(bench)}",
        *asked_of_people(job),
    ]


def asked_of_people(job: Job) -> list[str]:
    """What a person has to see to, how long pauses take, and what would end the run early, in a few lines."""
    steps, lines = job.protocol.steps, list[str]()
    lines += [f"asks a person: {step.ask}" for step in steps if isinstance(step, ConfirmStep)]
    pauses = [step for step in steps if isinstance(step, PauseStep)]
    lines += [f"waits until a person goes on: {step.reason}" for step in pauses if step.seconds is None]
    seconds = sum(step.seconds or 0.0 for step in pauses)
    if seconds:
        lines.append(f"pauses: {long_time(seconds)} in all")
    if job.protocol.abort is not None:
        lines.append(f"ends early beyond: {job.protocol.abort.words}")
    return lines


def describe(bench: Bench) -> str:
    """A bench's kind of die in a few words."""
    if bench.neurons is not None:
        from labmtj.neuron_dies import model_of_bench  # with the physics of neurons, which no other bench needs

        neurons = model_of_bench(bench)
        shown = show(neurons.critical, Dimension.CURRENT)
        return f"{neurons.count} neurons, critical current {shown} with a spread of {100.0 * neurons.sigma_current:g} %"
    model = die_model(bench)
    return (
        f"{model.rows} x {model.cols} cells of {show(model.diameter, Dimension.LENGTH)}, "
        f"{show(model.wire, Dimension.RESISTANCE)} a segment"
    )
