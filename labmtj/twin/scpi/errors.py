"""Errors of SCPI instruments: their numbers and standard texts (SCPI-1999 volume 2, section 21.8)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

TEXTS: Mapping[int, str] = {
    -100: "Command error",
    -101: "Invalid character",
    -102: "Syntax error",
    -103: "Invalid separator",
    -104: "Data type error",
    -105: "GET not allowed",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -110: "Command header error",
    -111: "Header separator error",
    -112: "Program mnemonic too long",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -120: "Numeric data error",
    -121: "Invalid character in number",
    -123: "Exponent too large",
    -124: "Too many digits",
    -128: "Numeric data not allowed",
    -130: "Suffix error",
    -131: "Invalid suffix",
    -134: "Suffix too long",
    -138: "Suffix not allowed",
    -140: "Character data error",
    -141: "Invalid character data",
    -144: "Character data too long",
    -148: "Character data not allowed",
    -150: "String data error",
    -151: "Invalid string data",
    -158: "String data not allowed",
    -160: "Block data error",
    -161: "Invalid block data",
    -168: "Block data not allowed",
    -170: "Expression error",
    -171: "Invalid expression",
    -178: "Expression data not allowed",
    -200: "Execution error",
    -201: "Invalid while in local",
    -202: "Settings lost due to rtl",
    -203: "Command protected",
    -210: "Trigger error",
    -211: "Trigger ignored",
    -212: "Arm ignored",
    -213: "Init ignored",
    -214: "Trigger deadlock",
    -215: "Arm deadlock",
    -220: "Parameter error",
    -221: "Settings conflict",
    -222: "Data out of range",
    -223: "Too much data",
    -224: "Illegal parameter value",
    -225: "Out of memory",
    -226: "Lists not same length",
    -230: "Data corrupt or stale",
    -231: "Data questionable",
    -240: "Hardware error",
    -241: "Hardware missing",
    -300: "Device-specific error",
    -310: "System error",
    -311: "Memory error",
    -313: "Calibration memory lost",
    -314: "Save/recall memory lost",
    -315: "Configuration memory lost",
    -321: "Out of memory",
    -330: "Self-test failed",
    -350: "Queue overflow",
    -360: "Communication error",
    -363: "Input buffer overrun",
    -400: "Query error",
    -410: "Query INTERRUPTED",
    -420: "Query UNTERMINATED",
    -430: "Query DEADLOCKED",
    -440: "Query UNTERMINATED after indefinite response",
    -500: "Power on",
}


def standard_text(code: int) -> str:
    """Text of a standard error; for a number without one, the text of its class."""
    if code > 0:
        return "Device-specific error"
    return TEXTS.get(code) or TEXTS.get(-(-code // 100) * 100, "Device-specific error")


class ScpiError(Exception):
    """What a simulated instrument puts into its error queue; `text` replaces the standard text of `code`."""

    def __init__(self, code: int, text: str | None = None) -> None:
        self.code = code
        self.text = standard_text(code) if text is None else text
        super().__init__(f'{code},"{self.text}"')


class ErrorQueue:
    """Errors in the order they came; when it is full, the newest entry becomes -350."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: deque[ScpiError] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, error: ScpiError) -> bool:
        """Add an error; False if the queue was full."""
        if len(self._entries) < self._size:
            self._entries.append(error)
            return True
        self._entries[-1] = ScpiError(-350)
        return False

    def take(self) -> ScpiError | None:
        """Remove the oldest error; None if there is none."""
        return self._entries.popleft() if self._entries else None

    def clear(self) -> None:
        """Forget all errors."""
        self._entries.clear()
