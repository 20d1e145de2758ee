"""What can be found wrong with a study of training on the array without carrying it out: `labmtj check`."""

from __future__ import annotations

from collections.abc import Sequence

from labmtj import units
from labmtj.config import finder
from labmtj.config.source import read
from labmtj.errors import FileProblems, LabmtjError
from labmtj.protocol.examine import Examination
from labmtj.protocol.feasibility import Finding
from labmtj.protocol.write_verdicts import Severity
from labmtj.studies.in_situ.grid import TRAINED, trials
from labmtj.studies.in_situ.load import is_in_situ, load_in_situ
from labmtj.studies.in_situ.samples import dataset, fitting, layers
from labmtj.units import Dimension


def names_in_situ(file: str) -> bool:
    """Whether a name or a path is that of such a study; False where there is none, or one that cannot be read."""
    try:
        return is_in_situ(read(finder.find("protocols", file)).data)
    except LabmtjError:
        return False


def examine_in_situ(file: str, *, bench: str | None = None, overrides: Sequence[str] = ()) -> Examination:
    """Examine a study, its bench, its samples, and whether its network fits the arrays."""
    try:
        job = load_in_situ(file, bench=bench, overrides=overrides)
        data, shape = dataset(job.file.data.name), layers(job)
        fitting(job)
    except FileProblems as error:
        findings = tuple(Finding(Severity.ERROR, problem) for problem in error.problems)
        return Examination("in-situ", file, findings, exit_code=error.exit_code)
    every = trials(job)
    copies = sum(trial.copies for trial in every if trial.part in TRAINED)
    parts = ", ".join(dict.fromkeys(trial.part.replace("_", " ") for trial in every))
    sizes = "-".join(str(size) for size in (shape[0][0], *(outputs for _, outputs in shape)))
    summary = (
        f"a study of training on the array: {copies} trainings, {len(every)} blocks",
        f"parts: {parts}",
        f"{data.name}, {len(data.train)} to train and {len(data.test)} to test, {job.file.data.splits} splits; "
        f"network {sizes}; pulses of {units.show(job.file.in_situ.width, Dimension.TIME)}",
        f"on {job.file.dies.count} dies of {job.bench.bench.title}",
        f"carry it out with: labmtj study {job.source.name}",
    )
    return Examination("in-situ", job.source.name, (), summary)
