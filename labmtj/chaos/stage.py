"""What one round has to play with: a served bench, commands as processes, and chance."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from labmtj.chaos.referee import differences, safe_since
from labmtj.chaos.served import Link, ServedBench
from labmtj.chaos.verdict import NotHeld
from labmtj.chaos.worker import Worker
from labmtj.config.bench import BenchFile
from labmtj.runs.journal import read_journal

SAFE_CODES = (0, 8)  # done; done, but cells could not be written


@dataclass(frozen=True)
class Job:
    """What chaos is played with: a protocol and a bench, and how much slower than it should be this computer may be.

    `entries` is how long the journal of an undisturbed run is; `slack` times a deadline is what is asked for.
    """

    protocol: Path
    bench: BenchFile
    slack: float = 1.0
    entries: int = 0


@dataclass
class Stage:
    """One round. `chance` is its own, so that a round can be played again; `deaths` excuse as many unknown pulses."""

    job: Job
    folder: Path
    chance: random.Random
    seed: int
    link: Link = "hislip"
    realtime: bool = False
    deaths: int = 0
    workers: list[Worker] = field(default_factory=list[Worker])

    def __enter__(self) -> Stage:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.bench = ServedBench(
            self.job.bench, self.folder, seed=self.seed, link=self.link, realtime=self.realtime
        ).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()
        self.bench.__exit__(kind, error, trace)

    def command(self, *words: str) -> Worker:
        """Start a labmtj command."""
        name = f"{len(self.workers):02d}-{words[0]}"
        self.workers.append(Worker(words, self.folder, name=name))
        return self.workers[-1]

    def run(self, *words: str) -> Worker:
        """Start the run."""
        bench, protocol = str(self.bench.client), str(self.job.protocol)
        return self.command("run", protocol, "--bench", bench, "--quiet", *words)

    def resume(self, *words: str) -> Worker:
        """Start to go on with the run."""
        return self.command("resume", str(self.run_folder), "--quiet", *words)

    def status(self) -> dict[str, Any]:
        """What `labmtj status` says of the run."""
        worker = self.command("status", str(self.run_folder), "--json")
        worker.ends_with(0)
        return worker.answer()

    @property
    def run_folder(self) -> Path:
        """The folder of the run. Raises NotHeld before there is one."""
        found = self._run_folders()
        if not found:
            raise NotHeld("no run folder was made")
        return found[0]

    def _run_folders(self) -> list[Path]:
        runs = self.folder / "runs"
        return sorted(path for path in runs.iterdir() if path.is_dir()) if runs.is_dir() else []

    def journal_lines(self) -> int:
        """Complete lines in the journal so far."""
        found = self._run_folders()
        path = found[0] / "journal.jsonl" if found else None
        return path.read_bytes().count(b"\n") if path is not None and path.exists() else 0

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """Entries of a kind in the journal so far."""
        path = self.run_folder / "journal.jsonl"
        return [entry for entry in read_journal(path) if entry["k"] == kind]

    def moment(self, first: float = 0.02, last: float = 0.98) -> int:
        """A drawn length of the journal at which something happens, between shares of an undisturbed run's."""
        return round(self.chance.uniform(first, last) * self.job.entries)

    def until_entry(self, worker: Worker, number: int) -> None:
        """Wait until the journal of a run is so long."""
        worker.until(lambda: self.journal_lines() >= number, what=f"entry {number} of the journal")

    def until_busy(self, worker: Worker) -> None:
        """Wait until a source drives the array, or (it may do so within single messages only) a route is taken."""

        def busy() -> bool:
            status = self.bench.ask(do="status")
            return bool(status["driven"] or status["closed"])

        worker.until(busy, what="a route on the array")

    def safe_after(self, moment: float, *, relays: bool = True) -> float:
        """How long [s] after a moment the bench was safe, by the twin's log. Raises NotHeld if it is not."""
        since = safe_since(self.bench.log(), moment, relays=relays)
        if since is None:
            raise NotHeld("the bench was not made safe")
        return since - moment

    def wait_safe(self, seconds: float) -> None:
        """Wait until nothing is driven and no relay is closed. Raises NotHeld."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.bench.ask(do="status")
            if not status["driven"] and not status["closed"]:
                return
            if time.monotonic() > deadline:
                what = ", ".join([*status["driven"], *status["closed"]])
                raise NotHeld(f"after {seconds:.1f} s this is still on: {what}")
            time.sleep(2e-3)

    def within(self, seconds: float, bound: float, what: str) -> None:
        """Hold a figure [s] against its bound, times what this computer is allowed. Raises NotHeld."""
        if seconds > bound * self.job.slack:
            raise NotHeld(f"{what} took {seconds:.2f} s; {bound:g} s is allowed, here {bound * self.job.slack:g} s")

    def finish(self, *, attempts: int = 3) -> None:
        """Go on until the run is done, and let the referee judge. Raises NotHeld."""
        self.bench.clear()
        for _ in range(attempts):
            if self.entries("end") and self.entries("end")[-1]["how"] == "done":
                break
            worker = self.resume()
            if worker.wait() in SAFE_CODES:
                break
        else:
            raise NotHeld(f"the run could not be finished: {self.workers[-1].last_words}")
        self.wait_safe(5.0)
        found = [*self._result(), *self._files()]
        found += differences(self.run_folder / "journal.jsonl", self.bench.log(), deaths=self.deaths)
        if found:
            raise NotHeld("; ".join(found))

    def _result(self) -> Sequence[str]:
        """Whether the layers that were written are what they should be, by the last word on each."""
        last = {entry["layer"]: entry for entry in self.entries("program")}
        wrong = {
            layer: sum(
                state != target and not defect
                for rows in zip(entry["state"], entry["target"], entry["defect"], strict=True)
                for state, target, defect in zip(*rows, strict=True)
            )
            for layer, entry in last.items()
        }
        return [f"layer {layer} has {count} cells in the wrong state" for layer, count in wrong.items() if count]

    def _files(self) -> Sequence[str]:
        import h5py

        try:
            with h5py.File(self.run_folder / "run.h5") as file:
                return [] if len(file) else ["run.h5 is empty"]
        except OSError as error:
            return [f"run.h5 does not open: {error}"]
