"""Where runs lie: `--out`, else LABMTJ_RUNS, else data/runs of the checkout, else ./labmtj-runs."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

import labmtj
from labmtj.errors import MissingFile, StorageError

_LONGEST = 80  # chosen: characters of a title in the name of a folder; file systems allow 255 in all


def runs_root(out: Path | None = None) -> Path:
    """The folder in which run folders are made."""
    if out is not None:
        return out
    named = os.environ.get("LABMTJ_RUNS")
    if named:
        return Path(named)
    checkout = Path(labmtj.__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "instruments").is_dir():
        return checkout / "data" / "runs"
    return Path("labmtj-runs")


def known_run(folder: str | Path) -> Path:
    """The whole path of a run folder. Raises MissingFile where there is none; nothing is written."""
    place = Path(folder).resolve()
    if not (place / "journal.jsonl").is_file():
        raise MissingFile(f"{folder}: this is no run folder: it holds no journal.jsonl; runs lie in {runs_root()}")
    return place


def new_run(title: str, *, out: Path | None = None) -> Path:
    """Make a new folder `<time>-<title>`. Raises StorageError if that cannot be done."""
    root = runs_root(out)
    name = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower()[:_LONGEST] or "run"
    stamp = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    for attempt in range(100):
        folder = root / (f"{stamp}-{name}" if attempt == 0 else f"{stamp}-{name}-{attempt + 1}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise StorageError(
                f"{folder}: a run folder cannot be made: {error.strerror}; name another with --out"
            ) from error
        return folder.resolve()
    raise StorageError(f"{root}: no free name for a run of {stamp}")
