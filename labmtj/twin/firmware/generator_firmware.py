"""What the firmwares of pulse generators have in common: channels, outputs, load, triggers.

A generator of the 33500 series takes a value that does not fit to the nearest one that does, or moves another
setting out of its way, and queues -222 or -221 (Agilent 33500 Series Operating and Service Guide, VOLTage
subsystem). An 81160A is taken to refuse it with the same number (unverified): nothing changes then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from labmtj.config.model import PulseGeneratorModel
from labmtj.twin.build import Place
from labmtj.twin.firmware.generator import Terminal, Wave, fire
from labmtj.twin.scpi.engine import Call, Dialect, ScpiEngine, ScpiError
from labmtj.twin.scpi.firmware import ScpiFirmware, identity_text
from labmtj.twin.scpi.kept import Kept
from labmtj.twin.scpi.syntax import forms

KEYSIGHT = Dialect(empty='+0,"No error"', entry='{code:+d},"{text}"', queue=20)  # 33500 Guide: 20 errors
SHAPES = ("SINusoid", "SQUare", "RAMP", "TRIangle", "PULSe", "NOISe", "PRBS", "DC")


def ignored(_: Call) -> None:
    """Do what leaves no trace on the array: a beep, a text on the display."""


@dataclass(frozen=True)
class Rules:
    """What differs between generators: limits [s], [ohm], how numbers are written, and what happens beyond a limit.

    `clips`: values are taken to what fits, else they are refused. `edge_share` of the width is the longest edge;
    `edge_room` edges must fit beside the width in a period, or with 0 the shortest width. `infinite` is how an
    infinite load reads.
    """

    clips: bool
    period: tuple[float, float]
    longest_width: float
    edge_share: float
    edge_room: float
    load: tuple[float, float]
    infinite: float
    show: Callable[[float], str]


class GeneratorFirmware(ScpiFirmware):
    """A generator's channels, numbered from 1; subclasses add their headers and say when a channel waits."""

    def __init__(self, place: Place, model: PulseGeneratorModel, rules: Rules, reset: Wave) -> None:
        self.model, self.rules, self._reset_to = model, rules, reset
        world = place.world
        engine = ScpiEngine(
            identity_text(model.identity),
            dialect=KEYSIGHT,
            on_reset=self.reset,
            on_message=lambda: world.sleep(model.timing.command),
            on_trigger=self.bus_trigger,
        )
        super().__init__(world, engine)
        self.channels = range(1, len(model.channels) + 1)
        self.terminals = {
            n: Terminal(world, place.channel(name), ohms=model.output_impedance)
            for n, name in zip(self.channels, model.channels, strict=True)
        }
        self.kept = Kept(engine, len(self.channels), rules.show, clips=rules.clips)
        self.loads = dict.fromkeys(self.channels, model.output_impedance)

    # -- what subclasses say -----------------------------------------------------------------------

    def armed(self, channel: int) -> bool:
        """Whether a channel puts nothing out until it is triggered."""
        raise NotImplementedError

    def bus_trigger(self) -> None:
        """What *TRG does. Raises ScpiError -211 if no channel waits for it."""
        raise NotImplementedError

    # -- channels ----------------------------------------------------------------------------------

    def channel(self, call: Call) -> int:
        """The channel that a call is for. Raises ScpiError -114."""
        return call.suffix(last=len(self.channels))

    def wave(self, call: Call) -> Wave:
        """The wave of the channel that a call is for."""
        return self.terminals[self.channel(call)].wave

    def reset(self) -> None:
        """*RST: everything to its default, outputs off."""
        self.kept.reset()
        for n in self.channels:
            self.terminals[n].wave = replace(self._reset_to)
            self.loads[n] = self.model.output_impedance
            self.show(n)

    def show(self, channel: int) -> None:
        """Put a channel's settings in force."""
        self.terminals[channel].show(armed=self.armed(channel))

    def fire(self, bursts: Mapping[int, tuple[float, float]]) -> None:
        """Begin bursts by channel, (cycles, delay [s]). Raises ScpiError -211 if there are none."""
        if not bursts:
            raise ScpiError(-211)
        self._world.sleep(self.model.timing.trigger)
        fire(self._world, [(self.terminals[n], *burst) for n, burst in bursts.items()])

    def conflict(self, what: str) -> None:
        """Queue -221, and another setting makes way. Raises it where the instrument refuses instead."""
        if not self.rules.clips:
            raise ScpiError(-221)
        self.engine.error(-221, f"Settings conflict; {what}")

    # -- outputs -----------------------------------------------------------------------------------

    def set_output(self, call: Call) -> None:
        """Turn an output on or off."""
        self.wave(call).on = call.boolean(0)
        self.show(self.channel(call))

    def output(self, call: Call) -> str:
        """Whether an output is on."""
        return str(int(self.wave(call).on))

    def set_polarity(self, call: Call) -> None:
        """Turn the waveform over, or not."""
        self.wave(call).inverted = call.word(0, ["NORMal", "INVerted"]) == "INVERTED"
        self.show(self.channel(call))

    def polarity(self, call: Call) -> str:
        """NORM or INV."""
        return "INV" if self.wave(call).inverted else "NORM"

    def add_shape(self, pattern: str, arbitrary: str, then: Callable[[int], None]) -> None:
        """Add the choice of a shape; `arbitrary` is the name of the uploaded one."""
        names = {choice.upper(): forms(choice)[0] for choice in SHAPES} | {arbitrary.upper(): "ARB"}

        def choose(call: Call) -> None:
            self.take_shape(self.channel(call), names[call.word(0, [*SHAPES, arbitrary])], then)

        def answer(call: Call) -> str:
            shape = self.wave(call).shape
            return forms(arbitrary)[0] if shape == "ARB" else shape

        self.engine.add(pattern, set=choose, get=answer)

    def take_shape(self, channel: int, shape: str, then: Callable[[int], None]) -> None:
        """Change the shape; `then` sees to what does not fit it."""
        self.terminals[channel].wave.shape = shape
        then(channel)
        self.show(channel)

    def set_load(self, call: Call) -> None:
        """Say what the load is: programmed volts change with it, the output does not (33500 Guide, page 61)."""
        n, rules = self.channel(call), self.rules
        if self.kept.flag("limits", n):
            raise ScpiError(-221, "Settings conflict; not able to change output load with limits enabled")
        words = {"INF": math.inf, "MIN": rules.load[0], "MAX": rules.load[1], "DEF": self.model.output_impedance}
        value = call.number(0, unit="OHM", words=words)
        self.loads[n] = value if math.isinf(value) else self.kept.within(value, rules.load)
        if math.isinf(value) and self.kept.text("unit", n) == "DBM":
            self.kept.put("unit", n, "VPP")

    def load(self, call: Call) -> str:
        """The load [ohm]."""
        rules = self.rules
        value = self.loads[self.channel(call)]
        if call.has(0):
            value = call.number(0, words={"MIN": rules.load[0], "MAX": rules.load[1]})
        return rules.show(rules.infinite if math.isinf(value) else value)

    def factor(self, channel: int) -> float:
        """Programmed volts, those into the load, for each volt into an open circuit."""
        load = self.loads[channel]
        return 1.0 if math.isinf(load) else load / (load + self.model.output_impedance)
