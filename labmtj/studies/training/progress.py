"""How far a training study has come, from its folder alone."""

from __future__ import annotations

from pathlib import Path

from labmtj.studies.progress import StudyProgress, progress
from labmtj.studies.training import folder as folders
from labmtj.studies.training.engine import FILES


def read_progress(folder: Path) -> StudyProgress:
    """How far a training study has come; its blocks are its fits. Raises MissingFile where there is none."""
    every, done = int(folders.header(folder)["fits"]), len(list((folder / folders.JUDGED).glob("*.npz")))
    return progress(folder, done, every, table=folder / FILES.name, what="fits")
