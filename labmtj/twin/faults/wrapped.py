"""The firmware that a link meets where faults are: messages and replies pass through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labmtj.twin.faults import replies
from labmtj.twin.faults.active import Active
from labmtj.twin.instrument import Instrument, Piece

if TYPE_CHECKING:
    from labmtj.twin.faults.injector import Faults

DRAWS = 16  # numbers that a fault may draw for one message
_FORM, _PLACE, _REST = 1, 2, 3  # which of them are for what


class FaultyFirmware:
    """Stands before a firmware; messages and replies pass through the faults of its bench."""

    def __init__(self, faults: Faults, name: str, instrument: Instrument) -> None:
        self.inner = instrument.firmware
        self.blocks = self.inner.blocks
        self._faults, self._name = faults, name
        self._met: list[Active] = []
        self._message, self._deaf = "", False

    def execute(self, message: str) -> list[str]:
        """Carry out one message, unless the instrument hangs or is starting."""
        self._met, self._message = self._faults.meet(self._name), message
        self._deaf = any(active.fault.kind in ("hang", "power_cycle") for active in self._met)
        return [] if self._deaf else self.inner.execute(message)

    def deliver(self, reply: bytes) -> Sequence[Piece]:
        """What leaves in place of a reply to the message that was carried out last."""
        seconds, slow = 0.0, False
        for active in self._met:
            fault = active.fault
            spoilt = self._spoilt(active, reply)
            if spoilt is None:
                slow = slow or fault.kind == "slow"
                continue
            reply = spoilt
            seconds += {"late": fault.delay or 0.0, "timeout": math.inf}.get(fault.kind, 0.0)
            if not active.over:
                self._faults.hit(active, self._name)
        if slow and math.isfinite(seconds):
            return replies.trickle(reply, seconds)
        return [(reply, seconds, True)]

    def _spoilt(self, active: Active, reply: bytes) -> bytes | None:
        """The reply after a fault has met it; None if this is none that it spoils."""
        fault, faults = active.fault, self._faults
        match fault.kind:
            case "timeout" | "late":
                return reply
            case "garbage":
                form = fault.form or replies.FORMS[int(faults.draw(active, _FORM) * len(replies.FORMS))]
                places = iter(range(_REST, DRAWS))
                return replies.garbled(
                    reply, form, identity=fault.identity, draw=lambda: faults.draw(active, next(places))
                )
            case "cut_block":
                return replies.cut_block(reply, faults.draw(active, _PLACE))
            case "identity" if "*IDN?" in self._message.upper():
                return fault.identity.encode("latin-1", errors="replace") + b"\n"
            case "lie" if fault.of == "answers":
                return replies.lie(reply, faults.draw(active, _PLACE))
            case _:
                return None

    def clear(self) -> None:
        """Device clear."""
        self._faults.cleared(self._name)
        if not self._deaf:
            self.inner.clear()

    def status_byte(self, *, waiting: bool) -> int:
        """The status byte: a poll is answered by the interface, whatever the instrument does."""
        return self.inner.status_byte(waiting=waiting)

    def trigger(self) -> None:
        """A group execute trigger."""
        self.inner.trigger()

    def query_error(self, code: int) -> None:
        """Queue an error that the message exchange found; an instrument that hangs finds none."""
        if not self._deaf:
            self.inner.query_error(code)
