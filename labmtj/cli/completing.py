"""What a shell offers for a value: shipped files, files of one's own, runs, fields.

A shell asks at every press of a key, so nothing here imports more than it needs; fields come from the JSON schemas that
ship. Where there is nothing to offer the shell completes names of files by itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import typer

from labmtj.config.finder import shipped_names, shipped_root
from labmtj.errors import LabmtjError

_DEEPEST = 4  # chosen: parts of a path below which fields are lists of lists, and refer to themselves
_BENCH = "instruments/benches/bench"
_SCHEMAS = {
    "run": ("protocols/protocol", _BENCH),
    "plan": ("protocols/protocol", _BENCH),
    "check": ("protocols/protocol", _BENCH),
    "study": ("protocols/study", "protocols/in-situ", "protocols/neuron-study", _BENCH),
    "train": ("protocols/training", _BENCH),
}
"""Which files the fields of `--set` stand in, by command; of a bench if the command is not here."""


def protocols(incomplete: str) -> list[str]:
    """Shipped protocols by name, and YAML files."""
    return _named("protocols", incomplete)


def benches(incomplete: str) -> list[str]:
    """Shipped benches by name, and YAML files."""
    return _named("benches", incomplete)


def files(incomplete: str) -> list[str]:
    """Shipped protocols and benches by name, and YAML files."""
    return list(dict.fromkeys([*_named("protocols", incomplete), *_named("benches", incomplete)]))


def kinds(incomplete: str) -> list[str]:
    """Kinds of YAML files that have a schema."""
    folders = [shipped_root() / name for name in ("instruments", "protocols", "data/reference")]  # not an environment
    found = {path.name.split(".")[0] for folder in folders for path in folder.rglob("*.schema.json")}
    return [name for name in (*sorted(found), "all") if name.startswith(incomplete)]


def runs(incomplete: str) -> list[str]:
    """Folders of runs and studies, the newest first."""
    from labmtj.runs.folder import runs_root

    typed = Path(incomplete)
    places = [typed.parent if "/" in incomplete or os.sep in incomplete else runs_root()]
    found = [folder for place in places for folder in _folders(place)]
    shown = {_as_typed(folder): folder.name for folder in found}
    wanted = [path for path in shown if path.startswith(incomplete) or shown[path].startswith(incomplete)]
    return sorted(wanted, key=lambda path: shown[path], reverse=True)


def settings(ctx: typer.Context, incomplete: str) -> list[str]:
    """Paths of fields for `--set`, as far as the equals sign."""
    if "=" in incomplete:
        return []
    found: list[str] = []
    for name in _SCHEMAS.get(ctx.info_name or "", (_BENCH,)):
        try:
            schema = json.loads((shipped_root() / f"{name}.schema.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # a shell is no place to complain of a damaged installation
        found += [path for path in _fields(schema, schema, depth=_DEEPEST) if path.startswith(incomplete)]
    return [f"{path}=" for path in dict.fromkeys(found)]


def _named(kind: str, incomplete: str) -> list[str]:
    try:
        shipped = [name for name in shipped_names(kind) if name.startswith(incomplete)]
    except LabmtjError:
        shipped = []
    folder, slash, _ = incomplete.rpartition("/")
    names = sorted(path.name for path in _listed(Path(folder + slash)) if path.suffix in {".yaml", ".yml"})
    own = [f"{folder}{slash}{name}" for name in names]  # as it was typed, "./" and all
    return shipped + [path for path in own if path.startswith(incomplete)]


def _listed(place: Path) -> Iterable[Path]:
    try:
        return list(place.iterdir())
    except OSError:
        return []


def _folders(place: Path) -> Iterator[Path]:
    """Folders that hold a run or a study: what begins with a time."""
    return (path for path in _listed(place) if path.name[:2].isdigit() and path.is_dir())


def _as_typed(folder: Path) -> str:
    """From the current folder on where that is shorter."""
    try:
        return str(folder.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)


def _fields(schema: Mapping[str, Any], part: Mapping[str, Any], *, depth: int) -> Iterator[str]:
    """Dotted paths of the fields below a part of a schema; a list stands for what is in it (steps by their names)."""
    whole = _resolved(schema, part)
    below = cast("Mapping[str, Any]", whole.get("properties", {}))
    steps = cast("Mapping[str, Any]", below.get("steps", {})).get("items", {})
    entries = cast("list[Mapping[str, Any]]", steps.get("oneOf", []))
    for entry in entries:
        yield from _fields(schema, entry, depth=depth)
    for name, field in below.items():
        if name == "steps" and entries:
            continue
        deeper = list(_fields(schema, field, depth=depth - 1)) if depth > 1 else []
        yield from (f"{name}.{path}" for path in deeper)
        if not deeper:
            yield name


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part with what it refers to: of several forms, the one with fields."""
    for form in [part, *part.get("allOf", []), *part.get("anyOf", []), *part.get("oneOf", [])]:
        target = str(form.get("$ref", "")).rpartition("/")[2]
        found = schema["$defs"].get(target, form) if target else form
        if "properties" in found:
            return cast("Mapping[str, Any]", found)
    return part
