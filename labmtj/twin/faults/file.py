"""Faults as they are written down: kind, place, moment and what the kind needs; one file may hold many.

    format: 1
    seed: 7
    faults:
      - {kind: late, on: smu, delay: 3 s, after: 20}         # the 21st message is answered 3 s late, once
      - {kind: timeout, on: "*", probability: 1 %, times: 0} # any reply is lost, one in a hundred, for ever
      - {kind: stuck, relay: A3, closed: true, at: 10 s}     # 10 s after the faults were put in

`after` counts messages to the instruments that `on` names ("*": all), `at` seconds of the bench's time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from labmtj.config.check import check
from labmtj.config.quantities import (
    Current,
    Delay,
    Fraction,
    Level,
    Model,
    Sign,
    Time,
    quantity,
    refuse,
    written_as,
)
from labmtj.config.source import Source, parse, read
from labmtj.errors import Problem
from labmtj.twin.world import Crosspoint
from labmtj.units import Dimension

Kind = Literal[
    "timeout", "late", "garbage", "cut_block", "identity", "slow", "hang", "power_cycle", "interlock", "stuck", "lie",
    "offset", "compliance", "dead_socket",
]  # fmt: skip
Form = Literal["cut", "overflow", "empty", "glued", "noise", "identity"]

# What each kind takes beside the moment; ! must be given.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "timeout": ("times",),
    "late": ("delay!", "times"),
    "garbage": ("form", "times"),
    "cut_block": ("times",),
    "identity": ("identity", "times"),
    "slow": (),
    "hang": ("until",),
    "power_cycle": (),
    "interlock": (),
    "stuck": ("relay!", "closed!"),
    "lie": ("of",),
    "offset": ("channel", "volts", "amperes"),
    "compliance": ("channel", "limit!"),
    "dead_socket": ("times",),
}
_RELAY = re.compile(r"([A-P])([1-9]\d?)", re.ASCII)
_MOMENT = frozenset({"kind", "on", "after", "probability", "at", "duration"})
_AMPERES = Annotated[float, *quantity(Dimension.CURRENT, Sign.ANY, "1 uA", "-20 nA")]


def _relay(value: object) -> Crosspoint:
    found = _RELAY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise refuse(f'{value!r} is not a crosspoint: write matrix row and matrix column, for example "A3"')
    return found[1], int(found[2])


class Fault(Model):
    """One fault. `times` is how many replies it spoils (0: all), `duration` how long it lasts (else for ever).

    `delay` [s] of late replies, `form` of garbage (else drawn), `identity` in place of the right one, `until` what
    ends a hang, `relay` and whether it is stuck `closed`, `of` what a matrix lies about, `channel` with `volts` added
    to what it forces or `amperes` to what it measures, `limit` [A] that trips its compliance. The `duration` of a
    power cycle is what the instrument takes to start. A `dead_socket` is of a served bench: the next client of the raw
    socket that goes, however it goes, is not noticed, and nobody gets in before the port of dead sockets was used.
    """

    kind: Kind
    on: str = "*"
    after: Annotated[int, Field(ge=0)] = 0
    probability: Fraction = 1.0
    at: Delay = 0.0
    times: Annotated[int, Field(ge=0)] | None = None
    duration: Time | None = None
    delay: Time | None = None
    form: Form | None = None
    identity: str = "ACME,MODEL 1,0,0"
    until: Literal["cleared", "never"] = "never"
    relay: (
        Annotated[
            tuple[str, int], *written_as(_relay, {"type": "string", "pattern": _RELAY.pattern, "examples": ["A3"]})
        ]
        | None
    ) = None
    closed: bool | None = None
    of: Literal["answers", "relays"] = "answers"
    channel: str = "1"
    volts: Level | None = None
    amperes: _AMPERES | None = None
    limit: Current | None = None


class FaultFile(Model):
    """A file of faults; `seed` makes what is drawn the same each time."""

    title: str = ""
    format: Literal[1]
    seed: Annotated[int, Field(ge=0)] = 0
    faults: Annotated[list[Fault], Field(min_length=1)]


def load_faults(path: Path, *, instruments: Collection[str] | None = None) -> FaultFile:
    """Read a file. Raises MissingFile, or FileProblems with everything that is wrong.

    `instruments`: the names on the bench, if they are known.
    """
    return checked(read(path), instruments=instruments)


def one_fault(fields: Mapping[str, Any], *, instruments: Collection[str] | None = None) -> Fault:
    """A fault from its fields, written as in a file. Raises FileProblems."""
    source = parse(json.dumps({"format": 1, "faults": [dict(fields)]}), name="fault")
    return checked(source, instruments=instruments).faults[0]


def checked(source: Source, *, instruments: Collection[str] | None = None) -> FaultFile:
    """The faults of a document. Raises FileProblems."""
    return check(source, FaultFile, lambda file: _problems(source, file, instruments))


def _problems(source: Source, file: FaultFile, instruments: Collection[str] | None) -> Iterator[Problem]:
    for number, fault in enumerate(file.faults):
        place = ("faults", number)
        takes = {name.rstrip("!") for name in PARAMETERS[fault.kind]}
        for name in sorted(fault.model_fields_set - _MOMENT - takes):
            hint = f"it takes {', '.join(sorted(takes)) or 'nothing but its moment'}"
            yield source.problem((*place, name), f"a fault of kind {fault.kind} has no {name}", hint=hint, key=True)
        for name in PARAMETERS[fault.kind]:
            if name.endswith("!") and getattr(fault, name[:-1]) is None:
                yield source.problem((*place, "kind"), f"a fault of kind {fault.kind} needs {name[:-1]}")
        if fault.kind == "offset" and fault.volts is None and fault.amperes is None:
            yield source.problem((*place, "kind"), "an offset needs volts or amperes")
        if instruments is not None and fault.on != "*" and fault.on not in instruments:
            known = f"instruments of this bench: {', '.join(sorted(instruments))}"
            yield source.problem((*place, "on"), f"there is no instrument {fault.on}", hint=known)
        if fault.kind in ("offset", "compliance") and fault.on == "*":
            yield source.problem(
                (*place, "kind"), f"a fault of kind {fault.kind} is on one instrument: name it with on"
            )
