"""What every TSP instrument has beside its own functions: the node's settings, its interfaces, display, timer, bits.

Names: Series 2600B Reference Manual, 2600BS-901-01 Rev. F, section 9, and 3700AS-901-01 Rev. D, section 11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labmtj.twin.tsp.tables import Fixed, TspError, number, within

_DISPLAY_CONSTANTS = {
    "SMUA": 0,
    "SMUB": 1,
    "SMUA_SMUB": 2,
    "USER": 3,
    "MEASURE_DCAMPS": 0,
    "MEASURE_DCVOLTS": 1,
    "MEASURE_OHMS": 2,
    "MEASURE_WATTS": 3,
    "DIGITS_4_5": 4,
    "DIGITS_5_5": 5,
    "DIGITS_6_5": 6,
}
_BITS: dict[str, Callable[[int, int], float | bool]] = {
    "bitand": lambda a, b: a & b,
    "bitor": lambda a, b: a | b,
    "bitxor": lambda a, b: a ^ b,
    "test": lambda a, b: bool(a >> (b - 1) & 1),
    "get": lambda a, b: a & 1 << (b - 1),
    "set": lambda a, b: a | 1 << (b - 1),
    "clear": lambda a, b: a & ~(1 << (b - 1)),
    "toggle": lambda a, b: a ^ 1 << (b - 1),
}
_LONGEST = 100_000.0  # [s] longest delay; unverified


def attributes(identity: str, mains: float) -> dict[str, Any]:
    """Attributes of a node that says `identity` on *IDN? and hangs on mains of this frequency [Hz]."""
    _, model, serial, revision = (part.strip() for part in identity.split(","))
    short = model.split()[-1]
    return {
        "localnode.linefreq": int(mains),
        "localnode.autolinefreq": True,
        "localnode.model": Fixed(short),
        "localnode.serialno": Fixed(serial),
        "localnode.revision": Fixed(revision),
        "localnode.description": f"Keithley {short} #{serial}",
        "localnode.prompts": 0,
        "localnode.prompts4882": 1,
        "localnode.showerrors": 0,
        "localnode.passwordmode": 0,
        "gpib.address": 26,
        "comm.gpib.enable": True,
        "comm.lan.enable": True,
        "comm.usb.enable": True,
        "lan.config.method": 0,
        "lan.status.ipaddress": Fixed("0.0.0.0"),
        "lan.status.subnetmask": Fixed("0.0.0.0"),
        "lan.status.gateway": Fixed("0.0.0.0"),
        "lan.status.macaddress": Fixed("00:60:1A:00:00:00"),
        "lan.status.port.rawsocket": Fixed(5025),
        "beeper.enable": 1,
        "digio.writeprotect": 0,
        "display.screen": 2,
        "display.locallockout": 0,
        "trigger.EVENT_ID": 10,
    } | {f"display.{name}": value for name, value in _DISPLAY_CONSTANTS.items()}


def functions(
    *, now: Callable[[], float], sleep: Callable[[float], None], port: Callable[[int], None] | None = None
) -> dict[str, Callable[..., Any]]:
    """Functions of a node; `now` and `sleep` are the bench's clock [s], `port` takes levels of its digital lines."""
    found: dict[str, Callable[..., Any]] = {f"bit.{name}": _bits(name) for name in _BITS}

    def delay(seconds: Any = None, *_: Any) -> None:
        sleep(within("delay", seconds, 0, _LONGEST))

    def available(*_: Any) -> str:
        return "99.00, 99.00, 100.00, 100.00"  # chosen: percent that a new instrument has left

    def used(*_: Any) -> str:
        return "1.00, 1.00, 0.00, 0.00"

    found |= {"delay": delay, "memory.available": available, "memory.used": used}
    found |= dict.fromkeys(("beeper.beep", "lan.reset", "lan.applysettings"), nothing)
    return found | _Display().functions() | _Digio(port or nothing).functions() | _Stopwatch(now).functions()


def nothing(*_: Any) -> None:
    """A function that changes nothing here."""


def _bits(name: str) -> Callable[..., float | bool]:
    def work(first: Any = None, second: Any = None, *_: Any) -> float | bool:
        pair = int(within(f"bit.{name}", first, 0, 2**32 - 1)), int(within(f"bit.{name}", second, 0, 2**32 - 1))
        if not name.startswith("bit") and not 1 <= pair[1] <= 32:
            raise TspError(1102, f"Parameter bit.{name} out of range: bits are 1 to 32")
        found = _BITS[name](*pair)
        return found if isinstance(found, bool) else float(found)

    return work


class _Display:
    """The front panel's text."""

    def __init__(self) -> None:
        self._text = ""

    def functions(self) -> dict[str, Callable[..., Any]]:
        return {
            "display.clear": self._clear,
            "display.settext": self._settext,
            "display.gettext": self._gettext,
            "display.setcursor": nothing,
            "display.sendkey": nothing,
        }

    def _clear(self, *_: Any) -> None:
        self._text = ""

    def _gettext(self, *_: Any) -> str:
        return self._text

    def _settext(self, text: Any = None, *_: Any) -> None:
        if not isinstance(text, str):
            raise TspError(1103, "Parameter text: expected a string")
        self._text = text[:200]


class _Digio:
    """The digital lines, which `port` takes the levels of: what is written is read. All are high after power-on."""

    def __init__(self, port: Callable[[int], None]) -> None:
        self._port = port
        self._put(0x3FFF)

    def _put(self, lines: int) -> None:
        self._lines = lines
        self._port(lines)

    def functions(self) -> dict[str, Callable[..., Any]]:
        return {
            "digio.readport": self._read,
            "digio.writeport": self._write,
            "digio.readbit": self._read_bit,
            "digio.writebit": self._write_bit,
        }

    def _read(self, *_: Any) -> float:
        return float(self._lines)

    def _read_bit(self, line: Any = None, *_: Any) -> float:
        return float(self._lines >> (self._line(line) - 1) & 1)

    def _line(self, line: Any) -> int:
        return int(within("line", line, 1, 14))

    def _write(self, lines: Any = None, *_: Any) -> None:
        self._put(int(within("data", lines, 0, 0x3FFF)))

    def _write_bit(self, line: Any = None, level: Any = None, *_: Any) -> None:
        mask = 1 << (self._line(line) - 1)
        self._put(self._lines | mask if number("data", level) else self._lines & ~mask)


class _Stopwatch:
    """timer.reset and timer.measure.t."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._started = now, now()

    def functions(self) -> dict[str, Callable[..., Any]]:
        return {"timer.reset": self._reset, "timer.measure.t": self._elapsed}

    def _reset(self, *_: Any) -> None:
        self._started = self._now()

    def _elapsed(self, *_: Any) -> float:
        return self._now() - self._started
