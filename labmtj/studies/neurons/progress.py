"""How far a study of networks of neurons has come, from its folder alone."""

from __future__ import annotations

from pathlib import Path

from labmtj.studies.carrying import BLOCKS
from labmtj.studies.finishing import TIMES
from labmtj.studies.neurons import folder as folders
from labmtj.studies.progress import StudyProgress, progress


def read_progress(folder: Path) -> StudyProgress:
    """How far a study has come. Raises MissingFile where there is none."""
    every, done = int(folders.header(folder)["blocks"]), len(list((folder / BLOCKS).glob("*.npz")))
    return progress(folder, done, every, table=folder / f"{TIMES}.csv", what="blocks")
