"""One block of a study of training on the array, whatever it computes."""

from __future__ import annotations

from labmtj.studies.checkpoint import Columns
from labmtj.studies.in_situ.grid import REALISED, TIME, Trial
from labmtj.studies.in_situ.load import InSituJob


def run_trial(task: Trial, *, setting: InSituJob) -> dict[str, Columns]:
    """The tables of a block by their names. Raises LabmtjError for what cannot be had."""
    if task.part == TIME:
        from labmtj.studies.in_situ.timing import timed

        return dict(timed(task, setting))
    if task.part == REALISED:
        from labmtj.studies.in_situ.realised import realised

        return dict(realised(task, setting))
    from labmtj.studies.in_situ.learning import learnt

    return dict(learnt(task, setting))
