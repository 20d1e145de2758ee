"""Firmware of the Keithley 7001 switch system with matrix cards in its two slots, SCPI.

Model 7001 Instruction Manual, 7001-901-01, section 5 (unverified: from memory; the S46 driver of QCoDeS speaks the
same dialect, and the 2000, 2700 and 6517A of the same make have the same CLOSe, OPEN and SCAN commands: Model 6517A
User's Manual 3.18). A channel is card!row!column; rows 1 to 4 are letters A to D here.
"""

from __future__ import annotations

from labmtj.config.model import SwitchMatrixModel
from labmtj.twin.build import Place
from labmtj.twin.scpi.engine import Call, Dialect, ScpiError
from labmtj.twin.scpi.matrix import Names, ScpiMatrix, states
from labmtj.twin.world import Crosspoint

_OUTSIDE = "Parameter data out of range"  # -222 as Keithley words it: Model 2700 User's Manual, page 2-12
_LONGEST = 99999.999  # [s] unverified: settling time that can be added


class Keithley7001(ScpiMatrix):
    """One mainframe whose slots hold the cards of the data sheet, card 2 to the right of card 1."""

    def __init__(self, place: Place, model: SwitchMatrixModel) -> None:
        names = [model.cards.name.partition("-")[0]] * model.cards.count
        super().__init__(place, model, dialect=Dialect(queue=10, queue_headers=True, options=",".join(names)))
        self._types = {number: f"C{name}" for number, name in enumerate(names, start=1)}
        self._delays = dict.fromkeys(self._types, 0.0)  # [s] by slot, on top of the card's own
        self._scan: list[Crosspoint] = []
        self._waiting: list[Crosspoint] | None = None  # the rest of a scan that triggers take on
        self._scanned: Crosspoint | None = None
        by_card = [(row, column) for _, columns in self.cards() for row in self.rows for column in columns]
        self._names = Names(by_card, self._name, spell=_plain, outside=_OUTSIDE)
        self._add()

    def _name(self, crosspoint: Crosspoint) -> str:
        return "!".join(map(str, self.split(crosspoint)))

    def _add(self) -> None:
        add = self.engine.add
        add("[:ROUTe]:CLOSe", set=lambda call: self.move(self.closed | set(self._listed(call))), get=self._closed)
        add("[:ROUTe]:CLOSe:STATe", get=lambda _: self._names.written(self.closed), most=0)
        add(
            "[:ROUTe]:OPEN",
            set=self._open,
            get=lambda call: states(self._listed(call), self.closed, of_open=True),
        )
        add("[:ROUTe]:OPEN:ALL", set=lambda _: self.move(frozenset()), most=0)
        add("[:ROUTe]:CONFigure:SLOT#:CTYPe", set=self._set_type, get=lambda call: self._types[self._slot(call)])
        add("[:ROUTe]:CONFigure:SLOT#:STIMe", set=self._set_delay, get=self._delay)
        add("[:ROUTe]:SCAN[:INTernal]", set=self._set_scan, get=lambda _: self._names.written(self._scan))
        add("[:ROUTe]:SCAN:POINts", get=lambda _: str(len(self._scan)), most=0)
        add(":INITiate[:IMMediate]", set=self._initiate, most=0)
        add(":ABORt", set=self._abort, most=0)
        add(":SYSTem:PRESet", set=lambda _: self.reset(), most=0)

    @property
    def settling(self) -> float:
        """The longest settling time of all slots."""
        return self.model.relay.settling + max(self._delays.values())

    def reset(self) -> None:
        """*RST: every relay opens, no settling time is added, no scan."""
        self._delays = dict.fromkeys(self._types, 0.0)
        self._scan, self._waiting, self._scanned = [], None, None
        super().reset()

    # -- relays --------------------------------------------------------------------------------------

    def _listed(self, call: Call) -> list[Crosspoint]:
        return self._names.listed(call.channels(0))

    def _closed(self, call: Call) -> str:
        """0 or 1 for each channel of a list; without a list, what is closed, as the S46 answers."""
        return states(self._listed(call), self.closed) if call.has(0) else self._names.written(self.closed)

    def _open(self, call: Call) -> None:
        if call.raw(0).upper() == "ALL":
            self.move(frozenset())
        else:
            self.move(self.closed - set(self._listed(call)))

    # -- slots ---------------------------------------------------------------------------------------

    def _slot(self, call: Call) -> int:
        return call.suffix(last=len(self._types))

    def _set_type(self, call: Call) -> None:
        """Card types are told, not found, where a card cannot say what it is; ours can."""
        slot, wanted = self._slot(call), call.text(0).upper()
        if wanted != self._types[slot]:
            raise ScpiError(-221)

    def _set_delay(self, call: Call) -> None:
        self._delays[self._slot(call)] = call.number(0, unit="S", bounds=(0.0, _LONGEST))

    def _delay(self, call: Call) -> str:
        return f"{self._delays[self._slot(call)]:.3f}"

    # -- scan: one trigger a channel -----------------------------------------------------------------

    def _set_scan(self, call: Call) -> None:
        self._scan, self._waiting = self._listed(call), None

    def _initiate(self, _: Call) -> None:
        if self._waiting is not None:
            raise ScpiError(-213)
        self._waiting, self._scanned = list(self._scan), None

    def _abort(self, _: Call) -> None:
        self._waiting = None

    def step(self) -> None:
        """A trigger opens the channel of the scan that is closed and closes the next one."""
        if not self._waiting:
            self._waiting = None
            raise ScpiError(-211)
        last, self._scanned = self._scanned, self._waiting.pop(0)
        self.move(frozenset(c for c in self.closed if c != last) | {self._scanned})


def _plain(text: str) -> str:
    """A channel without leading zeros: 01!1!03 is 1!1!3."""
    return "!".join(part.lstrip("0") or "0" for part in text.split("!"))
