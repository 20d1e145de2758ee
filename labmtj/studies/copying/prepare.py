"""Preparing a simulated die for copies: its polarity and its map, once, and the hidden state that it is left in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from labmtj.config.bench import BenchFile, Simulation
from labmtj.errors import InputError
from labmtj.physics.variation import DieTruth
from labmtj.records import LineOutcome, LinePulse, Pulse, PulseOutcome
from labmtj.routines.characterise import map_die
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.studies.copying.door import QuickArray
from labmtj.studies.records import Kind, PreparedDie, Snapshot
from labmtj.twin.build import electrics
from labmtj.twin.state import DieState

_START, _STEP, _CEILING = 0.15, 0.02, 0.6  # [V] of the polarity's ramp: those of the shipped protocols


class SilentJournal:
    """A journal that keeps nothing (labmtj.ports.Journal): what a study writes, its table tells."""

    def __init__(self) -> None:
        self._pulses = 0

    def intent(self, pulse: Pulse) -> int:
        """Number a pulse."""
        self._pulses += 1
        return self._pulses

    def intent_lines(self, pulse: LinePulse) -> int:
        """Number a pulse on many lines."""
        self._pulses += 1
        return self._pulses

    def outcome(self, number: int, outcome: PulseOutcome | LineOutcome) -> None:
        """Nothing is kept."""

    def record(self, kind: str, content: Mapping[str, Any]) -> None:
        """Nothing is kept."""


def fresh(truth: DieTruth) -> Snapshot:
    """The hidden state of a die that nothing has been done to."""
    return _snapshot(DieState(truth))


def prepare(file: BenchFile, *, read: float) -> PreparedDie:
    """Map the simulated die of a bench file at `read` [V], with pulses of the bench's width; no file is written.

    The same routines as on a bench, with the same results. Raises PolarityNotFound, BenchError or LimitExceeded
    where the die cannot be mapped.
    """
    if file.bench.simulation is None:
        raise InputError(f"{file.bench.title}: a study prepares simulated dies; this bench names none")
    memory = replace(file, bench=file.bench.model_copy(update={"simulation": _stateless(file)}))
    truth = electrics(memory).truth
    start = fresh(truth)
    array = QuickArray(memory, truth, start, SilentJournal(), read=read)
    width = file.bench.pulse.width
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=_START, step=_STEP, ceiling=_CEILING, width=width, read=read
    )
    die = map_die(array, polarity=polarity, read=read, width=width, wire=file.bench.array.wire)
    model = truth.model
    r_p = model.resistance_area / model.area
    ap = 1.0 + model.tmr / (1.0 + (read / model.v_h) ** 2)
    return PreparedDie(
        kind=Kind(model.diameter, model.wire),
        seed=model.seed,
        die=die,
        truth=truth,
        after=left_by(array, start),
        nominal_window=(1.0 + model.k_p * read**2) / r_p - 1.0 / (r_p * ap),
        file=memory,
    )


def left_by(array: QuickArray, start: Snapshot) -> Snapshot:
    """The hidden state of a die that was used through the compiled door, from `start` on."""
    hidden, shape = array.copies.hidden, array.shape
    state = np.where(hidden.state[0] > 1, start.state.ravel(), hidden.state[0]).astype(np.int8)
    return Snapshot(
        state=state.reshape(shape),
        hazard=hidden.hazard[0].reshape(shape).copy(),
        flips=hidden.flips[0].reshape(shape).copy(),
        damage=hidden.damage[0].reshape(shape).copy(),
        pulses=int(hidden.pulses[0]),
        clock=float(hidden.clock[0]),
        rest=0.0,
        broken=start.broken.copy(),
        row_reads=start.row_reads.copy(),
        col_reads=hidden.col_reads[0].astype(np.uint64),
    )


def put_into(state: DieState, snapshot: Snapshot) -> None:
    """Give a die in memory the hidden state of a snapshot."""
    for name in ("state", "hazard", "flips", "damage", "broken", "row_reads", "col_reads"):
        getattr(state, name)[...] = getattr(snapshot, name)
    state.pulses, state.clock, state.rest = snapshot.pulses, snapshot.clock, snapshot.rest


def snapshot_file(prepared: PreparedDie, path: Path) -> None:
    """Write a state file (`simulation.state` of a bench) that holds the die as it was when it had been mapped."""
    path.touch()
    state = DieState(prepared.truth, path)
    put_into(state, prepared.after)
    state.commit()
    state.let_go()


def _stateless(file: BenchFile) -> Simulation:
    assert file.bench.simulation is not None
    return file.bench.simulation.model_copy(update={"state": None})


def _snapshot(state: DieState) -> Snapshot:
    return Snapshot(
        state=state.state.copy(),
        hazard=state.hazard.copy(),
        flips=state.flips.copy(),
        damage=state.damage.copy(),
        pulses=state.pulses,
        clock=state.clock,
        rest=state.rest,
        broken=state.broken.copy(),
        row_reads=state.row_reads.copy(),
        col_reads=state.col_reads.copy(),
    )
