"""What two-channel pulse generators have in common: one pulse a trigger, from 0 V and back to 0 V.

A generator rests at the level that its pulse starts from: LOW with normal polarity, HIGH with inverted. A
positive pulse is therefore LOW 0, HIGH v, normal, and a negative one HIGH 0, LOW -v, inverted; with normal
polarity it would rest at -v and stress the junction for ever. A change of sign goes through the smallest
amplitude, so that the resting level moves by no more than that while the polarity turns over; where even
that is too much, the output is off meanwhile. A channel whose pulse is 0 V waits for the external trigger
input instead, which nothing is wired to.

The load is set to infinite: levels are then those into an open circuit, which a junction of kiloohms nearly
is behind 50 ohm. With the default of 50 ohm it would get twice what was programmed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labmtj.config.model import PulseGeneratorModel
from labmtj.drivers.exchange import Meaning
from labmtj.drivers.identity import check_identity
from labmtj.drivers.restoring import restore
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BenchError, LimitExceeded, NoReply

_QUIET = 10e-3  # [V] chosen: below every read voltage; a junction may see it for some milliseconds
_RESOLUTION = 100e-6  # [V] chosen: levels have four digits, and pulses are below 1 V


@dataclass(frozen=True)
class Words:
    """The headers of one channel; `count` is that of pulses a trigger, `bus` the trigger source that obeys *TRG."""

    high: str
    low: str
    width: str
    period: str
    edge: str
    polarity: str
    output: str
    load: str
    count: str
    source: str
    bus: str


class BurstGenerator(ABC):
    """A generator; subclasses give the words of their model."""

    LINK = ScpiLink
    INFINITE = 9.0e37  # what the load must at least read as [ohm]

    def __init__(self, link: ScpiLink, model: PulseGeneratorModel) -> None:
        self.link, self.model = link, model
        self._channels: tuple[str, ...] = ()
        self._signs: dict[str, int] = {}  # of the last pulse; a channel that is not here is off, or not known

    @abstractmethod
    def words(self, name: str) -> Words:
        """The headers of the channel with this name."""

    @abstractmethod
    def settings(self, name: str) -> Iterable[tuple[str, str, str]]:
        """What makes a channel fire one pulse a trigger: commands, each with its query and what that must answer."""

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not."""
        return check_identity(self.link, self.model)

    def setup(self, *, channels: Sequence[str]) -> None:
        """Set these channels up for single pulses into an open circuit; outputs stay off until they rest or fire."""
        self._signs.clear()
        self.link.forget()
        self.link.send("*CLS")
        self.link.run("*RST;*CLS", meaning=Meaning.SET)
        self.link.mark()
        self._channels = tuple(channels)
        for name in channels:
            words = self.words(name)
            self.link.confirm(f"{words.output} 0", f"{words.output}?", "0")
            self.link.assign_infinite(words.load, "INF", least=self.INFINITE)
            for command, query, expected in self.settings(name):
                self.link.confirm(command, query, expected)
            self.link.assign(words.count, 1)
            self.link.assign(words.edge, self.model.edge.minimum)
        self.link.on_recovery = self._signs.clear  # outputs that were on are off after it: see `settings`

    def check_power(self) -> None:
        """Raise PowerLost if the generator was switched off and on since it was set up."""
        self.link.check_power()

    def restore(self) -> None:
        """After a power cut: the set-up again, verified; outputs are off until they rest or fire."""
        restore(self.link, lambda: self.setup(channels=self._channels))

    def pair(self, first: str, second: str) -> BurstPair:
        """Two channels that fire on one trigger."""
        return BurstPair(self, (first, second))

    def check(self, volts: float, width: float) -> None:
        """Raise LimitExceeded for a pulse [V], [s] that the model does not make."""
        level, amplitude, bounds = self.model.level, self.model.amplitude, self.model.width
        if not level.minimum <= volts <= level.maximum:
            raise LimitExceeded(
                f"{self.link.name}: a pulse of {volts:g} V is outside {level.minimum:g} to {level.maximum:g} V"
            )
        if volts != 0 and not amplitude.minimum <= abs(volts) <= amplitude.maximum:
            raise LimitExceeded(
                f"{self.link.name}: a pulse of {volts:g} V is not in {amplitude.minimum:g} to {amplitude.maximum:g} V"
            )
        if not bounds.minimum <= width <= bounds.maximum:
            raise LimitExceeded(
                f"{self.link.name}: a pulse of {width:g} s is outside {bounds.minimum:g} to {bounds.maximum:g} s"
            )

    def arm(self, name: str, volts: float, width: float) -> None:
        """Have a channel, which rests at 0 V, ready for one pulse; everything is read back."""
        words, source = self.words(name), self.words(name).bus if volts else "EXT"
        period = 2 * width + 4 * self.model.edge.minimum
        # The shortest pulse fits any period, and the period then fits the pulse that is wanted.
        times = [
            f"{words.width} {self.model.width.minimum!r}",
            f"{words.period} {period!r}",
            f"{words.width} {float(width)!r}",
        ]
        self.move(name, volts or self._quietest(name), [*times, f"{words.source} {source}"])
        headers = (words.width, words.period, words.count, words.load, words.source)
        *numbers, trigger = self.link.ask_powered(*(f"{header}?" for header in headers))
        found, each, count, load = numbers
        # Some stretch a period that does not fit their burst, and queue no error.
        expected = (words.width, found, width), (words.period, each, period), (words.count, count, 1.0)
        for header, text, wanted in expected:
            self.link.same(f"{header}?", self.link.parse(f"{header}?", text), wanted)
        self.link.infinite(f"{words.load}?", load, least=self.INFINITE)
        if trigger != source:
            raise BenchError(f"{self.link.name} answers {trigger} to {words.source}? after it was set to {source}")

    def move(self, name: str, volts: float, more: Iterable[str] = ()) -> None:
        """Make the next pulse `volts` high [V] while the channel rests at 0 V; turn its output on if it is off."""
        words, least, sign = self.words(name), self.model.amplitude.minimum, 1 if volts > 0 else -1
        before, steps = self._signs.pop(name, None), list[str]()
        if before == -sign and least > _QUIET:
            before = None
        if before is None:
            # From any levels around 0 V, at which it may not be; nobody sees them.
            steps += [f"{words.output} 0", f"{words.high} {least!r}", f"{words.low} 0.0", f"{words.polarity} NORM"]
        if sign > 0 > (before or 1):
            steps += [
                f"{words.low} {-least!r}",
                f"{words.polarity} NORM",
                f"{words.high} {least!r}",
                f"{words.low} 0.0",
            ]
        if sign < 0 < (before or 1):
            steps += [
                f"{words.high} {least!r}",
                f"{words.polarity} INV",
                f"{words.low} {-least!r}",
                f"{words.high} 0.0",
            ]
        steps.append(f"{words.high if sign > 0 else words.low} {float(volts)!r}")
        if before is None:
            steps.append(f"{words.output} 1")
        queries = [f"{header}?" for header in (words.high, words.low, words.polarity, words.output)]
        try:
            high, low, polarity, output = self.link.ask_powered(
                *queries, after=";".join([*steps, *more]), meaning=Meaning.SET if before is None else Meaning.ACT
            )
        except NoReply:
            if before is None:
                raise
            self.move(name, volts, more)  # the recovery has turned the output off: from the beginning
            return
        for query, text, wanted in zip(queries, (high, low), (max(volts, 0.0), min(volts, 0.0)), strict=False):
            self.link.same(query, self.link.parse(query, text), wanted, tolerance=_RESOLUTION)
        if (polarity, output) != ("NORM" if sign > 0 else "INV", "1"):
            raise BenchError(f"{self.link.name}: channel {name} has polarity {polarity} and output {output}")
        self._signs[name] = sign

    def fire(self) -> None:
        """One trigger for all channels that wait for it; return when their pulses are over."""
        self.link.complete("*TRG")

    def rest(self, name: str) -> None:
        """Rest at 0 V with the output on, and with the smallest amplitude in case something triggers it."""
        self.move(name, self._quietest(name))

    def ready(self, names: Iterable[str]) -> bool:
        """Whether these channels stand as they were armed, with their outputs on."""
        return all(name in self._signs for name in names)

    def lose(self, names: Iterable[str]) -> None:
        """What these channels stand at is not known any more: they begin again with their outputs off."""
        for name in names:
            self._signs.pop(name, None)

    def _quietest(self, name: str) -> float:
        """The smallest pulse [V] that needs no change of sign."""
        return self._signs.get(name, 1) * self.model.amplitude.minimum

    def shutdown(self) -> None:
        """Turn all outputs off, and see that they are; what is pending, and errors, are dropped first and last."""
        self._signs.clear()
        self.link.silence(":ABOR", *self._steps(), "*CLS")
        self._see()

    def panic(self) -> None:
        """The same at once: nothing is waited for before the outputs are off."""
        self._signs.clear()
        self.link.panic(self._steps(), [":ABOR", *self._steps(), "*CLS"], self._see)

    def _steps(self) -> list[str]:
        return [f"{self.words(name).output} 0" for name in self.model.channels]

    def _see(self) -> None:
        left = self.link.values([f"{self.words(name).output}?" for name in self.model.channels])
        on = [name for name, state in zip(self.model.channels, left, strict=True) if state != "0"]
        if on:
            raise BenchError(f"{self.link.name}: the outputs of channels {', '.join(on)} are still on")


class BurstPair:
    """Two channels of a generator that fire together (labmtj.ports.PulseSource)."""

    def __init__(self, generator: BurstGenerator, names: tuple[str, str]) -> None:
        self._generator, self._names = generator, names

    def pulse(self, amplitudes: tuple[float, float], width: float) -> bool:
        """Fire both channels once from 0 V and back; [V] into an open circuit and [s]. Always False: it does not limit.

        Raises LimitExceeded for a pulse that the model does not make, and PowerLost if the generator has been off;
        nothing has left then. NoReply and BadReply mean that nobody saw whether it did. It is never sent again.
        """
        for volts in amplitudes:
            self._generator.check(volts, width)
        try:
            for _ in range(2):  # a lost reply turns outputs off, those of a channel that was ready before, too
                for name, volts in zip(self._names, amplitudes, strict=True):
                    self._generator.arm(name, volts, width)
                if self._generator.ready(self._names):
                    break
            else:
                raise BenchError(f"{self._generator.link.name}: its replies are lost too often to arm a pulse")
            if any(amplitudes):
                self._generator.fire()
        except BaseException:
            self._generator.lose(self._names)
            raise
        return False

    def rest(self) -> None:
        """Both channels at 0 V, read back; their outputs are on after it."""
        for name in self._names:
            self._generator.rest(name)
