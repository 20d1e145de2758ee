"""The pause step: some time passes, or a person says when to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from labmtj import units
from labmtj.config.quantities import Time, refuse
from labmtj.errors import UnitError
from labmtj.ports import Ticker
from labmtj.protocol.kinds.confirm import LONGEST
from labmtj.protocol.kinds.step import Step
from labmtj.units import Dimension, show

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress

_DEFAULT = "paused by the protocol"


def long_time(seconds: float) -> str:
    """A time [s] as people say it: 30 s, 2 min, 1.5 h, 20 d."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return show(seconds, Dimension.TIME)


class PauseStep(Step):
    """Wait with all lines at ground: for a time, or without one until a person goes on.

    A time alone (30 s) is how long, another text alone is why a person has to go on. Time is the bench's: a simulated
    bench waits without taking any, and its die ages meanwhile as a real one does. A pause with a time may be ended
    early. A magnet keeps the field that it has. Without a keyboard a simulated bench goes on by itself; with
    `labmtj run --ask` it waits for a person, too.
    """

    kind: ClassVar[str] = "pause"
    on_chips: ClassVar[bool] = True
    on_neurons: ClassVar[bool] = True
    changes_cells: ClassVar[bool] = False
    touches: ClassVar[bool] = False
    bare: ClassVar[Mapping[str, Any] | None] = {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST,
        "examples": ["30 s", "Change the sample"],
    }

    seconds: Annotated[Time | None, Field(alias="for")] = None
    """How long; until a person goes on if it is not said."""
    why: Annotated[str, Field(max_length=LONGEST)] = ""
    """What the pause is for, as a person reads it."""

    @classmethod
    def spelled_out(cls, value: object) -> object:
        """A time alone is how long; another text is what a person reads."""
        if not isinstance(value, str) or not value.strip():
            raise refuse(f"{value!r} is no pause", hint="write pause: 30 s, pause: Change the sample, or pause: alone")
        if not value.strip()[0].isdigit():
            return {"why": value}
        try:
            units.parse(value, Dimension.TIME)
        except UnitError as error:
            # A mistyped time must not become a text that waits for a person for ever.
            raise refuse(str(error), hint="or, for a text that begins with a digit: {why: 3 needles are up}") from None
        return {"for": value}

    @property
    def reason(self) -> str:
        """Why, as a person reads it."""
        return self.why or _DEFAULT

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Wait."""
        answer = progress.known_person.ask("pause", self.reason, seconds=self.seconds)
        tick()
        if self.seconds is None:
            return f"{self.reason}   {answer.answer}{answer.by}"
        early = f"   ended early{answer.by}" if answer.how != "time" else ""
        return f"{self.why}{'   ' * bool(self.why)}{long_time(self.seconds)}{early}"
