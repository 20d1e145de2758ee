"""The report step."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from labmtj.ports import Ticker
from labmtj.protocol.kinds.step import Step

if TYPE_CHECKING:
    from labmtj.protocol.progress import Progress


class ReportStep(Step):
    """Write the report."""

    kind: ClassVar[str] = "report"
    on_chips: ClassVar[bool] = True
    on_neurons: ClassVar[bool] = True
    changes_cells: ClassVar[bool] = False
    touches: ClassVar[bool] = False

    def carry_out(self, progress: Progress, tick: Ticker) -> str:
        """Nothing on the array: the engine writes the report when the bench is closed."""
        return ""
