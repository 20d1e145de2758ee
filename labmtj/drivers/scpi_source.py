"""What source-measure units with SCPI have in common: forcing a voltage, measuring the current, being safe.

Ranges are set, never automatic: a source range may put a glitch on a junction when it changes, so it stays
for the session; a current range changes at 0 V only. What a channel cannot do is refused before anything
is sent, and every setting is read back.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from labmtj.config.model import SourceMeterModel
from labmtj.drivers.exchange import Meaning
from labmtj.drivers.identity import check_identity
from labmtj.drivers.restoring import restore
from labmtj.drivers.scpi_link import ScpiLink
from labmtj.errors import BenchError, LimitExceeded


@dataclass(frozen=True)
class Words:
    """The headers of one channel; `tripped` and `measure` are whole queries."""

    level: str
    source_range: str
    limit: str
    tripped: str
    nplc: str
    current_range: str
    output: str
    measure: str


class ScpiSourceMeter(ABC):
    """A source-measure unit; subclasses give the words of their model."""

    LINK = ScpiLink
    ABORT = ":ABOR"

    def __init__(self, link: ScpiLink, model: SourceMeterModel) -> None:
        self.link, self.model = link, model
        self._source_range, self._mains = 0.0, 0.0  # of the set-up

    @abstractmethod
    def words(self, name: str) -> Words:
        """The headers of the channel with this name."""

    @abstractmethod
    def settings(self, name: str) -> Iterable[tuple[str, str, str]]:
        """What a channel needs beside its numbers: commands, each with its query and what that must answer."""

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not."""
        return check_identity(self.link, self.model)

    def setup(self, *, source_range: float, mains: float) -> None:
        """Set everything that a read relies on; outputs are off and levels 0 V after it.

        The range that holds `source_range` [V] stays fixed. Raises LimitExceeded if there is none, with
        nothing sent, and BenchError if the instrument integrates over periods of another frequency than
        `mains` [Hz].
        """
        full_scale = _smallest(self.link, [entry.range for entry in self.model.source_voltage], source_range, "V")
        self.link.forget()
        self.link.send("*CLS")
        self._reset()
        self.link.mark()
        self._source_range, self._mains = source_range, mains
        found = self.link.number(":SYST:LFR?")
        if found != mains:
            raise BenchError(f"{self.link.name} integrates over {found:g} Hz periods, the bench says {mains:g} Hz")
        for name in self.model.channels:
            for command, query, expected in self.settings(name):
                self.link.confirm(command, query, expected)
            words = self.words(name)
            self.link.assign_range(words.source_range, full_scale)
            self.link.assign(words.level, 0.0, level=True)

    def channel(self, name: str) -> ScpiChannel:
        """The source-measure channel with this name."""
        return ScpiChannel(self.link, self.words(name), self.model)

    def check_power(self) -> None:
        """Raise PowerLost if the instrument was switched off and on since it was set up."""
        self.link.check_power()

    def restore(self) -> None:
        """After a power cut: the set-up and every setting that was in force again, verified, with levels at 0 V."""
        restore(self.link, lambda: self.setup(source_range=self._source_range, mains=self._mains))

    def shutdown(self) -> None:
        """Bring all channels to 0 V and turn their outputs off, and see that they are.

        What is pending is dropped by the device clear, and errors are dropped last: neither may keep a
        source on. Each step is a message of its own, since an error may end its message.
        """
        self.link.silence(self.ABORT, *self._steps(), "*CLS")
        self._see()

    def panic(self) -> None:
        """The same at once: nothing is waited for before the outputs are off."""
        self.link.panic(self._steps(), [self.ABORT, *self._steps(), "*CLS"], self._see)

    def _steps(self) -> list[str]:
        words = [self.words(name) for name in self.model.channels]
        return [f"{w.level} 0" for w in words] + [f"{w.output} 0" for w in words]

    def _see(self) -> None:
        words = [self.words(name) for name in self.model.channels]
        left = self.link.values([*(f"{w.output}?" for w in words), *(f"{w.level}?" for w in words)])
        values = [self.link.parse("the outputs and levels", text) for text in left]
        outputs, levels = values[: len(words)], values[len(words) :]
        bad = [
            name
            for name, output, level in zip(self.model.channels, outputs, levels, strict=True)
            if output != 0 or level != 0
        ]
        if bad:
            raise BenchError(f"{self.link.name}: the outputs of {', '.join(bad)} are still on, or not at 0 V")

    def _reset(self) -> None:
        """The instrument's defaults: outputs off, no filter, no sweep, one reading a trigger."""
        self.link.run("*RST;*CLS", meaning=Meaning.SET)

    def _reset_on_same_terminals(self) -> None:
        """Defaults again, but not those of the terminals: *RST selects the front ones, the bench says nothing."""
        terminals = self.link.values([":ROUT:TERM?"])[0]
        self.link.run("*RST;*CLS", meaning=Meaning.SET)
        self.link.confirm(f":ROUT:TERM {terminals}", ":ROUT:TERM?", terminals)


class ScpiChannel:
    """A channel that forces a voltage and measures the current out of it (labmtj.ports.SourceMeter)."""

    def __init__(self, link: ScpiLink, words: Words, model: SourceMeterModel) -> None:
        self._link, self._words, self._model = link, words, model

    @property
    def source_voltage(self) -> float:
        """Control the source level [V]; beyond the model's largest range it is refused."""
        return self._link.number(f"{self._words.level}?")

    @source_voltage.setter
    def source_voltage(self, volts: float) -> None:
        largest = max(entry.range for entry in self._model.source_voltage)
        if not abs(volts) <= largest:
            raise LimitExceeded(f"{self._link.name}: a level of {volts:g} V is beyond {largest:g} V")
        self._link.assign(self._words.level, volts, level=True)

    @property
    def compliance_current(self) -> float:
        """Control the current limit [A]; outside the model's bounds it is refused, never clipped."""
        return self._link.number(f"{self._words.limit}?")

    @compliance_current.setter
    def compliance_current(self, amperes: float) -> None:
        bounds = self._model.compliance
        if not bounds.minimum <= amperes <= bounds.maximum:
            raise LimitExceeded(
                f"{self._link.name}: a compliance of {amperes:g} A is not in {bounds.minimum:g} to {bounds.maximum:g} A"
            )
        self._link.assign(self._words.limit, amperes)

    @property
    def nplc(self) -> float:
        """Control the integration time in periods of the mains."""
        return self._link.number(f"{self._words.nplc}?")

    @nplc.setter
    def nplc(self, periods: float) -> None:
        bounds = self._model.nplc
        if not bounds.minimum <= periods <= bounds.maximum:
            raise LimitExceeded(
                f"{self._link.name}: {periods:g} PLC is outside {bounds.minimum:g} to {bounds.maximum:g}"
            )
        self._link.assign(self._words.nplc, periods)

    @property
    def current_range(self) -> float:
        """Control the measuring range [A]: the smallest that holds what is asked for; change it at 0 V only.

        Some models pull the current limit along when the range changes; that is a BenchError.
        """
        return self._link.number(f"{self._words.current_range}?")

    @current_range.setter
    def current_range(self, amperes: float) -> None:
        full_scale = _smallest(self._link, [entry.range for entry in self._model.measure_current], amperes, "A")
        limit = f"{self._words.limit}?"
        before = self._link.number(limit)
        self._link.assign_range(self._words.current_range, full_scale)
        self._link.same(limit, self._link.number(limit), before)

    @property
    def source_enabled(self) -> bool:
        """Control the output; off holds 0 V with a small current limit."""
        return self._link.number(f"{self._words.output}?") == 1

    @source_enabled.setter
    def source_enabled(self, enabled: bool) -> None:
        word = "1" if enabled else "0"
        self._link.confirm(f"{self._words.output} {word}", f"{self._words.output}?", word, output=True)

    @property
    def in_compliance(self) -> bool:
        """Get whether the current limit holds the output below its level. Raises PowerLost."""
        query = self._words.tripped
        return self._link.parse(query, self._link.ask_powered(query)[0]) != 0

    def measure_current(self) -> float:
        """Measure the current out of the channel [A]; infinite, with its sign, beyond the range. Raises PowerLost."""
        query, full_scale = self._words.measure, self._link.in_force(self._words.current_range)
        text = self._link.ask_powered(query)[0]
        return self._link.reading(query, text, full_scale=full_scale or math.inf)

    def shutdown(self) -> None:
        """Go to 0 V and turn the output off."""
        self._link.assign(self._words.level, 0.0, level=True)
        self.source_enabled = False


def _smallest(link: ScpiLink, ranges: Iterable[float], value: float, unit: str) -> float:
    """The smallest range that holds `value`; LimitExceeded if none does."""
    fitting = [full_scale for full_scale in ranges if full_scale >= value * (1 - 1e-9)]
    if not fitting or not 0 < value < math.inf:
        raise LimitExceeded(f"{link.name}: no range holds {value:g} {unit}")
    return min(fitting)
