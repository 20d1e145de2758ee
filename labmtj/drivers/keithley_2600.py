"""Keithley 2600B family, TSP: two channels that force a voltage, and fire together.

Commands: Series 2600B System SourceMeter Reference Manual, 2600BS-901-01 Rev. F (2021). The source
range is fixed, since changing it may put a glitch on a junction. Pulses come from the trigger model:
both channels wait for one event and one timer ends both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from labmtj.config.model import SourceMeterModel
from labmtj.drivers.link import TspLink
from labmtj.errors import BadReply, BenchError, LimitExceeded

_PULSE_SETUP = (
    "trigger.timer[1].count = 1 trigger.timer[1].passthrough = false "
    "trigger.timer[1].stimulus = trigger.generator[1].EVENT_ID"
)
_CHANNEL_SETUP = (
    "{c}.reset() {c}.source.func = {c}.OUTPUT_DCVOLTS {c}.source.autorangev = {c}.AUTORANGE_OFF "
    "{c}.source.rangev = {range!r} {c}.source.levelv = 0 {c}.source.offmode = {c}.OUTPUT_NORMAL "
    "{c}.measure.autozero = {c}.AUTOZERO_ONCE {c}.measure.lowrangei = 1e-05 {c}.measure.autorangei = {c}.AUTORANGE_ON "
    "{c}.trigger.arm.count = 1 {c}.trigger.count = 1 {c}.trigger.source.action = {c}.ENABLE "
    "{c}.trigger.source.stimulus = trigger.generator[1].EVENT_ID {c}.trigger.measure.action = {c}.DISABLE "
    "{c}.trigger.endpulse.action = {c}.SOURCE_IDLE {c}.trigger.endpulse.stimulus = trigger.timer[1].EVENT_ID "
    "{c}.trigger.endsweep.action = {c}.SOURCE_IDLE"
)


class Keithley2600:
    """A 2600B; `channel("a")` is a source-measure channel, `pair("a", "b")` a pulse source."""

    def __init__(self, link: TspLink, model: SourceMeterModel) -> None:
        self.link, self.model = link, model

    def connect(self, *, source_range: float) -> str:
        """Check the identity, set everything that a read or a pulse relies on; return the serial number.

        `source_range` [V] stays fixed. Raises BenchError for another instrument.
        """
        _, found, serial, _ = self.link.identify()
        wanted = self.model.identity.model
        if found.split()[-1] != wanted.split()[-1]:
            raise BenchError(f"{self.link.name} should be a {wanted} but says it is a {found}: check its address")
        self.link.run("errorqueue.clear() format.data = format.ASCII format.asciiprecision = 16")
        for name in self.model.channels:
            self.link.run(_CHANNEL_SETUP.format(c=f"smu{name}", range=float(source_range)))
        self.link.run(_PULSE_SETUP)
        return serial

    def channel(self, name: str) -> SourceChannel:
        """The source-measure channel with this name ("a" or "b")."""
        return SourceChannel(self.link, f"smu{name}", self.model)

    def pair(self, first: str, second: str) -> PulsePair:
        """Two channels that fire together."""
        return PulsePair(self.link, (f"smu{first}", f"smu{second}"), self.model)

    def shutdown(self) -> None:
        """Bring all channels to 0 V and turn their outputs off (they then hold 0 V)."""
        for name in self.model.channels:
            self.channel(name).shutdown()


class SourceChannel:
    """A channel of a 2600B that forces a voltage and measures the current out of it."""

    def __init__(self, link: TspLink, smu: str, model: SourceMeterModel) -> None:
        self._link, self._smu, self._model = link, smu, model

    @property
    def source_voltage(self) -> float:
        """Control the source level [V]; beyond the model's largest range it is refused."""
        return self._link.number(f"{self._smu}.source.levelv")

    @source_voltage.setter
    def source_voltage(self, volts: float) -> None:
        _check_level(self._link, self._model, volts)
        self._link.assign(f"{self._smu}.source.levelv", volts)

    @property
    def compliance_current(self) -> float:
        """Control the current limit [A]; outside the model's bounds it is refused, never clipped."""
        return self._link.number(f"{self._smu}.source.limiti")

    @compliance_current.setter
    def compliance_current(self, amperes: float) -> None:
        bounds = self._model.compliance
        if not bounds.minimum <= amperes <= bounds.maximum:
            raise LimitExceeded(
                f"{self._link.name}: a compliance of {amperes:g} A is outside {bounds.minimum:g} to {bounds.maximum:g} A"
            )
        self._link.assign(f"{self._smu}.source.limiti", amperes)

    @property
    def nplc(self) -> float:
        """Control the integration time in periods of the mains."""
        return self._link.number(f"{self._smu}.measure.nplc")

    @nplc.setter
    def nplc(self, periods: float) -> None:
        bounds = self._model.nplc
        if not bounds.minimum <= periods <= bounds.maximum:
            raise LimitExceeded(
                f"{self._link.name}: {periods:g} PLC is outside {bounds.minimum:g} to {bounds.maximum:g}"
            )
        self._link.assign(f"{self._smu}.measure.nplc", periods)

    @property
    def source_enabled(self) -> bool:
        """Control the output; off holds 0 V with a small current limit."""
        return self._link.number(f"{self._smu}.source.output") == 1

    @source_enabled.setter
    def source_enabled(self, enabled: bool) -> None:
        self._link.assign(f"{self._smu}.source.output", 1.0 if enabled else 0.0)

    @property
    def in_compliance(self) -> bool:
        """Get whether the current limit holds the output below its level."""
        expression = f"{self._smu}.source.compliance"
        reply = self._link.ask(expression)[0]
        if reply not in ("true", "false"):
            raise BadReply(self._link.name, expression, reply, "true or false")
        return reply == "true"

    def measure_current(self) -> float:
        """Measure the current out of the channel [A]; BadReply for a reading beyond the range."""
        return self._link.number(f"{self._smu}.measure.i()")

    def shutdown(self) -> None:
        """Go to 0 V and turn the output off."""
        c = self._smu
        self._link.run(f"{c}.source.levelv = 0 {c}.source.output = {c}.OUTPUT_OFF")


class PulsePair:
    """Two channels of one 2600B that leave their idle level together and return together."""

    def __init__(self, link: TspLink, smus: Sequence[str], model: SourceMeterModel) -> None:
        self._link, self._smus, self._model = link, tuple(smus), model

    def pulse(self, amplitudes: tuple[float, float], width: float) -> bool:
        """Fire both channels once, [V] and [s]; True if one of them was in compliance.

        Raises LimitExceeded for a pulse shorter or higher than the model makes; nothing is sent then.
        """
        if not self._model.pulse.minimum <= width < math.inf:
            raise LimitExceeded(
                f"{self._link.name}: a pulse of {width:g} s is shorter than its {self._model.pulse.minimum:g} s"
            )
        for volts in amplitudes:
            _check_level(self._link, self._model, volts)
        levels = " ".join(
            f"{smu}.trigger.source.listv({{{float(volts)!r}}})"
            for smu, volts in zip(self._smus, amplitudes, strict=True)
        )
        start = " ".join(f"{smu}.trigger.initiate()" for smu in self._smus)
        event = "status.measurement.current_limit.event"
        latched = self._link.number(
            event,
            after=f"{levels} trigger.timer[1].delay = {float(width)!r} local _ = {event} {start} "
            "trigger.generator[1].assert() waitcomplete()",
        )
        return latched != 0


def _check_level(link: TspLink, model: SourceMeterModel, volts: float) -> None:
    """Refuse a source level [V] that no range of the model holds; not a number is refused too."""
    largest = max(entry.range for entry in model.source_voltage)
    if not abs(volts) <= largest:
        raise LimitExceeded(f"{link.name}: a level of {volts:g} V is beyond {largest:g} V")
