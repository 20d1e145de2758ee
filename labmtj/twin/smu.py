"""One source-measure channel: what it forces and what it shows, whatever language its instrument speaks.

A firmware keeps its commands and formats and sets the attributes here, all in SI; the channel turns them
into what stands at its terminals and lets the world's network decide what flows. A voltage source in
compliance, or on a fixed current range that is too small, holds its current, and a current source its
voltage; the reading is of what is there then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from labmtj.config.model import SourceMeterModel
from labmtj.physics.chance import Purpose, normal
from labmtj.twin.meter import Errors, Range, pick
from labmtj.twin.wiring import Channel
from labmtj.twin.world import Output, World

BLOCKED = 802, "Output blocked by interlock"  # unverified: number and text of Keithley's source meters


class Measured(NamedTuple):
    """One measurement: volts, amperes out of the channel, whether a limit holds it, bench time at its end [s]."""

    volts: float
    amperes: float
    limited: bool
    time: float


@dataclass
class Settings:
    """What a user can set of a channel; SI units. `volts` is the function: a source of volts or of amperes.

    `range_*` are source ranges (full scale), `meter_*` measuring ranges, each used when its `auto` is off;
    `off_limit` the current limit at 0 V of an output that is off, `off_open` an output that opens its relay.
    """

    volts: bool = True
    level_v: float = 0.0
    level_i: float = 0.0
    limit_i: float = 1e-4
    limit_v: float = 20.0
    range_v: float = 20.0
    range_i: float = 1e-4
    auto_v: bool = True
    auto_i: bool = True
    meter_i: float = 1e-4
    meter_v: float = 20.0
    meter_auto_i: bool = True
    meter_auto_v: bool = True
    lowest_i: float = 0.0
    nplc: float = 1.0
    autozero: bool = True
    output: bool = False
    off_limit: float = 1e-3
    off_open: bool = False
    remote: bool = False
    delay: float = 0.0


class Smu:
    """A channel of an instrument on a bench. `set` is what a firmware sets; `apply` puts it in force."""

    def __init__(
        self, world: World, channel: Channel, model: SourceMeterModel, *, number: int, mains: float, seed: int
    ) -> None:
        self.world, self.channel, self.model, self.mains = world, channel, model, mains
        self.errors = Errors(seed, number, model)
        self.set = Settings()
        self._seed, self._place, self._conversions = seed, number, 0
        world.interlocked.setdefault(channel, False)

    # -- forcing -----------------------------------------------------------------------------------

    def output(self, volts: float | None = None) -> Output:
        """What stands at the terminals with these settings, `volts` in place of the level if given."""
        now, errors = self.set, self.errors
        if not now.output:
            # Output off: 0 V with a small limit, or the output relay is open.
            full = abs(now.level_v) if now.auto_v else now.range_v
            return Output(errors.forced(0.0, full), now.off_limit, connected=not now.off_open)
        if volts is None and not now.volts:
            full = abs(now.level_i) if now.auto_i else now.range_i
            level = errors.source_amperes.forced(now.level_i, full) if now.level_i else 0.0
            limit = now.limit_v if now.meter_auto_v else min(now.limit_v, 1.05 * now.meter_v)
            return Output(level, limit, current=True)
        level = now.level_v if volts is None else volts
        full = abs(level) if now.auto_v else now.range_v
        limit = now.limit_i
        if not now.meter_auto_i:
            limit = min(limit, self.model.range_compliance * now.meter_i)
        return Output(errors.forced(level, full), limit)

    def apply(self) -> None:
        """Put the settings in force; an open interlock keeps the output off."""
        if self.blocked:
            self.set.output = False
        self.world.force(self.channel, self.output())

    @property
    def blocked(self) -> bool:
        """Whether an open interlock keeps the output off."""
        return self.world.interlocked[self.channel]

    def settle(self) -> None:
        """Let the source settle, and the source delay pass."""
        self.world.sleep(self.model.timing.source_settling + self.set.delay)

    @property
    def limited(self) -> bool:
        """Whether the limit holds the output now."""
        return self.set.output and self.world.limited(self.channel)

    # -- measuring ---------------------------------------------------------------------------------

    def measure(self) -> Measured:
        """Volts and amperes from one reading."""
        amperes = self.measure_current()
        return Measured(self._shown_volts(), amperes, self.limited, self.world.now())

    def measure_current(self) -> float:
        """Current out of the channel [A], integrated over NPLC periods; zero with the output off."""
        aperture = self.set.nplc / self.mains
        amperes, draw = self.world.measure(self.channel, aperture, before=self._beside(aperture))
        return self.shown(amperes if self.set.output else 0.0, draw)

    def measure_voltage(self) -> float:
        """Volts at the terminals, integrated over NPLC periods; zero with the output off."""
        aperture = self.set.nplc / self.mains
        self.world.sleep(self._beside(aperture) + aperture)
        return self._shown_volts()

    def shown(self, amperes: float, draw: float) -> float:
        """A current as this channel's meter shows it; `draw` is a standard normal number."""
        now = self.set
        full = None if now.meter_auto_i else now.meter_i
        return self.errors.shown(amperes, draw, nplc=now.nplc, full=full, lowest=now.lowest_i)

    def _beside(self, aperture: float) -> float:
        """Time of a reading beside its integration: with autozero, reference and zero are converted each time."""
        return self.model.timing.reading_overhead + (2 * aperture if self.set.autozero else 0.0)

    def _shown_volts(self) -> float:
        now = self.set
        volts = self.world.terminal(self.channel) if now.output else 0.0
        self._conversions += 1
        draw = normal(self._seed, int(Purpose.READ_NOISE), -1 - self._place, self._conversions)
        return self.errors.meter_volts.shown(
            volts,
            draw,
            nplc=now.nplc,
            full=None if now.meter_auto_v else now.meter_v,
            lowest=0.0,
            excess=self.errors.excess(now.nplc),
        )

    # -- ranges ------------------------------------------------------------------------------------

    def range_for(self, what: str, value: float) -> float:
        """The full scale that holds `value`, of "source_volts", "source_amperes", "meter_volts", "meter_amperes"."""
        ranges: tuple[Range, ...] = getattr(self.errors, what).ranges
        return ranges[pick(ranges, abs(value))].full

    def largest(self, what: str) -> float:
        """The largest full scale of a function (see `range_for`)."""
        return getattr(self.errors, what).ranges[-1].full
