"""One run, or the run of a bench, kept up to date for everybody who looks at it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from labmtj.config.bench import BenchFile
from labmtj.errors import InputError, LabmtjError, StorageError
from labmtj.host_lock import is_held
from labmtj.runs.claim import LOCK, holder
from labmtj.runs.status import JOURNAL, guardian_of
from labmtj.watch.instruments import Commands, Instruments, bench_of
from labmtj.watch.picture import Picture
from labmtj.watch.sections import Sections, array_part, run_part, steps_part
from labmtj.watch.standing import Holder, holder_of
from labmtj.watch.wiring import Wiring

_SLOW = 1.0  # [s] chosen: between two looks at leases, latches and other runs, which change seldom
_RECENT = 40  # chosen: runs, the latest, among which that of a bench is looked for


class Watch:
    """What the page shows. `run` is the folder of a run, or `bench` the bench whose runs lie in the folder `runs`."""

    def __init__(self, *, run: Path | None = None, bench: BenchFile | None = None, runs: Path | None = None) -> None:
        self.edition, self.epoch = 0, 0
        self.bench, self._runs = bench, runs
        self._lock = threading.Lock()
        self._sections, self._commands = Sections(), Commands()
        self._picture: Picture | None = None
        self._wiring: Wiring | None = None
        self._instruments: Instruments | None = None
        self._slow_at = -_SLOW
        self._titles: dict[Path, tuple[str, list[str]]] = {}
        self.holder: Holder | None = None
        if run is not None:
            self._turn_to(run)
        elif bench is not None:
            self._instruments = Instruments(bench)

    @property
    def folder(self) -> Path | None:
        """The folder of the run that is shown."""
        return None if self._picture is None else self._picture.folder

    @property
    def title(self) -> str:
        """The title of the bench."""
        return "" if self.bench is None else self.bench.bench.title

    @property
    def private(self) -> bool:
        """Whether the instruments live in the process of the run, so that nobody else can reach them."""
        return self._instruments is None or self._instruments.private

    @property
    def picture(self) -> Picture | None:
        """The run that is shown."""
        return self._picture

    @property
    def behind(self) -> bool:
        """Whether there is more in the journal than was read."""
        return self._picture is not None and not self._picture.tail.whole and not self._sections.get("problem")

    @property
    def commands(self) -> list[dict[str, Any]]:
        """The commands to this bench and run until now, read anew."""
        with self._lock:
            self._commands.look()
            return self._known_commands()

    def part(self, name: str) -> Any:
        """A part of the page as it is now."""
        return self._sections.get(name)

    def look(self, *, now: bool = False) -> bool:
        """Take what is new; whether there was anything. Leases and other runs are looked at once a second, or `now`."""
        with self._lock:
            before, edition = self.edition, self.edition + 1
            slow = now or time.monotonic() - self._slow_at >= _SLOW
            if slow:
                self._slow_at = time.monotonic()
                if self._runs is not None:
                    self._read_commands()  # they name the folders of runs
                    self._find()
            if self._update(edition, slow=slow):
                self.edition = edition
            return self.edition != before

    def news(self, since: int, epoch: int) -> dict[str, Any]:
        """What changed after an edition, of the run that is shown in this `epoch`; all of it for another epoch."""
        with self._lock:
            known = since if epoch == self.epoch and since <= self.edition else 0
            found = {"edition": self.edition, "epoch": self.epoch, "parts": self._sections.since(known)}
            cells = self._picture.cells if self._picture is not None else None
            packed = None if cells is None else cells.packed(known)
            return found if packed is None else found | {"cells": packed}

    def cell(self, row: int, col: int) -> dict[str, Any]:
        """The whole history of a cell, lines from 1. Raises InputError for one that is not there."""
        with self._lock:
            picture = self._picture
            if picture is None or picture.history is None:
                raise InputError("there is no run to look at yet")
            rows, cols = picture.history.shape
            if not (1 <= row <= rows and 1 <= col <= cols):
                raise InputError(f"there is no cell ({row}, {col}): the array has {rows} x {cols}")
            return picture.history.of(row, col, picture.tail.at)

    def _read_commands(self) -> None:
        """Take what is new in the record of commands; of a host's folder that cannot be used, nothing."""
        with suppress(LabmtjError):
            self._commands.look()

    def _known_commands(self) -> list[dict[str, Any]]:
        """The commands to this bench since the run began, of a bench of its own those to this run."""
        begun = "" if self._picture is None else str(self._picture.header.get("wall", ""))
        return self._commands.of(self.title, self.folder, since=begun, alone=self.private)

    def _turn_to(self, folder: Path) -> None:
        """Show the run of this folder from now on."""
        self._picture = Picture(folder)
        self.epoch += 1
        self._sections = Sections()
        self._wiring = self._instruments = None
        kept = bench_of(folder / "bench.yaml")
        if self._runs is None:
            self.bench = kept
        file = self.bench or kept
        with suppress(LabmtjError):  # a model's file may have moved: the rest of the page does not need it
            self._instruments = None if file is None else Instruments(file, folder)
            self._wiring = None if kept is None else Wiring(kept)

    def _update(self, edition: int, *, slow: bool) -> bool:
        changed = False
        touched: set[str] = set()

        def put(name: str, content: Any) -> None:
            nonlocal changed
            changed = self._sections.put(name, content, edition) or changed

        if self._picture is not None:
            touched = self._journal(edition, put)
        self._read_commands()  # after the journal: whoever sees that a run was stopped sees by whom
        commands = self._known_commands()
        put("commands", commands[-8:])
        if self._picture is not None:
            self.holder = holder_of(self._picture.folder, ended=bool(self._picture.end))
            guardian = guardian_of(self._picture.folder, holder(self._picture.folder))
            put("run", run_part(self._picture, self.holder, guardian, commands))
        if slow or "run" in touched:
            serials = {} if self._picture is None else self._picture.identities
            put("bench", {"title": self.title, "private": self.private, "waits": self._picture is None})
            put("instruments", [] if self._instruments is None else self._instruments.look(serials))
        return changed or bool(touched)

    def _journal(self, edition: int, put: Any) -> set[str]:
        """Take what is new in the journal and put the parts that it is about; their names."""
        picture = self._picture
        if picture is None or self._sections.get("problem"):
            return set()
        try:
            touched = picture.look(edition)
        except StorageError as error:
            put("problem", str(error))
            return set()
        except (KeyError, IndexError, TypeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            put("problem", f"{picture.tail.path}: an entry is not what this version of labmtj writes ({what})")
            return set()
        if not picture.header:
            return touched
        if "steps" in touched or self._sections.get("steps") is None or picture.end:
            put("steps", steps_part(picture, holder_of(picture.folder, ended=bool(picture.end))))
        if "readings" in touched:
            put("readings", list(picture.measured.latest))
            put("wiring", [] if self._wiring is None or picture.end else self._wiring.uses(picture.last))
        elif picture.end:
            put("wiring", [])
        if "accuracy" in touched:
            put("accuracy", picture.accuracy.table())
        bench = None if self._wiring is None else self._wiring.file.bench
        kind = "neurons" if bench is not None and bench.neurons is not None else "cells"
        put("array", array_part(picture, None if bench is None else bench.array.kernels, kind))
        return touched

    def _find(self) -> None:
        """Of a bench: turn to its run that goes on, if it is another one than that which is shown."""
        for folder in self._candidates():
            if folder == self.folder:
                if self.holder is not None:
                    return
            elif is_held(folder / LOCK) is not False and holder_of(folder, ended=False) is not None:
                try:
                    self._turn_to(folder)
                except LabmtjError:
                    continue
                return

    def _candidates(self) -> list[Path]:
        """Folders of runs on this bench, the latest first."""
        if self.bench is None or self._runs is None:
            return []
        bench = self.bench.bench
        wanted = bench.title, sorted(entry.address for entry in bench.instruments.values())
        said = [Path(str(entry["run"])) for entry in self._commands.of(bench.title, None) if "run" in entry]
        try:
            lying = sorted((path for path in self._runs.iterdir() if (path / JOURNAL).is_file()), reverse=True)
        except OSError:
            lying = []  # no run has been made there yet
        return [path for path in dict.fromkeys([*reversed(said), *lying[:_RECENT]]) if self._is_on(path, wanted)]

    def _is_on(self, folder: Path, wanted: tuple[str, list[str]]) -> bool:
        if folder not in self._titles:
            kept = bench_of(folder / "bench.yaml")
            if kept is None:
                return False
            addresses = sorted(entry.address for entry in kept.bench.instruments.values())
            self._titles[folder] = kept.bench.title, addresses
        return self._titles[folder] == wanted
