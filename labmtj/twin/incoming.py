"""Program messages out of a stream of bytes.

A message ends at a line feed or at END, whichever comes first. The line feeds in the data of a definite
block `#<n><length><data>` are data (IEEE 488.2, sections 7.5 and 7.7.6); so is everything up to END after
`#0`, an indefinite block. A `#` in a quoted string begins no block.
"""

from __future__ import annotations

import re

LONGEST = 1 << 24  # chosen: bytes of one message; sixteen times the longest waveform that a client here uploads
_LINE_FEED, _RETURN, _NUMBER_SIGN, _ZERO = b"\n\r#0"
_ENDS = re.compile(rb"\n")
_ENDS_AND_BLOCKS = re.compile(rb"[\n#\"']")


class Incoming:
    """What has come of messages that are not complete."""

    def __init__(self, *, blocks: bool) -> None:
        self._blocks = blocks
        self._marks = _ENDS_AND_BLOCKS if blocks else _ENDS
        self._held = bytearray()
        self._scanned = 0  # up to here there is no end of a message
        self._quote = 0  # the quotation mark that is open there
        self._solid = 0  # end of the last block: what stands before it is data, not a line end
        self.overran = False  # a message was dropped because it grew too long

    @property
    def empty(self) -> bool:
        """Whether the next byte begins a message."""
        return not self._held

    def clear(self) -> None:
        """Forget what is not complete."""
        self._held.clear()
        self._scanned = self._quote = self._solid = 0

    def take(self, data: bytes, *, end: bool) -> list[bytes]:
        """The messages that these bytes complete, without line ends; `end` is END with the last of them.

        END ends a message in every case, be it in the middle of a block; a block that is not complete waits
        for more bytes without END. A message longer than `LONGEST` is dropped, and `overran` is set.
        """
        self._held += data
        messages: list[bytes] = []
        while (at := self._line_end(end=end)) >= 0:
            messages.append(self._cut(at))
            del self._held[: at + 1]
            self._scanned = self._quote = self._solid = 0
        if end and self._held:
            messages.append(self._cut(len(self._held)))
            self.clear()
        elif len(self._held) > LONGEST:
            self.clear()
            self.overran = True
        return messages

    def _cut(self, stop: int) -> bytes:
        held = self._held
        while stop > self._solid and held[stop - 1] == _RETURN:
            stop -= 1
        return bytes(held[:stop])

    def _line_end(self, *, end: bool) -> int:
        """Where the line feed is that ends the first message, or -1."""
        held = self._held
        while (found := self._marks.search(held, self._scanned)) is not None:
            at = found.start()
            mark = held[at]
            if mark == _LINE_FEED:
                return at
            if mark == _NUMBER_SIGN and not self._quote:
                after = self._after_block(at, end=end)
                if after is None:
                    self._scanned = at
                    return -1
                self._scanned = after
                continue
            if mark != _NUMBER_SIGN:
                self._quote = mark if not self._quote else 0 if mark == self._quote else self._quote
            self._scanned = at + 1
        self._scanned = len(held)
        return -1

    def _after_block(self, at: int, *, end: bool) -> int | None:
        """Where scanning goes on after the `#` at `at`; None if that cannot be known before more bytes come."""
        held = self._held
        kind = held[at + 1] - _ZERO if at + 1 < len(held) else None
        if kind is None:
            return at + 1 if end else None
        if kind == 0:
            return self._after_indefinite(at, end=end)
        digits = held[at + 2 : at + 2 + kind] if 1 <= kind <= 9 else bytearray(b"-")
        if digits and not digits.isdigit():
            return at + 1  # a number such as #H1F, or nothing that is known
        if len(digits) < kind:
            return at + 1 if end else None
        after = at + 2 + kind + int(digits)
        if after - at > LONGEST:
            return at + 1
        if after > len(held) and not end:
            return None
        self._solid = min(after, len(held))
        return self._solid

    def _after_indefinite(self, at: int, *, end: bool) -> int:
        """All up to END is data but for a line feed before it; without END, the next line feed ends it."""
        held = self._held
        if not end:
            return at + 2
        if held[-1] == _LINE_FEED:
            del held[-1]
        self._solid = len(held)
        return self._solid
