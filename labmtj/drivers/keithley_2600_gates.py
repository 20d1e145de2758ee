"""A Keithley 2600B in front of a chip with a transistor in every cell: its digital port opens the gates.

`digio.writeport(n)` and `digio.readport()`: 2600BS-901-01 Rev. F, section 9: fourteen lines, open-drain with a pull-up
each, all high (0x3FFF) after power-on. Levels of the port and of the sources go in one message, since then their order
is certain. Every message looks at the port at its beginning and at its end: a recovery, as a power cut, leaves all
gates closed and the latches behind the port in doubt, and what is read then is no reading. Nothing that moves gates is
sent twice by itself, for the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from labmtj.drivers.in_force import Setting
from labmtj.drivers.keithley_2600_pair import PORT, SourcePair, check_level, check_port, flag
from labmtj.drivers.link import Meaning, TspLink
from labmtj.errors import BenchError, LimitExceeded
from labmtj.gate_register import CLOSED

_BEFORE = f"local b = {PORT}"


def _words(levels: Sequence[int]) -> str:
    for level in levels:
        if not 0 <= level <= CLOSED:
            raise LimitExceeded(f"the digital port has fourteen lines: {level} is not in 0 to {CLOSED}")
    return "".join(f"digio.writeport({level}) " for level in levels)


class Port:
    """The digital port of a 2600B (labmtj.ports.DigitalPort); after a lost reply all its lines go high."""

    CLOSING = f"digio.writeport({CLOSED})"

    def __init__(self, link: TspLink) -> None:
        self._link = link

    def write(self, levels: Sequence[int], *, before: int | None = None) -> None:
        """Put the port at these levels one after the other, in one message; the last is read back.

        Raises GatesClosed if it does not read back, or was not at the level `before`; LimitExceeded for a level of
        more than fourteen lines.
        """
        was, found = self._link.ask("b", PORT, after=f"{_BEFORE} {_words(levels).rstrip()}")
        self._keep()
        if before is not None:
            check_port(self._link, was, before)
        check_port(self._link, found, levels[-1])

    def close(self) -> None:
        """Put all lines high, which closes every gate; read back."""
        self.write([CLOSED])

    def see_closed(self) -> None:
        """Raise BenchError if not all lines are high."""
        (found,) = self._link.ask(PORT, meaning=Meaning.READ)
        check_port(self._link, found, CLOSED)

    def _keep(self) -> None:
        """What the port comes back to; kept last, so that sources come back to 0 V before it."""
        link = self._link
        closed = Setting(self.CLOSING, PORT, lambda text: link.parse(PORT, text) == CLOSED, CLOSED)
        link.settings.keep(closed, level=True)


class GatePair(SourcePair):
    """Two channels of one 2600B and its digital port: gates open, a level stands, a current is read, in one message.

    `steps` are levels of the port, written at 0 V; it must be at `before` (None: that is not known) until then, and at
    `level` in the end. Raises GatesClosed where it is not, PowerLost, BenchError.
    """

    def read(
        self, volts: float, *, before: int | None, steps: Sequence[int], level: int, settle: float
    ) -> tuple[float, bool]:
        """Write `steps`, then measure with the first channel at `volts` and at 0 V, `settle` [s] after each.

        The difference of both currents [A] into the second channel, and whether the first was in compliance or the
        second beyond its range.
        """
        first, second = self._smus
        after = (
            f"{self._ready}{_words(steps)}{self._on(volts)} delay({self._time(settle)!r}) "
            f"local i = {second}.measure.i() local c = {first}.source.compliance {first}.source.levelv = 0 "
            f"delay({float(settle)!r}) local z = {second}.measure.i()"
        )
        current, limited, zero = self._ask(["i", "c", "z"], after, volts, (before, level))
        at, over = self._current(current, limited)
        nothing, also = self._current(zero, "false")
        return at - nothing, over or also

    def each(
        self, volts: float, *, before: int | None, steps: Sequence[Sequence[int]], level: int, settle: float
    ) -> list[tuple[float, bool]]:
        """With the first channel at `volts`, write each of `steps`, wait `settle` [s] and measure; then 0 V.

        The first of them is written at 0 V. The current [A] into the second channel and whether one was limited, for
        each of the steps.
        """
        first, second = self._smus
        looks = "".join(
            f"{_words(words) if n else ''}delay({self._time(settle)!r}) "
            f"local i{n} = {second}.measure.i() local c{n} = {first}.source.compliance "
            for n, words in enumerate(steps)
        )
        after = f"{self._ready}{_words(steps[0])}{self._on(volts)} {looks}{first}.source.levelv = 0"
        names = [name for n in range(len(steps)) for name in (f"i{n}", f"c{n}")]
        found = self._ask(names, after, volts, (before, level))
        return [self._current(current, limited) for current, limited in zip(found[::2], found[1::2], strict=True)]

    def look(
        self, volts: float, *, before: int | None, steps: Sequence[int], level: int, settle: float
    ) -> tuple[float, bool]:
        """Write `steps`, then measure once with the first channel at `volts`: offsets are in it."""
        first, second = self._smus
        after = (
            f"{self._ready}{_words(steps)}{self._on(volts)} delay({self._time(settle)!r}) "
            f"local i = {second}.measure.i() local c = {first}.source.compliance {first}.source.levelv = 0"
        )
        current, limited = self._ask(["i", "c"], after, volts, (before, level))
        return self._current(current, limited)

    @property
    def _ready(self) -> str:
        c = self._smus[1]
        return f"{c}.measure.rangei = {self._read_range!r} {c}.measure.nplc = {float(self._nplc)!r} {_BEFORE} "

    def _on(self, volts: float) -> str:
        """The level, and what it and the outputs are then."""
        check_level(self._link, self._model, volts)
        first, second = self._smus
        level = f"{first}.source.levelv"
        outputs = f"{first}.source.output * {second}.source.output"
        return f"{level} = {float(volts)!r} local v = {level} local o = {outputs}"

    def _time(self, settle: float) -> float:
        if not 0 <= settle < math.inf:
            raise LimitExceeded(f"{self._link.name}: a settling time of {settle} s makes no sense")
        return float(settle)

    def _ask(self, names: list[str], after: str, volts: float, port: tuple[int | None, int]) -> list[str]:
        """Carry out a reading; what `names` are. Raises what shows that it is none."""
        source = f"{self._smus[0]}.source.levelv"
        set_to, outputs, left, was, opened, *found = self._link.ask("v", "o", source, "b", PORT, *names, after=after)
        stood, on, now = (self._link.parse(source, text) for text in (set_to, outputs, left))
        if not math.isclose(stood, volts, rel_tol=1e-9, abs_tol=1e-15) or on != 1 or now != 0:
            self._link.check_power()
            raise BenchError(
                f"{self._link.name} had {source} = {stood!r}, then {now!r}, not {volts!r}, then 0; or an output is off"
            )
        if port[0] is not None:
            check_port(self._link, was, port[0])
        check_port(self._link, opened, port[1])
        return found

    def _current(self, current: str, limited: str) -> tuple[float, bool]:
        first, second = self._smus
        amperes = -self._link.reading(f"{second}.measure.i()", current, full_scale=self._read_range)
        if not math.isfinite(amperes):
            return math.copysign(self._read_range, amperes), True
        return amperes, flag(self._link, f"{first}.source.compliance", limited)
