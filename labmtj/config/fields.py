"""What a schema knows: the fields below a path of a pydantic model, whether or not a file writes them."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from labmtj.config.source import KeyPath


def _members(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of a type: unions and Annotated unfolded, None left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for member in get_args(annotation):
            yield from _members(member)
    elif annotation is not type(None):
        yield annotation


def models(annotation: Any) -> list[type[BaseModel]]:
    """Models that a type allows."""
    found = [m for m in _members(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    return list(dict.fromkeys(found))


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def entries(annotation: Any) -> dict[str, FieldInfo]:
    """Fields of the models that `annotation` allows, by the key that a file writes."""
    return {_key(n, f): f for model in models(annotation) for n, f in model.model_fields.items()}


def below(annotation: Any, part: str | int) -> Any:
    """Type of what stands below a key or an index, or None if nothing may stand there."""
    for member in _members(annotation):
        origin, arguments = get_origin(member), get_args(member)
        if isinstance(part, str) and origin in {dict, Mapping}:
            return arguments[1]
        if isinstance(part, int) and origin in {list, tuple}:
            return arguments[0]
    if isinstance(part, str):
        field = entries(annotation).get(part)
        return None if field is None else field.annotation
    return None


def at(annotation: Any, path: KeyPath) -> Any:
    """Type of what stands at `path`, or None if the schema knows no such path."""
    for part in path:
        annotation = below(annotation, part)
        if annotation is None:
            return None
    return annotation


def dotted(annotation: Any, data: Any, prefix: str = "") -> Iterator[str]:
    """Yield every path the schema knows, dotted; names that a file chooses are taken from `data`."""
    inside = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    for key, field in entries(annotation).items():
        yield prefix + key
        yield from dotted(field.annotation, inside.get(key), f"{prefix}{key}.")
    for member in _members(annotation):
        if get_origin(member) in {list, tuple}:
            yield from dotted(get_args(member)[0], None, prefix)
        if get_origin(member) in {dict, Mapping} and models(get_args(member)[1]):
            for key, value in inside.items():
                yield from dotted(get_args(member)[1], value, f"{prefix}{key}.")


def example(field: FieldInfo) -> str:
    """Return an example of a field's value, empty if its type names none."""
    for item in field.metadata:
        if isinstance(item, WithJsonSchema) and item.json_schema:
            for text in cast("list[Any]", item.json_schema.get("examples", [])):
                return str(text)
    return ""
