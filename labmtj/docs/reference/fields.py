"""Fields of a YAML file as tables, from its JSON schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from labmtj import units
from labmtj.docs.reference.markdown import escape, flat, link, table

Schema = Mapping[str, Any]
_UNIT = " with its unit, such as "
_HEAD = ("field", "takes", "default", "what it is")


class Fields:
    """The models of one schema."""

    def __init__(self, schema: Schema) -> None:
        self.root = schema
        self.models: dict[str, Schema] = schema.get("$defs", {})
        self.shown: list[str] = []  # models that a table has a link to, in the order of the links

    def fields(self, model: Schema, *, inherited: Sequence[str] = ()) -> str:
        """The table of a model's fields; a field without a default must be there."""
        required = model.get("required", ())
        rows: list[tuple[str, str, str, str]] = []
        for name, content in cast("dict[str, Schema]", model.get("properties", {})).items():
            what, _ = _split(str(content.get("description", "")))
            default = "required" if name in required else self._default(content)
            if name in inherited:
                default += ", or the step before"
            rows.append((f"`{name}`", self._takes(content), default, escape(flat(what))))
        return table(_HEAD, rows) if rows else "It has no fields.\n"

    def linked(self, *, leave_out: Sequence[str] = ()) -> str:
        """Sections for all models that tables have links to, and those that these have."""
        found: list[str] = []
        done = set(leave_out)
        while rest := [name for name in self.shown if name not in done]:
            name = rest[0]
            done.add(name)
            model = self.models[name]
            found += [f"### {name}\n", about(model), self.fields(model)]
        return "\n".join(found)

    def _takes(self, content: Schema) -> str:
        """What a field takes, as Markdown."""
        if "const" in content:
            return f"`{_value(content['const'])}`"
        if "enum" in content:
            return ", ".join(f"`{_value(one)}`" for one in content["enum"] if one is not None)
        if "$ref" in content:
            return self._model(str(content["$ref"]).rpartition("/")[2])
        several = content.get("anyOf") or content.get("oneOf") or content.get("allOf")
        if several:
            parts = [self._takes(one) for one in several if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(part for part in parts if part))
        return self._plain(content)

    def _plain(self, content: Schema) -> str:
        match content.get("type"):
            case "array":
                inside: Any = content.get("items", {})
                if isinstance(inside, list):
                    return "[" + ", ".join(self._takes(one) for one in cast("list[Schema]", inside)) + "]"
                return f"list of {self._takes(inside)}" if inside else "list"
            case "object":
                inside = content.get("additionalProperties")
                if isinstance(inside, dict):
                    return f"mapping of names to {self._takes(cast('Schema', inside))}"
                return "mapping"
            case "integer":
                return "whole number" + _bounds(content)
            case "number":
                return "number" + _bounds(content)
            case "boolean":
                return "true, false"
            case "string":
                return _text(content)
            case _:
                return "anything"

    def _model(self, name: str) -> str:
        model = self.models[name]
        if "enum" in model:
            return self._takes(model)
        if "properties" not in model:
            return self._takes(model)
        if name not in self.shown:
            self.shown.append(name)
        return link(name)

    def _default(self, content: Schema) -> str:
        if "default" not in content or content["default"] is None:
            return ""
        value = content["default"]
        dimension = _dimension(content)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and dimension is not None:
            return units.show(float(value), dimension)
        if isinstance(value, dict):
            return ""  # the defaults of its own fields
        return f"`{_value(value)}`"


def about(model: Schema) -> str:
    """What a model's docstring says, as Markdown."""
    return (
        "\n\n".join(escape(" ".join(part.split())) for part in str(model.get("description", "")).split("\n\n")) + "\n"
    )


def _split(description: str) -> tuple[str, str]:
    """What a field is, and what is said of its unit: in brackets at the end, or alone where nothing else is said."""
    before, bracket, last = description.rpartition(" (")
    if _UNIT in last and bracket:
        return before, last.removesuffix(")")
    return ("", description) if _UNIT in description else (description, "")


def _dimension(content: Schema) -> units.Dimension | None:
    _, said = _split(str(content.get("description", "")))
    words = said.partition(_UNIT)[0].removeprefix("positive ").removeprefix("non-negative ").strip()
    return next((one for one in units.Dimension if one.name.lower().replace("_", " ") == words), None)


def _text(content: Schema) -> str:
    examples = [f"`{one}`" for one in content.get("examples", ())]
    _, said = _split(str(content.get("description", "")))
    if said:
        return f"{said.partition(_UNIT)[0]}, such as {examples[0]}" if examples else said
    return f"text such as {', '.join(examples)}" if examples else "text"


def _bounds(content: Schema) -> str:
    low = content.get("minimum", content.get("exclusiveMinimum"))
    high = content.get("maximum", content.get("exclusiveMaximum"))
    above = "above" if "exclusiveMinimum" in content else "from"
    below = "below" if "exclusiveMaximum" in content else "to"
    return (f" {above} {_value(low)}" if low is not None else "") + (
        f" {below} {_value(high)}" if high is not None else ""
    )


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in cast("list[object]", value)) + "]"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:g}"
    return str(value)
