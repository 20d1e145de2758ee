"""The confirm step: a person says that something was done, or that something is so, before the run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from labmtj.config.quantities import refuse
from labmtj.errors import Declined
from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Step

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress

LONGEST = 500  # chosen: characters of a question; more belongs in the lab's own instructions
Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]


class ConfirmStep(Step):
    """Wait until a person has answered yes; a text alone is what is asked.

    All lines are at ground and all sources at 0 V meanwhile; a magnet keeps the field that it has. The contact check
    that every run begins with comes after the confirm and pause steps at the top of a protocol: probes may still be
    up there. `no` says what becomes of the run at the answer no: it is stopped and can be resumed, which asks again
    (`stop`), it fails (`fail`), or it goes on and the answer is only kept (`go_on`). A simulated bench without a
    keyboard answers yes by itself; with `labmtj run --ask` it waits for a person, too.
    """

    kind: ClassVar[str] = "confirm"
    on_chips: ClassVar[bool] = True
    on_neurons: ClassVar[bool] = True
    changes_cells: ClassVar[bool] = False
    touches: ClassVar[bool] = False
    bare: ClassVar[Mapping[str, Any] | None] = {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST,
        "examples": ["Lower the probes; the microscope shows contact on all pads"],
    }

    ask: Text
    """What a person is asked; the answer is yes or no."""
    no: Literal["stop", "fail", "go_on"] = "stop"
    """What becomes of the run at the answer no."""

    @classmethod
    def spelled_out(cls, value: object) -> object:
        """A text alone is what is asked."""
        if not isinstance(value, str) or not value.strip():
            hint = "write, for example, confirm: Lower the probes, or confirm: {ask: Is the light off?, no: fail}"
            raise refuse("a confirm step says what a person has to confirm", hint=hint)
        return {"ask": value}

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Ask. Raises Stopped or Declined at the answer no."""
        from labmtj.protocol.stop import Stopped

        answer = progress.known_person.ask("confirm", self.ask, final=("yes", "no") if self.no == "go_on" else ("yes",))
        if answer.answer == "no" and self.no == "fail":
            raise Declined(f"{answer.who or 'somebody'} answered no: {self.ask}")
        if answer.answer == "no" and self.no == "stop":
            raise Stopped(f"{answer.who or 'somebody'} answered no: {self.ask}", 130)
        tick()
        return f"{self.ask}   {answer.answer}{answer.by}"
