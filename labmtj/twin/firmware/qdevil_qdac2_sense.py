"""Current sensors of a QDAC-II: one a channel, two ranges.

Channels of one READ with a channel list are measured at the same time, as the instrument does it; those of several
queries one after the other. A measurement that is triggered is made after what the same trigger started.
"""

from __future__ import annotations

from collections.abc import Callable

from labmtj.config.model import VoltageBankModel
from labmtj.physics.chance import Purpose
from labmtj.twin.build import Place
from labmtj.twin.meter import Range, Scale
from labmtj.twin.scpi.engine import Call, ScpiEngine
from labmtj.twin.scpi.kept import Kept

SOURCES = (
    "HOLD",
    "BUS",
    "IMMediate",
    *(f"INTernal{n}" for n in range(1, 17)),
    *(f"EXTernal{n}" for n in range(1, 5)),
)  # QCoDeS contrib, sims/QDAC2.yaml


_KEPT = 100_000  # chosen: readings that a channel keeps; the oldest make way


class Sensors:
    """The SENSe subsystem, READ and FETCh."""

    def __init__(self, place: Place, model: VoltageBankModel, engine: ScpiEngine, kept: Kept) -> None:
        self._world, self._kept, self._mains = place.world, kept, place.mains
        self._channels = {n: place.channel(name) for n, name in enumerate(model.channels, start=1)}
        ranges = sorted(
            (Range(entry.range, entry.gain, entry.offset, entry.noise) for entry in model.measure_current),
            key=lambda entry: entry.full,
        )
        self._fulls = {"LOW": ranges[0].full, "HIGH": ranges[-1].full}
        self._scales = {
            n: Scale(
                ranges,
                seed=place.seed,
                gain=Purpose.METER_GAIN,
                offset=Purpose.METER_OFFSET,
                place=place.number(name) * 100,
            )
            for n, name in enumerate(model.channels, start=1)
        }
        self._data: dict[int, list[float]] = {}
        self._waits: set[int] = set()
        self._add(engine)
        self.reset()

    def reset(self) -> None:
        """No data, nothing waiting."""
        self._data = {n: [] for n in self._channels}
        self._waits.clear()

    def abort(self) -> None:
        """Nothing waits any more."""
        self._waits.clear()

    def trigger(self, source: str) -> bool:
        """Measure where this source is waited for; False if it is nowhere."""
        due = sorted(n for n in self._waits if self._kept.text("sense_source", n) == source)
        for n in due:
            if not self._kept.flag("sense_again", n):
                self._waits.discard(n)
            self._data[n] = (self._data[n] + self._measured(n))[-_KEPT:]
        return bool(due)

    def _measured(self, n: int, *, passes: bool = True) -> list[float]:
        """As many readings [A] as the channel's count says; the time that they take `passes`, or has passed already."""
        kept = self._kept
        self._world.sleep(kept.real("sense_delay", n) if passes else 0.0)
        nplc, found = kept.real("nplc", n), list[float]()
        for _ in range(round(kept.real("sense_count", n))):
            amperes, draw = self._world.measure(self._channels[n], nplc / self._mains, passes=passes)
            full = self._fulls[kept.text("sense_range", n)]
            found.append(self._scales[n].shown(amperes, draw, nplc=nplc, full=full, lowest=0.0))
        return found

    def _add(self, engine: ScpiEngine) -> None:
        kept, add, head = self._kept, engine.add, ":SENSe#"
        kept.word("sense_range", f"{head}[:CURRent]:RANGe", "HIGH", ["LOW", "HIGH"])
        kept.number("nplc", f"{head}[:CURRent]:NPLCycles", 1, bounds=(0.01, 1000), show="{:g}".format)  # unverified
        add(f"{head}[:CURRent]:APERture", set=self._set_aperture, get=self._aperture, most=2)
        kept.number("sense_delay", f"{head}:DELay", 0, bounds=(0, 1000), unit="S")
        kept.number("sense_count", f"{head}:COUNt", 1, bounds=(1, 10_000), whole=True, show="{:.0f}".format)
        kept.word("sense_source", f"{head}:TRIGger:SOURce", "IMM", SOURCES)
        kept.boolean("sense_again", f"{head}:INITiate:CONTinuous", False)
        add(f"{head}:INITiate[:IMMediate]", set=self._initiate, most=1)
        add(f"{head}:ABORt", set=self._abort, most=1)
        add(f"{head}:NCLeft", get=lambda call: self._each(call, self._left), most=1)
        add(f"{head}:DATA:LAST", get=lambda call: self._each(call, self._last), most=1)
        add(f"{head}:DATA:POINts", get=lambda call: self._each(call, lambda n: str(len(self._data[n]))), most=1)
        add(f"{head}:DATA:REMove", get=lambda call: self._each(call, self._removed), most=1)
        add(":READ#", get=self._read_together, most=1)
        add(":FETCh#", get=lambda call: self._each(call, lambda n: _written(self._data[n])), most=1)

    def _each(self, call: Call, answer: Callable[[int], str]) -> str:
        return ",".join(answer(n) for n in self._kept.targets(call, 0))

    def _read_together(self, call: Call) -> str:
        """Readings of all channels named; alike in delay, count and integration they share the time that it takes."""
        channels, kept = self._kept.targets(call, 0), self._kept
        alike = {tuple(kept.real(name, n) for name in ("sense_delay", "sense_count", "nplc")) for n in channels}
        for place, n in enumerate(channels):
            self._data[n] = self._measured(n, passes=place == 0 or len(alike) > 1)
        return ",".join(_written(self._data[n]) for n in channels)

    def _initiate(self, call: Call) -> None:
        for n in self._kept.targets(call, 0):
            self._data[n] = []
            self._waits.add(n)
        self.trigger("IMM")

    def _abort(self, call: Call) -> None:
        self._waits.difference_update(self._kept.targets(call, 0))

    def _left(self, n: int) -> str:
        return str(round(self._kept.real("sense_count", n)) if n in self._waits else 0)

    def _last(self, n: int) -> str:
        return _written(self._data[n][-1:])

    def _removed(self, n: int) -> str:
        data, self._data[n] = self._data[n], []
        return _written(data)

    def _set_aperture(self, call: Call) -> None:
        for n in self._kept.targets(call, 1):
            seconds = call.number(0, unit="S", bounds=(3e-4, 1000.0))  # unverified
            self._kept.put("nplc", n, seconds * self._mains)

    def _aperture(self, call: Call) -> str:
        return self._each(call, lambda n: f"{self._kept.real('nplc', n) / self._mains:g}")


def _written(values: list[float]) -> str:
    return ",".join(f"{value:.6E}" for value in values)
