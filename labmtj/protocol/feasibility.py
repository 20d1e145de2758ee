"""What physics says about a protocol before it runs: what cannot work, what will not go well, and why.

Judged with the statistics of the bench's simulated die (of a real bench: of the die that its `simulation` describes),
never with a die itself: a plan must not know more than a bench would.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from labmtj.config.bench import BenchFile
from labmtj.config.source import KeyPath
from labmtj.dies import die_model
from labmtj.errors import LimitExceeded, Problem, SolveError
from labmtj.physics.variation import DieModel
from labmtj.physics.write_forecast import MOST_DAMAGE
from labmtj.physics.write_window import sample, switch_chances, switching_volts, wear
from labmtj.protocol.kinds.mapping import MapStep
from labmtj.protocol.kinds.polarity import PolarityStep
from labmtj.protocol.kinds.program import ProgramStep
from labmtj.protocol.kinds.step import Step
from labmtj.protocol.load import Job
from labmtj.protocol.through_wires import ohms
from labmtj.protocol.write_verdicts import Ground, Severity, Verdict, judge_writing
from labmtj.records import State
from labmtj.units import Dimension, show

_HOUR = 3600.0
# chosen: shares of cells that one read, or an hour at rest, may lose before it is said, and before it is refused
_READ, _READ_TOO_MUCH, _AT_REST = 1e-5, 1e-3, 1e-3


@dataclass(frozen=True)
class Finding:
    """A verdict with its place in the protocol file; as a text it names its severity, as compilers do."""

    severity: Severity
    problem: Problem

    def __str__(self) -> str:
        place = f"{self.problem.path}: " if self.problem.path else ""
        message = f"{self.severity.name.lower()}: {place}{self.problem.message}"
        excerpt = "" if self.severity is Severity.NOTE else self.problem.excerpt
        return str(replace(self.problem, path="", message=message, excerpt=excerpt))


def judge(job: Job, layers: Mapping[int, tuple[int, int]]) -> list[Finding]:
    """Judge every step of a job, worst first; `layers` are the shapes (inputs, device columns) of the network's layers.

    What is said of a step is not said again of the next one of its kind.
    """
    ground = Ground(die_model(job.bench.bench), ohms(job.bench), job.protocol.limits)
    found: list[Finding] = []
    for index, step in enumerate(job.protocol.steps):
        here: KeyPath = ("steps", index, step.kind)
        for verdict in _judge_step(step, job, here, ground, layers):
            found.append(_placed(job, here, verdict))
    found += [_placed(job, ("steps", index, step.kind), v) for index, step, v in _resting(job, ground.model)]
    once: dict[tuple[Severity, str, str], Finding] = {}
    for finding in found:
        once.setdefault((finding.severity, finding.problem.path, finding.problem.message), finding)
    return sorted(once.values(), key=lambda finding: finding.severity)


def _placed(job: Job, here: KeyPath, verdict: Verdict) -> Finding:
    problem = job.source.problem((*here, *verdict.field), verdict.text, hint=verdict.hint, key=not verdict.field)
    return Finding(verdict.severity, problem)


def _judge_step(
    step: Step, job: Job, here: KeyPath, ground: Ground, layers: Mapping[int, tuple[int, int]]
) -> Iterator[Verdict]:
    if isinstance(step, PolarityStep):
        yield from _polarity(step, ground)
    if isinstance(step, ProgramStep) and step.layer in layers:
        try:
            yield from judge_writing(step, layers[step.layer], ground, wire=_wire(job, step, ground))
        except SolveError as error:
            yield Verdict(Severity.WARNING, (), f"nothing can be said of this step: {error}")
        except LimitExceeded as error:
            yield Verdict(Severity.REFUSED, ("scheme",), str(error))
    read = getattr(step, "read", None)
    if isinstance(read, float):
        yield from _reading(read, job.bench, ground.model)


def _wire(job: Job, step: Step, ground: Ground) -> float | None:
    """Resistance [ohm] of a segment as the die map has it when this step begins: measured, said, or unknown."""
    known: float | None = None
    for before in itertools.takewhile(lambda found: found is not step, job.protocol.steps):
        if isinstance(before, MapStep):
            known = before.wire
        if "wires" in (before.label, *before.gives):
            known = ground.model.wire
    return known


def _polarity(step: PolarityStep, ground: Ground) -> Iterator[Verdict]:
    """Whether the pulses on a spare cell reach far enough, and whether they wear it out."""
    width = step.width or 0.0
    count = 1 + int((step.ceiling - step.start) / step.step + 1e-9)
    pulses = np.repeat(step.start + step.step * np.arange(count), 4)  # both signs, twice over
    damage, broken = wear(ground.model, pulses, width=width)
    if damage > MOST_DAMAGE:
        yield Verdict(
            Severity.REFUSED,
            ("ceiling",),
            f"in pulses of {show(width, Dimension.TIME)} of up to {show(step.ceiling, Dimension.VOLTAGE)} a cell that "
            f"does not switch is written into breakdown: damage {damage:.1e} of {MOST_DAMAGE:.0e} allowed, "
            f"{broken:.1%} of cells break",
            "lower the ceiling, or shorten the pulses",
        )
    needed = max(switching_volts(ground.model, width=width, target=target) for target in State)
    if step.ceiling < needed:
        yield Verdict(
            Severity.WARNING,
            ("ceiling",),
            f"half of the cells need more than {show(needed, Dimension.VOLTAGE, 3)} to switch in "
            f"{show(width, Dimension.TIME)}",
            f"raise the ceiling to {show(1.3 * needed, Dimension.VOLTAGE, 3)}, or lengthen the pulses",
        )


def _reading(read: float, file: BenchFile, model: DieModel) -> Iterator[Verdict]:
    """What one read, at both signs, does to the cells: a read is a small, long pulse."""
    measure, wait = file.bench.measure, file.bench.wait
    seconds = measure.nplc / file.bench.mains + wait.after_source
    cells = sample(model)
    lost = [switch_chances(cells, np.array([read]), width=seconds, target=target).mean() for target in State]
    share = float(np.mean(lost))
    if share < _READ:
        return
    worse = share >= _READ_TOO_MUCH
    yield Verdict(
        Severity.REFUSED if worse else Severity.WARNING,
        ("read",),
        f"one read of {show(seconds, Dimension.TIME, 3)} at {show(read, Dimension.VOLTAGE)} loses "
        f"{share_of_cells(share)} that it could flip",
        "read at a lower voltage: 50 mV from 30 nm up, 20 mV below",
    )


def share_of_cells(share: float) -> str:
    """A share of cells as people read it: all of them is no number."""
    return "all cells" if share > 0.995 else f"{share:.1e} of the cells"


def _resting(job: Job, model: DieModel) -> Iterator[tuple[int, Step, Verdict]]:
    """What is lost while nothing is done, said once, at the first step that writes a layer."""
    cells = sample(model)
    chances = [switch_chances(cells, np.zeros(1), width=_HOUR, target=target).mean() for target in State]
    share = float(np.mean(chances))
    writing = [(n, step) for n, step in enumerate(job.protocol.steps) if isinstance(step, ProgramStep)]
    if share >= _AT_REST and writing:
        text = f"these dies forget: {share:.1%} of the cells are lost in an hour at rest"
        hint = "infer soon after writing, and verify again before what comes later"
        yield (*writing[0], Verdict(Severity.WARNING, (), text, hint))
