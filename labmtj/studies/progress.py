"""How far a study has come, from its folder alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labmtj.runs.claim import described, holder, is_claimed
from labmtj.studies import folder as folders
from labmtj.studies.table import NAME


@dataclass(frozen=True)
class StudyProgress:
    """Blocks that are done, of how many; `state` is running, done or interrupted; the lines say it."""

    state: str
    done: int
    blocks: int
    lines: tuple[str, ...]


def read_progress(folder: Path) -> StudyProgress:
    """How far a study has come. Raises MissingFile where there is none."""
    blocks, done = int(folders.header(folder)["blocks"]), len(list((folder / folders.BLOCKS).glob("*.npz")))
    return progress(folder, done, blocks, table=folder / NAME, what="blocks")


def progress(folder: Path, done: int, blocks: int, *, table: Path, what: str) -> StudyProgress:
    """How far a study of any kind has come of whose `blocks` so many are done; `what` they are called."""
    if is_claimed(folder):
        state, more = "running", f"it is in the hands of {described(holder(folder))}"
    elif done == blocks and table.is_file():
        state, more = "done", f"its table: {table}"
    else:
        state, more = "interrupted", f"continue with: labmtj resume {folder}"
    return StudyProgress(state, done, blocks, (f"{state}: {done} of {blocks} {what} are done", more))
