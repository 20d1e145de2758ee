"""Firmware of the Keithley 2400 SourceMeter, SCPI.

2400 Series User's Manual, 2400S-900-01 Rev. K (2011), sections 13, 15, 17 and 18. Left out: the limit tests and the
math of CALCulate1 and 2, source memory, the digital port, contact check, automatic ohms.
"""

from __future__ import annotations

from labmtj.config.model import SourceMeterModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.keithley_2400_buffer import Buffer
from labmtj.twin.firmware.keithley_2400_reading import Format
from labmtj.twin.firmware.keithley_2400_sense import Sense
from labmtj.twin.firmware.keithley_2400_source import Source
from labmtj.twin.firmware.keithley_2400_sweep import Sweeps
from labmtj.twin.firmware.keithley_2400_trigger import TriggerModel
from labmtj.twin.firmware.sourcemeter_firmware import SourceMeterFirmware
from labmtj.twin.scpi.engine import Call, Dialect

_DIALECT = Dialect(
    queue=10,  # unverified: as the 2000's (2000 User's Manual, :SYSTem:ERRor?)
    version="1996.0",
    registers=("operation", "questionable", "measurement"),
    queue_headers=True,
)
_OFF_SHARE = 5e-3  # of the current range: the limit of an output that is off (page 18-59)
_OFF_STATES = ("NORMal", "HIMPedance", "ZERO", "GUARd")


class Keithley2400(SourceMeterFirmware):
    """A 2400 on its bench."""

    def __init__(self, place: Place, model: SourceMeterModel) -> None:
        super().__init__(place, model, dialect=_DIALECT, off_share=_OFF_SHARE)
        engine, stored, meter = self.engine, self.stored, self.meter
        self._mains = meter.smu.mains
        self._format = Format(engine)
        self._source = Source(engine, stored, meter)
        self._sense = Sense(engine, stored, meter, self._source)
        stored.choice(":ROUTe:TERMinals", "terminals", ("FRONt", "REAR"), changed=self._terminals)
        self._front = True
        buffer = Buffer(engine, stored, self._format)
        self._sweeps = Sweeps(engine, stored, meter)
        parts = self._source, self._sweeps, self._sense, buffer, self._format
        self._trigger = TriggerModel(engine, stored, meter, parts)
        self._add_output()
        self._add_system()
        self._add_display()

    def reset(self) -> None:
        """*RST and SYSTem:PRESet; the buffer is left alone."""
        super().reset()
        self._front = True
        for part in (self._format, self._source, self._sweeps, self._sense):
            part.reset()
        self._trigger.abort()

    def abort(self) -> None:
        """Back to idle."""
        self._trigger.abort()

    def fire(self) -> None:
        """*TRG."""
        self._trigger.trigger()

    # -- output and terminals ------------------------------------------------------------------------

    def _add_output(self) -> None:
        add, meter = self.engine.add, self.meter
        add(":OUTPut[:STATe]", set=self._set_output, get=lambda _: str(int(meter.output)))
        self.stored.choice(":OUTPut:SMODe", "output.off", _OFF_STATES, changed=self._set_off_state)
        self.stored.switch(":OUTPut:ENABle[:STATe]", "output.enable", default=False)
        add(":OUTPut:ENABle:TRIPped", get=lambda _: "1")  # the line that may block the output is not wired
        add(":OUTPut:INTerlock:TRIPped", get=lambda _: "1")

    def _set_output(self, call: Call) -> None:
        self.meter.switch(on=call.boolean(0))

    def _set_off_state(self) -> None:
        self.meter.off_state = self.stored.word("output.off")
        self.meter.apply()

    def _terminals(self) -> None:
        """Whatever is wired hangs on the terminals that are used; a change of them turns the output off."""
        front = self.stored.word("terminals") == "FRONT"
        if front != self._front:
            self._front = front
            self.meter.switch(on=False)

    # -- system and display --------------------------------------------------------------------------

    def _add_system(self) -> None:
        add, stored, meter = self.engine.add, self.stored, self.meter
        add(":SYSTem:PRESet", set=lambda _: self.reset(), most=0)
        add(":SYSTem:RSENse", set=self._set_remote, get=lambda _: str(int(meter.remote)))
        add(":SYSTem:AZERo[:STATe]", set=self._set_autozero, get=lambda _: str(int(meter.autozero)))
        add(":SYSTem:LFRequency", set=self._set_mains, get=lambda _: f"{meter.smu.mains:.0f}")
        stored.switch(":SYSTem:LFRequency:AUTO", "mains.auto", default=True, kept=True, changed=self._find_mains)
        add(":SYSTem:BEEPer[:IMMediate]", set=lambda call: (call.number(0), call.number(1, default=1.0)), most=2)
        stored.switch(":SYSTem:BEEPer:STATe", "beeper", default=True, kept=True)
        stored.switch(":SYSTem:RCMode", "range.concurrent", default=False)
        stored.choice(":SYSTem:GUARd", "guard", ("CABLe", "OHMS"))
        stored.choice(
            ":SYSTem:POSetup", "power_on", ("RST", "PRESet", "SAV0", "SAV1", "SAV2", "SAV3", "SAV4"), kept=True
        )
        stored.integer(":SYSTem:KEY", "key", 1, bounds=(1, 31))
        for header in (":SYSTem:LOCal", ":SYSTem:REMote", ":SYSTem:RWLock"):
            add(header, set=lambda _: None, most=0)  # there is no front panel to lock
        stored.choice(":FORMat:SREGister", "registers", ("ASCii",))

    def _set_remote(self, call: Call) -> None:
        self.meter.remote = call.boolean(0)
        self.meter.apply()

    def _set_autozero(self, call: Call) -> None:
        """ONCE refreshes reference and zero, and leaves autozero off."""
        once = call.raw(0).upper() == "ONCE"
        self.meter.autozero = not once and call.boolean(0)
        self.meter.apply()

    def _set_mains(self, call: Call) -> None:
        self.meter.smu.mains = 60.0 if call.integer(0, bounds=(50, 60)) > 55 else 50.0
        self.stored.put("mains.auto", 0)

    def _find_mains(self) -> None:
        if self.stored.on("mains.auto"):
            self.meter.smu.mains = self._mains

    def _add_display(self) -> None:
        stored = self.stored
        stored.switch(":DISPlay:ENABle", "display", default=True)
        stored.integer(":DISPlay:DIGits", "digits", 6, bounds=(4, 7))
        self.engine.add(":DISPlay:CNDisplay", set=lambda _: None, most=0)
        stored.text(":DISPlay[:WINDow]:TEXT[:DATA]", "text")
        stored.switch(":DISPlay[:WINDow]:TEXT:STATe", "text.shown", default=False)
