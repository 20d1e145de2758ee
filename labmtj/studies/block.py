"""One block of a study, whatever it computes."""

from __future__ import annotations

from labmtj.errors import InputError
from labmtj.studies.checkpoint import Columns
from labmtj.studies.grid import Task, What
from labmtj.studies.setting import Setting


def run_block(task: Task, *, setting: Setting) -> dict[str, Columns]:
    """The tables of a block by their names, each of columns of one length.

    Raises LabmtjError for a die on which no copy can be made.
    """
    from labmtj.studies import copies, side

    kinds = {
        What.COPIES: copies.copies,
        What.PLACEMENTS: side.placements,
        What.ABLATION: side.failures,
        What.INVERSE: side.inverse,
    }
    if task.what not in kinds:
        raise InputError(f"{task.words}: this side study is not known")
    return kinds[task.what](task, setting=setting)
