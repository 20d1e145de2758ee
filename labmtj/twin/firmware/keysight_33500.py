"""Firmware of the Keysight 33500 series (33522B and relatives, and what clients of the 33250A send).

Commands: Agilent 33500 Series Operating and Service Guide (pulse: page 69, load: 61, burst: 177); headers of the
33250A User's Guide (PULSe:WIDTh, page 168) are taken, too. A channel whose burst mode is on and whose trigger
source is BUS or EXT rests until it is triggered; with any other setting its output is a continuous train, which
is not played (labmtj.twin.firmware.generator). All channels on BUS begin their bursts on one *TRG.
"""

from __future__ import annotations

import math

from labmtj.config.model import PulseGeneratorModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.generator import Wave
from labmtj.twin.firmware.generator_firmware import GeneratorFirmware, Rules, ignored
from labmtj.twin.firmware.generator_levels import Levels
from labmtj.twin.firmware.generator_times import Times
from labmtj.twin.firmware.generator_waveforms import Apply, samples
from labmtj.twin.scpi.engine import Call, ScpiError
from labmtj.twin.scpi.numbers import INFINITY

_FASTEST = 30e6  # [Hz] the 33522B, as in QCoDeS's driver KeysightAgilent_33XXX
_RULES = Rules(
    clips=True,
    period=(1 / _FASTEST, 1e6),  # unverified: 1 uHz
    longest_width=1e6,  # 33500 Guide, page 69
    edge_share=0.625,  # 33250A Guide, page 168; the 33500 has "at least 20 ns for edges above 8.4 ns"
    edge_room=0.0,
    load=(1.0, 1e4),  # 33500 Guide, page 61
    infinite=INFINITY,
    show="{:+.15E}".format,  # 33500 Guide: "Typical Return"
)
_EDGE = 10e-9  # [s] unverified: the default edge
_CYCLES = (1.0, 1e8)  # unverified: the longest burst of cycles
_POINTS = (8, 65_536)  # PyMeasure, Agilent33500.data_arb
_MEMORY = 1_000_000  # unverified: points of all waveforms of a channel
_DAC = 32767.0  # same place
_OLDER = {"33210A", "33250A"}  # models that call the uploaded shape USER


class Keysight33500(GeneratorFirmware):
    """A 33522B, or a relative that its data sheet names."""

    def __init__(self, place: Place, model: PulseGeneratorModel) -> None:
        super().__init__(place, model, _RULES, Wave())
        self._waveforms: dict[tuple[int, str], tuple[float, ...]] = {}
        self._chosen: dict[int, str] = {}
        self.times = Times(self, edge=max(_EDGE, model.edge.minimum))
        self._add_shape()
        self._add_output()
        self._add_burst()
        self._add_arbitrary()
        self._add_inert()
        self.reset()

    def reset(self) -> None:
        """*RST: a sine of 1 kHz, outputs off; uploaded waveforms are forgotten."""
        self.times.reset()
        self._waveforms.clear()
        self._chosen.clear()
        super().reset()

    # -- triggers ----------------------------------------------------------------------------------

    def armed(self, channel: int) -> bool:
        """Whether a channel waits: in gated bursts for the external input, to which nothing is wired."""
        kept = self.kept
        if not kept.flag("burst", channel):
            return False
        return kept.text("mode", channel) == "GAT" or kept.text("source", channel) in ("BUS", "EXT")

    def bus_trigger(self) -> None:
        """*TRG: every channel that waits for the bus."""
        waiting = [n for n in self.channels if self.armed(n) and self.kept.text("source", n) == "BUS"]
        self._begin(*waiting)

    def _immediate(self, call: Call) -> None:
        """TRIGger[1|2]: one channel, whatever its source."""
        n = self.channel(call)
        self._begin(*([n] if self.kept.flag("burst", n) else []))

    def _begin(self, *channels: int) -> None:
        bursts = [n for n in channels if self.kept.text("mode", n) == "TRIG"]
        self.fire({n: (self._cycles(n), self.kept.real("delay", n)) for n in bursts})

    def _cycles(self, n: int) -> float:
        cycles = self.kept.real("cycles", n)
        return math.inf if cycles >= INFINITY else cycles

    # -- commands ----------------------------------------------------------------------------------

    def _add_shape(self) -> None:
        add, add_edge = self.times.add, self.times.add_edge
        arbitrary = "USER" if self.model.identity.model in _OLDER else "ARBitrary"
        self.add_shape("[:SOURce#]:FUNCtion[:SHAPe]", arbitrary, self.times.fit)
        for header in ("[:SOURce#]:FUNCtion:PULSe", "[:SOURce#]:PULSe"):
            add("width", f"{header}:WIDTh")
            add("period", f"{header}:PERiod")
            add("duty", f"{header}:DCYCle")
            add_edge(f"{header}:TRANsition[:BOTH]", 0, 1)
            add_edge(f"{header}:TRANsition:LEADing", 0)
            add_edge(f"{header}:TRANsition:TRAiling", 1)
            self.kept.word("hold", f"{header}:HOLD", "WIDT", ["WIDTh", "DCYCle"])
        add("frequency", "[:SOURce#]:FREQuency[:CW|FIXed]")
        levels = Levels(self, "[:SOURce#]:VOLTage")
        Apply(self, "[:SOURce#]:APPLy", levels, self.times, arbitrary=arbitrary, before=self._no_burst)

    def _add_output(self) -> None:
        add = self.engine.add
        add(":OUTPut#[:STATe]", set=self.set_output, get=self.output)
        add(":OUTPut#:LOAD", set=self.set_load, get=self.load)
        add(":OUTPut#:POLarity", set=self.set_polarity, get=self.polarity)

    def _add_burst(self) -> None:
        kept, head = self.kept, "[:SOURce#]:BURSt"
        kept.boolean("burst", f"{head}:STATe", False, then=self.show)
        kept.word("mode", f"{head}:MODE", "TRIG", ["TRIGgered", "GATed"], then=self.show)
        kept.number("cycles", f"{head}:NCYCles", 1, bounds=_CYCLES, words={"INF": INFINITY}, whole=True)
        kept.number("burst_phase", f"{head}:PHASe", 0, bounds=(-360, 360), unit="DEG")
        kept.number("burst_period", f"{head}:INTernal:PERiod", 10e-3, bounds=(1e-6, 8e3), unit="S")
        kept.word("gate", f"{head}:GATE:POLarity", "NORM", ["NORMal", "INVerted"])
        kept.word("source", ":TRIGger#:SOURce", "IMM", ["IMMediate", "EXTernal", "TIMer", "BUS"], then=self.show)
        kept.number("delay", ":TRIGger#:DELay", 0, bounds=(0, 1000), unit="S")
        kept.word("slope", ":TRIGger#:SLOPe", "POS", ["POSitive", "NEGative"])
        kept.number("count", ":TRIGger#:COUNt", 1, bounds=(1, 1e6), whole=True)
        kept.number("timer", ":TRIGger#:TIMer", 1, bounds=(1e-6, 8e3), unit="S")
        kept.number("level", ":TRIGger#:LEVel", 1.65, bounds=(0.9, 3.8), unit="V")
        self.engine.add(":TRIGger#[:IMMediate]", set=self._immediate, most=0)

    def _add_arbitrary(self) -> None:
        add, head = self.engine.add, "[:SOURce#]:FUNCtion:ARBitrary"
        add(head, set=self._choose, get=lambda call: f'"{self._chosen.get(self.channel(call), "")}"')
        bounds = (1e-6, 250e6)  # PyMeasure, Agilent33500.arb_srate
        self.kept.number("rate", f"{head}:SRATe", 40e3, bounds=bounds, then=self._rate_changed)
        self.kept.word("filter", f"{head}:FILTer", "STEP", ["NORMal", "STEP", "OFF"])
        self.kept.word("advance", f"{head}:ADVance", "SRAT", ["TRIGger", "SRATe"])
        self.kept.word("order", ":FORMat:BORDer", "NORM", ["NORMal", "SWAPped"])
        add("[:SOURce#]:DATA:ARBitrary", set=lambda call: self._upload(call, 1.0, "f4"), most=_POINTS[1] + 1)
        add("[:SOURce#]:DATA:ARBitrary:DAC", set=lambda call: self._upload(call, _DAC, "i2"), most=_POINTS[1] + 1)
        add("[:SOURce#]:DATA:VOLatile:CLEar", set=self._forget, most=0)
        add("[:SOURce#]:DATA:VOLatile:CATalog", get=self._catalog, most=0)

    def _add_inert(self) -> None:
        """Settings that change nothing on the array, and commands that only a person notices."""
        kept = self.kept
        kept.number("phase", "[:SOURce#]:PHASe[:ADJust]", 0, bounds=(-360, 360), unit="DEG")
        kept.number("square", "[:SOURce#]:FUNCtion:SQUare:DCYCle", 50, bounds=(0.01, 99.99), unit="%")
        kept.number("symmetry", "[:SOURce#]:FUNCtion:RAMP:SYMMetry", 100, bounds=(0, 100), unit="%")
        kept.word("frequency_mode", "[:SOURce#]:FREQuency:MODE", "CW", ["CW", "LIST", "SWEep", "FIXed"])
        kept.boolean("autorange", "[:SOURce#]:VOLTage:RANGe:AUTO", True)
        kept.boolean("sync", ":OUTPut#:SYNC[:STATe]", True)
        kept.word("sync_source", ":OUTPut:SYNC:SOURce", "CH1", ["CH1", "CH2"])
        kept.boolean("trigger_out", ":OUTPut:TRIGger[:STATe]", False)
        kept.word("trigger_slope", ":OUTPut:TRIGger:SLOPe", "POS", ["POSitive", "NEGative"])
        kept.boolean("display", ":DISPlay[:STATe]", True)
        kept.word("angle", ":UNIT:ANGLe", "DEG", ["DEGree", "RADian", "SECond"])
        for header in ("[:SOURce#]:PHASe:SYNChronize", ":SYSTem:BEEPer[:IMMediate]", ":ABORt", ":DISPlay:TEXT:CLEar"):
            self.engine.add(header, set=ignored, most=0)
        self.engine.add(":DISPlay:TEXT", set=lambda call: call.text(0))
        for header in (":SYSTem:REMote", ":SYSTem:LOCal", ":SYSTem:RWLock"):
            self.engine.add(header, set=ignored, most=0)

    # -- arbitrary waveforms -----------------------------------------------------------------------

    def _no_burst(self, n: int) -> None:
        """APPLy turns bursts off and makes the trigger immediate."""
        self.kept.put("burst", n, False)
        self.kept.put("source", n, "IMM")

    def _upload(self, call: Call, largest: float, kind: str) -> None:
        n, name = self.channel(call), call.text(0).upper()
        if (n, name) in self._waveforms:
            raise ScpiError(786, "Specified arb waveform already exists")  # unverified number
        order = ">" if self.kept.text("order") == "NORM" else "<"
        points = samples(call, largest=largest, kind=order + kind)
        if not _POINTS[0] <= len(points) <= _POINTS[1]:
            raise ScpiError(-223 if len(points) > _POINTS[1] else -222)
        if len(points) + sum(len(kept) for key, kept in self._waveforms.items() if key[0] == n) > _MEMORY:
            raise ScpiError(781, "Not enough memory to store new arb waveform")  # unverified number
        self._waveforms[n, name] = tuple(points)

    def _choose(self, call: Call) -> None:
        n, name = self.channel(call), call.text(0).strip().upper()
        if (n, name) not in self._waveforms:
            raise ScpiError(785, "Specified arb waveform does not exist")  # unverified number
        self._chosen[n] = call.text(0).strip()
        wave = self.wave(call)
        wave.samples, wave.sample = self._waveforms[n, name], 1 / self.kept.real("rate", n)
        self.show(n)

    def _rate_changed(self, n: int) -> None:
        self.terminals[n].wave.sample = 1 / self.kept.real("rate", n)

    def _forget(self, call: Call) -> None:
        n = self.channel(call)
        for key in [key for key in self._waveforms if key[0] == n]:
            del self._waveforms[key]

    def _catalog(self, call: Call) -> str:
        return ",".join(f'"{name}"' for n, name in self._waveforms if n == self.channel(call)) or '""'
