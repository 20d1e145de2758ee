"""What can be found wrong with a study without carrying it out: `labmtj check`."""

from __future__ import annotations

from collections.abc import Sequence

from labmtj.config import finder
from labmtj.config.source import read
from labmtj.errors import FileProblems, LabmtjError
from labmtj.protocol.examine import Examination
from labmtj.protocol.feasibility import Finding
from labmtj.protocol.write_verdicts import Severity
from labmtj.studies.grid import What, size, wire
from labmtj.studies.load import is_study, load_study
from labmtj.studies.setting import setting


def names_study(file: str) -> bool:
    """Whether a name or a path is that of a study file; False where there is none, or one that cannot be read."""
    try:
        return is_study(read(finder.find("protocols", file)).data)
    except LabmtjError:
        return False


def examine_study(file: str, *, bench: str | None = None, overrides: Sequence[str] = ()) -> Examination:
    """Examine a study, its bench and its networks."""
    try:
        job = load_study(file, bench=bench, overrides=overrides)
        found = setting(job)
    except FileProblems as error:
        findings = tuple(Finding(Severity.ERROR, problem) for problem in error.problems)
        return Examination("study", file, findings, exit_code=error.exit_code)
    study, blocks = job.study, found.tasks
    copies = sum(task.last - task.first for task in blocks if task.what is What.COPIES)
    kinds = [task.kind for task in blocks if task.kind is not None]
    diameters = dict.fromkeys(size(kind) for kind in kinds)
    wires = dict.fromkeys(wire(kind) for kind in kinds)
    summary = (
        f"a study: {len(found.networks.stack)} networks x {len(diameters)} sizes x {len(wires)} wires "
        f"x {study.dies} dies x {len(study.place)} placements: {copies} copies, {len(blocks)} blocks in all",
        f"devices of {', '.join(diameters)}; segments of {', '.join(wires)}",
        f"on {job.bench.bench.title}",
        f"carry it out with: labmtj study {job.source.name}",
    )
    return Examination("study", job.source.name, (), summary)
