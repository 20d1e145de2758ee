"""The contact check that every run begins with: every line at 10 mV, and nothing above it until all have passed.

Between two meters few looks show that nothing is wrong (labmtj.bench.quick_lines); only where they leave a doubt does
the long form look at every relay by itself. What it finds is in the journal, as readings are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from labmtj.bench.access import Waits
from labmtj.bench.bank_lines import BankEnds, BankLineTester
from labmtj.bench.lines import LEVEL, LineTester
from labmtj.bench.quick_lines import WHOLE, Block, Meters, QuickLines
from labmtj.bench.routing import LeftOut, Router
from labmtj.errors import LimitExceeded, LineFaulty
from labmtj.ports import Clock, Journal, PulseSource
from labmtj.records import Contact, Floats, LineFault
from labmtj.runs.contact_entry import contact_entry
from labmtj.units import Dimension, show

Quarantine = Literal["none", "open"]


class Examine(Protocol):
    """Looks at all lines at a level [V]: faults, and the conductances [S] of rows and columns."""

    def __call__(self, level: float) -> tuple[list[LineFault], Floats, Floats]:
        """Raises LineFaulty where the matrix does not report what it was asked for."""
        ...


@dataclass(frozen=True)
class ContactCheck:
    """Checks the lines of an open bench (labmtj.ports.ContactCheck)."""

    examine: Examine
    router: LeftOut
    clock: Clock
    journal: Journal

    def __call__(self, *, level: float = LEVEL, quarantine: Quarantine = "none") -> Contact:
        """Examine every line at no more than `level` [V]; what is found is in the journal.

        With `quarantine` "open" lines that current does not get through are left out from here on, as long as others
        of their axis are left: pulses on their cells are refused. Raises LimitExceeded for a level above 10 mV.
        """
        if not 0 < level <= LEVEL * (1 + 1e-9):
            shown = show(level, Dimension.VOLTAGE)
            raise LimitExceeded(f"a contact check is made at up to {show(LEVEL, Dimension.VOLTAGE)}, not at {shown}")
        self.router.quarantined = frozenset()
        began = self.clock.now()
        rows: tuple[float, ...] = ()
        cols: tuple[float, ...] = ()
        try:
            found, by_row, by_col = self.examine(level)
            rows, cols = tuple(by_row.tolist()), tuple(by_col.tolist())
        except LineFaulty as error:
            found = [fault for fault in error.faults if isinstance(fault, LineFault)]
        left_out = {fault.line for fault in found if quarantine == "open" and fault.interrupted}
        for axis, count in (("row", len(rows)), ("col", len(cols))):
            if sum(line.axis == axis for line in left_out) >= count:
                left_out.clear()  # what is left would be no array
        self.router.quarantined = frozenset(left_out)
        now = self.clock.now()
        contact = Contact(level, rows, cols, tuple(found), tuple(sorted(left_out)), now, now - began)
        self.journal.record("contact", contact_entry(contact, quarantine=quarantine))
        return contact


@dataclass(frozen=True)
class TwoMeterLines:
    """Lines between two meters: in few looks, and in many where these leave a doubt."""

    router: Router
    meters: Meters
    shape: tuple[int, int]
    pulser: PulseSource | None
    ohms: float
    blocks: tuple[Block, ...] = WHOLE
    row_kinds: int = 1

    def __call__(self, level: float) -> tuple[list[LineFault], Floats, Floats]:
        """Examine them (labmtj.bench.contact.Examine)."""
        quick = QuickLines(
            self.router,
            self.meters,
            shape=self.shape,
            level=level,
            pulser=self.pulser,
            ohms=self.ohms,
            blocks=self.blocks,
            row_kinds=self.row_kinds,
        )
        if not list(quick.doubts()):
            return [], quick.siemens["row"], quick.siemens["col"]
        meters = self.meters
        drive_range = meters.drive.current_range
        tester = LineTester(
            self.router,
            meters.drive,
            meters.sense,
            meters.clock,
            shape=self.shape,
            settle=meters.settle + meters.relay,
            pulser=self.pulser,
            level=level,
            row_kinds=self.row_kinds,
        )
        meters.drive.current_range = meters.range
        try:
            found = list(tester.faults())
        finally:
            meters.drive.current_range = drive_range
        return found, quick.siemens["row"], quick.siemens["col"]


@dataclass(frozen=True)
class BankLines:
    """Lines between a bank's channels and one or two meters."""

    router: Router
    ends: BankEnds
    clock: Clock
    shape: tuple[int, int]
    waits: Waits
    full_scale: float

    def __call__(self, level: float) -> tuple[list[LineFault], Floats, Floats]:
        """Examine them (labmtj.bench.contact.Examine)."""
        tester = BankLineTester(
            self.router,
            self.ends,
            self.clock,
            cols=self.shape[1],
            settle=self.waits.after_source,
            relay=self.waits.after_relay,
            full_scale=self.full_scale,
            level=level,
        )
        found = list(tester.faults())
        return found, tester.siemens["row"], tester.siemens["col"]
