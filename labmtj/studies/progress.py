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
    made = folders.header(folder)
    blocks, done = int(made["blocks"]), len(list((folder / folders.BLOCKS).glob("*.npz")))
    if is_claimed(folder):
        state, more = "running", f"it is in the hands of {described(holder(folder))}"
    elif done == blocks and (folder / NAME).is_file():
        state, more = "done", f"its table: {folder / NAME}"
    else:
        state, more = "interrupted", f"continue with: labmtj resume {folder}"
    return StudyProgress(state, done, blocks, (f"{state}: {done} of {blocks} blocks are done", more))
