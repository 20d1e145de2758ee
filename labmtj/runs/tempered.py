"""A journal that notes the temperature with every reading, where the bench has a thermometer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labmtj.ports import Clock, Journal, Thermometer
from labmtj.records import LineOutcome, LinePulse, Pulse, PulseOutcome

EVERY = 1.0
"""[s] How old a temperature may be. chosen: a stage drifts by millikelvins in it, and a question costs a message."""
_READINGS = frozenset({"read", "sum", "sample", "product", "neuron"})


class Tempered:
    """Passes entries on (labmtj.ports.Journal); readings get the temperature, once `sensor` is known."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._sensor: tuple[Thermometer, Clock] | None = None
        self._last: tuple[float, float] | None = None

    def sensor(self, thermometer: Thermometer, clock: Clock) -> None:
        """From here on this thermometer is asked, at most once in `EVERY` seconds of this clock."""
        self._sensor = thermometer, clock

    def intent(self, pulse: Pulse) -> int:
        """Pass on that `pulse` is about to leave; return its number."""
        return self._journal.intent(pulse)

    def intent_lines(self, pulse: LinePulse) -> int:
        """Pass on that this pulse on many lines is about to leave; return its number."""
        return self._journal.intent_lines(pulse)

    def outcome(self, number: int, outcome: PulseOutcome | LineOutcome) -> None:
        """Pass on what became of the pulse with this number."""
        self._journal.outcome(number, outcome)

    def record(self, kind: str, content: Mapping[str, Any]) -> None:
        """Pass on an entry; a reading with its temperature [K] as "kelvin"."""
        if kind in _READINGS and self._sensor is not None:
            content = {**content, "kelvin": self._temperature(*self._sensor)}
        self._journal.record(kind, content)

    def _temperature(self, thermometer: Thermometer, clock: Clock) -> float:
        now = clock.now()
        if self._last is None or now - self._last[0] > EVERY:
            self._last = now, thermometer.temperature()
        return self._last[1]
