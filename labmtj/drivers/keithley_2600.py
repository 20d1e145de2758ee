"""Keithley 2600B family (2602B, 2636B), TSP: two channels that force a voltage, and fire together.

Commands: Series 2600B System SourceMeter Reference Manual, 2600BS-901-01 Rev. F (2021). All ranges are
set, never automatic: a source range may put a glitch on a junction when it changes, so it stays for the
session; the current range follows what is next (a pulse needs the one that holds the compliance, or the
range itself limits the current) and changes at 0 V only. Pulses come from the trigger model: both
channels wait for one event, one timer ends both, and both measure before it does, since compliance can
be told from a measurement only. The message that fires asks first whether the mark of the set-up is still
there, since a power cut takes it away: then nothing is armed and nothing fires.
"""

from __future__ import annotations

import math

from labmtj.config.model import SourceMeterModel
from labmtj.drivers.identity import check_identity
from labmtj.drivers.keithley_2600_gates import GatePair, Port
from labmtj.drivers.keithley_2600_pair import SourcePair, check_level, flag, range_for
from labmtj.drivers.link import MARK, Meaning, TspLink
from labmtj.drivers.restoring import restore
from labmtj.errors import BenchError, LimitExceeded

_PULSE_SETUP = (
    "trigger.timer[1].count = 1 trigger.timer[1].passthrough = false "
    "trigger.timer[1].stimulus = trigger.generator[1].EVENT_ID"
)
_CHANNEL_SETUP = (
    "{c}.reset() {c}.source.func = {c}.OUTPUT_DCVOLTS {c}.source.autorangev = {c}.AUTORANGE_OFF "
    "{c}.source.rangev = {range!r} {c}.source.levelv = 0 {c}.source.offmode = {c}.OUTPUT_NORMAL "
    "{c}.measure.autozero = {c}.AUTOZERO_ONCE {c}.measure.autorangei = {c}.AUTORANGE_OFF "
    "{c}.trigger.arm.count = 1 {c}.trigger.count = 1 {c}.trigger.source.action = {c}.ENABLE "
    "{c}.trigger.source.stimulus = trigger.generator[1].EVENT_ID {c}.trigger.measure.action = {c}.ENABLE "
    "{c}.trigger.measure.stimulus = {c}.trigger.SOURCE_COMPLETE_EVENT_ID {c}.trigger.measure.i({c}.nvbuffer1) "
    "{c}.trigger.endpulse.action = {c}.SOURCE_IDLE {c}.trigger.endpulse.stimulus = trigger.timer[1].EVENT_ID "
    "{c}.trigger.endsweep.action = {c}.SOURCE_IDLE"
)


_VERIFIED = {  # of each channel, after its set-up: numbers of the constants by the manual's section 9
    "source.func": 1.0,
    "source.autorangev": 0.0,
    "source.offmode": 0.0,
    "measure.autorangei": 0.0,
    "trigger.count": 1.0,
}


class Keithley2600:
    """A 2600B; `channel("a")` is a source-measure channel, `pair("a", "b", ...)` drives, senses and pulses."""

    LINK = TspLink

    def __init__(self, link: TspLink, model: SourceMeterModel) -> None:
        self.link, self.model = link, model
        self._source_range, self._mains = 0.0, 0.0  # of the set-up
        self._port: Port | None = None

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not."""
        return check_identity(self.link, self.model)

    def hold_gates(self) -> Port:
        """From now on the digital port is the register of a chip's gates: closed by a set-up and by what makes safe."""
        self._port = self._port or Port(self.link)
        return self._port

    def setup(self, *, source_range: float, mains: float) -> None:
        """Set everything that a read or a pulse relies on; outputs are off after it.

        `source_range` [V] stays fixed. Raises BenchError if the instrument integrates over periods of
        another frequency than `mains` [Hz].
        """
        self.link.forget()
        self.link.run(
            f"errorqueue.clear() format.data = format.ASCII format.asciiprecision = 16 {MARK} = true",
            meaning=Meaning.SET,
        )
        self.link.mark()
        self._source_range, self._mains = source_range, mains
        found = self.link.number("localnode.linefreq")
        if found != mains:
            raise BenchError(f"{self.link.name} integrates over {found:g} Hz periods, the bench says {mains:g} Hz")
        for name in self.model.channels:
            c = f"smu{name}"
            self.link.run(_CHANNEL_SETUP.format(c=c, range=float(source_range)), meaning=Meaning.SET)
            wanted = {f"{c}.{attribute}": value for attribute, value in _VERIFIED.items()}
            self.link.verify({f"{c}.source.rangev": float(source_range), **wanted})
        self.link.run(_PULSE_SETUP, meaning=Meaning.SET)
        self.link.verify({"trigger.timer[1].count": 1.0})
        if self._port is not None:
            self._port.close()

    def check_power(self) -> None:
        """Raise PowerLost if the instrument was switched off and on since it was set up."""
        self.link.check_power()

    def restore(self) -> None:
        """After a power cut: the set-up and every setting that was in force again, verified, with levels at 0 V."""
        restore(self.link, lambda: self.setup(source_range=self._source_range, mains=self._mains))

    def channel(self, name: str) -> SourceChannel:
        """The source-measure channel with this name ("a" or "b")."""
        return SourceChannel(self.link, f"smu{name}", self.model)

    def gate_pair(self, first: str, second: str, *, compliance: float, nplc: float, read_range: float) -> GatePair:
        """The same two channels in front of a chip whose gates the digital port opens: all in one message."""
        smus = f"smu{first}", f"smu{second}"
        return GatePair(self.link, smus, self.model, compliance=compliance, nplc=nplc, read_range=read_range)

    def pair(self, first: str, second: str, *, compliance: float, nplc: float, read_range: float) -> SourcePair:
        """Two channels that fire together; the second senses what the first drives.

        `compliance` [A] is what both are limited to, `nplc` the integration of a read, `read_range` [A]
        the range of the second channel while it reads.
        """
        return SourcePair(
            self.link,
            (f"smu{first}", f"smu{second}"),
            self.model,
            compliance=compliance,
            nplc=nplc,
            read_range=read_range,
        )

    def shutdown(self) -> None:
        """Bring all channels to 0 V and turn their outputs off (they then hold 0 V), and see that they are.

        Gates that hang on the digital port are closed after that. Whatever stands in the error queue is dropped first:
        it must not keep a source on.
        """
        self.link.silence("errorqueue.clear()", *self._steps("abort()"))
        self._see()

    def panic(self) -> None:
        """The same at once: nothing is waited for before the outputs are off."""
        self.link.panic(self._steps(), [*self._steps("abort()"), "errorqueue.clear()"], self._see)

    def _steps(self, *before: str) -> list[str]:
        names = [f"smu{name}" for name in self.model.channels]
        steps = [f"{c}.{step}" for step in (*before, "source.levelv = 0", "source.output = 0") for c in names]
        return steps if self._port is None else [*steps, self._port.CLOSING]

    def _see(self) -> None:
        names = [f"smu{name}" for name in self.model.channels]
        left = self.link.ask(*(f"{c}.source.output" for c in names), meaning=Meaning.READ)
        on = [c for c, state in zip(names, left, strict=True) if self.link.parse(f"{c}.source.output", state) != 0]
        if on:
            raise BenchError(f"{self.link.name}: the outputs of {', '.join(on)} are still on")
        if self._port is not None:
            self._port.see_closed()


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
        check_level(self._link, self._model, volts)
        self._link.assign(f"{self._smu}.source.levelv", volts, level=True)

    @property
    def compliance_current(self) -> float:
        """Control the current limit [A]; outside the model's bounds it is refused, never clipped."""
        return self._link.number(f"{self._smu}.source.limiti")

    @compliance_current.setter
    def compliance_current(self, amperes: float) -> None:
        bounds = self._model.compliance
        if not bounds.minimum <= amperes <= bounds.maximum:
            raise LimitExceeded(
                f"{self._link.name}: a compliance of {amperes:g} A is not in {bounds.minimum:g} to {bounds.maximum:g} A"
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
    def current_range(self) -> float:
        """Control the measuring range [A]: the smallest that holds what is asked for; change it at 0 V only."""
        return self._link.number(f"{self._smu}.measure.rangei")

    @current_range.setter
    def current_range(self, amperes: float) -> None:
        self._link.assign(f"{self._smu}.measure.rangei", range_for(self._link, self._model, amperes))

    @property
    def source_enabled(self) -> bool:
        """Control the output; off holds 0 V with a small current limit."""
        return self._link.number(f"{self._smu}.source.output") == 1

    @source_enabled.setter
    def source_enabled(self, enabled: bool) -> None:
        self._link.assign(f"{self._smu}.source.output", 1.0 if enabled else 0.0, output=True)

    @property
    def in_compliance(self) -> bool:
        """Get whether the current limit holds the output below its level."""
        expression = f"{self._smu}.source.compliance"
        return flag(self._link, expression, self._link.ask(expression, meaning=Meaning.READ)[0])

    def measure_current(self) -> float:
        """Measure the current out of the channel [A]; infinite, with its sign, beyond the range."""
        expression, full_scale = f"{self._smu}.measure.i()", self._link.in_force(f"{self._smu}.measure.rangei")
        text = self._link.ask(expression, meaning=Meaning.READ)[0]
        return self._link.reading(expression, text, full_scale=full_scale or math.inf)

    def shutdown(self) -> None:
        """Go to 0 V and turn the output off."""
        c = self._smu
        self._link.assign_all({f"{c}.source.levelv": 0.0, f"{c}.source.output": 0.0}, output=True)
