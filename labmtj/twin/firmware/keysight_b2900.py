"""Firmware of the Keysight B2900 source-measure units (B2902A, B2902B, and the B2962A's commands), SCPI.

Commands, formats and channel lists: Keysight B2961A/B2962A SCPI Command Reference, Edition 6 ([R]), which shares
them with the B2900A series. Settings are +1.00000000E-03, readings +1.060645E-04. What a trigger does is in
labmtj.twin.firmware.keysight_b2900_trigger. Of the sources that a real one has, ARB waveforms are left out.
"""

from __future__ import annotations

from functools import partial

from labmtj.config.model import SourceMeterModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.keysight_b2900_sense import OVER, RESET_I, RESET_V, add_ranges, add_sense
from labmtj.twin.firmware.keysight_b2900_trigger import Triggers
from labmtj.twin.scpi.engine import Call, Dialect, ScpiEngine, ScpiError
from labmtj.twin.scpi.firmware import ScpiFirmware, identity_text
from labmtj.twin.scpi.kept import Kept
from labmtj.twin.scpi.syntax import Kind
from labmtj.twin.smu import BLOCKED, Settings, Smu

_OFF_LIMIT = 100e-6  # [A] unverified: the limit of an output that is off in the mode ZERO
_LONGEST_LIST = 2500  # B2900A data sheet; [R] 4-142 has 100000 for the B2961A


class KeysightB2900(ScpiFirmware):
    """Channels "1" and "2"; their settings and the channels of the bench that they act on."""

    def __init__(self, place: Place, model: SourceMeterModel) -> None:
        world = place.world
        engine = ScpiEngine(
            identity_text(model.identity),
            dialect=Dialect(empty='+0,"No error"', entry='{code:+d},"{text}"', queue=100),
            on_reset=self.reset,
            on_message=partial(world.sleep, model.timing.command),
            on_trigger=self._bus,
        )
        super().__init__(world, engine)
        self.model, self.mains = model, place.mains
        self.smus = {n: place.smu(name, model) for n, name in enumerate(model.channels, start=1)}
        self.lists: dict[tuple[int, str], list[float]] = {}
        self.sensed: dict[int, set[str]] = {}
        self.kept = Kept(engine, len(self.smus), "{:+.8E}".format)
        self._add_source()
        self._add_lists()
        add_ranges(self)
        add_sense(self)
        self._add_output()
        self._add_inert()
        self.triggers = Triggers(self)
        self.reset()

    def reset(self) -> None:
        """*RST: voltage sources at 0 V, outputs off, limits 100 uA and 2 V."""
        self.kept.reset()
        self.triggers.reset()
        self.lists = {(n, what): [0.0] for n in self.smus for what in ("VOLTAGE", "CURRENT")}
        self.sensed = {n: {"VOLT", "CURR"} for n in self.smus}
        for n, smu in self.smus.items():
            smu.set = Settings(range_v=RESET_V, meter_v=RESET_V, limit_i=RESET_I, limit_v=RESET_V)
            self.apply(n)

    def channel(self, call: Call) -> int:
        """The channel that a call is for. Raises ScpiError -114."""
        return call.suffix(last=len(self.smus))

    def smu(self, call: Call) -> Smu:
        """Its source-measure channel."""
        return self.smus[self.channel(call)]

    def _bus(self) -> None:
        self.triggers.bus()

    # -- putting settings in force -----------------------------------------------------------------

    def apply(self, n: int) -> None:
        """Put a channel's settings in force."""
        smu, kept = self.smus[n], self.kept
        now = smu.set
        now.volts = kept.text("mode", n) == "VOLT"
        now.nplc = kept.real("nplc", n)
        now.remote, now.lowest_i = kept.flag("remote", n), kept.real("lowest_i", n)
        now.off_open = kept.text("off", n) != "ZERO"  # [R] 4-66: NORM and HIZ open the output switch
        now.off_limit = _OFF_LIMIT
        now.autozero = False  # the converter is zeroed on its own, beside the measurements (unverified)
        smu.apply()
        self.protect(n)

    def switch(self, n: int, *, on: bool) -> None:
        """Turn an output on or off."""
        smu = self.smus[n]
        if on and smu.blocked:
            raise ScpiError(*BLOCKED)
        if smu.set.output != on:
            smu.set.output = on
            self.apply(n)
            smu.settle()

    def protect(self, n: int) -> None:
        """OUTPut:PROTection: an output that reaches its limit goes to 0 V and off at once ([R] 4-67)."""
        smu = self.smus[n]
        if self.kept.flag("protection", n) and smu.set.output and smu.limited:
            smu.set.output = False
            smu.apply()

    # -- source ------------------------------------------------------------------------------------

    def _add_source(self) -> None:
        kept, add, head = self.kept, self.engine.add, "[:SOURce#]"
        kept.word("mode", f"{head}:FUNCtion:MODE", "VOLT", ["VOLTage", "CURRent"], then=self._mode_changed)
        kept.word("shape", f"{head}:FUNCtion[:SHAPe]", "DC", ["DC", "PULSe"])
        kept.boolean("continuous", f"{head}:FUNCtion:TRIGgered:CONTinuous", False)
        add(f"{head}:VOLTage|CURRent[:LEVel][:IMMediate][:AMPLitude]", set=self._set_level, get=self._level)
        for what, unit, scale in (("VOLTage", "V", "source_volts"), ("CURRent", "A", "source_amperes")):
            most = OVER * max(smu.largest(scale) for smu in self.smus.values())
            name, bounds = what.upper(), (-most, most)
            kept.number(f"trig_{name}", f"{head}:{what}[:LEVel]:TRIGgered[:AMPLitude]", 0, bounds=bounds, unit=unit)
            kept.word(f"sweep_{name}", f"{head}:{what}:MODE", "FIX", ["FIXed", "SWEep", "LIST"])
            kept.number(f"start_{name}", f"{head}:{what}:STARt", 0, bounds=bounds, unit=unit)
            kept.number(f"stop_{name}", f"{head}:{what}:STOP", 0, bounds=bounds, unit=unit)
            kept.number(f"points_{name}", f"{head}:{what}:POINts", 1, bounds=(1, _LONGEST_LIST), whole=True, show=_nr1)
        kept.number("points", f"{head}:SWEep:POINts", 1, bounds=(1, _LONGEST_LIST), whole=True, show=_nr1)
        kept.word("spacing", f"{head}:SWEep:SPACing", "LIN", ["LINear", "LOGarithmic"])
        kept.word("direction", f"{head}:SWEep:DIRection", "UP", ["UP", "DOWN"])
        kept.word("stairs", f"{head}:SWEep:STAir", "SING", ["SINGle", "DOUBle"])
        pulse = self.model.pulse
        kept.number("width", f"{head}:PULSe:WIDTh", pulse.minimum, bounds=(pulse.minimum, 1e5), unit="S")
        kept.number("pulse_delay", f"{head}:PULSe:DELay", 0, bounds=(0, 99999.9), unit="S")
        kept.boolean("wait", f"{head}:WAIT[:STATe]", True)

    def _mode_changed(self, n: int) -> None:
        """A change of the source's kind turns the output off (unverified)."""
        if (self.kept.text("mode", n) == "VOLT") != self.smus[n].set.volts:
            self.switch(n, on=False)
        self.apply(n)

    def _set_level(self, call: Call) -> None:
        now, n = self.smu(call).set, self.channel(call)
        volts = call.choice() == "VOLTAGE"
        value = call.number(0, unit="V" if volts else "A", words={"DEF": 0.0})
        self.check_level(n, value, volts=volts)
        if volts:
            now.level_v = value
            self.kept.put("trig_VOLTAGE", n, value)
        else:
            now.level_i = value
            self.kept.put("trig_CURRENT", n, value)
        self.apply(n)
        if now.output:
            self.smus[n].settle()

    def check_level(self, n: int, value: float, *, volts: bool) -> None:
        """Raise ScpiError -222 for a level that its range, or with autorange no range, holds."""
        now = self.smus[n].set
        full, auto = (now.range_v, now.auto_v) if volts else (now.range_i, now.auto_i)
        most = self.smus[n].largest("source_volts" if volts else "source_amperes") if auto else full
        if abs(value) > OVER * most * (1 + 1e-9):
            raise ScpiError(-222)

    def _level(self, call: Call) -> str:
        now = self.smu(call).set
        return f"{now.level_v if call.choice() == 'VOLTAGE' else now.level_i:+.8E}"

    def _add_lists(self) -> None:
        head = "[:SOURce#]:LIST:VOLTage|CURRent"
        self.engine.add(head, set=self._set_list, get=self._list, most=_LONGEST_LIST)
        self.engine.add(f"{head}:APPend", set=self._append, most=_LONGEST_LIST)
        self.engine.add(f"{head}:POINts", get=self._count, most=0)

    def _set_list(self, call: Call) -> None:
        self.lists[self.channel(call), call.choice()] = self._points(call)

    def _count(self, call: Call) -> str:
        return str(len(self.lists[self.channel(call), call.choice()]))

    def _append(self, call: Call) -> None:
        points = self.lists[self.channel(call), call.choice()] + self._points(call)
        if len(points) > _LONGEST_LIST:
            raise ScpiError(-223)
        self.lists[self.channel(call), call.choice()] = points

    def _points(self, call: Call) -> list[float]:
        points = [call.number(place) for place in range(max(1, call.count))]
        most = OVER * self.smu(call).largest("source_volts" if call.choice() == "VOLTAGE" else "source_amperes")
        if max(map(abs, points)) > most:
            raise ScpiError(-222)
        return points

    def _list(self, call: Call) -> str:
        return ",".join(f"{point:+.8E}" for point in self.lists[self.channel(call), call.choice()])

    # -- output ------------------------------------------------------------------------------------

    def _add_output(self) -> None:
        kept = self.kept
        self.engine.add(":OUTPut#[:STATe]", set=self._set_output, get=self._output)
        kept.boolean("protection", ":OUTPut#:PROTection[:STATe]", False, then=self.protect)
        kept.word("off", ":OUTPut#:OFF:MODE", "NORM", ["NORMal", "HIZ", "ZERO"], then=self.apply)
        kept.boolean("on_auto", ":OUTPut#:ON:AUTO", True)
        kept.boolean("off_auto", ":OUTPut#:OFF:AUTO", False)
        kept.word("low", ":OUTPut#:LOW", "GRO", ["GROund", "FLOat"])
        kept.boolean("filter", ":OUTPut#:FILTer[:LPASs][:STATe]", True)
        kept.boolean("capacity", ":OUTPut#:HCAPacitance[:STATe]", False)

    def _set_output(self, call: Call) -> None:
        self.switch(self.channel(call), on=call.boolean(0))

    def _output(self, call: Call) -> str:
        return str(int(self.smu(call).set.output))

    def _add_inert(self) -> None:
        """Commands that change nothing on the array."""
        add, kept = self.engine.add, self.kept
        add(":SYSTem:LFRequency", set=self._set_mains, get=lambda _: f"{self.mains:.0f}")
        kept.boolean("beeper", ":SYSTem:BEEPer:STATe", True)
        kept.boolean("display", ":DISPlay:ENABle", True)
        for header in (":SYSTem:TIME:TIMer:COUNt:RESet[:IMMediate]", ":SYSTem:LOCal", ":SYSTem:REMote"):
            add(header, set=_ignored, most=0)
        add(":SYSTem:BEEPer[:IMMediate]", set=lambda call: call.number(0, default=1e3), most=2)
        add(":DISPlay:VIEW", set=lambda call: call.text(0))

    def _set_mains(self, call: Call) -> None:
        """The mains are what they are: the instrument may be told the wrong frequency, which is not simulated."""
        if call.arguments and call.arguments[0].kind is Kind.WORD and call.number(0) != self.mains:
            raise ScpiError(-221)


def _ignored(_: Call) -> None:
    """Nothing that the array notices."""


def _nr1(value: float) -> str:
    return f"{value:.0f}"
