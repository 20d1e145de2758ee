"""What can be found wrong with a study of networks of neurons without carrying it out: `labmtj check`."""

from __future__ import annotations

from collections.abc import Sequence

from labmtj.config import finder
from labmtj.config.source import read
from labmtj.errors import FileProblems, LabmtjError
from labmtj.protocol.examine import Examination
from labmtj.protocol.feasibility import Finding
from labmtj.protocol.write_verdicts import Severity
from labmtj.studies.neurons import tasks
from labmtj.studies.neurons.grid import KEPT, TABLES, trials
from labmtj.studies.neurons.load import is_neuron_study, load_neuron_study


def names_neuron_study(file: str) -> bool:
    """Whether a name or a path is that of such a study; False where there is none, or one that cannot be read."""
    try:
        return is_neuron_study(read(finder.find("protocols", file)).data)
    except LabmtjError:
        return False


def examine_neuron_study(file: str, *, bench: str | None = None, overrides: Sequence[str] = ()) -> Examination:
    """Examine a study, its bench, its images, and whether its networks fit them."""
    try:
        job = load_neuron_study(file, bench=bench, overrides=overrides)
        tasks.fitting(job)
    except FileProblems as error:
        findings = tuple(Finding(Severity.ERROR, problem) for problem in error.problems)
        return Examination("neuron-study", file, findings, exit_code=error.exit_code)
    every, form, task = trials(job), tasks.form(job), tasks.task(job)
    trained = sum(bool(trial.gradient) for trial in every)
    in_software = sum(trial.role in KEPT for trial in every)
    judged = sum(trial.dies for trial in every if not trial.gradient and trial.role != TABLES)
    parts = ", ".join(dict.fromkeys(trial.part for trial in every))
    widths = "-".join(str(width) for width in (form.flat, *form.hidden, form.classes))
    device = job.file.device
    spread = ", ".join("as measured" if each is None else f"{100 * each:g} %" for each in job.variations)
    summary = (
        f"a study of networks of neurons: {in_software} networks trained in software, {trained} with neurons, "
        f"{judged} judged, {len(every)} blocks",
        f"parts: {parts}",
        f"{task.name}, {len(task.train)} to train and {len(task.test)} to test; network {widths}, "
        f"{form.neurons} neurons, {job.file.neuron_network.epochs} epochs, {job.file.seeds} seeds",
        f"variation {spread}; calibration {', '.join(job.calibrations)}; noise {100 * device.noise:g} %, "
        f"{device.bits} bits, up to {device.range:g} critical currents",
        f"carry it out with: labmtj study {job.source.name}",
    )
    return Examination("neuron-study", job.source.name, (), summary)
