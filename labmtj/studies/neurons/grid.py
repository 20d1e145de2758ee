"""The blocks of a study of networks of neurons, in their one order: what is computed at once, and is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from labmtj.studies.neurons.load import NeuronJob

SOFTWARE, INFERENCE, TRAINING, GRADIENT, CURVES, TRANSFER, DISTILLATION = (
    "software", "inference", "training", "gradient", "curves", "transfer", "distillation",
)  # fmt: skip
NETWORK, SOURCE, TEACHER, TWIN, DEVICE, TABLES = "network", "source", "teacher", "twin", "device", "tables"
KEPT = (NETWORK, SOURCE, TEACHER, TWIN)
"""Roles of software networks, which are kept."""
MEASURED = "measured"
# chosen: work of an epoch with neurons over one in software; it only moves the bar and orders blocks.
_DEVICE = 1.8
_HEAD = 0.4  # chosen: work of an epoch of the layers that learn anew, over one of the whole network
_JUDGED = 0.05  # chosen: work of judging a die, over an epoch


@dataclass(frozen=True)
class Trial:
    """One block: its place in the order, its part of the study, the role of its network, and what its dies are like.

    `variation` is None for a network in software and for the neurons of a map. `plain`: readings have no noise and
    are not rounded. `dies` are judged with the same weights, or one is trained with.
    """

    number: int
    part: str
    role: str
    seed: int
    variation: float | None = None
    calibration: str = ""
    gradient: str = ""
    plain: bool = False
    dies: int = 0
    weight: float = 0.0

    @property
    def name(self) -> str:
        """What its file is called: 0007-training-device-5pct-neuron-seed3."""
        spread = "" if self.variation is None else f"{100 * self.variation:g}pct"
        other = self.gradient if self.gradient not in ("", MEASURED) else ""
        plain = "plain" if self.plain else ""
        parts = (f"{self.number:04d}", self.part, self.role, spread, self.calibration, other, plain)
        return "-".join(part for part in (*parts, f"seed{self.seed}") if part)

    @property
    def words(self) -> str:
        """What it is, for a message."""
        spread = "" if self.variation is None else f"{100 * self.variation:g} %"
        known = f"calibration {self.calibration}" if self.calibration else ""
        other = f"gradient {self.gradient}" if self.gradient not in ("", MEASURED) else ""
        parts = (self.part, self.role if self.role != self.part else "", spread, known, other)
        return ", ".join(part for part in (*parts, f"seed {self.seed}") if part)


def trials(job: NeuronJob) -> list[Trial]:
    """All blocks of a study; the same study has the same ones."""
    return [replace(trial, number=number) for number, trial in enumerate(_trials(job))]


def _trials(job: NeuronJob) -> Iterator[Trial]:
    file, epochs = job.file, float(job.file.neuron_network.epochs)
    if file.curves is not None:
        yield Trial(0, CURVES, TABLES, file.seed, weight=1.0)
    # Every part but transfer and distillation, which have twins of their own, is compared with this network.
    if any((file.inference, file.training, file.gradient, file.curves)):
        for seed in job.seeds:
            yield Trial(0, SOFTWARE, NETWORK, seed, weight=epochs)
    if (inference := file.inference) is not None:
        for each in _conditions(job, INFERENCE):
            yield replace(each, dies=inference.dies, weight=_JUDGED * inference.dies)
    if file.training is not None:
        for each in _conditions(job, TRAINING):
            yield replace(each, weight=_DEVICE * epochs)
    if file.gradient is not None:
        yield from _gradients(job, epochs)
    if file.curves is not None:
        first, known = (0.0 if job.variations[0] is not None else None), job.calibrations[-1]
        for seed in job.seeds:
            alike = Trial(0, CURVES, DEVICE, seed, first, known, MEASURED, plain=True, dies=1)
            yield replace(alike, gradient="", weight=_JUDGED)
            yield replace(alike, weight=_DEVICE * epochs)
    if file.transfer is not None:
        for seed in job.seeds:
            yield Trial(0, TRANSFER, SOURCE, seed, weight=epochs)
        for seed in job.seeds:
            yield Trial(0, TRANSFER, TWIN, seed, weight=_HEAD * epochs)
        for each in _conditions(job, TRANSFER):
            yield replace(each, weight=_HEAD * _DEVICE * epochs)
    if (distillation := file.distillation) is not None:
        own = float(distillation.teacher.epochs or epochs)
        for seed in job.seeds:
            yield Trial(0, DISTILLATION, TEACHER, seed, weight=max(2.0 * own, _DEVICE * epochs))
        for seed in job.seeds:
            yield Trial(0, DISTILLATION, TWIN, seed, weight=epochs)
        for each in _conditions(job, DISTILLATION):
            yield replace(each, weight=_DEVICE * epochs)


def _conditions(job: NeuronJob, part: str) -> Iterator[Trial]:
    """Every seed on dies of each variation with each calibration; in inference nothing has a gradient."""
    gradient = "" if part == INFERENCE else MEASURED
    for variation in job.variations:
        for known in job.calibrations:
            for seed in job.seeds:
                yield Trial(0, part, DEVICE, seed, variation, known, gradient, dies=1)


def _gradients(job: NeuronJob, epochs: float) -> Iterator[Trial]:
    """The other gradients on some dies; the measured one only where the training does not have it."""
    assert job.file.gradient is not None
    wanted = job.file.gradient.variation
    for each in _conditions(job, GRADIENT):
        if wanted is not None and each.variation is not None and each.variation not in wanted:
            continue
        for kind in job.file.gradient.kinds:
            if kind != MEASURED or job.file.training is None:
                yield replace(each, gradient=kind, weight=_DEVICE * epochs)
