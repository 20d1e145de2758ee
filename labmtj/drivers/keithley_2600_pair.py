"""Two channels of a Keithley 2600B that fire together (labmtj.drivers.keithley_2600 has the manual and the set-up)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labmtj.config.model import SourceMeterModel
from labmtj.drivers.link import MARK, Meaning, TspLink
from labmtj.errors import BadReply, BenchError, GatesClosed, LimitExceeded

PULSE_NPLC = 0.001  # the shortest integration, 20 us at 50 Hz: it ends within a pulse of 100 us
AT_LIMIT = 0.995  # chosen: share of the compliance that counts as reached; the meter's gain is good to 0.02 %
PORT = "digio.readport()"
_WIDTH = "trigger.timer[1].delay"


class SourcePair:
    """Two channels of one 2600B: they fire together, and the second senses what the first drives."""

    def __init__(
        self,
        link: TspLink,
        smus: Sequence[str],
        model: SourceMeterModel,
        *,
        compliance: float,
        nplc: float,
        read_range: float,
    ) -> None:
        self._link, self._smus, self._model = link, tuple(smus), model
        self._compliance, self._nplc = compliance, nplc
        self._read_range = range_for(link, model, read_range)
        self._pulse_range = range_for(link, model, compliance)

    def pulse(self, amplitudes: tuple[float, float], width: float, *, port: int | None = None) -> bool:
        """Fire both channels once, [V] and [s]; True if one of them was in compliance.

        With `port` they fire only while the digital port has this level. Raises LimitExceeded for a pulse that the
        model does not make, PowerLost if the instrument has been off, and GatesClosed; nothing has left then. Whatever
        goes wrong later, the trigger model is left idle; NoReply and BadReply mean that nobody saw whether the pulse
        left. It is never sent again.
        """
        bounds = self._model.pulse
        if not bounds.minimum <= width <= bounds.maximum:
            raise LimitExceeded(
                f"{self._link.name}: a pulse of {width:g} s is outside {bounds.minimum:g} to {bounds.maximum:g} s"
            )
        for volts in amplitudes:
            check_level(self._link, self._model, volts)
        armed = " ".join(
            f"{c}.measure.rangei = {self._pulse_range!r} {c}.measure.nplc = {PULSE_NPLC!r} {c}.nvbuffer1.clear() "
            f"{c}.trigger.source.listv({{{float(volts)!r}}}) {c}.trigger.initiate()"
            for c, volts in zip(self._smus, amplitudes, strict=True)
        )
        if self._link.in_force(_WIDTH) != width:
            self._link.assign(_WIDTH, width)
        condition, asked = MARK, [MARK, *(f"{c}.nvbuffer1[1]" for c in self._smus)]
        if port is not None:
            condition, asked = f"{MARK} and {PORT} == {port}", [*asked, PORT]
        fire = f"if {condition} then {armed} trigger.generator[1].assert() waitcomplete() end"
        try:
            on, *currents = self._link.ask(*asked, after=fire)
            if on == "nil":
                raise self._link.lost_power()
            if on != "true":
                raise BadReply(self._link.name, MARK, on, "true or nil")
            if port is not None:
                check_port(self._link, currents.pop(), port)
            found = [abs(self._link.reading("nvbuffer1[1]", text, full_scale=self._pulse_range)) for text in currents]
        except BaseException:
            self._link.blind(" ".join(f"{c}.abort()" for c in self._smus))
            raise
        return any(current >= AT_LIMIT * self._compliance for current in found)

    def sense(self, volts: float, *, settle: float) -> tuple[float, bool]:
        """Put the first channel at `volts`, wait `settle` [s], measure, return it to 0 V, all in one message.

        The current [A] into the second channel, and whether the first was in compliance or the second
        beyond its range. A host that dies in between leaves 0 V behind. Raises BenchError if a level is
        not what was asked for, or an output is off (after a power cut, say): the level that is read back is
        multiplied by both output states.
        """
        check_level(self._link, self._model, volts)
        if not 0 <= settle < math.inf:
            raise LimitExceeded(f"{self._link.name}: a settling time of {settle} s makes no sense")
        first, second = self._smus
        level = f"{first}.source.levelv"
        set_to, current, limited, after = self._link.ask(
            "v",
            "i",
            "c",
            level,
            after=f"{second}.measure.rangei = {self._read_range!r} {second}.measure.nplc = {float(self._nplc)!r} "
            f"{level} = {float(volts)!r} "
            f"local v = {level} * {first}.source.output * {second}.source.output delay({float(settle)!r}) "
            f"local i = {second}.measure.i() local c = {first}.source.compliance {level} = 0",
            meaning=Meaning.SET,
        )
        found = self._link.parse(level, set_to), self._link.parse(level, after)
        if not math.isclose(found[0], volts, rel_tol=1e-9, abs_tol=1e-15) or found[1] != 0:
            self._link.check_power()
            raise BenchError(
                f"{self._link.name} had {level} = {found[0]!r}, then {found[1]!r}, not {volts!r}, then 0; "
                "or an output is off"
            )
        amperes = -self._link.reading(f"{second}.measure.i()", current, full_scale=self._read_range)
        if not math.isfinite(amperes):
            return math.copysign(self._read_range, amperes), True
        return amperes, flag(self._link, f"{first}.source.compliance", limited)

    def rest(self) -> None:
        """Both channels to 0 V, read back."""
        for smu in self._smus:
            self._link.assign(f"{smu}.source.levelv", 0.0, level=True)


def check_port(link: TspLink, text: str, level: int) -> None:
    """Raise GatesClosed where the digital port does not read back as the level that it was given."""
    found = link.parse(PORT, text)
    if found != level:
        raise GatesClosed(f"{link.name}: its digital port is at {found:.0f} where {level} was written")


def range_for(link: TspLink, model: SourceMeterModel, amperes: float) -> float:
    """The smallest current range [A] that holds `amperes`."""
    ranges = sorted(entry.range for entry in model.measure_current if 0 < amperes * (1 - 1e-9) <= entry.range)
    if not ranges:
        raise LimitExceeded(f"{link.name}: no current range holds {amperes:g} A")
    return ranges[0]


def flag(link: TspLink, command: str, reply: str) -> bool:
    """A Lua boolean; BadReply for anything else."""
    if reply not in ("true", "false"):
        raise BadReply(link.name, command, reply, "true or false")
    return reply == "true"


def check_level(link: TspLink, model: SourceMeterModel, volts: float) -> None:
    """Refuse a source level [V] that no range of the model holds; not a number is refused too."""
    largest = max(entry.range for entry in model.source_voltage)
    if not abs(volts) <= largest:
        raise LimitExceeded(f"{link.name}: a level of {volts:g} V is beyond {largest:g} V")
