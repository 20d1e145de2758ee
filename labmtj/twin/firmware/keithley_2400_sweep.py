"""Sweeps of the Keithley 2400: which levels its source steps through, one a trigger.

2400 Series User's Manual, 2400S-900-01 Rev. K, section 10, table 18-7 and page 18-84.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from labmtj.twin.firmware.keithley_2400_source import level_of
from labmtj.twin.firmware.sourcemeter import OVER, QUANTITIES, Sourced, SourceMeter
from labmtj.twin.scpi.engine import Call, ScpiEngine, ScpiError
from labmtj.twin.scpi.stored import Stored

_BOTH, _LISTS = ":SOURce:VOLTage|CURRent", ":SOURce:LIST:VOLTage|CURRent"
_MOST_POINTS = 2500  # of a sweep (table 18-7)
_LONGEST_LIST = 100  # values of one message; unverified, from memory of section 18
_MODES = {"FIXED": "FIX", "SWEEP": "SWE", "LIST": "LIST"}
_NO_POINTS = 801, "Insufficient vector data"


@dataclass
class _Sweep:
    """How one quantity is stepped: not at all (FIX), from start to stop (SWE), or through a list from `first` on."""

    mode: str = "FIX"
    start: float = 0.0
    stop: float = 0.0
    step: float | None = None
    points: list[float] = field(default_factory=list[float])
    first: int = 1


class Sweeps:
    """The sweep commands; `levels` are what a trigger model steps through."""

    def __init__(self, engine: ScpiEngine, stored: Stored, meter: SourceMeter) -> None:
        self._stored, self._meter = stored, meter
        self._sweeps: dict[str, _Sweep] = {}
        self.reset()
        add = engine.add
        add(f"{_BOTH}:MODE", set=self._set_mode, get=lambda call: self._of(call).mode)
        add(f"{_BOTH}:STARt", set=self._set_start, get=lambda call: f"{self._of(call).start:.6E}")
        add(f"{_BOTH}:STOP", set=self._set_stop, get=lambda call: f"{self._of(call).stop:.6E}")
        add(f"{_BOTH}:STEP", set=self._set_step, get=self._get_step)
        add(f"{_BOTH}:CENTer", set=self._set_center, get=lambda call: f"{self._middle(call)[0]:.6E}")
        add(f"{_BOTH}:SPAN", set=self._set_span, get=lambda call: f"{self._middle(call)[1]:.6E}")
        stored.choice(":SOURce:SWEep:SPACing", "sweep.spacing", ("LINear", "LOGarithmic"))
        stored.integer(
            ":SOURce:SWEep:POINts", "sweep.points", _MOST_POINTS, bounds=(2, _MOST_POINTS), changed=self._count_points
        )
        stored.choice(":SOURce:SWEep:DIRection", "sweep.direction", ("UP", "DOWN"))
        stored.choice(":SOURce:SWEep:RANGing", "sweep.ranging", ("BEST", "AUTO", "FIXed"))
        stored.choice(":SOURce:SWEep:CABort", "sweep.abort", ("NEVer", "EARLy", "LATE"))
        add(_LISTS, set=self._set_list, get=self._get_list, most=_LONGEST_LIST)
        add(f"{_LISTS}:APPend", set=self._append, most=_LONGEST_LIST)
        add(f"{_LISTS}:POINts", get=lambda call: str(len(self._of(call).points)), most=0)
        add(f"{_LISTS}:STARt", set=self._set_first, get=lambda call: str(self._of(call).first))

    def reset(self) -> None:
        """Fixed sources, no lists."""
        self._sweeps = {what: _Sweep() for what in QUANTITIES}

    def levels(self) -> list[float] | None:
        """The levels in their order; None for a fixed source.

        Raises ScpiError for a sweep without points, one that a fixed range does not hold, or too many points.
        """
        sweep = self._sweeps["VOLTAGE" if self._meter.volts else "CURRENT"]
        if sweep.mode == "FIX":
            return None
        start = sweep.first - 1
        found = self._stepped(sweep) if sweep.mode == "SWE" else sweep.points[start:] + sweep.points[:start]
        if not found:
            raise ScpiError(*_NO_POINTS)
        if self._stored.word("sweep.ranging") == "FIXED" and max(map(abs, found)) > OVER * self._meter.active.full:
            raise ScpiError(-221)
        return found

    def go(self, level: float, levels: list[float]) -> None:
        """To one of `levels`: on the range that holds all (BEST), its own (AUTO), or the one that is set (FIXed)."""
        source, ranging = self._meter.active, self._stored.word("sweep.ranging")
        if ranging != "FIXED":
            source.full = source.ranges.holding(max(map(abs, levels)) if ranging == "BEST" else level)
        source.level = level
        self._meter.apply(settle=self._meter.output)

    def _stepped(self, sweep: _Sweep) -> list[float]:
        count = self._count(sweep)
        if self._stored.word("sweep.spacing") == "LOGARITHMIC":
            if sweep.start * sweep.stop <= 0:
                raise ScpiError(-221)
            found = [sweep.start * (sweep.stop / sweep.start) ** (number / (count - 1)) for number in range(count)]
        else:
            step = self._step(sweep)
            found = [sweep.start + step * number for number in range(count)]
        return found[::-1] if self._stored.word("sweep.direction") == "DOWN" else found

    def _count(self, sweep: _Sweep) -> int:
        """Points: from the step, or from their number."""
        if sweep.step is None:
            return self._stored.count("sweep.points")
        points = abs((sweep.stop - sweep.start) / sweep.step) + 1
        if points > _MOST_POINTS:
            raise ScpiError(-221)
        return max(2, math.floor(points + 1e-9))

    def _step(self, sweep: _Sweep) -> float:
        """From point to point; a step need not be sent with the sign of its sweep."""
        wide = sweep.stop - sweep.start
        if sweep.step is None:
            return wide / (self._stored.count("sweep.points") - 1)
        return math.copysign(sweep.step, wide)

    # -- commands ------------------------------------------------------------------------------------

    def _of(self, call: Call) -> _Sweep:
        return self._sweeps[call.choice()]

    def _source(self, call: Call) -> Sourced:
        return self._meter.sourced[call.choice()]

    def _set_mode(self, call: Call) -> None:
        self._of(call).mode = _MODES[call.word(0, ("FIXed", "SWEep", "LIST"))]

    def _set_start(self, call: Call) -> None:
        self._of(call).start = level_of(call, self._source(call))

    def _set_stop(self, call: Call) -> None:
        self._of(call).stop = level_of(call, self._source(call))

    def _set_step(self, call: Call) -> None:
        step = level_of(call, self._source(call))
        if step == 0:
            raise ScpiError(-222)
        self._of(call).step = step

    def _get_step(self, call: Call) -> str:
        return f"{self._step(self._of(call)):.6E}"

    def _count_points(self) -> None:
        """A number of points takes the place of steps."""
        for sweep in self._sweeps.values():
            sweep.step = None

    def _middle(self, call: Call) -> tuple[float, float]:
        sweep = self._of(call)
        return (sweep.start + sweep.stop) / 2, sweep.stop - sweep.start

    def _set_center(self, call: Call) -> None:
        self._move(call, level_of(call, self._source(call)), self._middle(call)[1])

    def _set_span(self, call: Call) -> None:
        most = 2 * self._source(call).ranges.most
        self._move(call, self._middle(call)[0], call.number(0, unit=("V", "A"), bounds=(-most, most)))

    def _move(self, call: Call, center: float, span: float) -> None:
        start, stop = center - span / 2, center + span / 2
        if max(abs(start), abs(stop)) > self._source(call).ranges.most:
            raise ScpiError(-222)
        sweep = self._of(call)
        sweep.start, sweep.stop = start, stop

    def _set_list(self, call: Call) -> None:
        sweep = self._of(call)
        sweep.points, sweep.first = self._values(call), 1

    def _append(self, call: Call) -> None:
        values = self._values(call)
        if len(self._of(call).points) + len(values) > _MOST_POINTS:
            raise ScpiError(-223)
        self._of(call).points += values

    def _values(self, call: Call) -> list[float]:
        source = self._source(call)
        return [level_of(call, source, position) for position in range(max(1, call.count))]

    def _get_list(self, call: Call) -> str:
        points = self._of(call).points
        if not points:
            raise ScpiError(*_NO_POINTS)
        return ",".join(f"{value:+.6E}" for value in points)

    def _set_first(self, call: Call) -> None:
        self._of(call).first = call.integer(0, bounds=(1, max(1, len(self._of(call).points))))
