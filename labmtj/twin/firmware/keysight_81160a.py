"""Firmware of the Keysight 81160A pulse generator; the channel's number stands in the middle or at the end.

Commands: 81150A and 81160A User's Guide, and those of PyMeasure's driver Keysight81160A. A channel whose arm
source is MAN or EXT rests until it is triggered; with IMM or INT2 its output is a continuous train, which is
not played (labmtj.twin.firmware.generator). *TRG fires all channels on MAN at once (unverified), each TRIGger:COUNt
pulses, or the cycles of a burst if that is on; a triggered pulse ignores the period (User's Guide, page 142).
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

_HIGH_Z = 1e6  # [ohm] the largest load of PyMeasure's driver; INF is taken to be that (unverified)
_RULES = Rules(
    clips=False,
    period=(3.03e-9, 1e6),  # User's Guide, page 142
    longest_width=1e6,  # PyMeasure
    edge_share=math.inf,  # only the period limits an edge
    edge_room=1.6,  # User's Guide, page 142
    load=(0.3, _HIGH_Z),  # PyMeasure
    infinite=_HIGH_Z,
    show="{:.6e}".format,
)
_RESET = Wave(width=100e-9, period=1e-6)  # User's Guide, page 142: 1 us; unverified: 100 ns
_CYCLES = (2.0, 2147483647.0)  # PyMeasure: bursts of two cycles and more
_COUNT = (1.0, 2147483647.0)  # PyMeasure
_DAC = 8191.0  # PyMeasure
_VOLATILE = "VOLATILE"
_SLOTS = 4  # unverified: waveforms that stay when the power goes


class Keysight81160A(GeneratorFirmware):
    """An 81160A."""

    def __init__(self, place: Place, model: PulseGeneratorModel) -> None:
        super().__init__(place, model, _RULES, _RESET)
        self._waveforms: dict[int, dict[str, tuple[float, ...]]] = {n: {} for n in self.channels}
        self._chosen: dict[int, str] = {}
        self.times = Times(self, edge=model.edge.minimum)
        self._add_shape()
        self._add_output()
        self._add_trigger()
        self._add_waveforms()
        self._add_inert()
        self.reset()

    def reset(self) -> None:
        """*RST: a sine of 1 MHz, outputs off; the volatile waveform is forgotten."""
        self.times.reset()
        for kept in self._waveforms.values():
            kept.pop(_VOLATILE, None)
        self._chosen.clear()
        super().reset()

    # -- triggers ----------------------------------------------------------------------------------

    def armed(self, channel: int) -> bool:
        """Whether a channel waits; nothing is wired to the external input."""
        return self.kept.text("source", channel) in ("MAN", "EXT")

    def bus_trigger(self) -> None:
        """*TRG: every channel that is armed by hand."""
        manual = [n for n in self.channels if self.kept.text("source", n) == "MAN"]
        self.fire({n: (self._cycles(n), self.kept.real("delay", n)) for n in manual})

    def _cycles(self, n: int) -> float:
        if not self.kept.flag("burst", n):
            return self.kept.real("count", n)
        cycles = self.kept.real("cycles", n)
        return math.inf if cycles >= INFINITY else cycles

    def _manual(self, _: Call) -> None:
        self.bus_trigger()

    # -- commands ----------------------------------------------------------------------------------

    def _add_shape(self) -> None:
        self.add_shape("[:SOURce]:FUNCtion#[:SHAPe]", "USER", self.times.fit)
        for what, name in (("width", "WIDTh"), ("period", "PERiod"), ("duty", "DCYCle")):
            self.times.add(what, f"[:SOURce]:PULSe:{name}#")
            self.times.add(what, f"[:SOURce]:FUNCtion#:PULSe:{name}")
        self.times.add("frequency", "[:SOURce]:PULSe:FREQuency#")
        self.times.add("frequency", "[:SOURce]:FREQuency#[:CW|FIXed]")
        for header in ("[:SOURce]:PULSe:TRANsition#", "[:SOURce]:FUNCtion#:PULSe:TRANsition"):
            self.times.add_edge(f"{header}[:LEADing]", 0, 1)  # unverified: the trailing edge follows
            self.times.add_edge(f"{header}:TRAiling", 1)
        for header in ("[:SOURce]:PULSe:HOLD#", "[:SOURce]:FUNCtion#:PULSe:HOLD"):  # User's Guide, page 438
            self.kept.word("hold", header, "WIDT", ["WIDTh", "DCYCle", "TDELay"])
        levels = Levels(self, "[:SOURce]:VOLTage#")
        Apply(self, ":APPLy#", levels, self.times, arbitrary="USER", before=self._no_burst)

    def _add_output(self) -> None:
        add = self.engine.add
        add(":OUTPut#[:STATe]", set=self.set_output, get=self.output)
        add(":OUTPut#:LOAD", set=self.set_load, get=self.load)
        add(":OUTPut#:POLarity", set=self.set_polarity, get=self.polarity)

    def _add_trigger(self) -> None:
        kept, head = self.kept, "[:SOURce]:BURSt#"
        kept.boolean("burst", f"{head}:STATe", False, then=self.show)
        kept.word("mode", f"{head}:MODE", "TRIG", ["TRIGgered", "GATed"], then=self.show)
        kept.number("cycles", f"{head}:NCYCles", 2, bounds=_CYCLES, words={"INF": INFINITY}, whole=True)
        kept.number("burst_phase", f"{head}:PHASe", 0, bounds=(-360, 360), unit="DEG")
        kept.number("burst_period", f"{head}:INTernal:PERiod", 10e-3, bounds=(3.03e-9, 1e6), unit="S")
        sources = ["IMMediate", "INTernal2", "EXTernal", "MANual"]
        kept.word("source", ":ARM:SOURce#", "IMM", sources, then=self.show)
        kept.number("count", ":TRIGger#:COUNt", 1, bounds=_COUNT, whole=True)
        kept.word("slope", ":ARM:SLOPe#", "POS", ["POSitive", "NEGative", "EITHer"])
        for header in ("[:SOURce]:PULSe:DELay#", "[:SOURce]:FUNCtion#:PULSe:DELay"):
            kept.number("delay", header, 0, bounds=(0, 1e6), unit="S")
        self.engine.add(":TRIGger[:IMMediate]", set=self._manual, most=0)

    def _add_waveforms(self) -> None:
        add = self.engine.add
        add(":DATA#:DAC", set=self._upload_dac, most=100_000)
        add(":DATA#[:DATA]", set=self._upload, most=100_000)
        add(":DATA#:COPY", set=self._copy, most=2)
        add(":DATA#:DELete[:NAME]", set=self._delete)
        add(":DATA#:NVOLatile:CATalog", get=self._catalog, most=0)
        add(":DATA#:NVOLatile:FREE", get=lambda call: str(_SLOTS - len(self._stored(call))), most=0)
        add(
            "[:SOURce]:FUNCtion#:USER",
            set=self._choose,
            get=lambda call: self._chosen.get(self.channel(call), _VOLATILE),
        )

    def _add_inert(self) -> None:
        """Settings that change nothing on the array, and commands that only a person notices."""
        kept = self.kept
        kept.number("square", "[:SOURce]:FUNCtion#:SQUare:DCYCle", 50, bounds=(0.0001515, 99.9998485), unit="%")
        kept.number("symmetry", "[:SOURce]:FUNCtion#:RAMP:SYMMetry", 100, bounds=(0, 100), unit="%")
        kept.number("phase", "[:SOURce]:PHASe#[:ADJust]", 0, bounds=(-360, 360), unit="DEG")
        kept.boolean("coupled", ":TRACk:CHANnel#", False)
        kept.boolean("autorange", "[:SOURce]:VOLTage#:RANGe:AUTO", True)
        kept.boolean("complement", ":OUTPut#:COMPlement", False)
        kept.boolean("display", ":DISPlay[:STATe]", True)
        for header in (":SYSTem:BEEPer[:IMMediate]", ":ABORt", ":SYSTem:LOCal", ":SYSTem:REMote", ":SYSTem:RWLock"):
            self.engine.add(header, set=ignored, most=0)

    def _no_burst(self, n: int) -> None:
        """APPLy turns bursts off and arms immediately."""
        self.kept.put("burst", n, False)
        self.kept.put("source", n, "IMM")

    # -- uploaded waveforms ------------------------------------------------------------------------

    def _upload_dac(self, call: Call) -> None:
        self._store(call, largest=_DAC, kind=">i2")

    def _upload(self, call: Call) -> None:
        self._store(call, largest=1.0, kind=">f4")

    def _store(self, call: Call, *, largest: float, kind: str) -> None:
        if call.text(0).upper() != _VOLATILE:
            raise ScpiError(-224)
        points = tuple(samples(call, largest=largest, kind=kind))
        n = self.channel(call)
        self._waveforms[n][_VOLATILE] = points
        if self._chosen.get(n, _VOLATILE) == _VOLATILE:
            self._take(n, _VOLATILE)

    def _choose(self, call: Call) -> None:
        name, n = call.text(0).upper(), self.channel(call)
        if name not in self._waveforms[n]:
            raise ScpiError(-224)
        self._take(n, name)

    def _take(self, n: int, name: str) -> None:
        """A waveform fills the period, whatever its points."""
        self._chosen[n] = name
        wave = self.terminals[n].wave
        wave.samples = self._waveforms[n][name]
        wave.sample = 0.0
        self.show(n)

    def _stored(self, call: Call) -> list[str]:
        return [name for name in self._waveforms[self.channel(call)] if name != _VOLATILE]

    def _copy(self, call: Call) -> None:
        kept, name = self._waveforms[self.channel(call)], call.text(0).upper()
        source = call.text(1, default=_VOLATILE).upper()
        if source not in kept or name == _VOLATILE:
            raise ScpiError(-224)
        if name not in kept and len(self._stored(call)) >= _SLOTS:
            raise ScpiError(-225)
        kept[name] = kept[source]

    def _delete(self, call: Call) -> None:
        if self._waveforms[self.channel(call)].pop(call.text(0).upper(), None) is None:
            raise ScpiError(-224)

    def _catalog(self, call: Call) -> str:
        return ",".join(f'"{name}"' for name in self._stored(call)) or '""'
