"""One source-measure channel: what it forces and what it shows, whatever language its instrument speaks.

A firmware keeps its commands and formats and sets the attributes here, all in SI; the channel turns them
into what stands at its terminals and lets the world's network decide what flows. A voltage source in
compliance, or on a fixed current range that is too small, holds its current, and a current source its
voltage; the reading is of what is there then.
"""

from __future__ import annotations

from dataclasses import dataclass

from labmtj.config.model import SourceMeterModel
from labmtj.physics.chance import Purpose, normal_series
from labmtj.twin.meter import Errors, Scale
from labmtj.twin.readings import Series
from labmtj.twin.wiring import Channel
from labmtj.twin.world import Output, World

BLOCKED = 802, "Output blocked by interlock"  # unverified: number and text of Keithley's source meters


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
        self._overhead = model.timing.reading_overhead
        self._draws, self._conversions = Series(normal_series, seed, Purpose.READ_NOISE, -1 - number), 0
        world.interlocked.setdefault(channel, False)

    # -- forcing -----------------------------------------------------------------------------------

    def output(self, volts: float | None = None) -> Output:
        """What stands at the terminals with these settings, `volts` in place of the level if given."""
        now, errors = self.set, self.errors
        if not now.output:
            # Output off: 0 V with a small limit, or the output relay is open.
            full = abs(now.level_v) if now.auto_v else now.range_v
            return Output(errors.source_volts.forced(0.0, full), now.off_limit, connected=not now.off_open)
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
        return Output(errors.source_volts.forced(level, full), limit)

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

    def measure(
        self, *, volts: bool = True, amperes: bool = True, limit: bool = True, apart: bool = False
    ) -> tuple[float, float, bool]:
        """Volts, amperes out of the channel, whether its limit holds it: each integrated over NPLC periods.

        What is not asked for is 0 or False; with the output off, only the meter's errors are seen. Volts and
        amperes come from the same time, or `apart`, amperes first.
        """
        now, world = self.set, self.world
        aperture = now.nplc / self.mains
        # With autozero, reference and zero are converted each time.
        beside = self._overhead + (2 * aperture if now.autozero else 0.0)
        shown_i = shown_v = 0.0
        if amperes:
            flowing, draw = world.measure(self.channel, aperture, before=beside)
            shown_i = self.shown(flowing if now.output else 0.0, draw)
        if volts and (apart or not amperes):
            world.effort.spend(4)  # as much as a reading of amperes
            world.sleep(beside + aperture)
        standing, limited = world.standing(self.channel) if now.output and (volts or limit) else (0.0, False)
        if volts:
            self._conversions += 1
            draw, full = self._draws[self._conversions], None if now.meter_auto_v else now.meter_v
            shown_v = self.errors.meter_volts.shown(standing, draw, nplc=now.nplc, full=full, lowest=0.0)
        return shown_v, shown_i, limited

    def shown(self, amperes: float, draw: float) -> float:
        """A current as this channel's meter shows it; `draw` is a standard normal number."""
        now = self.set
        full = None if now.meter_auto_i else now.meter_i
        return self.errors.meter_amperes.shown(amperes, draw, nplc=now.nplc, full=full, lowest=now.lowest_i)

    # -- ranges ------------------------------------------------------------------------------------

    def range_for(self, what: str, value: float) -> float:
        """The full scale that holds `value`, of "source_volts", "source_amperes", "meter_volts", "meter_amperes"."""
        scale: Scale = getattr(self.errors, what)
        return scale.holding(abs(value))

    def largest(self, what: str) -> float:
        """The largest full scale of a function (see `range_for`)."""
        return getattr(self.errors, what).ranges[-1].full
