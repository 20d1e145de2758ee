"""Settings in force: what an instrument was told, to be compared, and made again, after a lost reply or a power cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One setting in force: the text that makes it, the query for it, whether an answer means it; its number."""

    command: str
    query: str
    holds: Callable[[str], bool]
    value: float = math.nan


class InForce:
    """The settings of one instrument by their queries: `levels` of sources, which come back to 0 V, and the others."""

    def __init__(self) -> None:
        self.levels: dict[str, Setting] = {}
        self.others: dict[str, Setting] = {}
        self._outputs: set[str] = set()

    def keep(self, setting: Setting, *, level: bool = False, output: bool = False) -> None:
        """A setting is in force from now on; as a `level` it is what a source comes back to.

        An `output` that an interlock has switched off is not switched on again.
        """
        if output:
            self._outputs.add(setting.query)
        settings = self.levels if level else self.others
        settings.pop(setting.query, None)  # they are made again in the order in which they were made last
        settings[setting.query] = setting

    def number(self, query: str) -> float | None:
        """What a number was set to last; None if that is not known."""
        kept = self.others.get(query)
        return None if kept is None else kept.value

    def leave_off(self) -> None:
        """An interlock has opened: what it has switched off stays off until somebody switches it on."""
        for query in self._outputs:
            self.others.pop(query, None)

    def clear(self) -> None:
        """Nothing is in force any more."""
        self.levels.clear()
        self.others.clear()

    def copy(self) -> InForce:
        """The same settings, whatever becomes of these."""
        found = InForce()
        found.levels, found.others, found._outputs = dict(self.levels), dict(self.others), set(self._outputs)
        return found

    def add(self, before: InForce) -> None:
        """Settings that were in force before are in force again, after those that are now."""
        for setting in before.levels.values():
            self.keep(setting, level=True)
        for setting in before.others.values():
            self.keep(setting, output=setting.query in before._outputs)
