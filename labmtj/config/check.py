"""Check a YAML document against a pydantic model: every problem at once, each with its place and a hint."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from labmtj.config import fields
from labmtj.config.source import KeyPath, Source
from labmtj.errors import FileProblems, Problem

Checked = TypeVar("Checked", bound=BaseModel)
FORMAT = 1
_LISTED = 12  # chosen: names beside which the one that was meant is still seen


def nearest(name: str, known: Iterable[str]) -> str:
    """Write a hint: the known name most like `name`, if one is, and all that are known unless they are many."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near and len(names) > _LISTED:
        return f"did you mean {near[0]}?"
    known_names = f"known here: {', '.join(names)}" if names else "no fields belong here"
    return (f"did you mean {near[0]}? " if near else "") + known_names


def raise_if_any(problems: Sequence[Problem]) -> None:
    """Raise FileProblems with each problem once, in the order of lines."""
    if problems:
        raise FileProblems(sorted(dict.fromkeys(problems), key=lambda p: (p.where, p.line, p.column)))


def check(source: Source, model: type[Checked], rules: Callable[[Checked], Iterable[Problem]] | None = None) -> Checked:
    """Make a `model` of a document; `rules` finds what is wrong between fields that are right by themselves.

    Raises FileProblems with everything that is wrong, in the order of lines.
    """
    data: Any = source.data
    if not isinstance(data, dict):
        names = ", ".join(fields.entries(model))
        raise FileProblems([source.problem((), f"a mapping with the fields {names} is expected")])
    raise_if_any(list(_check_format(source, cast("dict[str, Any]", data))))
    try:
        checked = model.model_validate(data)
    except ValidationError as error:
        found = cast("list[dict[str, Any]]", error.errors(include_url=False))
        raise_if_any([_explain(item, source, model) for item in _told_once(found)])
        raise
    raise_if_any(list(rules(checked)) if rules else [])
    return checked


def _told_once(found: Sequence[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """The errors without fields that are missing only because their name is misspelt; that is an error already."""
    misspelt = [(item["loc"][:-1], str(item["loc"][-1])) for item in found if item["type"] == "extra_forbidden"]
    for item in found:
        *parent, name = item["loc"]
        beside = [said for where, said in misspelt if list(where) == parent]
        if item["type"] != "missing" or not difflib.get_close_matches(str(name), beside, n=1, cutoff=0.5):
            yield item


def _check_format(source: Source, data: Mapping[str, Any]) -> Iterable[Problem]:
    """Refuse a file of another format before its fields are looked at: they may mean something else."""
    found = data.get("format")
    hint = f"write: format: {FORMAT}"
    if "format" not in data:
        yield source.problem(("format",), "format is missing", hint=hint)
    elif type(found) is int and found > FORMAT:
        message = f"format {found} was made by a newer labmtj; this one reads format {FORMAT}"
        yield source.problem(("format",), message)
    elif type(found) is not int or found != FORMAT:
        yield source.problem(("format",), f"{found!r} is not a format of this file", hint=hint)


def _locate(data: Any, location: Sequence[str | int], *, missing: bool) -> KeyPath:
    """Path in the document of a pydantic location, whose union tags have no place in a file."""
    path: list[str | int] = []
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if isinstance(part, str) and isinstance(data, dict) and (part in data or (missing and last)):
            path.append(part)
            data = cast("dict[str, Any]", data).get(part)
        elif isinstance(part, int) and isinstance(data, list) and part < len(cast("list[Any]", data)):
            path.append(part)
            data = cast("list[Any]", data)[part]
    return tuple(path)


def _explain(item: Mapping[str, Any], source: Source, model: type[BaseModel]) -> Problem:
    """Turn one of pydantic's errors into a problem that says what, where and what to do."""
    kind, value, context = str(item["type"]), item.get("input"), item.get("ctx", {})
    path = _locate(source.data, item["loc"], missing=kind == "missing")
    parent = fields.at(model, path[:-1]) if path else model
    if kind == "labmtj":
        below = (*path, context["key"]) if context["key"] else path
        return source.problem(below, context["message"], hint=context["hint"], key=context["at_key"])
    if kind == "missing":
        name = str(path[-1])
        shown = fields.example(fields.entries(parent)[name])
        return source.problem(path, f"{name} is missing", hint=f"write, for example: {name}: {shown}" if shown else "")
    if kind == "extra_forbidden":
        name = str(path[-1])
        return source.problem(path, f"there is no field {name}", hint=nearest(name, fields.entries(parent)), key=True)
    if kind in {"literal_error", "enum"}:
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return source.problem(path, f"{value!r} is not one of the choices", hint=nearest(str(value), allowed))
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        names = ", ".join(fields.entries(fields.at(model, path)))
        return source.problem(path, "a mapping is expected" + (f" with the fields {names}" if names else ""))
    return source.problem(path, *_plain(kind, value, context, str(item["msg"])))


def _plain(kind: str, value: object, context: Mapping[str, Any], otherwise: str) -> tuple[str]:
    """Message for a value of the wrong type or out of its range."""
    expected = {
        "string_type": 'a text is expected; if it is one, put it in quotes: "..."',
        "int_type": "a whole number is expected",
        "float_type": "a number is expected",
        "bool_type": "true or false is expected",
        "list_type": "a list is expected: [...]",
        "tuple_type": "a list is expected: [...]",
        "finite_number": "a finite number is expected",
    }
    if kind in expected:
        words = {None: "nothing", True: "true", False: "false"}
        shown = words[value] if value is None or isinstance(value, bool) else repr(value)
        is_scalar = value is None or isinstance(value, str | int | float)
        return (f"{shown} stands here; {expected[kind]}" if is_scalar else expected[kind],)
    if kind == "too_short":
        return ("at least one entry is expected",)
    bounds = {
        "greater_than": ("gt", "above"),
        "greater_than_equal": ("ge", "at least"),
        "less_than": ("lt", "below"),
        "less_than_equal": ("le", "at most"),
    }
    if kind in bounds:
        name, words = bounds[kind]
        return (f"{value!r} must be {words} {context[name]:g}",)
    return (otherwise,)
