"""Journal, magnet and thermometer of a run over its journal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from labmtj.ports import ContactCheck, FieldSource, Journal, Thermometer
from labmtj.protocol.replay.past import Past
from labmtj.records import Contact, LineOutcome, LinePulse, Pulse, PulseOutcome
from labmtj.runs.contact_entry import contact_from


class RunJournal:
    """Entries that the journal has already are not written again (labmtj.ports.Journal)."""

    def __init__(self, journal: Journal, past: Past) -> None:
        self._journal, self._past = journal, past

    def intent(self, pulse: Pulse) -> int:
        """Pass on that `pulse` is about to leave; only a bench that is live fires one."""
        return self._journal.intent(pulse)

    def intent_lines(self, pulse: LinePulse) -> int:
        """Pass on that this pulse on many lines is about to leave; return its number."""
        return self._journal.intent_lines(pulse)

    def outcome(self, number: int, outcome: PulseOutcome | LineOutcome) -> None:
        """Pass on what became of a pulse."""
        self._journal.outcome(number, outcome)

    def record(self, kind: str, content: Mapping[str, Any]) -> None:
        """Write an entry, unless it is the journal's next one."""
        time = self._past.time
        entry = self._past.answer(kind)
        if entry is None:
            self._journal.record(kind, content)
            return
        self._past.time = time  # what a step writes is no answer: only answers move the clock
        for name in ("number", "name", "layer"):
            if name in content and entry.get(name) != content[name]:
                raise self._past.differs(entry, f"{kind} {name}", entry.get(name), content[name])


class RunField:
    """The magnet of a run: fields that were set and measured are known from the journal (labmtj.ports.FieldSource)."""

    def __init__(self, magnet: FieldSource, journal: Journal, past: Past) -> None:
        self._magnet, self._journal, self._past, self._set = magnet, journal, past, 0.0

    @property
    def field(self) -> float:
        """Control the field [T]."""
        return self._set

    @field.setter
    def field(self, tesla: float) -> None:
        self._magnet.check(tesla)
        entry = self._past.answer("field")
        if entry is None:
            self._magnet.field = tesla  # the bench's magnet writes the entry
        elif not math.isclose(entry["tesla"], tesla, rel_tol=1e-9, abs_tol=1e-12):
            raise self._past.differs(entry, "the field", entry["tesla"], tesla)
        self._set = tesla

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest field [T] that can be set."""
        return self._magnet.limits

    def check(self, tesla: float) -> None:
        """Raise `LimitExceeded` for a field [T] above a limit; touches nothing."""
        self._magnet.check(tesla)

    def read(self) -> float:
        """Measure the field [T]."""
        entry = self._past.answer("field_seen")
        return float(entry["tesla"]) if entry is not None else self._note(self._magnet.read())

    def wait_until_stable(self, timeout: float) -> float:
        """Wait until the field stands where it was set; return it [T]."""
        entry = self._past.answer("field_seen")
        return float(entry["tesla"]) if entry is not None else self._note(self._magnet.wait_until_stable(timeout))

    def zero(self) -> None:
        """Ramp to 0 T and wait until it is there."""
        entry = self._past.answer("field")
        if entry is None:
            self._magnet.zero()
        elif entry["tesla"] != 0.0:
            raise self._past.differs(entry, "the field", entry["tesla"], 0.0)
        self._set = 0.0

    def restore(self) -> None:
        """After the bench was left: the field that the run had, once more. Nothing if it had none."""
        if self._set:
            self.field = self._set
            self.wait_until_stable(_PATIENCE)

    def _note(self, tesla: float) -> float:
        self._journal.record("field_seen", {"tesla": tesla})
        return tesla


_PATIENCE = 20.0  # [s] chosen: for a field to stand; a small magnet needs a second


class RunThermometer:
    """The sensor beside the die; what it said is in the journal (labmtj.ports.Thermometer)."""

    def __init__(self, thermometer: Thermometer, journal: Journal, past: Past) -> None:
        self._thermometer, self._journal, self._past = thermometer, journal, past

    def temperature(self) -> float:
        """Measure the temperature [K]."""
        entry = self._past.answer("temperature")
        if entry is not None:
            return float(entry["kelvin"])
        kelvin = self._thermometer.temperature()
        self._journal.record("temperature", {"kelvin": kelvin})
        return kelvin


class RunContact:
    """The check of the lines (labmtj.ports.ContactCheck): one that was passed is known, another is made again."""

    def __init__(self, check: ContactCheck, past: Past) -> None:
        self._check, self._past = check, past
        self.asked: tuple[float, Literal["none", "open"]] | None = None
        """Level [V] and quarantine of the last check."""

    def __call__(self, *, level: float = 10e-3, quarantine: Literal["none", "open"] = "none") -> Contact:
        """Examine all lines at no more than `level` [V]."""
        self.asked = level, quarantine
        while (entry := self._past.answer("contact")) is not None:
            known = contact_from(entry)
            if known.passed:
                return known
        found = self._check(level=level, quarantine=quarantine)
        self._past.seen(found.time)
        return found
