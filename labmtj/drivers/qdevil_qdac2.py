"""QDevil QDAC-II: 24 voltage outputs that change together, SCPI.

Commands: as the QCoDeS driver QDAC2 (qcodes_contrib_drivers) sends them; the instrument's own manual was not
at hand. A common change is a pending level a channel (`VOLT:TRIG`), initiated, and released by the internal
trigger 1 (`TINT 1`). A pulse is a DC list of two points, the level and 0 V, with the width as its dwell, on
the same trigger: the last point stays, so a host that dies leaves 0 V behind. Not the square generator, since
that rests at its own offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from labmtj.config.model import VoltageBankModel
from labmtj.drivers.exchange import Meaning
from labmtj.drivers.identity import check_identity
from labmtj.drivers.restoring import restore
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BadReply, BenchError, InputError, LimitExceeded, NoReply, PowerLost

_TRIGGER = 1  # internal trigger; there are 14
_POLL = 100e-6  # [s] chosen: no network answers a query faster
_SENSE_NPLC = 0.1  # chosen: a look at whether current flows; noise grows to 0.3 uA on the high range
_TOGETHER = 8  # chosen: channels whose lists are armed by one message, of 1.7 kB: as long as one for 24 levels
_FASTEST = 1e6  # [V/s] chosen: a slew rate that a level of volts does not notice


class QDAC2:
    """A QDAC-II; outputs have names "1" to "24". They cannot be turned off: off is 0 V."""

    LINK = ScpiLink

    def __init__(self, link: ScpiLink, model: VoltageBankModel) -> None:
        self.link, self.model = link, model
        self._channels: tuple[str, ...] = ()
        self._source_range = 0.0  # of the set-up
        self._sensing: set[str] = set()  # channels whose current sensor is set up for a short look
        self._integrates: dict[str, float] = {}  # periods of the mains of those that are set up for readings
        self._up: set[str] = set()  # channels that may be at another level than 0 V
        self._largest = min(entry.range for entry in model.source_voltage)

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not."""
        return check_identity(self.link, self.model)

    def setup(self, *, channels: Sequence[str], source_range: float = 2.0) -> None:
        """Put these channels at 0 V, on the range that holds `source_range` [V], fast, waiting for the trigger."""
        ranges = sorted(entry.range for entry in self.model.source_voltage)
        fitting = [full_scale for full_scale in ranges if 0 < source_range <= full_scale * (1 + 1e-9)]
        if not fitting:
            raise LimitExceeded(f"{self.link.name}: no range holds {source_range:g} V")
        word = "low" if fitting[0] == ranges[0] else "high"
        for name in channels:
            self._known(name)
        self.link.forget()
        self._sensing.clear()
        self._integrates.clear()
        self.link.send("*CLS")
        self.link.run(":ABOR;*CLS", meaning=Meaning.SET)
        self.link.mark()
        for name in channels:
            c = f":SOUR{name}"
            self.link.confirm(f"{c}:DC:TRIG:SOUR hold", f"{c}:DC:TRIG:SOUR?", "hold")
            self._fix(name)
            self.link.assign(f"{c}:VOLT", 0.0, tolerance=self.model.resolution, level=True)
            self.link.confirm(f"{c}:RANG {word}", f"{c}:RANG?", word)
            self.link.confirm(f"{c}:FILT high", f"{c}:FILT?", "high")
            self.link.assign_infinite(f"{c}:VOLT:SLEW", "inf", least=_FASTEST)
            self.link.run(f"{c}:DC:INIT:CONT off", meaning=Meaning.SET)
            self.link.confirm(f"{c}:DC:TRIG:SOUR int{_TRIGGER}", f"{c}:DC:TRIG:SOUR?", f"int{_TRIGGER}")
        self._channels, self._largest, self._source_range = tuple(channels), fitting[0], source_range
        self.link.on_recovery = self._calm

    def check_power(self) -> None:
        """Raise PowerLost if the instrument was switched off and on since it was set up."""
        self.link.check_power()

    def restore(self) -> None:
        """After a power cut: the set-up again, verified; all of its channels are at 0 V."""
        restore(self.link, lambda: self.setup(channels=self._channels, source_range=self._source_range))

    def apply(self, levels: Mapping[str, float]) -> None:
        """Put these channels at these volts, all at once, and read back what they are at.

        Raises LimitExceeded for a level beyond the range, with nothing sent. If something goes wrong, no
        channel is left waiting for the trigger.
        """
        self._check(levels)
        self._up |= set(levels)
        try:
            queries = [f":SOUR{name}:VOLT:TRIG?" for name in levels]
            pending = ";".join(
                f":SOUR{name}:VOLT:MODE fix;:SOUR{name}:VOLT:TRIG {float(volts)!r};:SOUR{name}:DC:INIT"
                for name, volts in levels.items()
            )
            replies = self.link.ask_powered(*queries, after=pending, meaning=Meaning.ACT)
            for query, text, volts in zip(queries, replies, levels.values(), strict=True):
                self.link.same(query, self.link.parse(query, text), volts, self.model.resolution)
            self.link.run(f":TINT {_TRIGGER}")
        except BaseException:
            self._disarm(levels)
            raise
        try:
            self._see(levels)
        except BenchError as error:
            if self._up.isdisjoint(levels):  # a reply was lost on the way, and coming back has put them at 0 V
                raise NoReply(self.link.name, "its levels", error) from error
            raise
        self._up -= {name for name, volts in levels.items() if volts == 0}

    def pulse(
        self, levels: Mapping[str, float], width: float, *, meanwhile: AbstractContextManager[None] | None = None
    ) -> None:
        """Put these channels at these volts for `width` [s] on one trigger, from 0 V and back to 0 V.

        `meanwhile` is entered when all of them wait for the trigger, and left when they are back at 0 V. Raises
        LimitExceeded for what the model does not make, with nothing sent, PowerLost if the instrument has been off,
        with nothing fired, and BenchError if a channel is not at 0 V before or after. NoReply and BadReply mean that
        nobody saw whether the pulse left. It is never sent again.
        """
        self._check(levels)
        bounds = self.model.pulse
        if not bounds.minimum <= width <= bounds.maximum:
            raise LimitExceeded(
                f"{self.link.name}: a pulse of {width:g} s is outside {bounds.minimum:g} to {bounds.maximum:g} s"
            )
        # With a power cut the trigger is back to immediate: a list would begin as soon as it is armed.
        self._see(dict.fromkeys(levels, 0.0), powered=True)
        self._up |= set(levels)
        try:
            for some in _groups(levels):
                self._arm({name: levels[name] for name in some}, width)
            with meanwhile or nullcontext():
                self._trigger(next(iter(levels)), width)
            self._done(levels)
        except BaseException:
            self._disarm(levels)
            # A list that was cut short may have left its level.
            self.link.blind(*(f":SOUR{name}:VOLT:MODE fix" for name in levels))
            raise
        self._up -= set(levels)

    def measure_currents(self, names: Sequence[str]) -> list[float]:
        """Measure the currents out of these channels [A] on the high range, a short integration each.

        Raises InputError for a channel that is not set up, and BenchError.
        """
        for name in names:
            if name not in self._channels:
                raise InputError(f"{self.link.name}: channel {name} is not set up")
            if name not in self._sensing:
                self.link.confirm(f":SENS{name}:RANG high", f":SENS{name}:RANG?", "high")
                self.link.assign(f":SENS{name}:NPLC", _SENSE_NPLC)
                self._sensing.add(name)
                self._integrates.pop(name, None)
        queries = [f":READ{name}?" for name in names]
        replies = self.link.ask(*queries)
        return [self.link.reading(query, text) for query, text in zip(queries, replies, strict=True)]

    def measure_together(self, names: Sequence[str], *, nplc: float) -> list[float]:
        """Measure the currents out of these channels [A] on the high range, all over the same `nplc` periods.

        Raises InputError for a channel that is not set up, and BenchError.
        """
        for name in names:
            if name not in self._channels:
                raise InputError(f"{self.link.name}: channel {name} is not set up")
            if self._integrates.get(name) != nplc:
                self.link.confirm(f":SENS{name}:RANG high", f":SENS{name}:RANG?", "high")
                self.link.assign(f":SENS{name}:NPLC", float(nplc))
                self._integrates[name] = nplc
                self._sensing.discard(name)
        query = f":READ? (@{','.join(names)})"
        (reply,) = self.link.ask(query)
        found = reply.split(",")
        if len(found) != len(names):
            raise BadReply(self.link.name, query, reply, f"{len(names)} currents")
        return [self.link.reading(query, text.strip()) for text in found]

    def rest(self) -> None:
        """All channels that are set up to 0 V, at once, read back.

        Only those that are not at 0 V as they were last left are changed, but every one is looked at.
        """
        up = [name for name in self._channels if name in self._up]
        if up:
            self.apply(dict.fromkeys(up, 0.0))
        self._see(dict.fromkeys(self._channels, 0.0))

    def shutdown(self) -> None:
        """Bring all outputs to 0 V at once, without a trigger, and see that they are.

        What is pending is dropped by the device clear, and errors are dropped last: neither may keep an
        output up. Each step is a message of its own, since an error may end its message.
        """
        self.link.silence(":ABOR", *self._steps(), "*CLS")
        self._see(dict.fromkeys(self.model.channels, 0.0))

    def panic(self) -> None:
        """The same at once: nothing is waited for before all outputs are told to go to 0 V."""
        steps, at_zero = self._steps(), dict.fromkeys(self.model.channels, 0.0)
        self.link.panic(steps, [":ABOR", *steps, "*CLS"], lambda: self._see(at_zero))

    def _steps(self) -> list[str]:
        steps = ("VOLT:MODE fix", "VOLT 0")
        return [f":SOUR{name}:{step}" for name in self.model.channels for step in steps]

    def _calm(self) -> None:
        """After a lost reply: no list goes on, nothing waits for a trigger, every channel that is set up is at 0 V."""
        self._disarm(dict.fromkeys(self._channels, 0.0))
        for name in self._channels:
            self._fix(name)
        self._see(dict.fromkeys(self._channels, 0.0))
        self._up.clear()

    def _known(self, name: str) -> None:
        if name not in self.model.channels:
            raise InputError(f"{self.link.name} has no channel {name!r}")

    def _check(self, levels: Mapping[str, float]) -> None:
        """Refuse levels [V] that the range does not hold, and channels that are not set up."""
        for name, volts in levels.items():
            self._known(name)
            if name not in self._channels:
                raise InputError(f"{self.link.name}: channel {name} is not set up")
            if not abs(volts) <= self._largest:
                raise LimitExceeded(f"{self.link.name}: a level of {volts:g} V is beyond {self._largest:g} V")
        if not levels:
            raise InputError(f"{self.link.name}: no channel is named")

    def _fix(self, *names: str) -> None:
        """Leave the lists; the levels are then those which were set, 0 V."""
        self.link.run(";".join(f":SOUR{name}:VOLT:MODE fix" for name in names), meaning=Meaning.SET)

    def _trigger(self, name: str, width: float) -> None:
        """Fire the trigger that channels wait for; return when the list of this one is through."""
        self.link.run(f":TINT {_TRIGGER}")
        try:
            self._wait(name, width)
        except PowerLost as error:
            raise NoReply(self.link.name, f":TINT {_TRIGGER}", error) from error  # the pulse has left before

    def _done(self, levels: Mapping[str, float]) -> None:
        """Leave the lists of these channels; they are at 0 V."""
        try:
            for some in _groups(levels):
                self._fix(*some)
            self._see(dict.fromkeys(levels, 0.0))
        except PowerLost as error:
            raise NoReply(self.link.name, f":TINT {_TRIGGER}", error) from error  # the pulse has left before

    def _arm(self, levels: Mapping[str, float], width: float) -> None:
        """Have lists of a level and 0 V wait for the trigger, read back; all of these channels in one message."""
        commands = (
            f":SOUR{name}:VOLT:MODE list;:SOUR{name}:LIST:VOLT {float(volts)!r},0.0;"
            f":SOUR{name}:LIST:DWEL {float(width)!r};:SOUR{name}:LIST:COUN 1;:SOUR{name}:LIST:TMOD auto;"
            f":SOUR{name}:LIST:DIR up;:SOUR{name}:DC:INIT"
            for name, volts in levels.items()
        )
        queries = [f":SOUR{name}:LIST:{what}?" for name in levels for what in ("VOLT", "DWEL", "COUN")]
        replies = iter(self.link.ask_powered(*queries, after=";".join(commands), meaning=Meaning.ACT))
        for name, volts in levels.items():
            head, points = f":SOUR{name}:LIST", next(replies)
            found = [self.link.parse(f"{head}:VOLT?", text.strip()) for text in points.split(",")]
            if len(found) != 2:
                raise BadReply(self.link.name, f"{head}:VOLT?", points, "two voltages")
            for value, wanted in zip(found, (volts, 0.0), strict=True):
                self.link.same(f"{head}:VOLT?", value, wanted, self.model.resolution)
            self.link.same(f"{head}:DWEL?", self.link.parse(f"{head}:DWEL?", next(replies)), width)
            self.link.same(f"{head}:COUN?", self.link.parse(f"{head}:COUN?", next(replies)), 1)

    def _wait(self, name: str, width: float) -> None:
        """Ask until the list is through: both points last `width`."""
        query = f":SOUR{name}:LIST:NCL?"
        for _ in range(100 + int(2 * width / _POLL)):
            if self.link.number(query) == 0:
                return
        raise BenchError(f"{self.link.name}: the pulse of channel {name} has not come to its end")

    def _disarm(self, levels: Mapping[str, float]) -> None:
        """No channel may wait for a trigger that another change fires."""
        self.link.blind(*(f":SOUR{name}:DC:ABOR" for name in levels))

    def _see(self, levels: Mapping[str, float], *, powered: bool = False) -> None:
        """Raise BenchError unless these channels are at these volts, and PowerLost if that is asked, too."""
        queries = [f":SOUR{name}:VOLT:LAST?" for name in levels]
        found = self.link.ask_powered(*queries) if powered else self.link.values(queries)
        for query, text, volts in zip(queries, found, levels.values(), strict=True):
            self.link.same(query, self.link.parse(query, text), volts, self.model.resolution)


def _groups(names: Iterable[str]) -> list[list[str]]:
    """These channels in groups of which one message tells."""
    every = list(names)
    return [every[first : first + _TOGETHER] for first in range(0, len(every), _TOGETHER)]
