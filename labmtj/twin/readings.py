"""What a reading sees beside the mean current: noise of the junctions, telegraph steps, the meter's draw.

Every number belongs to an address with an ordinal: how often a line was read, how often a meter has converted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from labmtj.physics import noise
from labmtj.physics.chance import Purpose, normal_series, uniform_series
from labmtj.physics.variation import DieTruth
from labmtj.records import Floats
from labmtj.twin.state import DieState

_AHEAD = 128  # chosen: numbers that are drawn at once; a block of them costs as much as thirty that are drawn singly


class Series(dict[int, float]):
    """Numbers at one place by ordinal, counted from 0; drawn ahead, because readings ask for one after the other."""

    def __init__(
        self, draw: Callable[[int, int, int, range], list[float]], seed: int, purpose: Purpose, place: int
    ) -> None:
        super().__init__()
        self._draw = partial(draw, seed, int(purpose), place)

    def __missing__(self, ordinal: int) -> float:
        """Draw this number and those that follow, in place of those that are there."""
        ordinals = range(ordinal, ordinal + _AHEAD)
        self.clear()
        self.update(zip(ordinals, self._draw(ordinals), strict=True))
        return self[ordinal]


class View(NamedTuple):
    """What a source sees of the array at an operating point in an aperture.

    `line` is the first of its lines, `sigma` the rms noise [A] of all cells on them, `steps` [A] what the
    current changes by while a telegraph cell (its number) is in its other state.
    """

    line: int
    sigma: float
    steps: tuple[tuple[int, float], ...]


class Draws:
    """Counts the readings of every line of an array of `shape`, and draws what they see."""

    def __init__(self, seed: int, shape: tuple[int, int], state: DieState) -> None:
        self._state, self._rows = state, shape[0]
        self._noise = [Series(normal_series, seed, Purpose.READ_NOISE, line) for line in range(sum(shape))]
        self._telegraph: dict[int, Series] = {}

    def read(self, view: View, amperes: float) -> tuple[float, float]:
        """A reading of a mean current [A], and a standard normal number for the meter's own noise."""
        line, sigma, steps = view
        if line < self._rows:
            reads, index = self._state.row_reads, line
        else:
            reads, index = self._state.col_reads, line - self._rows
        ordinal = reads.item(index)
        reads[index] = ordinal + 1
        shift = 0.0
        for cell, step in steps:
            if self._telegraph[cell][ordinal] < 0.5:
                shift += step
        drawn = self._noise[line]
        return amperes + shift + sigma * drawn[2 * ordinal], drawn[2 * ordinal + 1]


class Readings(Draws):
    """The readings of an array of cells; `first` is the number of the first cell in draws."""

    def __init__(self, truth: DieTruth, state: DieState, *, first: int = 0) -> None:
        model = truth.model
        super().__init__(model.seed, (model.rows, model.cols), state)
        self._truth = truth
        cells: list[int] = np.flatnonzero(truth.telegraph).tolist()
        self._telegraph |= {cell: Series(uniform_series, model.seed, Purpose.TELEGRAPH, first + cell) for cell in cells}

    def view(self, cell_v: Floats, cell_i: Floats, lines: tuple[int, ...], aperture: float) -> View:
        """What a source on these lines sees of the cells at their volts and currents."""
        model, rows, sign = self._truth.model, self._rows, 1 if lines[0] < self._rows else -1
        steps = tuple(
            (cell, sign * float(self._truth.telegraph.flat[cell] * cell_i.flat[cell]))
            for cell in self._telegraph
            if cell_i.flat[cell] and (cell // model.cols in lines or rows + cell % model.cols in lines)
        )
        return View(lines[0], self._sigma(cell_v, cell_i, lines, aperture), steps)

    def _sigma(self, cell_v: Floats, cell_i: Floats, lines: tuple[int, ...], aperture: float) -> float:
        """Standard deviation [A] of the current of all cells on these lines."""
        rows, model = self._rows, self._truth.model
        cells = [(line, slice(None)) if line < rows else (slice(None), line - rows) for line in lines]
        mask = cells[0]
        if len(cells) > 1:
            mask = np.zeros(cell_v.shape, dtype=bool)
            for part in cells:
                mask[part] = True
        parallel = self._state.state[mask] == 0
        variance = noise.current_variance(
            cell_v[mask],
            cell_i[mask],
            fano=np.where(parallel, model.fano_p, model.fano_ap),
            flicker=np.where(parallel, model.flicker_p, model.flicker_ap),
            area=model.area,
            temperature=model.temperature,
            aperture=aperture,
        )
        return math.sqrt(float(variance.sum()))
