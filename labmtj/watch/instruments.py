"""The instruments of a bench as others can see them: who they are, who has them, and whether an interlock is latched.

Nothing is sent to an instrument: leases, latches and the record of commands are files of the host.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from labmtj import host_state
from labmtj.bench.commands import FILE
from labmtj.bench.latch import Latch
from labmtj.bench.lease import canonical, holder, lock_of
from labmtj.bench.reach import identity_of
from labmtj.config.bench import BenchFile
from labmtj.config.model import InstrumentModel, load_model
from labmtj.errors import InputError, StorageError
from labmtj.host_lock import is_held
from labmtj.host_state import named
from labmtj.watch.standing import same_process

_KEPT = 30  # chosen: commands that the page lists
_BEFORE = 1 << 18  # chosen: bytes of the host's record that are read of the time before the page was opened


class Instruments:
    """The instruments of one bench; `folder` is that of its run, where a simulated one keeps its latches."""

    def __init__(self, file: BenchFile, folder: Path | None = None) -> None:
        self._file, self._folder = file, folder
        self.private = file.bench.visa == "@labmtj"
        self._models: dict[str, InstrumentModel] = {}
        for name in file.bench.instruments:
            self._models[name] = load_model(file.model_file(name))

    def look(self, serials: Mapping[str, str]) -> list[dict[str, Any]]:
        """Each with `name`, `title`, `address`, `serial`, `plugs`, `lease` and `latch`; `serials` as they answered."""
        return [self._one(name, serials.get(name, "")) for name in sorted(self._models)]

    def _one(self, name: str, serial: str) -> dict[str, Any]:
        bench, model = self._file.bench, self._models[name]
        entry = bench.instruments[name]
        letters = bench.channels
        plugs = [f"{letter}: {bench.roles[letter]}" for letter in sorted(letters) if letters[letter][0] == name]
        for side, wired in (("rows", bench.lines.rows), ("columns", bench.lines.cols)):
            own = [number for number, end in wired.items() if not isinstance(end, int) and end[0] == name]
            if own:
                plugs.append(f"{side} {min(own)}..{max(own)}")
        lease = {} if self.private else self._lease(entry.address)
        serial = serial or str(lease.get("identity") or "").rpartition("/")[2]
        return {
            "name": name,
            "title": model.title,
            "address": entry.address,
            "serial": serial,
            "plugs": plugs,
            "lease": lease.get("text", ""),
            "latch": self._latch(model, serial),
        }

    def _lease(self, address: str) -> dict[str, Any]:
        """Who has it, in words, and the identity that the address led to last."""
        lock = lock_of(canonical(address))
        said = holder(lock)
        held = is_held(lock.path)
        if not said or held is False:
            return {"identity": said.get("identity"), "text": "free"}
        there = same_process(said)
        if held is None and not there:
            return {"identity": said.get("identity"), "text": "free"}
        text = named(said) if there else f"{named(said)}; it has died, and its guardian is at work"
        return {"identity": said.get("identity"), "text": text}

    def _latch(self, model: InstrumentModel, serial: str) -> str:
        """What is latched, in words; empty for nothing."""
        place = self._folder if self.private else host_state.shared_folder()
        if place is None or not serial:
            return ""
        try:
            found = Latch(place).found(identity_of(model.identity.model, serial))
        except StorageError as error:
            return str(error)
        if found is None:
            return ""
        return (
            f'interlock opened at {found.get("wall")}: {found.get("what")}; go on with --acknowledge "what you found"'
        )


class Commands:
    """The host's record of commands (labmtj.bench.commands), those of one bench or one run, the latest last."""

    def __init__(self) -> None:
        self._place: int | None = None
        self._kept: deque[dict[str, Any]] = deque(maxlen=4 * _KEPT)

    def look(self) -> None:
        """Read what is new; a record that is not there yet is empty."""
        path = host_state.shared_folder() / FILE
        try:
            size = path.stat().st_size
            if self._place is None or size < self._place:
                self._place = max(0, size - _BEFORE)
            if size == self._place:
                return
            with open(path, "rb") as file:
                file.seek(self._place)
                data = file.read()
        except OSError:
            return
        whole = data.rfind(b"\n") + 1
        self._place += whole
        for line in data[:whole].splitlines():
            try:
                found: Any = json.loads(line)
            except ValueError:
                continue  # the first of them may have been cut
            if isinstance(found, dict):
                self._kept.append(cast("dict[str, Any]", found))

    def of(self, bench: str, run: Path | None, *, since: str = "", alone: bool = False) -> list[dict[str, Any]]:
        """Those of a bench, by its title, and of this run or, unless it is `alone` there, of no run that they name.

        Without `run` those of all runs; `since` is the wall's time (ISO 8601) of the earliest.
        """
        own = None if run is None else str(run)
        found = [said for said in self._kept if said.get("bench") == bench and str(said.get("wall", "")) >= since]
        if own is not None:
            found = [said for said in found if said.get("run", None if alone else own) == own]
        return found[-_KEPT:]


def bench_of(path: Path) -> BenchFile | None:
    """The bench file of a run folder; None where it cannot be read any more."""
    from labmtj.config.bench import load_bench

    try:
        return load_bench(path)
    except (InputError, OSError):
        return None
