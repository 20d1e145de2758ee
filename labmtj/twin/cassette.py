"""Replays a cassette in the place of instruments: what was said must be said again, in the same order.

`ResourceManager("FILE.cassette@labmtj")` opens it. Each resource follows its own part of the recording; a
message that differs from the one recorded is an error that shows both.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from labmtj.errors import ReplayMismatch
from labmtj.runs.cassette import Entry, read_cassette
from labmtj.twin.clock import HostClock
from labmtj.twin.incoming import Incoming
from labmtj.twin.instrument import Instrument


class StandingClock:
    """Time on a cassette: replies are there at once, and waiting costs nothing."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._now = 0.0
        self.host = HostClock(self)

    def now(self) -> float:
        """Seconds that were waited for."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._now += max(0.0, seconds)


class Cassette:
    """One resource of a recording (labmtj.twin.instrument.Firmware)."""

    def __init__(self, resource: str, entries: list[Entry]) -> None:
        self._resource = resource
        # In TSP a # is Lua's length, in SCPI it begins a block: recordings of TSP print.
        self.blocks = not any("print(" in entry.text for entry in entries if entry.action == "write")
        self._exchanges = deque(_exchanges(entries, blocks=self.blocks))
        self._done = 0

    def execute(self, message: str) -> list[str]:
        """The recorded replies to this message. Raises ReplayMismatch if another one stands here."""
        if not self._exchanges:
            raise ReplayMismatch(self._resource, self._done, "nothing more", message)
        said, replies = self._exchanges.popleft()
        if said != message.rstrip("\r\n"):
            raise ReplayMismatch(self._resource, self._done, said, message)
        self._done += 1
        return list(replies)

    @property
    def left(self) -> int:
        """Exchanges that were recorded and have not been replayed."""
        return len(self._exchanges)

    def clear(self) -> None:
        """Device clear: nothing is pending on a cassette."""

    def status_byte(self, *, waiting: bool) -> int:
        """A reply that waits is all that a cassette knows."""
        return 16 if waiting else 0

    def trigger(self) -> None:
        """A trigger has no answer that was recorded."""

    def query_error(self, code: int) -> None:
        """A reply that was recorded and is not read. Raises ReplayMismatch."""
        raise ReplayMismatch(self._resource, self._done, f"a read (error {code})", "another message")


@dataclass(frozen=True)
class ReplayBench:
    """Every resource of a cassette as an instrument, by its address."""

    world: StandingClock
    instruments: dict[str, Instrument]

    @property
    def left(self) -> dict[str, int]:
        """Exchanges that have not been replayed, by address."""
        found = {name: instrument.firmware for name, instrument in self.instruments.items()}
        return {name: firmware.left for name, firmware in found.items() if isinstance(firmware, Cassette)}


def replay_bench(path: Path) -> ReplayBench:
    """The recording on a cassette as instruments. Raises InputError."""
    entries = read_cassette(path)
    clock = StandingClock()
    instruments: dict[str, Instrument] = {}
    for name in dict.fromkeys(entry.resource for entry in entries):
        firmware = Cassette(name, [entry for entry in entries if entry.resource == name])
        instruments[name] = Instrument(firmware, clock=clock, lock=clock.lock)
    return ReplayBench(clock, instruments)


def _exchanges(entries: list[Entry], *, blocks: bool) -> list[tuple[str, list[str]]]:
    """Messages without their line ends, each with the replies that were read after it."""
    found: list[tuple[str, list[str]]] = []
    pending = ""
    for entry in entries:
        if entry.action == "write":
            pending = ""
            messages = Incoming(blocks=blocks).take(entry.text.encode("latin-1"), end=True)
            found += [(message.decode("latin-1"), []) for message in messages if message]
        elif entry.action == "read" and found:
            pending += entry.text
            if pending.endswith("\n"):
                found[-1][1].append(pending[:-1])
                pending = ""
    return found
