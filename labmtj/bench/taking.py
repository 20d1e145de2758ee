"""Taking a bench: nobody else has it, and no interlock of its instruments is latched.

What that needs (processes, locks) is loaded for a bench that others can reach only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyvisa

from labmtj.bench.latch import Interlocks
from labmtj.bench.reach import identity_of
from labmtj.bench.safe_state import SafeState, Stage
from labmtj.config.bench import Bench, BenchFile
from labmtj.config.model import InstrumentModel

if TYPE_CHECKING:
    from labmtj.bench.custody import Custody


def private(manager: pyvisa.ResourceManager) -> bool:
    """Whether the instruments live and end with this process, so that nobody else can have them."""
    return bool(getattr(manager.visalib, "private", False))


def custody_of(
    file: BenchFile, manager: pyvisa.ResourceManager, safe: SafeState, *, report: Path | None = None
) -> Custody | None:
    """Take a bench that others can reach, until `safe` is reached; None for one in this process. Raises Busy."""
    if private(manager):
        return None
    from labmtj.bench.commands import note
    from labmtj.bench.custody import Custody

    custody = Custody(file, manager, report=report)
    safe.add(Stage.LEASES, "let the guardian go", custody.leave)
    safe.bar(lambda: custody.fence.shut)
    note("open", file.bench.title, **({} if report is None else {"run": str(report.parent)}))
    return custody


def admitted(
    bench: Bench, name: str, model: InstrumentModel, serial: str, custody: Custody | None, interlocks: Interlocks
) -> None:
    """An instrument has said who it is: nobody else has it, and no interlock of it is latched.

    Raises Busy or InterlockOpen.
    """
    if custody is not None:
        custody.identified(name, model, serial)
    said = interlocks.connected(name, identity_of(model.identity.model, serial))
    if said is not None and custody is not None:
        from labmtj.bench.commands import note

        note("acknowledge", bench.title, instrument=name, said=said["acknowledged"])
