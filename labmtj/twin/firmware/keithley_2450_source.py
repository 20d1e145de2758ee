"""The Keithley 2450's SOURce subsystem: functions, levels, ranges, limits, delays, lists.

Model 2450 Reference Manual, 2450-901-01 Rev. B (2013), pages 6-66 to 6-79.
"""

from __future__ import annotations

from collections.abc import Callable

from labmtj.twin.firmware.sourcemeter import QUANTITIES, Ranges, Sourced, SourceMeter
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.stored import Stored

_BOTH = ":SOURce:VOLTage|CURRent"
_LIMITS = {"VOLTAGE": 21.0, "CURRENT": 105e-6}  # [V, A] page 6-71
_SHARE = 1e-3  # of a fixed measuring range: the smallest limit (page 6-71)
_LOWEST = {"VOLTAGE": 0.02, "CURRENT": 1e-9}  # [V, A] the smallest limits; unverified, from memory of page 6-71
_AUTO_DELAY = 1e-3  # [s] of the source delay while it is automatic; chosen, as on the 2400: the manual has a table
_LONGEST_LIST = 100  # values (page 6-78)
_USER_DELAYS = 5


class Source:
    """The source's commands; `delay` and `lists` are for what steps it."""

    def __init__(self, engine: ScpiEngine, stored: Stored, meter: SourceMeter) -> None:
        self._stored, self._meter = stored, meter
        self.lists: dict[str, list[float]] = {}
        self.reset()
        add = engine.add
        add(":SOURce:FUNCtion[:MODE]", set=self._set_function, get=lambda _: "VOLT" if meter.volts else "CURR")
        add(f"{_BOTH}[:LEVel][:IMMediate][:AMPLitude]", set=self._set_level, get=self._get_level)
        add(f"{_BOTH}:RANGe", set=self._set_range, get=self._get_range)
        add(f"{_BOTH}:RANGe:AUTO", set=self._set_auto, get=lambda call: str(int(self._of(call).auto)))
        for what, limit in (("VOLTage", "ILIMit"), ("CURRent", "VLIMit")):
            header = f":SOURce:{what}:{limit}[:LEVel]"
            held = "CURRENT" if limit == "ILIMit" else "VOLTAGE"
            add(header, set=self._limiter(held), get=self._limit(held))
            add(f"{header}:TRIPped", get=self._tripped(what.upper()), most=0)
        add(":SOURce:LIST:VOLTage|CURRent", set=self._set_list, get=self._get_list, most=_LONGEST_LIST)
        add(":SOURce:LIST:VOLTage|CURRent:APPend", set=self._append, most=_LONGEST_LIST)
        add(":SOURce:LIST:VOLTage|CURRent:POINts", get=lambda call: str(len(self._list(call))), most=0)
        self._add_delays(engine, stored)
        self._add_rest(engine, stored)

    def reset(self) -> None:
        """No lists."""
        self.lists = {what: [] for what in QUANTITIES}

    @property
    def quantity(self) -> str:
        """What is sourced."""
        return "VOLTAGE" if self._meter.volts else "CURRENT"

    @property
    def delay(self) -> float:
        """From source to measurement [s]."""
        what = self.quantity
        return _AUTO_DELAY if self._stored.on(f"{what}.delay.auto") else self._stored.value(f"{what}.delay")

    @property
    def read_back(self) -> bool:
        """Whether the source is measured with every reading."""
        return self._stored.on(f"{self.quantity}.readback")

    # -- levels, ranges, limits ----------------------------------------------------------------------

    def _of(self, call: Call) -> Sourced:
        return self._meter.sourced[call.choice()]

    def level(self, call: Call, position: int = 0, default: float | None = None) -> float:
        """A level that the source of `call` can reach."""
        most = self._of(call).ranges.most
        unit = "V" if call.choice() == "VOLTAGE" else "A"
        return call.number(position, unit=unit, bounds=(-most, most), words={"DEF": 0.0}, default=default)

    def _set_function(self, call: Call) -> None:
        self._meter.select(volts=call.word(0, ("VOLTage", "CURRent")) == "VOLTAGE")

    def _set_level(self, call: Call) -> None:
        self._meter.set_level(call.choice(), self.level(call))

    def _get_level(self, call: Call) -> str:
        return number(self.level(call, default=self._of(call).level))

    def _set_range(self, call: Call) -> None:
        source = self._of(call)
        source.set_range(range_of(call, source.ranges, default=source.ranges.fulls[0]))
        self._meter.apply()

    def _get_range(self, call: Call) -> str:
        ranges = self._of(call).ranges
        bounds = (ranges.fulls[0], ranges.fulls[-1])
        words = {"DEF": ranges.fulls[0]}
        return number(call.number(0, bounds=bounds, words=words, default=self._of(call).full))

    def _set_auto(self, call: Call) -> None:
        self._of(call).set_auto(on=call.boolean(0))
        self._meter.apply()

    def _limiter(self, held: str) -> Callable[[Call], None]:
        def take(call: Call) -> None:
            metered = self._meter.metered[held]
            unit = "A" if held == "CURRENT" else "V"
            most = metered.ranges.most
            limit = abs(call.number(0, unit=unit, bounds=(-most, most), words={"DEF": _LIMITS[held]}))
            if limit < (_LOWEST[held] if metered.auto else _SHARE * metered.full) * (1 - 1e-9):
                raise ScpiError(-222)
            metered.limit = limit
            self._meter.apply()

        return take

    def _limit(self, held: str) -> Callable[[Call], str]:
        def give(call: Call) -> str:
            metered = self._meter.metered[held]
            bounds = (_LOWEST[held], metered.ranges.most)
            return number(call.number(0, bounds=bounds, words={"DEF": _LIMITS[held]}, default=metered.limit))

        return give

    def _tripped(self, what: str) -> Callable[[Call], str]:
        return lambda _: str(int(self._meter.limited and what == self.quantity))

    # -- lists and delays ----------------------------------------------------------------------------

    def _list(self, call: Call) -> list[float]:
        return self.lists[call.choice()]

    def _values(self, call: Call) -> list[float]:
        return [self.level(call, position) for position in range(max(1, call.count))]

    def _set_list(self, call: Call) -> None:
        self.lists[call.choice()] = self._values(call)

    def _append(self, call: Call) -> None:
        values = self._values(call)
        if len(self._list(call)) + len(values) > 25 * _LONGEST_LIST:  # chosen: as many as the 2400 keeps
            raise ScpiError(-223)
        self._list(call).extend(values)

    def _get_list(self, call: Call) -> str:
        return ",".join(number(value) for value in self._list(call))

    def _add_delays(self, engine: ScpiEngine, stored: Stored) -> None:
        bounds = (0.0, 1e4)
        for what in ("VOLTage", "CURRent"):
            header, name = f":SOURce:{what}", what.upper()
            stored.switch(f"{header}:DELay:AUTO", f"{name}.delay.auto", default=True)
            stored.number(
                f"{header}:DELay",
                f"{name}.delay",
                0.0,
                bounds=bounds,
                unit="S",
                shown=NUMBER,
                changed=lambda name=name: stored.put(f"{name}.delay.auto", 0),
            )
            stored.switch(f"{header}:READ:BACK", f"{name}.readback", default=True)  # page 6-77
            stored.switch(f"{header}:HIGH:CAPacitance", f"{name}.capacitance", default=False)
        user = dict.fromkeys(range(1, _USER_DELAYS + 1), 0.0)

        def set_user(call: Call) -> None:
            user[call.suffix(last=_USER_DELAYS)] = call.number(0, unit="S", bounds=bounds)

        engine.add(f"{_BOTH}:DELay:USER#", set=set_user, get=lambda call: number(user[call.suffix(last=_USER_DELAYS)]))

    def _add_rest(self, engine: ScpiEngine, stored: Stored) -> None:
        protections = ("NONE", *(f"PROT{volts}" for volts in (2, 5, 10, 20, 40, 60, 80, 100, 120, 140, 160, 180)))
        stored.choice(":SOURce:VOLTage:PROTection[:LEVel]", "protection", protections)
        engine.add(":SOURce:VOLTage:PROTection[:LEVel]:TRIPped", get=lambda _: "0", most=0)


NUMBER = "{:.9g}"  # chosen: as short as the captured replies (0.1, 0.001), with all digits that a level may have


def number(value: float) -> str:
    """A setting as the instrument answers it."""
    return NUMBER.format(value)


def range_of(call: Call, ranges: Ranges, *, default: float) -> float:
    """The full scale that holds an argument."""
    words = {"DEF": default, "MIN": ranges.fulls[0], "MAX": ranges.fulls[-1]}
    return ranges.holding(call.number(0, unit=("V", "A"), bounds=(-ranges.most, ranges.most), words=words))
