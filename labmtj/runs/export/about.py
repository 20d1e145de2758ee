"""What an export says of the run that it is of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.records import Floats
from labmtj.runs.netcdf import ROOT, Group

_JSON = ("summary", "instruments", "abort", "abort_met")
_FILES = ("protocol_yaml", "bench_yaml")


def about(groups: Mapping[str, Group]) -> dict[str, Any]:
    """Title, begin and end, who and what, versions, hashes and figures of a run, by the attributes of its run.h5."""
    attributes = groups[ROOT].attributes
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        if name.startswith("provenance_"):
            found.setdefault("provenance", {})[name.removeprefix("provenance_")] = value
        elif name in _JSON:
            found[name] = json.loads(str(value))
        elif name not in _FILES:
            found[name] = value
    found["clock"] = "virtual, of a simulated bench" if attributes.get("simulated") else "the wall's"
    return found


def zero(groups: Mapping[str, Group]) -> datetime:
    """When the bench's clock was 0, in UTC."""
    said = datetime.fromisoformat(str(groups[ROOT].attributes["clock_zero"]))
    return said.astimezone(UTC) if said.tzinfo is not None else said.replace(tzinfo=UTC)


def wall_times(seconds: Floats, groups: Mapping[str, Group]) -> list[str]:
    """Times on the bench's clock [s] as ISO 8601 in UTC, to the microsecond; empty for nan."""
    known = np.isfinite(seconds)
    micros: NDArray[np.int64] = np.round(np.where(known, seconds, 0.0) * 1e6).astype(np.int64)
    begin = np.datetime64(zero(groups).replace(tzinfo=None), "us")
    texts = np.datetime_as_string(begin + micros.astype("timedelta64[us]"), unit="us")
    return [f"{text}Z" if there else "" for text, there in zip(texts.tolist(), known.tolist(), strict=True)]
