"""What the kinds of `labmtj study` have in common: what was asked for, and tables as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Asked:
    """Which study: a file with a bench, settings and a folder for its own, or the folder of one to go on with."""

    file: str
    bench: str | None
    settings: tuple[str, ...]
    out: Path | None
    resume: Path | None


def listed(table: Mapping[str, NDArray[Any]]) -> list[dict[str, object]]:
    """Rows of a table as JSON has them; what is not known is null."""
    columns = {name: [_plain(value) for value in values.tolist()] for name, values in table.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
