"""Curves of G_P(V) and G_AP(V) of single cells: wires taken out at every voltage, and the law fitted.

A row that is driven loads its wires more at high voltages, where its cells conduct more: at 75 nm that alone would
make V_h 10 % too large. So the law is fitted, the conductances of the row at each level follow from it, and
with them what the wires take there; the second fit is on what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from labmtj.physics import mtj
from labmtj.records import Cell, DieMap, Floats, Ints, State
from labmtj.routines.series import Alone, read_shares

PARAMETERS = ("r_p", "k_p", "tmr0", "v_h")
_GUESS_K, _GUESS_V_H = 0.1, 0.4  # [1/V2], [V] chosen: where the fit begins; it ends at the same place from 0.2 to 1 V
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Curve:
    """What reads of one cell showed: conductances [S] (2, levels) in P and AP with their relative `error`.

    `alone` are the cells of the array without wires in each of the two patterns, as reads at `at` [V] gave them.
    """

    cell: Cell
    levels: Floats
    conductance: Floats
    error: Floats
    alone: tuple[Alone, Alone]
    state: tuple[Ints, Ints]
    at: float


@dataclass(frozen=True, eq=False)
class CurveFit:
    """R_P, k_P, TMR0 and V_h with their standard errors, (4,); conductance [S] and cell voltage [V] (2, levels)."""

    values: Floats
    errors: Floats
    conductance: Floats
    volts: Floats


def fit_curves(curves: list[Curve], *, die: DieMap) -> list[CurveFit]:
    """Fit all curves; the median of their fits says how the rows' conductances change with the voltage."""
    law: Floats | None = None
    found: list[CurveFit] = []
    for _ in range(_ROUNDS if die.wire else 1):
        found = [_fit_one(curve, die=die, law=law) for curve in curves]
        law = np.nanmedian([fit.values for fit in found], axis=0)
        if not np.isfinite(law).all():
            break
    return found


def _fit_one(curve: Curve, *, die: DieMap, law: Floats | None) -> CurveFit:
    conductance, volts = np.empty_like(curve.conductance), np.empty_like(curve.conductance)
    for state in State:
        free = curve.alone[state]
        for place, level in enumerate(curve.levels):
            ohms = free.ohms if law is None else _at_level(curve, state, float(level), law)
            share, shown = (free.share, free.shown) if law is None else read_shares(ohms, die=die)
            position = curve.cell.position
            conductance[state, place] = curve.conductance[state, place] / (shown[position] * ohms[position])
            volts[state, place] = level * share[position]
    values, errors = fit_law(volts, conductance, curve.error)
    return CurveFit(values, errors, conductance, volts)


def _at_level(curve: Curve, state: State, level: float, law: Floats) -> Floats:
    """Resistances [ohm] of all cells with the curve's row at `level` [V], by the law of the median cell."""
    free, row = curve.alone[state], curve.cell.row - 1
    ohms = free.ohms.copy()
    _, k_p, tmr0, v_h = law.tolist()
    before, now = (
        mtj.conductance(volts * free.share[row], state=curve.state[state][row], r_p=1.0, tmr0=tmr0, v_h=v_h, k_p=k_p)
        for volts in (curve.at, level)
    )
    ohms[row] *= before / now
    return ohms


def fit_law(volts: Floats, conductance: Floats, error: Floats) -> tuple[Floats, Floats]:
    """R_P, k_P, TMR0 and V_h of one cell with their standard errors, (4,) each; nan where the fit does not settle.

    `volts` (2, levels) [V] and `conductance` [S] of P and AP, `error` relative.
    """
    # It takes longer to import than a short protocol to run.
    import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

    curve_fit = cast("Any", scipy.optimize).curve_fit

    seen = np.isfinite(conductance) & (conductance > 0)
    state = np.broadcast_to(np.array([[0], [1]]), volts.shape)[seen]
    if not seen.any(axis=1).all() or state.size < 5:
        return np.full(4, np.nan), np.full(4, np.nan)
    r_p, r_ap = 1 / conductance[0][seen[0]][0], 1 / conductance[1][seen[1]][0]

    def law(v: Floats, log_r: float, k: float, tmr0: float, v_h: float) -> Floats:
        return np.log(mtj.conductance(v, state=state, r_p=np.exp(log_r), tmr0=tmr0, v_h=v_h, k_p=k))

    start = [np.log(r_p), _GUESS_K, max(r_ap / r_p - 1, 0.1), _GUESS_V_H]
    lowest = -0.5 / float(volts[seen].max()) ** 2  # so that no conductance reaches zero on the way
    bounds = ([-np.inf, lowest, 0.0, 0.01], [np.inf, np.inf, np.inf, 100.0])
    found: Floats
    covariance: Floats
    try:
        found, covariance = curve_fit(
            law, volts[seen], np.log(conductance[seen]), p0=start, sigma=error[seen], absolute_sigma=True, bounds=bounds
        )
    except RuntimeError:  # curve_fit's word for a fit that did not settle
        return np.full(4, np.nan), np.full(4, np.nan)
    errors = np.sqrt(np.diag(covariance))
    found[0], errors[0] = np.exp(found[0]), errors[0] * np.exp(found[0])
    return found, errors
