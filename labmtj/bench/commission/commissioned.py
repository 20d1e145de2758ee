"""Whether a bench has been commissioned as it is wired now: the one thing that a run asks of it.

A bench is known by what a commissioning examines: VISA library, instruments and their addresses, roles, lines, size
and waiting times. Another cable or another card in the file is another bench, which wants its own.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import cast

from labmtj.config.bench import BenchFile
from labmtj.config.source import read
from labmtj.errors import LabmtjError
from labmtj.host_state import user_folder

FOLDER = "commissioning"
_EXAMINED = ("visa", "instruments", "roles", "lines", "use", "gates", "neurons", "measure", "wait", "mains")


def key_of(file: BenchFile) -> str:
    """A short digest of what a commissioning examines of a bench."""
    said = file.bench.model_dump(mode="json", include=set(_EXAMINED))
    said["array"] = file.bench.array.model_dump(mode="json", include={"rows", "cols", "kernels"})  # not which die it is
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def missing(file: BenchFile) -> str:
    """A line that says that a bench has no good record of commissioning; empty where it has."""
    advice = "`labmtj doctor BENCH --commission` makes one"
    found = sorted((user_folder() / FOLDER).glob(f"*-{key_of(file)}.yaml"))
    if not found:
        return f"this bench has no record of commissioning as it is wired now; {advice}"
    return (
        ""
        if any(_complete(path) for path in found)
        else f"the commissioning of this bench was not completed: {found[0]}"
    )


def _complete(path: Path) -> bool:
    """Whether a record says so; one that cannot be read says nothing."""
    try:
        data = read(path).data
    except LabmtjError:
        return False
    return isinstance(data, dict) and bool(cast("dict[str, object]", data).get("complete"))
