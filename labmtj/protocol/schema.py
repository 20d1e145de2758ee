"""Protocol files: a network, steps in their order, and limits that may only be tighter than the bench's."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BeforeValidator, Discriminator, Field, Tag

from labmtj.config.check import nearest
from labmtj.config.quantities import Current, Model, Voltage, refuse
from labmtj.config.source import KeyPath
from labmtj.protocol.steps import (
    InferStep,
    MapStep,
    PolarityStep,
    ProgramStep,
    ReportStep,
    Step,
    TuneStep,
    VerifyStep,
)


class PolarityEntry(Model):
    """A polarity step under its name."""

    polarity: PolarityStep


class MapEntry(Model):
    """A map step under its name."""

    map: MapStep


class ProgramEntry(Model):
    """A program step under its name."""

    program: ProgramStep


class InferEntry(Model):
    """An infer step under its name."""

    infer: InferStep


class VerifyEntry(Model):
    """A verify step under its name."""

    verify: VerifyStep


class TuneEntry(Model):
    """A tune step under its name."""

    tune: TuneStep | None


class ReportEntry(Model):
    """A report step under its name."""

    report: ReportStep | None


STEPS: dict[str, type[Model]] = {
    "polarity": PolarityStep,
    "map": MapStep,
    "program": ProgramStep,
    "infer": InferStep,
    "verify": VerifyStep,
    "tune": TuneStep,
    "report": ReportStep,
}


def _one_step(value: object) -> object:
    """Refuse what is not a mapping with the name of one step as its only key."""
    if isinstance(value, str) and value in STEPS:
        raise refuse(f"a step is a mapping: write {value}: and its fields, or {value}: alone")
    if not isinstance(value, dict) or not value:
        raise refuse("a step is a mapping with its name as the only key, for example map: {read: 50 mV, width: 100 us}")
    names = list(cast("dict[str, Any]", value))
    for name in names:
        if name not in STEPS:
            raise refuse(f"there is no step {name}", hint=nearest(name, STEPS), key=name, at_key=True)
    if len(names) > 1:
        hint = "begin each step with its own dash"
        raise refuse(f"{names[0]} and {names[1]} stand in one step", hint=hint, key=names[1], at_key=True)
    return cast("dict[str, Any]", value)


def _tag(value: Any) -> str:
    return f"<{next(iter(value))}>"


Entry = Annotated[
    Annotated[PolarityEntry, Tag("<polarity>")]
    | Annotated[MapEntry, Tag("<map>")]
    | Annotated[ProgramEntry, Tag("<program>")]
    | Annotated[InferEntry, Tag("<infer>")]
    | Annotated[VerifyEntry, Tag("<verify>")]
    | Annotated[TuneEntry, Tag("<tune>")]
    | Annotated[ReportEntry, Tag("<report>")],
    Discriminator(_tag),
]


class Network(Model):
    """Where the weights come from: the shipped set, or files in the NIST format with a solution's number."""

    replaces: ClassVar[dict[str, tuple[str, ...]]] = {"files": ("shipped",), "shipped": ("files", "solution")}

    shipped: str | None = None
    files: str | None = None
    solution: Annotated[int, Field(ge=0)] | None = None


class ProtocolLimits(Model):
    """Limits that are tighter than the bench's."""

    cell_voltage: Voltage | None = None
    terminal_voltage: Voltage | None = None
    line_compliance: Current | None = None


class ProtocolFile(Model):
    """A protocol file."""

    title: str
    format: Literal[1]
    network: Network
    steps: Annotated[list[Annotated[Entry, BeforeValidator(_one_step)]], Field(min_length=1)]
    limits: ProtocolLimits | None = None


def listed(protocol: ProtocolFile) -> list[tuple[KeyPath, Step]]:
    """Return the steps, each with its path in the file; a step without fields has its defaults."""
    out: list[tuple[KeyPath, Step]] = []
    for index, entry in enumerate(protocol.steps):
        (kind,) = type(entry).model_fields
        step: Step | None = getattr(entry, kind)
        out.append((("steps", index, kind), cast(Step, STEPS[kind]()) if step is None else step))
    return out
