"""A source meter of PyMeasure or QCoDeS behind our ports: it sets and measures, ours limits, reads back, makes safe.

Two drivers share one session. Ours, for the same instrument, identifies it, sets it up, makes it safe, notices a power
cut and brings settings back; whatever may not be set it refuses before the other is asked. Where it would send a
setting, the other one does (labmtj.drivers.elsewhere), and ours reads back and compares. A process that only makes
safe, such as the guardian, uses ours alone and never imports the library.
"""

from __future__ import annotations

import math
from typing import Any

from labmtj.config.adapters import AdapterEntry, Switch
from labmtj.config.model import SourceMeterModel
from labmtj.drivers.foreign_names import check_installed, foreign_class
from labmtj.drivers.foreign_object import ForeignObject
from labmtj.drivers.restoring import restore
from labmtj.errors import BadReply, BenchError
from labmtj.ports import SourceMeter

_NAMES = ("source_voltage", "compliance_current", "nplc", "current_range", "measure_current", "in_compliance")


class AdaptedDriver:
    """What stands for a driver class where a bench names one of another library: makes `AdaptedMeter`s.

    `ours` is the driver class that checks it, `words` the vocabulary of that one.
    """

    def __init__(self, name: str, adapter: AdapterEntry, ours: Any, words: Any) -> None:
        self.name, self.adapter, self.ours = name, adapter, ours
        self.LINK, self.VOCABULARY = ours.LINK, words

    def __call__(self, link: Any, model: SourceMeterModel) -> AdaptedMeter:
        """The driver of one instrument; nothing is sent."""
        return AdaptedMeter(link, model, self)

    def check_importable(self) -> None:
        """Raise InputError, with what to install or the nearest names, if the class is not there."""
        check_installed(self.name)
        foreign_class(self.name)


class AdaptedMeter:
    """A source-measure unit with two drivers; its channels are `AdaptedChannel`s."""

    def __init__(self, link: Any, model: SourceMeterModel, driver: AdaptedDriver) -> None:
        self.link, self.model = link, model
        self._adapter, self._ours = driver.adapter, driver.ours(link, model)
        self._object = ForeignObject(driver.name, link)
        self._setup = 0.0, 0.0

    @property
    def foreign(self) -> Any:
        """The object of the other library, for what no port is for; what it sends passes the bench's gate.

        Raises BenchError before the set-up.
        """
        if self._object.made is None:
            raise BenchError(f"{self.link.name} is not set up: there is no object of the other library yet")
        return self._object.made

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not."""
        return self._ours.identify()

    def setup(self, *, source_range: float, mains: float) -> None:
        """Set everything that a read relies on, ours and theirs; outputs are off and levels 0 V after it.

        Raises what our driver raises, and InputError for a name that the other object does not have.
        """
        self._ours.setup(source_range=source_range, mains=mains)
        self._setup = source_range, mains
        self._object.begin()
        for header in self._adapter.keeps:
            self.link.adopt(header)
        self.link.reassert()  # what the other object has changed beside
        for channel in self.model.channels:
            for name in self._names():
                self._object.check(self._of(channel, name))
        self._object.session.touched = False

    def channel(self, name: str) -> AdaptedChannel:
        """The source-measure channel with this name."""
        prefix = self._of(name, "")
        return AdaptedChannel(self.link, self.model, self._ours.channel(name), self._object, self._adapter, prefix)

    def check_power(self) -> None:
        """Raise PowerLost if the instrument was switched off and on since it was set up."""
        self._ours.check_power()

    def restore(self) -> None:
        """After a power cut: the set-up and every setting that was in force again, verified, with levels at 0 V."""
        restore(self.link, lambda: self.setup(source_range=self._setup[0], mains=self._setup[1]))

    def shutdown(self) -> None:
        """Bring all channels to 0 V and turn their outputs off, and see that they are; by our driver alone."""
        self._ours.shutdown()

    def panic(self) -> None:
        """The same at once."""
        self._ours.panic()

    def let_go(self) -> None:
        """Let go of the other library's object."""
        self._object.end()

    def _names(self) -> list[str]:
        found = [name for field in _NAMES if (name := getattr(self._adapter, field)) is not None]
        switch = self._adapter.source_enabled
        if isinstance(switch, Switch):
            return [*found, *((switch.on, switch.off) if switch.name is None else (switch.name,))]
        return found if switch is None else [*found, switch]

    def _of(self, channel: str, name: str) -> str:
        """A name with the channel's object before it."""
        prefix = self._adapter.channels.get(channel)
        return name if prefix is None else f"{prefix}.{name}"


class AdaptedChannel:
    """A channel that forces a voltage and measures the current out of it (labmtj.ports.SourceMeter)."""

    def __init__(
        self,
        link: Any,
        model: SourceMeterModel,
        ours: SourceMeter,
        other: ForeignObject,
        adapter: AdapterEntry,
        prefix: str,
    ) -> None:
        self._link, self._model, self._ours, self._object = link, model, ours, other
        self._adapter, self._prefix = adapter, prefix
        self._full_scale = math.inf

    @property
    def source_voltage(self) -> float:
        """Control the source level [V]; beyond the model's largest range it is refused."""
        return self._ours.source_voltage

    @source_voltage.setter
    def source_voltage(self, volts: float) -> None:
        self._set("source_voltage", volts)

    @property
    def compliance_current(self) -> float:
        """Control the current limit [A]; outside the model's bounds it is refused, and what was clipped is an error."""
        return self._ours.compliance_current

    @compliance_current.setter
    def compliance_current(self, amperes: float) -> None:
        self._set("compliance_current", amperes)

    @property
    def nplc(self) -> float:
        """Control the integration time in periods of the mains."""
        return self._ours.nplc

    @nplc.setter
    def nplc(self, periods: float) -> None:
        self._set("nplc", periods)

    @property
    def current_range(self) -> float:
        """Control the measuring range [A]: the smallest that holds what is asked for; change it at 0 V only."""
        return self._ours.current_range

    @current_range.setter
    def current_range(self, amperes: float) -> None:
        self._set("current_range", amperes)
        self._full_scale = min(e.range for e in self._model.measure_current if e.range >= amperes * (1 - 1e-9))

    @property
    def source_enabled(self) -> bool:
        """Control the output; off holds 0 V with a small current limit."""
        return self._ours.source_enabled

    @source_enabled.setter
    def source_enabled(self, enabled: bool) -> None:
        self._see_untouched()
        if self._adapter.source_enabled is None:
            self._ours.source_enabled = enabled
            return
        with self._link.elsewhere.by(self._switch, instrument=self._link.name):
            self._ours.source_enabled = enabled

    @property
    def in_compliance(self) -> bool:
        """Get whether the current limit holds the output below its level. Raises PowerLost."""
        name = self._adapter.in_compliance
        if name is None:
            return self._ours.in_compliance
        self._see_untouched()
        found = self._object.get(self._prefix + name)
        self._link.check_power()
        if not isinstance(found, bool | int | float):
            raise BadReply(self._link.name, f"{self._object.title}, {self._prefix}{name}", repr(found), "true or false")
        return bool(found)

    def measure_current(self) -> float:
        """Measure the current out of the channel [A]; infinite, with its sign, beyond the range. Raises PowerLost.

        Raises BenchError, too, where the reading has changed another setting on its way.
        """
        self._see_untouched()
        name = self._adapter.measure_current
        if name is None:
            return self._ours.measure_current()
        found = self._object.get(self._prefix + name)
        self._link.still()
        call = f"{self._object.title}, {self._prefix}{name}"
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise BadReply(self._link.name, call, repr(found), "a number of amperes")
        return self._link.reading(call, repr(float(found)), full_scale=self._full_scale)

    def shutdown(self) -> None:
        """Go to 0 V and turn the output off; by our driver alone."""
        self._ours.shutdown()

    def _set(self, field: str, value: float) -> None:
        """Set a quantity of ours by the other object, if it has a name for it; our driver limits and reads back."""
        self._see_untouched()
        name = getattr(self._adapter, field)
        if name is None:
            setattr(self._ours, field, value)
            return

        def make(number: float) -> None:
            self._object.set(self._prefix + name, number)

        with self._link.elsewhere.by(make, instrument=self._link.name):
            setattr(self._ours, field, value)

    def _switch(self, on: float) -> None:
        switch = self._adapter.source_enabled
        if isinstance(switch, str):
            self._object.set(self._prefix + switch, bool(on))
        elif switch is not None:
            word = switch.on if on else switch.off
            if switch.name is None:
                self._object.call(self._prefix + word)
            else:
                self._object.set(self._prefix + switch.name, word)

    def _see_untouched(self) -> None:
        """After messages of a user's own through the object: everything that is in force must be as it was."""
        if self._object.session.touched:
            self._link.still()
            self._object.session.touched = False
