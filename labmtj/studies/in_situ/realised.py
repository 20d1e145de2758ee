"""The flip probability that pulses realise against the one asked, as a block of a study."""

from __future__ import annotations

from dataclasses import replace

from labmtj.dies import die_model
from labmtj.physics.variation import draw_die
from labmtj.studies.in_situ import samples
from labmtj.studies.in_situ.flips import against_asked
from labmtj.studies.in_situ.grid import REALISED, Trial
from labmtj.studies.in_situ.load import InSituJob
from labmtj.studies.tidy import Table

_SHORT = 1e-6  # [s] chosen: pulses below it are calibrated together with those of 100 us
_OTHER = 100e-6
_LONGER = 100.0  # chosen: longer ones together with those that are so many times longer


def realised(trial: Trial, job: InSituJob) -> dict[str, Table]:
    """Asked and realised probabilities of one die at one width, of a chip one kernel, after a calibration.

    What was realised is the die's true law at the voltages of its cells: no counting adds to the error.
    """
    condition, said = trial.condition, job.file.realised
    assert condition is not None
    assert said is not None
    model = condition.model(die_model(job.bench.bench), seed=job.file.dies.seed + trial.first)
    if job.gated:
        model = replace(model, rows=model.rows // model.kernels, kernels=1)
    inputs, outputs = samples.layers(job)[0]
    layer = min(inputs, model.rows), min(outputs, model.cols // 2)
    width = condition.width
    found = against_asked(
        draw_die(model),
        die=trial.first,
        layer=layer,
        width=width,
        other=_OTHER if width < _SHORT else _LONGER * width,
        pulses=said.pulses,
        asked=said.asked,
    )
    return {REALISED: dict(found)}
