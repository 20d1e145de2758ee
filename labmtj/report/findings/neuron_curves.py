"""Curves of neurons: all devices, the median one with its fit, what is left of tanh and sech, and each in a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labmtj.records import Floats, Ints
from labmtj.report import html
from labmtj.report.content import number, percent
from labmtj.report.findings import facts, title
from labmtj.report.findings.chart import axes
from labmtj.report.svg import BLUE, INK, ORANGE, styled, to_svg
from labmtj.runs.netcdf import Group

_NEEDED = ("current", "m_x", "m_z", "m_x_error", "m_z_error", "critical", "offset", "asymmetry", "good")


@dataclass(frozen=True, eq=False)
class _Curves:
    """What is drawn, of the neurons that work only: (n,), and (n, points)."""

    numbers: Ints
    current: Floats
    m_x: Floats
    m_z: Floats
    m_x_error: Floats
    m_z_error: Floats
    critical: Floats
    offset: Floats
    asymmetry: Floats

    @classmethod
    def of(cls, group: Group) -> _Curves | None:
        """Those of a finding's group; None if nothing in it works."""
        found = {name: group.values(name) for name in ("neuron", *_NEEDED)}
        known = {name: values for name, values in found.items() if values is not None}
        if len(known) < len(found) or not known["good"].any():
            return None
        good = known.pop("good").astype(np.bool_)
        return cls(known.pop("neuron")[good], **{name: values[good] for name, values in known.items()})

    def argument(self, current: Floats) -> Floats:
        """The argument s of tanh and sech at currents [A], (n, points)."""
        s = (current - self.offset[:, None]) / self.critical[:, None]
        return s * (1.0 + self.asymmetry[:, None] * np.sign(s))

    @property
    def median(self) -> int:
        """Place of the neuron whose critical current is the median one, or next above it."""
        return int(np.argsort(self.critical, kind="stable")[len(self.critical) // 2])


def draw(group: Group, key: str) -> str:
    """Draw the curves, then a table of all neurons."""
    curves = _Curves.of(group)
    drawings: list[tuple[str, str]] = []
    if curves is not None:
        which = int(curves.numbers[curves.median])
        with styled():
            drawings = [
                (_all(curves, f"{key}-all"), "Every neuron that works, as it was measured; lines join its points."),
                (
                    _fit(curves, f"{key}-fit"),
                    f"Neuron {which}, whose critical current is the median: points with standard errors, and its fit.",
                ),
                (
                    _residual(curves, f"{key}-residual"),
                    "Measured less fitted, over the argument of each neuron's own fit; thick: the median of all.",
                ),
                (
                    _spread(curves, f"{key}-spread"),
                    "What differs from neuron to neuron: critical current and offset of the fit.",
                ),
            ]
    return html.section(
        title(key),
        html.paragraph(str(group.attributes["line"])),
        html.figures(drawings, legend={"m_x, tanh": BLUE, "m_z, sech": ORANGE}) if drawings else "",
        _table(group),
        facts(group),
    )


def _all(curves: _Curves, key: str) -> str:
    figure, made = axes("Read-outs of all neurons", x="input current (mA)", y="m")
    for values, colour in ((curves.m_x, BLUE), (curves.m_z, ORANGE)):
        made.plot(1e3 * curves.current.T, values.T, color=colour, linewidth=0.8, alpha=0.6)
    _frame(made)
    alt = f"Read-outs m_x and m_z of {len(curves.numbers)} neurons against their input current."
    return to_svg(figure, alt=alt, key=key)


def _fit(curves: _Curves, key: str) -> str:
    figure, made = axes("Device and fit", x="input current (mA)", y="m")
    row = curves.median
    current = curves.current[row]
    fine = np.linspace(float(np.nanmin(current)), float(np.nanmax(current)), 300)
    s = curves.argument(np.broadcast_to(fine, (len(curves.numbers), len(fine))))[row]
    for values, errors, law, colour in (
        (curves.m_x, curves.m_x_error, np.tanh(s), BLUE),
        (curves.m_z, curves.m_z_error, 1.0 / np.cosh(s), ORANGE),
    ):
        made.errorbar(1e3 * current, values[row], errors[row], fmt="o", color=colour, markersize=3, linewidth=0.8)
        made.plot(1e3 * fine, law, color=INK, linewidth=1.0)
    _frame(made)
    named = f"neuron {curves.numbers[row]}, I_c {1e3 * curves.critical[row]:.3f} mA"
    alt = f"Points of {named}, with tanh and sech fitted to them."
    return to_svg(figure, alt=alt, key=key)


def _residual(curves: _Curves, key: str) -> str:
    figure, made = axes("Distance from tanh and sech", x="argument s of the fit", y="measured - fitted")
    s = curves.argument(curves.current)
    rests = (curves.m_x - np.tanh(s), BLUE), (curves.m_z - 1.0 / np.cosh(s), ORANGE)
    # Only where most neurons have been is there a median of them.
    low, high = float(np.nanmedian(np.nanmin(s, axis=1))), float(np.nanmedian(np.nanmax(s, axis=1)))
    grid = np.linspace(low, high, 121)
    for rest, colour in rests:
        made.plot(s.T, rest.T, color=colour, linewidth=0.6, alpha=0.35)
        made.plot(grid, _median_of(s, rest, grid), color=colour, linewidth=2.0)
    made.axhline(0.0, color=INK, linewidth=0.6, linestyle=":")
    largest = [float(np.nanmax(np.abs(rest))) for rest, _ in rests]
    alt = f"Distances of the read-outs from tanh, {largest[0]:.3f} at most, and from sech, {largest[1]:.3f} at most."
    return to_svg(figure, alt=alt, key=key)


def _median_of(s: Floats, values: Floats, grid: Floats) -> Floats:
    """Median over the curves at each place of a grid; a curve counts where it was measured."""
    at = np.full((len(s), len(grid)), np.nan)
    for row, (x, y) in enumerate(zip(s, values, strict=True)):
        seen = np.isfinite(x) & np.isfinite(y)
        at[row] = np.interp(grid, x[seen], y[seen], left=np.nan, right=np.nan)
    known = np.isfinite(at).any(axis=0)
    out = np.full(len(grid), np.nan)
    out[known] = np.nanmedian(at[:, known], axis=0)
    return out


def _spread(curves: _Curves, key: str) -> str:
    figure, made = axes("Critical current and offset", x="critical current (mA)", y="offset (mA)")
    made.plot(1e3 * curves.critical, 1e3 * curves.offset, "o", color=INK, markersize=4)
    for which, x, y in zip(curves.numbers, 1e3 * curves.critical, 1e3 * curves.offset, strict=True):
        made.annotate(str(which), (x, y), xytext=(4, 2), textcoords="offset points", fontsize=8)
    made.axhline(0.0, color=INK, linewidth=0.6, linestyle=":")
    made.margins(0.12)
    low, high = 1e3 * float(curves.critical.min()), 1e3 * float(curves.critical.max())
    alt = f"Offsets against critical currents of {len(curves.numbers)} neurons, {low:.3f} to {high:.3f} mA."
    return to_svg(figure, alt=alt, key=key)


def _frame(made: Any) -> None:
    """The range of both read-outs, with what goes a little beyond it."""
    made.set_ylim(-1.15, 1.2)
    made.axhline(0.0, color=INK, linewidth=0.6, linestyle=":")


def _table(group: Group) -> str:
    columns = {
        "I_c (mA)": ("critical", "critical_error", 1e3),
        "offset (uA)": ("offset", "offset_error", 1e6),
        "asymmetry (%)": ("asymmetry", "asymmetry_error", 1e2),
        "1 / G_x (ohm)": ("conductance_x", "", 1.0),
        "1 / G_z (ohm)": ("conductance_z", "", 1.0),
    }
    numbers, verdicts = group.values("neuron"), group.values("verdict")
    if numbers is None or verdicts is None:
        return ""
    head = ["neuron", "verdict", *columns, "from tanh", "from sech", "lost current"]
    rows: list[list[str]] = []
    for place, (which, verdict) in enumerate(zip(numbers, verdicts, strict=True)):
        row = [str(which), str(verdict)]
        for name, error, factor in columns.values():
            value = float(group.variables[name].values[place])
            if not error or math.isnan(value):
                row.append(number(1.0 / value))
                continue
            deviation = factor * float(group.variables[error].values[place])
            row.append(f"{number(factor * value)} +- {number(deviation, 2)}")
        row += [number(float(group.variables[f"deviation_{axis}"].values[place]), 2) for axis in "xz"]
        row.append(percent(float(group.variables["leakage"].values[place])))
        rows.append(row)
    caption = (
        "Fits of m_x = tanh(s), m_z = sech(s) with s = (1 +- asymmetry) (I - offset) / I_c, with standard errors; the "
        "conductances at m = 0; the largest distances of a point from the fit; what does not come out of the common "
        "terminal."
    )
    return html.table(head, rows, caption=caption, numbers=len(head) - 2, kind="wide dense")
