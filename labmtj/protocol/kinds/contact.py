"""The contact step: every line at a few millivolts before anything else is put on the array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from labmtj.config.quantities import Voltage
from labmtj.config.source import KeyPath, Source
from labmtj.errors import Problem
from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Stated, Step
from labmtj.units import Dimension, show

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.protocol.progress import Progress

_MOST = 10e-3  # [V] what no junction is written or disturbed by (physics.md, section 3); labmtj.bench.lines


class ContactStep(Step):
    """Check every line, relay and wire at no more than `at`; every run begins so, whether the protocol says it or not.

    A line that does not do what it should ends the run before its first pulse. With `quarantine: open` lines that
    current does not get through are left out instead: their cells count as open, and no pulse goes there. A line that
    is tied to something always ends the run.
    """

    kind: ClassVar[str] = "contact"
    on_chips: ClassVar[bool] = True
    on_neurons: ClassVar[bool] = True

    at: Voltage = _MOST
    """Voltage of the looks, 10 mV or less."""
    quarantine: Literal["none", "open"] = "none"
    """Whether the run goes on without lines that current does not get through."""

    def voltages(self, written: Source, here: KeyPath) -> Iterator[Stated]:
        """The voltage of the looks."""
        yield Stated((*here, "at"), self.at)

    def problems(self, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
        """More than a contact check may put on lines of which nobody knows anything yet."""
        if self.at > _MOST * (1 + 1e-9):
            hint = "higher voltages come after the check has passed: read: 50 mV in a map step, for example"
            most = show(_MOST, Dimension.VOLTAGE)
            yield source.problem((*here, "at"), f"a contact check is made at up to {most}", hint=hint)

    def items(self, progress: Progress) -> int:
        """All lines."""
        return sum(progress.array.shape)

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Check them. Raises LineFaulty, which names them."""
        line = progress.contact(level=self.at, quarantine=self.quarantine)
        tick(self.items(progress))
        return line
