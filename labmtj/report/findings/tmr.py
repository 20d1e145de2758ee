"""TMR against voltage: measured cells and the law of the median one."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report.findings.chart import axes, section
from labmtj.report.svg import BLUE, INK, ORANGE, styled, to_svg
from labmtj.runs.netcdf import Group


def draw(group: Group, key: str) -> str:
    """TMR and resistances of all cells against their own voltage, with the fit of the median cell."""
    volts, conductance = group.values("cell_voltage"), group.values("conductance")
    names = ("r_p", "k_p", "tmr0", "v_h")
    fits = [group.values(name) for name in names]
    if volts is None or conductance is None or any(fit is None for fit in fits):
        return section(group, key, [])
    _, k_p, tmr0, v_h = (float(np.nanmedian(fit)) for fit in fits if fit is not None)
    at = np.linspace(0.0, float(np.nanmax(volts)), 100)
    law = tmr0 / (1 + (at / v_h) ** 2)
    # P is interpolated to the AP state's cell voltage: wires leave the two states different ones.
    measured = np.empty(conductance.shape[1:])
    for n, (p, ap) in enumerate(zip(conductance[0], conductance[1], strict=True)):
        own = np.asarray(np.interp(volts[1, n], volts[0, n], 1 / p), np.float64)
        measured[n] = 1 / (ap * own) - 1
    with styled():
        pictures = [
            (
                _chart(
                    1e3 * volts[1], 100 * measured, 1e3 * at, 100 * law * (1 + k_p * at**2), "TMR (%)", f"{key}-tmr"
                ),
                "R_AP over R_P at the same cell voltage, less one; line: the median cell.",
            ),
            (_resistances(1e3 * volts, 1e-3 / conductance, f"{key}-ohms"), "Resistances without wires, P and AP."),
        ]
    return section(group, key, pictures, legend={"P": BLUE, "AP": ORANGE})


def _chart(volts: Floats, values: Floats, at: Floats, law: Floats, label: str, key: str) -> str:
    figure, made = axes("TMR against voltage", x="cell voltage (mV)", y=label)
    made.plot(volts.T, values.T, ".", color=ORANGE, markersize=4)
    made.plot(at, law, color=INK, linewidth=1.2)
    made.set_ylim(0.0)
    return to_svg(figure, alt=f"TMR of {len(values)} cells falling from {law[0]:.0f} to {law[-1]:.0f} %.", key=key)


def _resistances(volts: Floats, kilohm: Floats, key: str) -> str:
    figure, made = axes("Resistance against voltage", x="cell voltage (mV)", y="resistance (kohm)")
    for state, colour in enumerate((BLUE, ORANGE)):
        made.plot(volts[state].T, kilohm[state].T, color=colour, linewidth=0.9, marker=".", markersize=3)
    made.set_ylim(0.0)
    return to_svg(figure, alt=f"Resistances of {kilohm.shape[1]} cells in both states against voltage.", key=key)
