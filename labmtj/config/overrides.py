"""Values from the command line (`--set path=value`, `--seed N`), put into documents before they are checked."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from labmtj.config import fields
from labmtj.config.source import KeyPath, SetProblem, Source, parse
from labmtj.errors import FileProblems, Problem

_PART = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")


@dataclass(frozen=True)
class Setting:
    """One option: the dotted path, the value read as YAML, and the option as it was typed."""

    path: str
    value: Any
    text: str

    def problem(self, message: str, hint: str = "") -> Problem:
        """Make a problem that names the option."""
        return SetProblem(where=self.text, message=message, line=0, column=0, hint=hint)


@dataclass(frozen=True)
class Scope:
    """A document that settings may change; a path is looked up below each of `prefixes` in turn."""

    source: Source
    model: type[BaseModel]
    prefixes: tuple[KeyPath, ...]


def parse_settings(options: Sequence[str] = (), *, seed: int | None = None) -> list[Setting]:
    """Read `path=value` options and `--seed`. Raises FileProblems that name the option."""
    settings = [_setting(option) for option in options]
    if seed is not None:
        settings.append(Setting("simulation.die.seed", seed, f"--seed {seed}"))
    return settings


def _setting(option: str) -> Setting:
    path, equals, value = option.partition("=")
    text = f"--set {option}"
    path, value = path.strip(), value.strip()
    if not equals or not path:
        message = "a path and a value are expected"
        raise FileProblems([SetProblem(text, message, 0, 0, hint='for example --set simulation.die.diameter="30 nm"')])
    if not value:
        return Setting(path, None, text)
    if value[0] in "@`":
        return Setting(path, value, text)
    try:
        return Setting(path, parse(value, name=text).data, text)
    except FileProblems as error:
        first = error.problems[0]
        raise FileProblems(
            [SetProblem(text, f"the value {first.message}".replace("value this", "value"), 0, 0)]
        ) from None


def apply(settings: Sequence[Setting], scopes: Sequence[Scope]) -> list[Source]:
    """Put settings into the first document that knows their path; return the documents in the same order.

    Raises FileProblems for every path that no schema knows, with the nearest known ones.
    """
    for scope in scopes:
        if settings and not isinstance(scope.source.data, dict):
            raise FileProblems([scope.source.problem((), "a mapping is expected")])
    sources = [replace(s.source, data=copy.deepcopy(s.source.data), changed=dict(s.source.changed)) for s in scopes]
    problems: list[Problem] = []
    for setting in settings:
        for number, scope in enumerate(scopes):
            found = _targets(setting.path, sources[number].data, scope)
            if found is None:
                continue
            if not found:
                problems.append(setting.problem(f"{sources[number].name} has no step that {setting.path} could mean"))
            for path in found:
                changed = _put(sources[number].data, path, setting, scope.model)
                marks = {old: text for old, text in sources[number].changed.items() if old[: len(path)] != path}
                sources[number] = replace(sources[number], changed=marks | changed)
            break
        else:
            problems.append(setting.problem(f"there is no field {setting.path}", _nearest(setting.path, scopes)))
    if problems:
        raise FileProblems(problems)
    return sources


def _targets(dotted: str, data: Any, scope: Scope) -> list[KeyPath] | None:
    """Paths in the document that a dotted path means; None if the schema knows no such path."""
    matches = [_PART.fullmatch(part.strip()) for part in dotted.split(".")]
    parts = [(match[1], int(match[2] or 0)) for match in matches if match]
    if len(parts) != len(matches):
        return None
    for prefix in scope.prefixes:
        inside = data
        for part in prefix:
            inside = cast("dict[str, Any]", inside).get(str(part)) if isinstance(inside, dict) else None
        found = _walk(parts, fields.at(scope.model, prefix), inside, prefix)
        if found is not None:
            return found
    return None


def _walk(parts: Sequence[tuple[str, int]], annotation: Any, data: Any, path: KeyPath) -> list[KeyPath] | None:
    if annotation is None or not parts:
        return None if annotation is None else [path]
    name, number = parts[0]
    child = None if number else fields.below(annotation, name)
    if child is None:
        return _walk_steps(parts, annotation, data, path)
    inside = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    known = name in inside or name in fields.entries(annotation)
    return _walk(parts[1:], child, inside.get(name), (*path, name)) if known else None


def _walk_steps(parts: Sequence[tuple[str, int]], annotation: Any, data: Any, path: KeyPath) -> list[KeyPath] | None:
    """Walk into a list of mappings with one key each: `program` means all of this kind, `program[2]` the second.

    Of all steps of a kind, those that inherit the field are left to inherit it.
    """
    (name, number), rest = parts[0], parts[1:]
    child = fields.below(fields.below(annotation, 0), name)
    if _walk(rest, child, None, ()) is None:
        return None
    steps = cast("list[Any]", data) if isinstance(data, list) else []
    indices = [index for index, step in enumerate(steps) if isinstance(step, dict) and name in step]
    inherited = {key for model in fields.models(child) for key in getattr(model, "inherits", ())}
    if number:
        indices = indices[number - 1 : number]
    elif rest and rest[0][0] in inherited:
        indices = indices[:1] + [i for i in indices[1:] if _writes(steps[i][name], rest[0][0])]
    return [found for i in indices for found in _walk(rest, child, steps[i][name], (*path, i, name)) or []]


def _writes(data: Any, key: str) -> bool:
    return isinstance(data, dict) and key in data


def _put(data: Any, path: KeyPath, setting: Setting, model: type[BaseModel]) -> dict[KeyPath, str]:
    """Set one value in place, making mappings on the way; return the paths that changed."""
    changed: dict[KeyPath, str] = {}
    parent = data
    for depth, part in enumerate(path[:-1]):
        wanted = list if isinstance(path[depth + 1], int) else dict
        if isinstance(part, str) and not isinstance(parent.get(part), wanted):
            if parent.get(part) is not None:
                changed[path[: depth + 1]] = setting.text
            parent[part] = {}
        parent = parent[part]
    for owner in fields.models(fields.at(model, path[:-1])):
        for other in getattr(owner, "replaces", {}).get(path[-1], ()):
            parent.pop(other, None)
    parent[path[-1]] = copy.deepcopy(setting.value)
    return changed | {path: setting.text}


def _nearest(path: str, scopes: Sequence[Scope]) -> str:
    known: dict[str, None] = {}
    for scope in scopes:
        for dotted in fields.dotted(scope.model, scope.source.data):
            for prefix in scope.prefixes:
                start = "".join(f"{part}." for part in prefix)
                if dotted.startswith(start):
                    known.setdefault(dotted.removeprefix(start))
    asked = re.sub(r"\[\d+\]", "", path)
    parent, _, last = asked.rpartition(".")
    siblings = {name.rpartition(".")[2]: name for name in known if parent and name.rpartition(".")[0] == parent}
    near = [name for name in known if name.rpartition(".")[2] == last]
    near += [siblings[name] for name in difflib.get_close_matches(last, list(siblings), n=2, cutoff=0.5)]
    if not near and siblings:
        return f"known there: {', '.join(siblings)}"
    near = near or difflib.get_close_matches(asked, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near[:3])}?" if near else "`labmtj schema` prints every field"


def absolute(source: Source, path: KeyPath) -> Source:
    """Make a path in a document absolute: from the current folder if an option set it, else from the file's folder."""
    parent: Any = source.data
    for part in path[:-1]:
        if isinstance(part, int):
            items = cast("list[Any]", parent) if isinstance(parent, list) else []
            parent = items[part] if part < len(items) else None
        else:
            parent = cast("dict[Any, Any]", parent).get(part) if isinstance(parent, dict) else None
    found = cast("dict[Any, Any]", parent).get(path[-1]) if isinstance(parent, dict) else None
    if not isinstance(found, str) or Path(found).is_absolute():
        return source
    base = Path.cwd() if source.setting(path) or source.path is None else source.path.resolve().parent
    data = copy.deepcopy(source.data)
    parent = data
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = str(base / Path(found).expanduser())
    return replace(source, data=data)
