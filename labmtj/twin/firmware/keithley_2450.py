"""Firmware of the Keithley 2450 Interactive SourceMeter in its SCPI mode.

Model 2450 Reference Manual, 2450-901-01 Rev. B (2013), section 6 and appendices B and C. Left out: trigger models of
blocks, configuration lists, CALCulate, the digital lines, the file system, and the TSP and 2400 modes.
"""

from __future__ import annotations

from labmtj.config.model import SourceMeterModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.keithley_2450_sense import Sense
from labmtj.twin.firmware.keithley_2450_source import Source
from labmtj.twin.firmware.keithley_2450_trace import Buffers
from labmtj.twin.firmware.keithley_2450_trigger import Triggers
from labmtj.twin.firmware.sourcemeter_firmware import SourceMeterFirmware
from labmtj.twin.scpi.engine import Call, Dialect

_DIALECT = Dialect(empty='0,"No error;0;0 0"', queue=1000, version="1996.0", queue_headers=True)  # queue: unverified
_OFF_SHARE = 0.1  # of the current range: the limit of an output that is off (page 2-82)
_OFF_STATES = ("NORMal", "HIMPedance", "ZERO", "GUARd")


class Keithley2450(SourceMeterFirmware):
    """A 2450 on its bench."""

    def __init__(self, place: Place, model: SourceMeterModel) -> None:
        super().__init__(place, model, dialect=_DIALECT, off_share=_OFF_SHARE)
        engine, stored, meter = self.engine, self.stored, self.meter
        stored.choice(":ROUTe:TERMinals", "terminals", ("FRONt", "REAR"), changed=self._terminals)
        self._front = True
        self._source = Source(engine, stored, meter)
        self._sense = Sense(engine, stored, meter, self._source)
        self._buffers = Buffers(engine, stored)
        self._triggers = Triggers(engine, stored, meter, self._source, self._sense, self._buffers)
        self._add_output()
        self._add_system()

    def reset(self) -> None:
        """*RST: also the buffers that users have made go."""
        super().reset()
        self._front = True
        for part in (self._source, self._sense, self._buffers, self._triggers):
            part.reset()

    # -- output and terminals ------------------------------------------------------------------------

    def _add_output(self) -> None:
        add, stored, meter = self.engine.add, self.stored, self.meter
        add(":OUTPut[:STATe]", set=self._set_output, get=lambda _: str(int(meter.output)))
        for what in ("VOLTage", "CURRent"):
            stored.choice(f":OUTPut:{what}:SMODe", f"{what.upper()}.off", _OFF_STATES, changed=self._set_off_state)
        add(":OUTPut:SMODe", set=self._set_both)
        stored.switch(":OUTPut:INTerlock:STATe", "interlock", default=False)
        add(":OUTPut:INTerlock:TRIPped", get=lambda _: "1", most=0)  # asserted: the fixture's lid is closed

    def _set_output(self, call: Call) -> None:
        self._set_off_state()
        self.meter.switch(on=call.boolean(0))

    def _set_both(self, call: Call) -> None:
        """Without a function the state is for both (page 6-32)."""
        word = call.word(0, _OFF_STATES)
        for what in ("VOLTAGE", "CURRENT"):
            self.stored.choose(f"{what}.off", word)
        self._set_off_state()

    def _set_off_state(self) -> None:
        self.meter.off_state = self.stored.word(f"{self._source.quantity}.off")
        self.meter.apply()

    def _terminals(self) -> None:
        """Whatever is wired hangs on the terminals that are used; a change of them turns the output off."""
        front = self.stored.word("terminals") == "FRONT"
        if front != self._front:
            self._front = front
            self.meter.switch(on=False)

    # -- system --------------------------------------------------------------------------------------

    def _add_system(self) -> None:
        engine, stored = self.engine, self.stored
        add = engine.add
        add("*LANG", set=self._set_language, get=lambda _: "SCPI")
        add(":STATus:CLEar", set=lambda _: engine.clear_status(), most=0)
        add(":SYSTem:EVENtlog:NEXT", get=lambda _: engine.next_error(), most=0)
        add(":SYSTem:EVENtlog:COUNt", get=lambda _: str(len(engine.errors)))
        add(":SYSTem:LFRequency", get=lambda _: f"{self.meter.smu.mains:.0f}", most=0)
        add(":SYSTem:BEEPer[:IMMediate]", set=lambda call: (call.number(0), call.number(1, default=1.0)), most=2)
        stored.choice(":SYSTem:ACCess", "access", ("FULL", "EXCLusive", "PROTected", "LOCKout"), kept=True)
        stored.choice(":SYSTem:POSetup", "power_on", ("RST", "SAV0", "SAV1", "SAV2", "SAV3", "SAV4"), kept=True)
        add(":DISPlay:CLEar", set=lambda _: None, most=0)
        add(":DISPlay:SCReen", set=lambda call: call.text(0))
        for line in (1, 2):
            stored.text(f":DISPlay:USER{line}:TEXT[:DATA]" if line > 1 else ":DISPlay:USER:TEXT[:DATA]", f"text.{line}")
        lights = ("ON100", "ON75", "ON50", "ON25", "OFF", "BLACkout")
        stored.choice(":DISPlay:LIGHt:STATe", "light", lights, kept=True)
        for what in ("VOLTage", "CURRent", "RESistance"):
            stored.integer(f":DISPlay:{what}:DIGits", f"{what.upper()}.digits", 5, bounds=(3, 6))

    def _set_language(self, call: Call) -> None:
        """Another command set comes into force at the next start, which a bench does not have."""
        call.word(0, ("SCPI", "TSP", "SCPI2400"))
