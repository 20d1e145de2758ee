"""Protocol files: a network, steps in their order, and limits that may only be tighter than the bench's."""

from __future__ import annotations

import functools
import operator
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

from pydantic import BeforeValidator, Discriminator, Field, Tag, create_model

from labmtj.config.check import nearest
from labmtj.config.quantities import Current, Model, Voltage, refuse, written_as
from labmtj.config.source import KeyPath
from labmtj.protocol.criteria import Abort
from labmtj.protocol.kinds import STEPS
from labmtj.protocol.kinds.step import Step


def _one_step(value: object) -> object:
    """Refuse what is not a mapping with the name of one step as its only key."""
    if isinstance(value, str) and value in STEPS:
        raise refuse(f"a step is a mapping: write {value}: and its fields, or {value}: alone")
    if not isinstance(value, dict) or not value:
        raise refuse("a step is a mapping with its name as the only key, for example map: {read: 50 mV, width: 100 us}")
    names = list(cast("dict[str, Any]", value))
    for name in names:
        if name not in STEPS:
            glued = re.match(r"(\w+)\s*:?\s*\{", name)
            hint = f"write a colon and a space: {glued[1]}: {{...}}" if glued and glued[1] in STEPS else ""
            raise refuse(f"there is no step {name}", hint=hint or nearest(name, STEPS), key=name, at_key=True)
    if len(names) > 1:
        hint = "begin each step with its own dash"
        raise refuse(f"{names[0]} and {names[1]} stand in one step", hint=hint, key=names[1], at_key=True)
    return cast("dict[str, Any]", value)


def _tag(value: Any) -> str:
    return f"<{next(iter(value))}>"


def _short(value: Any) -> str:
    return "<mapping>" if isinstance(value, dict | Step) else "<text>"


def _entry(name: str, kind: type[Step]) -> Any:
    """A step under its name; a kind whose fields all have defaults may stand without fields, some as a text alone."""
    bare = not any(field.is_required() for field in kind.model_fields.values())
    fields: Any = kind
    if kind.bare is not None:
        text: Any = Annotated[kind, *written_as(kind.spelled_out, kind.bare), Tag("<text>")]
        fields = Annotated[text | Annotated[kind, Tag("<mapping>")], Discriminator(_short)]
    return create_model(
        f"{kind.__name__.removesuffix('Step')}Entry",
        __base__=Model,
        __doc__=f"A {name} step under its name.",
        **cast("Any", {name: (fields | None if bare else fields, ...)}),
    )


if TYPE_CHECKING:
    Entry = Model
else:
    _TAGGED = [Annotated[_entry(name, kind), Tag(f"<{name}>")] for name, kind in STEPS.items()]
    Entry = Annotated[functools.reduce(operator.or_, _TAGGED), Discriminator(_tag)]


CHIP_NETWORKS = ("digits",)
"""Shipped networks for chips: data/reference/NAME-network.npz."""


class Network(Model):
    """Where the weights come from: a shipped set, NIST files with a solution's number, or a trained one.

    A `trained` network is one for chips, as `labmtj train` leaves it; `images` and their `folder` are what it is for.
    """

    replaces: ClassVar[dict[str, tuple[str, ...]]] = {
        "files": ("shipped", "trained"),
        "shipped": ("files", "solution", "trained"),
        "trained": ("shipped", "files", "solution"),
    }

    shipped: str | None = None
    files: str | None = None
    solution: Annotated[int, Field(ge=0)] | None = None
    trained: str | None = None
    images: str | None = None
    folder: str | None = None

    @property
    def for_chips(self) -> bool:
        """Whether it is a network of a chip with a transistor in every cell."""
        return self.trained is not None or self.shipped in CHIP_NETWORKS


class ProtocolLimits(Model):
    """Limits that are tighter than the bench's."""

    cell_voltage: Voltage | None = None
    terminal_voltage: Voltage | None = None
    line_compliance: Current | None = None


class ProtocolFile(Model):
    """A protocol file."""

    title: str
    format: Literal[1]
    network: Network | None = None
    operator: str | None = None
    sample: str | None = None
    steps: Annotated[list[Annotated[Entry, BeforeValidator(_one_step)]], Field(min_length=1)]
    limits: ProtocolLimits | None = None
    abort: Abort | None = None


def listed(protocol: ProtocolFile) -> list[tuple[KeyPath, Step]]:
    """Return the steps, each with its path in the file; a step without fields has its defaults."""
    out: list[tuple[KeyPath, Step]] = []
    for index, entry in enumerate(protocol.steps):
        (kind,) = type(entry).model_fields
        step: Step | None = getattr(entry, kind)
        out.append((("steps", index, kind), STEPS[kind]() if step is None else step))
    return out
