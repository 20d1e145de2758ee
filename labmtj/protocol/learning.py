"""Training on the array as a step of a protocol: the task, the place, how the array is driven, what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labmtj.config.source import KeyPath, Source
from labmtj.errors import PlacementError, Problem
from labmtj.nets.in_situ.sets import Wanted, learning_task
from labmtj.nets.in_situ.task import Recipe, Task
from labmtj.ports import Ticker
from labmtj.protocol.kinds.fields import AmplitudePair, Lines
from labmtj.records import DieMap, Ints, Placement
from labmtj.routines.characterise import write_amplitudes
from labmtj.routines.in_situ.crossbar_door import CrossbarDoor, Driving
from labmtj.routines.in_situ.doors import Door
from labmtj.routines.in_situ.learnt_finding import finding_of
from labmtj.routines.in_situ.places import blocks
from labmtj.routines.in_situ.port_plant import PortPlant
from labmtj.routines.in_situ.train import SMOOTH_GAIN, EpochSeen, Learnt, in_software, train_array

if TYPE_CHECKING:
    from labmtj.config.bench import BenchFile
    from labmtj.nets.chips.tiling import Tiling
    from labmtj.protocol.kinds.train_array import TrainArrayStep
    from labmtj.protocol.progress import Progress

_SHARE = 0.66  # chosen: of the line compliance that the cells of one pulse may draw together (kinds.program)


def misfits(step: TrainArrayStep, here: KeyPath, source: Source, bench: BenchFile) -> Iterator[Problem]:
    """Yield what keeps the layers off this bench's array, and codings that it has no sources for."""
    array, kernels = bench.bench.array, bench.bench.array.kernels
    levels_at = (*here, "coding")
    if step.coding == "levels" and not _all_own(bench):
        hint = "write coding: chance, or run it on a bench with a source on every line (lines)"
        yield source.problem(levels_at, "lines of this bench have no sources of their own", hint=hint)
    if isinstance(step.place, str):
        try:
            if kernels is None:
                blocks(step.layers, array.shape)
            else:
                _tiling(step, kernels, array.rows, array.cols)
        except PlacementError as error:
            yield source.problem(here, str(error), hint=f"the array: {bench.source.place(('array',))}", key=True)
        return
    if kernels is not None:
        yield source.problem((*here, "place"), "on a chip layers lie in tiles: write place: blocks", key=True)
        return
    for number, (lines, layer) in enumerate(zip(step.place, step.layers, strict=True)):
        for side, named, needed, there in _sides(lines, layer, array.shape):
            at = (*here, "place", number, side)
            if len(named) != needed:
                message = f"layer {number + 1} of {layer[0]} inputs and {layer[1]} outputs needs {needed} {side}"
                yield source.problem(at, f"{message}, {len(named)} are named")
            if len(set(named)) < len(named):
                yield source.problem(at, "a line stands twice")
            if max(named) > there:
                hint = f"the array has {there} {side} ({bench.source.place(('array', side))})"
                yield source.problem(at, f"line {max(named)} is not on the array", hint=hint)
    first, second = ({(row, col) for row in lines.rows for col in lines.cols} for lines in step.place)
    if first & second:
        yield source.problem((*here, "place", 1), f"cell {min(first & second)} belongs to both layers")


def _sides(
    lines: Lines, layer: tuple[int, int], shape: tuple[int, int]
) -> tuple[tuple[str, tuple[int, ...], int, int], ...]:
    """Rows and columns: their name, those that are named, how many are needed, and how many there are."""
    return ("rows", lines.rows, layer[0], shape[0]), ("cols", lines.cols, 2 * layer[1], shape[1])


def _all_own(bench: BenchFile) -> bool:
    ends = [*bench.bench.lines.rows.values(), *bench.bench.lines.cols.values()]
    return not any(isinstance(end, int) for end in ends)


def _tiling(step: TrainArrayStep, kernels: int, rows: int, cols: int) -> Tiling:
    # Chips are not for a run on an array without transistors.
    from labmtj.nets.chips.tiling import Tiling

    return Tiling.of_shapes(step.layers, block=rows, kernels=kernels, rows=rows, cols=cols)


def task_of(step: TrainArrayStep, *, gain: float | None = None) -> Task:
    """What a step learns; its inputs times `gain`, the step's own if not said."""
    folder = None if step.folder is None else Path(step.folder)
    wanted = Wanted(step.data, folder, step.features, step.classes, step.side, step.samples, step.seed)
    return learning_task(wanted, gain=step.learning.gain if gain is None else gain)


def recipe_of(step: TrainArrayStep) -> Recipe:
    """How a step learns."""
    said = step.learning
    same = ("gate", "scale", "smoothing", "bias_rate", "hidden_rate", "judged", "restore", "refresh")
    values = {name: getattr(said, name) for name in same}
    return Recipe(epochs=step.epochs, eta=(said.eta.first, said.eta.last), **values)


def train(step: TrainArrayStep, progress: Progress, tick: Ticker) -> str:
    """Carry out a step; the line that a person reads about it."""
    door = _door(step, progress)
    plant = PortPlant(door, die=progress.known_map, by_array=step.products == "array", retries=step.retries)
    _changes(progress)
    task, recipe = task_of(step), recipe_of(step)

    def told(seen: EpochSeen) -> None:
        progress.journal.record(
            "epoch",
            {
                "number": seen.number,
                "train": seen.train,
                "test": seen.test,
                "loss": seen.loss,
                "pulses": int(seen.costs.pulses[0]),
                "writes": int(seen.costs.writes[0]),
                "flips": int(seen.costs.flips[0]),
                "disturbed": int(seen.costs.disturbed[0]),
            },
        )

    asked: dict[str, Any] = {
        "rule": step.rule,
        "recipe": recipe,
        "seed": step.seed,
        "enough": step.enough,
        "proofs": step.proof,
    }
    learnt = train_array(plant, task, **asked, told=told, tick=tick)
    if step.software:
        smooth = task_of(step, gain=SMOOTH_GAIN)
        learnt = in_software(learnt, plant.layers, task=task, smooth=smooth, recipe=recipe, seed=step.seed)
    return _keep(step, progress, plant, learnt)


def _door(step: TrainArrayStep, progress: Progress) -> Door:
    """The array as the step drives it."""
    die, array, limits = progress.known_map, progress.array, progress.limits
    said = step.pulse.amplitude
    how = Driving(
        amplitudes=said.record if isinstance(said, AmplitudePair) else write_amplitudes(die.switching),
        width=step.pulse.width or die.width,
        read=step.read or die.read_voltage,
        bits=step.bits,
        seed=step.seed,
        line_current=np.inf if limits is None else _SHARE * limits.line_compliance,
    )
    if progress.kernels is not None:
        from labmtj.routines.chips.columns import gated
        from labmtj.routines.in_situ.gated_door import GatedDoor

        chip = gated(array)
        tiling = _tiling(step, progress.kernels, die.shape[0] // progress.kernels, die.shape[1])
        return GatedDoor(chip, die=die, tiling=tiling, how=how)
    places = (
        blocks(step.layers, die.shape)
        if isinstance(step.place, str)
        else tuple(Placement(lines.rows, lines.cols) for lines in step.place)
    )
    shaped = array.own_levels == (True, True) and _known(die, places)
    if step.coding == "chance" or (step.coding == "auto" and not shaped):
        return CrossbarDoor(array, die=die, places=places, how=how)
    from labmtj.routines.in_situ.level_door import LevelDoor

    picture = progress.picture
    median = die.switching if picture.model is None else picture.at_cells(die.switching)
    return LevelDoor(
        array, die=die, places=places, how=how, own_cells=step.shapes == "cell", median=median, wired=picture.model
    )


def _known(die: DieMap, places: Sequence[Placement]) -> bool:
    """Whether the map tells V_c0 and Delta, towards both states, of all good cells of the layers."""
    found = (die.v_c0_p, die.v_c0_ap, die.delta_p, die.delta_ap)
    here = np.zeros(die.shape, np.bool_)
    for place in places:
        here[np.ix_(np.array(place.rows) - 1, np.array(place.cols) - 1)] = True
    here &= die.good
    return all(values is not None and bool(np.isfinite(values[here]).all()) for values in found)


def _changes(progress: Progress) -> None:
    """Layers that stood before stand no more."""
    states = progress.known_map.state
    progress.reset_states(states)


def _keep(step: TrainArrayStep, progress: Progress, plant: PortPlant, learnt: Learnt) -> str:
    """Put the states into the map, the finding into the journal."""
    die, books = progress.known_map, plant.books
    doubtful = books.suspect | books.stale
    known: Ints = np.full(die.shape, -1, dtype=np.int64) if die.state is None else die.state
    seen: Ints = np.where(doubtful | ~die.good, -1, books.state)
    progress.die_map = replace(die, state=np.where(books.touched, seen, known))
    width = step.pulse.width or die.width
    found = finding_of(learnt, plant, name=step.data, width=width, kernels=progress.kernels)
    progress.trained = found
    return progress.find(found)
