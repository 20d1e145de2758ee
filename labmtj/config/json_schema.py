"""JSON schemas of YAML files, for editors: every field with what it means, its unit and its default.

What a field means is said by the string below it in its class, or else in data/reference/field-texts.yaml. Schemas are
of draft 7, which is what editors' YAML support reads best.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import textwrap
from collections.abc import Iterable
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from labmtj.config.fields import models
from labmtj.config.finder import shipped_file
from labmtj.config.source import read

DRAFT = "http://json-schema.org/draft-07/schema#"
_ANY = "any"  # texts of fields that mean the same wherever they stand


def json_schema(kind: Any, *, name: str) -> dict[str, Any]:
    """The schema of files whose content is a `kind`, a model or a union of models; `name` is part of its identifier."""
    plain = _draft_7(_Generator().generate(TypeAdapter(kind).core_schema))
    plain.pop("title", None)
    head = {"$schema": DRAFT, "$id": f"urn:labmtj:{name}:1", "title": f"labmtj {name} file"}
    return head | plain


def undescribed(kind: Any) -> list[str]:
    """Fields of such files of which nothing is said, as "Class.field"."""
    generator = _Generator()
    generator.generate(TypeAdapter(kind).core_schema)
    return sorted(generator.missing)


def unknown_texts(kinds: Iterable[Any]) -> list[str]:
    """Texts of data/reference/field-texts.yaml that are about no field of these kinds, as "Class.field"."""
    known = set[str]()
    for kind in kinds:
        generator = _Generator()  # each works once
        generator.generate(TypeAdapter(kind).core_schema)
        known |= generator.known
    told = {f"{owner}.{name}" for owner, texts in _texts().items() if owner != _ANY for name in texts}
    return sorted(told - known)


def described(model: type[BaseModel]) -> dict[str, str]:
    """What the strings below a model's fields, its base classes' included, say of them."""
    texts = dict(_texts()[_ANY])
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            texts |= {**_texts().get(owner.__name__, {}), **_strings(owner)}
    return {name: text for name, text in texts.items() if name in model.model_fields}


@functools.cache
def _texts() -> dict[str, dict[str, str]]:
    return cast("dict[str, dict[str, str]]", read(shipped_file("data/reference/field-texts.yaml")).data)


def _strings(owner: type[BaseModel]) -> dict[str, str]:
    """Strings that stand below annotated names in the body of a class."""
    try:
        source = inspect.getsource(owner)
    except (OSError, TypeError):
        return {}  # made at run time: it has no text
    (body,) = ast.parse(textwrap.dedent(source)).body
    found: dict[str, str] = {}
    statements = cast("ast.ClassDef", body).body
    for statement, after in itertools.pairwise(statements):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[statement.target.id] = " ".join(text.split())
                case _:
                    pass
    return found


class _Generator(GenerateJsonSchema):
    """Adds what fields mean, and leaves out titles that only repeat names; remembers which fields there are."""

    def __init__(self) -> None:
        super().__init__()
        self.known, self.missing = set[str](), set[str]()

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        """The schema of one model."""
        found, model = super().model_schema(schema), cast("type[BaseModel]", schema["cls"])
        texts, named = described(model), {field.alias or name: name for name, field in model.model_fields.items()}
        for key, content in found.get("properties", {}).items():
            name = str(named.get(key, key))
            self.known.add(f"{model.__name__}.{name}")
            content.pop("title", None)
            text, unit = texts.get(name) or _of_type(model, name), _unit(content)
            if text:
                content["description"] = f"{text} ({unit})" if unit else text
            else:
                self.missing.add(f"{model.__name__}.{name}")
        return found


def _of_type(model: type[BaseModel], name: str) -> str:
    """The first sentence of what stands in a field, if that is a model."""
    inside = models(model.model_fields[name].annotation)
    text = inspect.getdoc(inside[0]) or "" if len(inside) == 1 else ""
    return " ".join(text.partition("\n\n")[0].split())


def _unit(content: dict[str, Any]) -> str:
    """What the type of a field says of its unit, directly or behind "or nothing"."""
    for found in (content, *content.get("anyOf", [])):
        if found.get("type") == "string" and "description" in found:
            return str(found["description"])
    return ""


def _draft_7(value: Any) -> Any:
    """The same with tuples, and what stands beside a reference, as draft 7 has them."""
    if isinstance(value, list):
        return [_draft_7(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = {key: _draft_7(item) for key, item in cast("dict[str, Any]", value).items()}
    if "prefixItems" in found:
        found["items"] = found.pop("prefixItems")
        found["additionalItems"] = False
    if "$ref" in found and len(found) > 1:
        found["allOf"] = [{"$ref": found.pop("$ref")}]
    found.pop("discriminator", None)  # of OpenAPI
    return found
