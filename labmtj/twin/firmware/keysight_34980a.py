"""Firmware of the Keysight 34980A with 34934A matrix modules in the first slots, SCPI.

34980A Programmer's Reference (documentation.help/34980A, one page a command); channel numbers: 34934A User's Guide,
34980-90034, page 168: row r and column c of 16 rows are 50 (r + 1) + c behind the slot. The first and the last
channel of a range must exist, numbers between them that do not are skipped. Rows are letters A to P here.
"""

from __future__ import annotations

import math

from labmtj.config.model import SwitchMatrixModel
from labmtj.twin.build import Place
from labmtj.twin.scpi.engine import Call, Dialect, ScpiError
from labmtj.twin.scpi.matrix import Names, ScpiMatrix, states
from labmtj.twin.world import Crosspoint

_SLOTS = 8
_NUMBERS = 800  # channel numbers of a module, shared out among its rows
_MODES = {"AUTO100": "AUTO100", "AUTO0": "AUTO0", "FIXED": "FIX", "ISOLATED": "ISO"}
_OHMS = {"AUTO100": 100.0, "AUTO0": 0.0, "FIX": 100.0, "ISO": math.inf}  # SYSTem:MODule:ROW:PROTection
# chosen: AUTO modes move the row's protection relay as well, AUTO0 its bypass relay, too; only the order
# FIXed and ISOlated, AUTO100, AUTO0 stands in SYSTem:MODule:ROW:PROTection
_MOVES = {"FIX": 1, "ISO": 1, "AUTO100": 2, "AUTO0": 3}
_MODULE = ("MY44000001", "1.06")  # serial number and firmware of a module, as captured


class Keysight34980A(ScpiMatrix):
    """One mainframe whose modules are the cards of the data sheet."""

    def __init__(self, place: Place, model: SwitchMatrixModel) -> None:
        super().__init__(
            place, model, dialect=Dialect(empty='+0,"No error"', entry='{code:+d},"{text}"', queue=20, version="1994.0")
        )
        self.locked: set[int] = set()  # slots whose terminal block is missing: the interlock keeps relays open
        self._default = "AUTO100"
        self._mode = self._default
        self._cleared: dict[Crosspoint, int] = {}  # cycles of a relay when its count was cleared
        crosspoints = [(row, column) for _, columns in self.cards() for row in self.rows for column in columns]
        self._names = Names(crosspoints, self._name)
        self._protect(self._default)
        self._add()

    def _name(self, crosspoint: Crosspoint) -> str:
        card, row, column = self.split(crosspoint)
        share = _NUMBERS // self.model.rows
        return f"{card}{share * (row - 1) + column + 100}"

    def _add(self) -> None:
        add = self.engine.add
        add("[:ROUTe]:CLOSe", set=self._close, get=lambda call: states(self._listed(call), self.closed))
        add("[:ROUTe]:CLOSe:EXCLusive", set=self._close_only)
        add(
            "[:ROUTe]:OPEN",
            set=lambda call: self.move(self.closed - frozenset(self._listed(call))),
            get=lambda call: states(self._listed(call), self.closed, of_open=True),
        )
        add("[:ROUTe]:OPEN:ALL", set=self._open_all)
        add(":SYSTem:CTYPe", get=self._card_type)
        add(":SYSTem:CPON", set=self._open_all)
        add(":SYSTem:PRESet", set=lambda _: self.reset(), most=0)
        add(":SYSTem:MODule:TERMinal:TYPE", get=self._terminals)
        add(":SYSTem:MODule:ROW:PROTection", set=self._set_protection, get=self._protection, most=2)
        add(":DIAGnostic:RELay:CYCLes", get=lambda call: ",".join(f"{self._count(c):+d}" for c in self._listed(call)))
        add(":DIAGnostic:RELay:CYCLes:CLEar", set=self._forget_counts)

    @property
    def settling(self) -> float:
        """Of all relays on a path that move."""
        return self.model.relay.settling * _MOVES[self._mode]

    def reset(self) -> None:
        """*RST: every relay opens, rows are protected as SYSTem:MODule:ROW:PROTection DEFault says."""
        super().reset()
        self._protect(self._default)

    # -- relays --------------------------------------------------------------------------------------

    def _listed(self, call: Call) -> list[Crosspoint]:
        return self._names.listed(call.channels(0))

    def _close(self, call: Call) -> None:
        self._close_with(self.closed, self._listed(call))

    def _close_only(self, call: Call) -> None:
        """Open all others of the modules in question, then close."""
        wanted = self._listed(call)
        slots = {self.split(crosspoint)[0] for crosspoint in wanted}
        others = frozenset(c for c in self.closed if self.split(c)[0] not in slots)
        kept = others | (self.closed & frozenset(wanted))
        if kept != self.closed:
            self.move(kept)
        self._close_with(kept, wanted)

    def _close_with(self, closed: frozenset[Crosspoint], wanted: list[Crosspoint]) -> None:
        """Relays of a locked module stay as they are; nothing says so but its terminal type."""
        self.move(closed | frozenset(c for c in wanted if self.split(c)[0] not in self.locked))

    def _open_all(self, call: Call) -> None:
        slot = self._slot(call, default=-1, words={"ALL": -1})
        self.move(frozenset(c for c in self.closed if slot > 0 and self.split(c)[0] != slot))

    def _count(self, crosspoint: Crosspoint) -> int:
        cycles = self.world.electrics.state.cycles
        count = int(cycles[ord(crosspoint[0]) - ord("A"), crosspoint[1] - 1])
        return count - self._cleared.get(crosspoint, 0)

    def _forget_counts(self, call: Call) -> None:
        for crosspoint in self._listed(call):
            self._cleared[crosspoint] = self._cleared.get(crosspoint, 0) + self._count(crosspoint)

    # -- modules -------------------------------------------------------------------------------------

    def _slot(self, call: Call, *, default: int | None = None, words: dict[str, int] | None = None) -> int:
        return call.integer(0, bounds=(1, _SLOTS), default=default, words=words)

    def _module(self, slot: int) -> None:
        if slot > self.model.cards.count:
            raise ScpiError(-241)  # there is no such module in that slot

    def _card_type(self, call: Call) -> str:
        slot = self._slot(call)
        if slot > self.model.cards.count:
            return '"Agilent Technologies,0,0,0"'
        serial, firmware = _MODULE
        return f'"Agilent Technologies,{self.model.cards.name},{serial[:-1]}{slot},{firmware}"'

    def _terminals(self, call: Call) -> str:
        """Rows and columns of the terminal block (form unverified; the QCoDeS driver reads two numbers or NONE)."""
        slot = self._slot(call)
        self._module(slot)
        return "NONE" if slot in self.locked else f"{self.model.rows}x{self.model.cards.columns}"

    # -- row protection ------------------------------------------------------------------------------

    def _set_protection(self, call: Call) -> None:
        mode = _MODES[call.word(1, ["AUTO100", "AUTO0", "FIXed", "ISOlated"])]
        if self._is_default(call):
            self._default = mode
            return
        self._module(self._slot(call))
        self._protect(mode)

    def _protection(self, call: Call) -> str:
        if self._is_default(call):
            return self._default
        self._module(self._slot(call))
        return self._mode

    def _is_default(self, call: Call) -> bool:
        return call.raw(0).upper() in ("DEF", "DEFAULT")

    def _protect(self, mode: str) -> None:
        """The rows of all modules hang together here, so one mode holds for all."""
        self._mode = mode
        self.world.extra_ohms = _OHMS[mode]
