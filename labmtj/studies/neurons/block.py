"""One block of a study of networks of neurons, whatever it computes."""

from __future__ import annotations

from labmtj.studies.checkpoint import Columns
from labmtj.studies.neurons.grid import TABLES, Trial
from labmtj.studies.neurons.setting import Setting


def run_trial(task: Trial, *, setting: Setting) -> dict[str, Columns]:
    """The tables of a block by their names. Raises LabmtjError for what cannot be had."""
    if task.role == TABLES:
        from labmtj.studies.neurons.shapes import shapes

        return dict(shapes(setting.job))
    from labmtj.studies.neurons.learning import learnt

    return dict(learnt(task, setting))
