"""The picture of a run: what its journal says so far, entry by entry, in the parts that the page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labmtj.errors import StorageError
from labmtj.runs.asking import Question, question_of
from labmtj.runs.journal import FORMAT
from labmtj.runs.status import JOURNAL
from labmtj.watch.accuracy import Accuracies
from labmtj.watch.cells import Cells
from labmtj.watch.chip_so_far import chip_targets
from labmtj.watch.history import History
from labmtj.watch.measured import Measured
from labmtj.watch.steps import Steps
from labmtj.watch.tail import Tail

_ASIDE = ("account", "field")  # what leaving the bench may still write after the run has ended


class Picture:
    """One run as its journal has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tail = Tail(folder / JOURNAL)
        self.header: dict[str, Any] = {}
        self.end: dict[str, Any] = {}
        self.aborted: dict[str, Any] = {}
        self.asked: Question | None = None
        self.identities: dict[str, str] = {}
        self.interlocks: list[dict[str, Any]] = []
        self.out: list[list[Any]] = []
        self.faults: list[list[Any]] = []
        self.returns = 0
        self.last: dict[str, Any] = {}
        """The latest entry that asks something of the lines of the array."""
        self.cells: Cells | None = None
        self.history: History | None = None
        self.steps = Steps(folder / "protocol.yaml")
        self.measured = Measured()
        self.accuracy = Accuracies(folder)

    def look(self, edition: int) -> set[str]:
        """Take what is new in the journal, at most some megabytes; the parts of the page that it is about.

        Cells that it touches are of this `edition`. Raises StorageError for a journal that is damaged, or that is none
        of a run.
        """
        touched: set[str] = set()
        for place, entry in self.tail.more():
            if not self.header:
                self._begin(entry)
            if self.cells is not None:
                self.cells.edition = edition
            self._take(place, entry, touched)
        return touched

    def _take(self, place: int, entry: dict[str, Any], touched: set[str]) -> None:
        kind = entry["k"]
        touched.add("run")
        if kind != "end" and kind not in _ASIDE:
            self.end = {}
        self._note(kind, entry)
        if kind == "step" and entry["name"] == "program_network" and self.cells is not None:
            self.cells.aim(chip_targets(self.folder))
        self.steps.take(entry)
        if kind in ("step", "at", "done", "end"):
            touched.add("steps")
        if self.measured.take(entry):
            touched.add("readings")
            if kind != "outcome":
                self.last = entry
        if self.accuracy.take(entry):
            touched.add("accuracy")
        if self.cells is not None and self.history is not None:
            self.history.take(place, entry, self.cells.take(entry))

    def _begin(self, entry: dict[str, Any]) -> None:
        if entry["k"] != "run":
            raise StorageError(f"{self.tail.path}: its first entry is not that of a run")
        if entry.get("format", 0) > FORMAT:
            raise StorageError(f"{self.tail.path}: format {entry['format']} is newer than this labmtj; update it")
        self.header = entry
        rows, cols = entry["shape"]
        self.cells, self.history = Cells((rows, cols)), History((rows, cols))

    def _note(self, kind: str, entry: dict[str, Any]) -> None:
        match kind:
            case "bench":
                self.identities = entry["identities"]
            case "contact":
                self.out, self.faults = entry["out"], entry["faults"]
            case "interlock":
                self.interlocks.append(entry)
            case "abort":
                self.aborted = entry
            case "ask":
                self.asked = question_of(entry)
            case "answer":
                self.asked = None
            case "resume":
                self.returns += 1
                self.asked = None
            case "past_abort":
                self.aborted = {}
            case "end":
                self.end, self.asked = entry, None
            case _:
                pass
