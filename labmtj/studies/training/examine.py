"""What can be found wrong with a training file without carrying it out: `labmtj check`."""

from __future__ import annotations

from collections.abc import Sequence

from labmtj.config import finder
from labmtj.config.source import read
from labmtj.errors import FileProblems, LabmtjError
from labmtj.protocol.examine import Examination
from labmtj.protocol.feasibility import Finding
from labmtj.protocol.write_verdicts import Severity
from labmtj.studies.training.fits import fits
from labmtj.studies.training.load import is_training, load_training
from labmtj.studies.training.ways import prepared


def names_training(file: str) -> bool:
    """Whether a name or a path is that of a training file; False where there is none, or one that cannot be read."""
    try:
        return is_training(read(finder.find("protocols", file)).data)
    except LabmtjError:
        return False


def examine_training(file: str, *, bench: str | None = None, overrides: Sequence[str] = ()) -> Examination:
    """Examine a training file, its bench, its images, and whether the network fits the chip."""
    try:
        job = load_training(file, bench=bench, overrides=overrides)
        found = prepared(job)
    except FileProblems as error:
        findings = tuple(Finding(Severity.ERROR, problem) for problem in error.problems)
        return Examination("training", file, findings, exit_code=error.exit_code)
    every = fits(job, dies=found.dies)
    networks = sum(fit.networks for fit in every)
    rates = ", ".join(f"{rate:g}" for rate in job.shorts)
    summary = (
        f"a training: {len(every)} fits of {networks} networks in all, judged on {found.dies} dies",
        *found.lines,
        f"at {rates} times the bench's rate of shorts",
        f"on {job.bench.bench.title}",
        f"carry it out with: labmtj train {job.source.name}",
    )
    return Examination("training", job.source.name, (), summary)
