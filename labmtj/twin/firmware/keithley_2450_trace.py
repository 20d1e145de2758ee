"""The Keithley 2450's TRACe and FORMat subsystems: buffers by name, what is read out of them and how.

Model 2450 Reference Manual, 2450-901-01 Rev. B (2013), pages 6-107 to 6-118.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Sequence

from labmtj.twin.firmware.keithley_2450_buffer import (
    DEFAULT_SIZE,
    ELEMENTS,
    LARGEST,
    SMALLEST,
    STATISTICS,
    Buffer,
    Reading,
    numbers,
    texts,
)
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.stored import Stored

DEFAULT = "defbuffer1"
_DEFAULTS = (DEFAULT, "defbuffer2")
_NAME = re.compile(r"[A-Za-z]\w{0,30}", re.ASCII)
_MOST_BUFFERS = 100  # chosen: memory; the manual names none
_MOST_ELEMENTS = 14  # page 6-109
_STYLES = ("STANdard", "COMPact", "FULL", "WRITable", "FULLWRITable")
_DIGITS = 6  # of the ASCII precision AUTO (0), as captured


class Buffers:
    """All buffers, and the commands on them."""

    def __init__(self, engine: ScpiEngine, stored: Stored) -> None:
        self._buffers: dict[str, Buffer] = {}
        self._stored = stored
        self.reset()
        stored.choice(":FORMat[:DATA]", "format", ("ASCii", "REAL", "SREal"))
        stored.choice(":FORMat:BORDer", "order", ("SWAPped", "NORMal"))
        words = {"AUTO": 0}
        stored.integer(
            ":FORMat:ASCii:PRECision", "precision", 0, bounds=(0, 16), words=words, changed=self._set_precision
        )
        add, root = engine.add, ":TRACe"
        add(f"{root}:MAKE", set=self._make, most=3)
        add(f"{root}:DELete", set=self._delete)
        add(f"{root}:CLEar", set=lambda call: self.named(call, 0).readings.clear())
        add(f"{root}:POINts", set=self._resize, get=lambda call: str(self.named(call, 0).size), most=2)
        add(f"{root}:DATA", get=self._data, most=3 + _MOST_ELEMENTS)
        add(f"{root}:ACTual", get=lambda call: str(len(self.named(call, 0).readings)))
        add(f"{root}:ACTual:STARt", get=lambda call: str(min(1, len(self.named(call, 0).readings))))
        add(f"{root}:ACTual:END", get=lambda call: str(len(self.named(call, 0).readings)))
        add(f"{root}:FILL:MODE", set=self._set_fill, get=self._get_fill, most=2)
        stored.switch(f"{root}:LOG:STATe", "trace.log", default=True)
        add(f"{root}:STATistics:CLEar", set=lambda call: self.named(call, 0).readings.clear())
        for name, word in (("AVERage", "AVERAGE"), ("MAXimum", "MAXIMUM"), ("MINimum", "MINIMUM")):
            add(f"{root}:STATistics:{name}", get=self._statistic(word))
        add(f"{root}:STATistics:PK2Pk", get=self._statistic("PK2PK"))
        add(f"{root}:STATistics:STDDev", get=self._statistic("STDDEV"))
        # Buffers of the 2400. Its clients send them two in a message, and the captured 2450 named both as errors:
        # it goes on after a header that it does not know.
        for header in (":TRACe:FEED", ":TRACe:FEED:CONTrol"):
            add(header, set=lambda _: engine.error(-113), most=3)

    def reset(self) -> None:
        """Only the two default buffers, empty."""
        self._buffers = {name: Buffer(DEFAULT_SIZE, continuous=True) for name in _DEFAULTS}
        self._form = f".{_DIGITS}E"

    def find(self, name: str) -> Buffer:
        """A buffer by its name. Raises ScpiError -224 if there is none."""
        found = self._buffers.get(name)
        if found is None:
            raise ScpiError(-224)
        return found

    def named(self, call: Call, position: int) -> Buffer:
        """The buffer that an argument names, defbuffer1 without one."""
        return self.find(call.text(position) if call.has(position) else DEFAULT)

    def reply(self, readings: Sequence[Reading], buffer: Buffer, call: Call, position: int) -> str:
        """Readings with the elements that the arguments from `position` on name."""
        elements = ["READING"]
        if call.count > position:
            named = range(position, call.count)
            elements = [call.word(number, ELEMENTS) for number in named if call.has(number)] or elements
        kind = self._stored.word("format")
        if kind == "ASCII":
            return ",".join(texts(readings, buffer, elements, self._form))
        values = numbers(readings, buffer, elements)
        order = "<" if self._stored.word("order") == "SWAPPED" else ">"
        data = struct.pack(f"{order}{len(values)}{'d' if kind == 'REAL' else 'f'}", *values)
        return "#0" + data.decode("latin-1")

    # -- commands ------------------------------------------------------------------------------------

    def _set_precision(self) -> None:
        """Digits in all, or AUTO."""
        digits = self._stored.count("precision")
        self._form = f".{digits - 1 if digits else _DIGITS}E"

    def _make(self, call: Call) -> None:
        name = call.text(0)
        size = call.integer(1, bounds=(SMALLEST, LARGEST))
        call.word(2, _STYLES, default="STANDARD")
        if not _NAME.fullmatch(name):
            raise ScpiError(-224)
        if name in self._buffers:
            raise ScpiError(-221)
        if len(self._buffers) >= _MOST_BUFFERS:
            raise ScpiError(-225)
        self._buffers[name] = Buffer(size, continuous=False)

    def _delete(self, call: Call) -> None:
        name = call.text(0)
        self.find(name)
        if name in _DEFAULTS:
            raise ScpiError(-221)
        del self._buffers[name]

    def _resize(self, call: Call) -> None:
        self.named(call, 1).resize(call.integer(0, bounds=(SMALLEST, LARGEST)))

    def _set_fill(self, call: Call) -> None:
        self.named(call, 1).continuous = call.word(0, ("CONTinuous", "ONCE")) == "CONTINUOUS"

    def _get_fill(self, call: Call) -> str:
        return "CONT" if self.named(call, 0).continuous else "ONCE"

    def _data(self, call: Call) -> str:
        """Without numbers of readings it is an error; the captured instrument calls it -104."""
        if call.count < 2:
            raise ScpiError(-104)
        buffer = self.named(call, 2)
        bounds = (1, LARGEST)
        readings = buffer.part(call.integer(0, bounds=bounds), call.integer(1, bounds=bounds))
        return self.reply(readings, buffer, call, 3)

    def _statistic(self, name: str) -> Callable[[Call], str]:
        def give(call: Call) -> str:
            found = self.named(call, 0).statistic(STATISTICS[name])
            return "NAN" if math.isnan(found) else f"{found:.6E}"

        return give
