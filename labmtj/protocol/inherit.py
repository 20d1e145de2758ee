"""What a step does not say is inherited from the step before of its kind, positions included."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, cast

from labmtj.config.source import KeyPath, Mark, Source
from labmtj.protocol.kinds import STEPS


def inherit(source: Source) -> Source:
    """Fill in the steps of a protocol document; errors in what is inherited point to where it was written."""
    merged = replace(
        source,
        data=copy.deepcopy(source.data),
        keys=dict(source.keys),
        values=dict(source.values),
        changed=dict(source.changed),
    )
    data: Any = merged.data
    steps: Any = cast("dict[str, Any]", data).get("steps") if isinstance(data, dict) else None
    last: dict[str, KeyPath] = {}
    for index, step in enumerate(cast("list[Any]", steps) if isinstance(steps, list) else []):
        entry: Any = step
        kind = next(iter(cast("dict[str, Any]", entry)), "") if isinstance(entry, dict) else ""
        here: KeyPath = ("steps", index, kind)
        if kind in STEPS and kind in last:
            _fill(merged, last[kind], here, STEPS[kind].inherits)
        last[kind] = here
    return merged


def _at(source: Source, path: KeyPath) -> Any:
    value: Any = source.data
    for part in path:
        value = value[part]
    return value


def _fill(source: Source, old: KeyPath, new: KeyPath, names: tuple[str, ...]) -> None:
    pair: list[Any] = [_at(source, old), _at(source, new)]
    if not all(isinstance(item, dict) for item in pair):
        return
    earlier, later = cast("list[dict[str, Any]]", pair)
    for name in names:
        if name not in earlier:
            continue
        if name == "bits" and later.get("inputs") in ("map", "analog"):
            continue  # bits belong to bit_serial inputs; a step that has no bits has none to inherit
        if name == "step" and later.get("algorithm", "ispp") != "ispp":
            continue  # steps of the amplitude belong to ispp
        if name not in later:
            later[name] = copy.deepcopy(earlier[name])
            _move(source, (*old, name), (*new, name))
        elif name == "pulse":
            _fill(source, (*old, name), (*new, name), ("width", "amplitude"))


def _move(source: Source, old: KeyPath, new: KeyPath) -> None:
    """Give everything at and below `new` the positions of what stands at and below `old`."""
    for marks in (cast("dict[KeyPath, Mark]", source.keys), cast("dict[KeyPath, Mark]", source.values)):
        marks.update({new + path[len(old) :]: mark for path, mark in marks.items() if path[: len(old)] == old})
    changed = cast("dict[KeyPath, str]", source.changed)
    changed.update({new + path[len(old) :]: text for path, text in changed.items() if path[: len(old)] == old})
    if source.setting(old):
        changed[new] = source.setting(old)
