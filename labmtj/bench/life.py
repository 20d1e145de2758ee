"""Limits over the life of a cell: what it has taken before, and in this run, decides whether it takes more.

`LifeGate` keeps the sums in memory and refuses a pulse or a read that would pass a limit; `living_array` asks it.
`contribution_of_journal` computes the same from a journal, which is the truth: what the ledger keeps of a run at its
end, after a resume or when a run is collected whose process died.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np

from labmtj.bench.exposure import Exposure
from labmtj.errors import LifeSpent, LimitExceeded, StorageError
from labmtj.physics.stress import Limits
from labmtj.records import Cell, Floats, LinePulse, Pulse, Scheme
from labmtj.runs.journal import line_pulse_of, patterns_of
from labmtj.runs.ledger import Life, new_life
from labmtj.units import Dimension, show

_EVERY = 1.0  # [s] chosen: how often the ledger hears of a run that is going on
_NOTHING = 1e-18  # chosen: damage that is not worth adding; a billion times as much is 1e-9


class LifeGate:
    """What the cells of a die have taken, before this run (`life`) and in it, against `limits`.

    `begun` is what this run had done before it was resumed. `keep` hears of the run's contribution at most once a
    second; an error that it raises is kept in `failure` and does not disturb the run: the journal has it all.
    """

    def __init__(
        self,
        exposure: Exposure,
        limits: Limits,
        *,
        life: Life,
        begun: Life | None = None,
        keep: Callable[[Life], None] | None = None,
    ) -> None:
        self.failure: StorageError | None = None
        self._exposure, self._limits, self._keep = exposure, limits, keep
        self._before = life
        self._own = new_life(*life.shape) if begun is None else begun.plus(new_life(*life.shape))
        self._next = time.monotonic() + _EVERY
        # Never less than what the worst cell has taken: most requests are settled by one comparison.
        self._worst_damage = self._worst_dose = 0.0
        self._most_pulses = 0
        self._look()

    def contribution(self) -> Life:
        """What this run has done so far."""
        own = self._own
        return Life(own.positive, own.negative, own.damage, own.read_dose, own.state, own.seen)

    def check_pulse(self, pulse: Pulse) -> None:
        """Raise LimitExceeded for too much energy and LifeSpent for cells that would have taken too much."""
        limits = self._limits
        stress = self._exposure.stress(pulse)
        if limits.pulse_energy is not None and not stress.energy <= limits.pulse_energy * (1 + 1e-9):
            raise LimitExceeded(
                f"a pulse on cell {pulse.cell}: {show(stress.energy, Dimension.ENERGY)} in the cell is above the "
                f"limit {show(limits.pulse_energy, Dimension.ENERGY)} of this bench"
            )
        if limits.pulses is not None and self._most_pulses >= limits.pulses:
            self._look()
            row, cols = pulse.cell.row - 1, np.array(pulse.columns) - 1
            taken = self._before.pulses[row, cols] + self._own.pulses[row, cols]
            self._refuse(taken + 1 > limits.pulses, [pulse.cell.row], pulse.columns, f"{limits.pulses} pulses")
        if limits.damage is not None and self._worst_damage + stress.damage > limits.damage:
            self._look()
            if self._worst_damage + stress.damage > limits.damage:
                self._check_damage(pulse, limits.damage)

    def add_pulse(self, pulse: Pulse) -> None:
        """Count a pulse, which has left or may have."""
        stress = self._exposure.stress(pulse)
        add_pulse(self._own, pulse, *stress[1:])
        self._worst_damage += stress.damage
        self._most_pulses += 1
        self._heard()

    def check_lines(self, pulse: LinePulse) -> None:
        """The same for a pulse on many lines: every cell counts by the voltage between its lines."""
        limits, shape = self._limits, self._own.shape
        energy, damage = self._exposure.lines(pulse, shape)
        if limits.pulse_energy is not None and not energy <= limits.pulse_energy * (1 + 1e-9):
            raise LimitExceeded(
                f"a pulse on {pulse}: {show(energy, Dimension.ENERGY)} in a cell is above the limit "
                f"{show(limits.pulse_energy, Dimension.ENERGY)} of this bench"
            )
        if limits.pulses is not None and self._most_pulses >= limits.pulses:
            self._look()
            selected = np.zeros(shape, bool)
            selected[_selected(pulse)] = True
            spent = selected & (self._before.pulses + self._own.pulses + 1 > limits.pulses)
            self._refuse_map(spent, f"{limits.pulses} pulses")
        if limits.damage is not None and self._worst_damage + float(damage.max()) > limits.damage:
            self._look()
            spent = (damage > _NOTHING) & (self._before.damage + self._own.damage + damage > limits.damage)
            self._refuse_map(spent, f"the damage {limits.damage:g}")

    def add_lines(self, pulse: LinePulse) -> None:
        """Count a pulse on many lines, which has left or may have."""
        damage = self._exposure.lines(pulse, self._own.shape)[1]
        add_lines(self._own, pulse, damage)
        self._worst_damage += float(damage.max())
        self._most_pulses += 1
        self._heard()

    def check_read(self, rows: Sequence[int], volts: Sequence[float], *, signs: int = 2, times: int = 1) -> None:
        """Raise LifeSpent if cells of the driven `rows` would have taken too much by reads at their `volts` [V].

        A row that is named several times is read as often; all of it happens so many `times`.
        """
        limits = self._limits
        if limits.read_dose is None and limits.damage is None:
            return
        found = [self._exposure.read(level, signs=signs) for level in volts]
        flips = times * sum(dose for dose, _ in found)
        wear = times * sum(damage for _, damage in found)
        dose_tight = limits.read_dose is not None and self._worst_dose + flips > limits.read_dose
        wear_tight = limits.damage is not None and wear > _NOTHING and self._worst_damage + wear > limits.damage
        if dose_tight or wear_tight:
            self._look()
            self._check_rows(list(rows) * times, found * times)

    def add_read(self, rows: Sequence[int], volts: Sequence[float], *, signs: int = 2, times: int = 1) -> None:
        """Count reads of driven `rows` at their `volts` [V]."""
        if len(rows) > 1 and len(set(volts)) == 1:
            flips, wear = self._exposure.read(volts[0], signs=signs)
            counts = np.bincount(np.array(rows) - 1, minlength=self._own.shape[0])[:, np.newaxis] * times
            dose, damage = self._own.read_dose, self._own.damage
            dose += flips * counts
            self._worst_dose += flips * times * len(rows)
            if wear > _NOTHING:
                damage += wear * counts
                self._worst_damage += wear * times * len(rows)
            self._heard()
            return
        for row, level in zip(rows, volts, strict=True):
            flips, wear = self._exposure.read(level, signs=signs)
            self._own.read_dose[row - 1] += flips * times
            self._worst_dose += flips * times
            if wear > _NOTHING:
                self._own.damage[row - 1] += wear * times
                self._worst_damage += wear * times
        self._heard()

    def _check_damage(self, pulse: Pulse, most: float) -> None:
        after = new_life(*self._own.shape)
        add_pulse(after, pulse, *self._exposure.stress(pulse)[1:])
        spent = (after.damage > 0) & (self._before.damage + self._own.damage + after.damage > most)
        self._refuse_map(spent, f"the damage {most:g}")

    def _check_rows(self, rows: Sequence[int], found: Sequence[tuple[float, float]]) -> None:
        limits, count = self._limits, self._own.shape[0]
        index = np.array(rows, dtype=np.int64) - 1
        flips = np.bincount(index, weights=[dose for dose, _ in found], minlength=count)[:, np.newaxis]
        wear = np.bincount(index, weights=[damage for _, damage in found], minlength=count)[:, np.newaxis]
        if limits.read_dose is not None:
            spent = (flips > 0) & (self._before.read_dose + self._own.read_dose + flips > limits.read_dose)
            self._refuse_map(spent, f"{limits.read_dose:g} expected flips by reads")
        if limits.damage is not None:
            spent = (wear > _NOTHING) & (self._before.damage + self._own.damage + wear > limits.damage)
            self._refuse_map(spent, f"the damage {limits.damage:g}")

    def _refuse_map(self, spent: np.ndarray[Any, np.dtype[np.bool_]], what: str) -> None:
        if spent.any():
            cells = [Cell(int(row) + 1, int(col) + 1) for row, col in np.argwhere(spent)]
            raise _spent(cells, what)

    def _refuse(self, spent: Any, rows: Sequence[int], cols: Sequence[int], what: str) -> None:
        if np.any(spent):
            raise _spent([Cell(rows[0], col) for col, much in zip(cols, spent, strict=True) if much], what)

    def _look(self) -> None:
        self._most_pulses = int((self._before.pulses + self._own.pulses).max())
        self._worst_damage = float((self._before.damage + self._own.damage).max())
        self._worst_dose = float((self._before.read_dose + self._own.read_dose).max())

    def _heard(self) -> None:
        if self._keep is None or time.monotonic() < self._next:
            return
        try:
            self._keep(self.contribution())
            self.failure = None
        except StorageError as error:
            self.failure = error
        self._next = time.monotonic() + _EVERY


def add_pulse(life: Life, pulse: Pulse, selected: float, on_lines: float, elsewhere: float) -> None:
    """Add one pulse and its damages to `life`, in place."""
    row, cols = pulse.cell.row - 1, [col - 1 for col in pulse.columns]
    where = cols[0] if len(cols) == 1 else cols
    counts = life.positive if pulse.amplitude > 0 else life.negative
    counts[row, where] += 1
    damage = life.damage
    if elsewhere > _NOTHING:
        damage += elsewhere
        damage[row, where] -= elsewhere
    if on_lines - elsewhere > _NOTHING:
        damage[row] += on_lines - elsewhere
        damage[:, where] += on_lines - elsewhere
        damage[row, where] -= 2 * (on_lines - elsewhere)
    damage[row, where] += selected


def add_lines(life: Life, pulse: LinePulse, damage: Floats) -> None:
    """Add one pulse on many lines and its `damage`, of all cells, to `life`, in place; those on driven lines count."""
    where = _selected(pulse)
    across = np.array(pulse.row_volts)[:, np.newaxis] - np.array(pulse.col_volts)
    life.positive[where] += across > 0
    life.negative[where] += across < 0
    taken = life.damage
    taken += np.where(damage > _NOTHING, damage, 0.0)


def _selected(pulse: LinePulse) -> tuple[np.ndarray[Any, np.dtype[np.intp]], ...]:
    """Index of the cells between driven lines."""
    return np.ix_(np.array(pulse.rows, np.intp) - 1, np.array(pulse.cols, np.intp) - 1)


def contribution_of_journal(
    entries: Iterable[Mapping[str, Any]], exposure: Exposure, *, shape: tuple[int, int]
) -> Life:
    """What the run of this journal has done to its die: every intent counts, whether its outcome is known or not.

    States are those that `program`, `program_network` and `verify` entries give, at the wall time of these.
    """
    life = new_life(*shape)
    wall = start = now = 0.0
    places: dict[int, tuple[list[int], list[int]]] = {}
    for entry in entries:
        kind = entry["k"]
        now = float(entry["t"]) if isinstance(entry.get("t"), int | float) else now
        if kind == "intent" and "lines" in entry:
            on_lines = line_pulse_of(entry)
            add_lines(life, on_lines, exposure.lines(on_lines, shape)[1])
        elif kind == "intent":
            pulse = _pulse(entry)
            add_pulse(life, pulse, *exposure.stress(pulse)[1:])
        elif kind in ("read", "sum", "sample", "product"):
            _add_read(life, entry, exposure)
        elif kind == "products":
            _add_products(life, entry, exposure)
        elif kind == "run":
            wall = datetime.fromisoformat(entry["wall"]).timestamp()
        elif kind == "bench":
            start = now
        elif kind == "program_network":
            whole = list(range(1, shape[0] + 1)), list(range(1, shape[1] + 1))
            _note_states(life, whole, entry["state"], wall + now - start)
        elif kind in ("program", "verify"):
            if kind == "program":
                places[entry["layer"]] = entry["rows"], entry["cols"]
            if entry["layer"] in places:
                _note_states(life, places[entry["layer"]], entry["state"], wall + now - start)
    return life


def _pulse(entry: Mapping[str, Any]) -> Pulse:
    scheme, cols = Scheme(entry.get("scheme", Scheme.V_HALF)), tuple(entry.get("cols", ()))
    return Pulse(Cell(*entry["cell"]), float(entry["v"]), float(entry["width"]), scheme, cols)


def _add_read(life: Life, entry: Mapping[str, Any], exposure: Exposure) -> None:
    rows: list[int] = [entry["cell"][0]] if entry["k"] == "read" else entry["rows"]
    said: Any = entry["v"]
    volts = cast("list[float]", said) if isinstance(said, list) else [float(said)] * len(rows)
    for row, level in zip(rows, volts, strict=True):
        flips, wear = exposure.read(float(level), signs=1 if entry["k"] == "sample" else 2)
        life.read_dose[row - 1] += flips
        if wear > _NOTHING:
            life.damage[row - 1] += wear


def _add_products(life: Life, entry: Mapping[str, Any], exposure: Exposure) -> None:
    """Every pattern of gates reads the rows that it opens, at one sign."""
    flips, wear = exposure.read(float(entry["v"]), signs=1)
    counts = patterns_of(entry).sum(axis=0)[:, np.newaxis]
    first = (int(entry["kernel"]) - 1) * int(entry["rows"])
    rows = slice(first, first + int(entry["rows"]))
    life.read_dose[rows] += flips * counts
    if wear > _NOTHING:
        life.damage[rows] += wear * counts


def _note_states(life: Life, place: tuple[list[int], list[int]], states: Any, seen: float) -> None:
    found = np.array(states, dtype=np.int8)
    where = np.ix_(np.array(place[0]) - 1, np.array(place[1]) - 1)
    read_back = found >= 0
    life.state[where] = np.where(read_back, found, life.state[where])
    life.seen[where] = np.where(read_back, seen, life.seen[where])


def _spent(cells: Sequence[Cell], what: str) -> LifeSpent:
    names = ", ".join(str(cell) for cell in cells[:3]) + (f" and {len(cells) - 3} more" if len(cells) > 3 else "")
    return LifeSpent(
        f"cell {names}: {what} in a cell's life is the limit of this bench, and this would pass it; "
        "`labmtj ledger` shows what a die has taken"
    )
