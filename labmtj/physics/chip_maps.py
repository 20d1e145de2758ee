"""Maps of whole chips as reading every cell in both states would give them, without an instrument in between.

One gate is open, all rows stand at the read voltage and all columns at 0 V, so a row's wire drops what all of its
cells draw. Cells are read in two passes: the states of a chequerboard, then all of them turned, so that in both half of
a row's cells are P, as in a trained network. What a cell is, is judged from its two conductances alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labmtj.errors import InputError, SolveError
from labmtj.physics.chance import Purpose, normals, uniforms
from labmtj.physics.gated_kernels import BEND, OVER, SIEMENS, TMR, VOLTS, solve_each
from labmtj.physics.noise import current_variance
from labmtj.physics.variation import DieModel, DieTruth, draw_die
from labmtj.records import ChipMaps, Defect, Floats, Ints, State

READ, RAIL = 0.1, 0.75
"""Read voltage and gate voltage [V]. Chosen: a cell of V_c0 0.4 V keeps its state, and a short draws little more than
twice what a cell in P does."""
APERTURE = 20e-3
"""Integration of a reading [s]: one period of 50 Hz mains."""
_ONE_STATE = 0.5  # chosen: a window below this share of the median is none; good windows spread by some per cent
_SHORT = 1.0  # chosen: a short conducts more than the median of P by this many windows; stuck cells do not
_OPEN = 0.3  # chosen: an open cell conducts less than this share of the median of AP


def measured_maps(
    dies: Sequence[DieModel | DieTruth],
    *,
    read: float = READ,
    rail: float = RAIL,
    noise: bool = True,
    aperture: float = APERTURE,
) -> ChipMaps:
    """Read all cells of chips in both states at `read` [V] with the gates of a row at `rail` [V].

    `noise` adds the junctions' noise within `aperture` [s] and telegraph steps, addressed by the die's seed; a meter
    adds its own, which is not here. Raises InputError for dies without transistors or of several shapes, SolveError
    as `gated.solve_gated`.
    """
    truths = [draw_die(die) if isinstance(die, DieModel) else die for die in dies]
    if not truths or len({truth.r_p.shape for truth in truths}) > 1:
        raise InputError(f"{len(truths)} dies of shapes {sorted({truth.r_p.shape for truth in truths})} make no maps")
    both = np.array([_both(truth, read, rail, aperture if noise else None) for truth in truths])
    g_p, g_ap = both[:, 0], both[:, 1]
    defect = np.array([found_defects(*die) for die in both])
    same = defect != Defect.NONE
    g_p[same] = g_ap[same] = 0.5 * (g_p[same] + g_ap[same])
    names = tuple(f"die {number} (seed {truth.model.seed})" for number, truth in enumerate(truths, 1))
    return ChipMaps(g_p, g_ap, defect, read, names)


def found_defects(g_p: Floats, g_ap: Floats) -> Ints:
    """What is wrong (`Defect`) with the cells of a chip, by their conductances [S] after a write of P and of AP."""
    window, high, low = np.median(g_p - g_ap), np.median(g_p), np.median(g_ap)
    mean = 0.5 * (g_p + g_ap)
    kind = np.where(
        mean > high + _SHORT * window, Defect.SHORT, np.where(mean < _OPEN * low, Defect.OPEN, Defect.STUCK)
    )
    return np.where(g_p - g_ap > _ONE_STATE * window, Defect.NONE, kind).astype(np.int64)


def _both(truth: DieTruth, read: float, rail: float, aperture: float | None) -> Floats:
    """Conductances [S] after a write of P and of AP, (2, rows, cols)."""
    rows, cols = truth.model.rows, truth.model.cols
    board = ((np.arange(rows)[:, np.newaxis] + np.arange(cols)) % 2).astype(np.int8)
    first, second = (_pass(truth, wanted, read, rail, aperture, turn) for turn, wanted in enumerate((board, 1 - board)))
    return np.array([np.where(board == State.P, first, second), np.where(board == State.P, second, first)])


def _pass(
    truth: DieTruth, wanted: NDArray[np.int8], read: float, rail: float, aperture: float | None, turn: int
) -> Floats:
    """Conductances [S] of all cells once these states were written."""
    model = truth.model
    if model.transistor is None or truth.threshold is None:
        raise InputError("a die without transistors has no map of a chip: take one of chip_model")
    state = np.where(truth.defect == Defect.STUCK, truth.initial, wanted)
    junction = (truth.defect == Defect.NONE) | (truth.defect == Defect.STUCK)
    kernels, height = model.kernels, model.rows // model.kernels
    cells = np.empty((4, *truth.r_p.shape))
    cells[SIEMENS], cells[OVER] = 1.0 / truth.r_p, rail - truth.threshold
    cells[BEND] = np.where(junction & (state == State.P), model.k_p, 0.0)
    cells[TMR] = np.where(junction & (state == State.AP), truth.tmr, 0.0)
    apart = np.ascontiguousarray(cells.reshape(4, kernels, height, model.cols).swapaxes(0, 1))
    lines = np.zeros((2, height)), np.zeros((2, model.cols))
    lines[0][VOLTS] = read
    of, row = np.divmod(np.arange(model.rows), height)
    volts, amperes = np.zeros((2, model.rows, 1, model.cols))
    law = model.transistor.k, model.v_h**-2.0, model.wire
    missing = solve_each(row[:, np.newaxis], of, apart, *lines, *law, volts, amperes)
    if not missing < 1e-9:
        raise SolveError(f"the map of seed {model.seed}: no operating point was proven ({missing:.1e} is missing)")
    cell_v, current = volts[:, 0], amperes[:, 0]
    if aperture is None:
        return current / read
    is_ap = state == State.AP
    variance = current_variance(
        cell_v,
        current,
        fano=np.where(is_ap, model.fano_ap, model.fano_p),
        flicker=np.where(is_ap, model.flicker_ap, model.flicker_p),
        area=model.area,
        temperature=model.temperature,
        aperture=aperture,
    )
    count, shape = current.size, current.shape
    stepped = uniforms(model.seed, Purpose.MAP_TELEGRAPH, count, turn).reshape(shape) < 0.5
    drawn = normals(model.seed, Purpose.MAP_NOISE, count, turn).reshape(shape)
    return (current * (1.0 + np.where(stepped, truth.telegraph, 0.0)) + np.sqrt(variance) * drawn) / read
