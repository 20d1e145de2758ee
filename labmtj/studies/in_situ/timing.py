"""Time of one update of a whole array on the virtual clock, against its number of lines: a block of a study.

The array is the twin's (labmtj.twin.access.TwinArray) on the bench of the default file, with as many lines and a relay
matrix with as many columns as are needed: its timing is that of the shipped one. Matrices that are sold end at 96
columns, so beyond 48 lines no such bench stands anywhere; what is timed there is what its messages and relays take.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from labmtj.config import yaml12
from labmtj.config.bench import DEFAULT, BenchFile, check_bench, load_bench
from labmtj.config.model import InstrumentModel, SwitchMatrixModel
from labmtj.config.source import read
from labmtj.physics.stress import Limits
from labmtj.records import Cell, LinePulse, Pulse
from labmtj.runs.journal import MemoryJournal
from labmtj.studies.in_situ.grid import TIME, Trial
from labmtj.studies.in_situ.load import InSituJob
from labmtj.studies.tidy import Table
from labmtj.twin.access import TwinArray
from labmtj.twin.chip_electrics import ChipElectrics
from labmtj.twin.electrics import Electrics
from labmtj.twin.state import MATRIX_ROWS

PARALLEL, LINE, VERIFY = "parallel", "line by line", "write-verify"
_PHASES = 4  # two signs of inputs times two polarities
_POLARITIES = 2
_LINES, _CELLS = 4, 8  # chosen: so many of them are timed, the others take as long
_VOLTS = 1e-3  # chosen: time does not depend on it, and no source is at its limit
_READ = 0.05
_CARDS = 8


class _Wide(TwinArray):
    """A twin whose matrix has more relays than a die's state has counters for; they are kept in memory."""

    def _relays(self, sheets: dict[str, InstrumentModel]) -> SwitchMatrixModel:
        (found,) = (model for model in sheets.values() if isinstance(model, SwitchMatrixModel))
        self._columns = found.cards.count * found.cards.columns
        return found

    def _die(self, file: BenchFile) -> Electrics | ChipElectrics:
        made = super()._die(file)
        made.state.cycles = np.zeros((MATRIX_ROWS, self._columns), np.uint64)
        return made


def timed(trial: Trial, job: InSituJob) -> dict[str, Table]:
    """Time [s], pulses and readings of one update of all cells by each of the ways, on an array of `trial.lines`."""
    count, width = trial.lines, job.file.in_situ.width
    with tempfile.TemporaryDirectory() as folder:
        file = _bench(count, Path(folder))
        limits = Limits(**dict(file.bench.limits))
        every = tuple(range(1, count + 1))

        def clocked(act: Callable[[TwinArray], None]) -> float:
            array = _Wide(file, MemoryJournal(), limits=limits)
            array.rest()
            began = array.clock.now()
            act(array)
            return array.clock.now() - began

        def in_parallel(array: TwinArray) -> None:
            for phase in range(_PHASES):
                chosen = every[phase % 2 :: 2]
                array.pulse_lines(_pulse(chosen, every[phase // 2 :: 2], width))

        def by_lines(array: TwinArray) -> None:
            for row in every[:_LINES]:
                for polarity in range(_POLARITIES):
                    array.pulse_lines(_pulse((row,), every[polarity::2], width))

        def by_cells(array: TwinArray) -> None:
            for row, col in zip(every[:_CELLS], every[-_CELLS:], strict=True):
                array.read([Cell(row, col)], voltage=_READ)
                array.pulse(Pulse(Cell(row, col), 2.0 * _VOLTS, width))
                array.read([Cell(row, col)], voltage=_READ)

        lines, cells = min(_LINES, count), min(_CELLS, count)
        seconds = (clocked(in_parallel), clocked(by_lines) * count / lines, clocked(by_cells) * count**2 / cells)
    pulses = (_PHASES, _POLARITIES * count, count**2)
    texts = ("all pulses", f"{lines} lines, times {count / lines:g}", f"{cells} cells, times {count**2 / cells:g}")
    table: Table = {
        "way": np.array([PARALLEL, LINE, VERIFY], object),
        "lines": np.full(3, count),
        "update_seconds": np.array(seconds),
        "update_pulses": np.array(pulses, np.float64),
        "readings": np.array([0.0, 0.0, 2.0 * count**2]),
        "measured": np.array(texts, object),
    }
    return {TIME: table}


def _pulse(rows: tuple[int, ...], cols: tuple[int, ...], width: float) -> LinePulse:
    return LinePulse(rows, (_VOLTS,) * len(rows), cols, (-_VOLTS,) * len(cols), width)


def _bench(count: int, folder: Path) -> BenchFile:
    """The default bench with an array of `count` x `count` and a matrix as wide."""
    bench = load_bench(DEFAULT)
    matrix = next(name for name in bench.bench.instruments if "matrix" in name)
    sheet = cast("dict[str, Any]", dict(read(bench.model_file(matrix)).data))
    sheet["cards"] = {**sheet["cards"], "count": _CARDS, "columns": -(-2 * count // _CARDS)}
    path = folder / "wide.yaml"
    path.write_text(yaml12.dump(sheet), encoding="utf-8")
    data: dict[str, Any] = dict(bench.source.data)
    data["array"] = {**data["array"], "rows": count, "cols": count}
    data["lines"] = {"rows": {f"1..{count}": f"1..{count}"}, "cols": {f"1..{count}": f"{count + 1}..{2 * count}"}}
    data["instruments"] = {**data["instruments"], matrix: {**data["instruments"][matrix], "model": str(path)}}
    return check_bench(replace(bench.source, data=data))
