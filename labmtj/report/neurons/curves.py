"""Curves of the neurons: read-outs, tanh and sech, what is between them, and how far neurons of a die are off."""

from __future__ import annotations

import math

import numpy as np

from labmtj.report import html
from labmtj.report.neurons.content import COLOURS, KNOWN, Content, variations, varying
from labmtj.report.study.content import Table, chosen
from labmtj.report.study.drawing import VERMILION, Drawing, Rows, Section, chart, finish, legend
from labmtj.report.svg import BLUE, INK
from labmtj.report.training.content import keys, rows_of

_X, _Z = BLUE, VERMILION
_ALPHA = 0.55  # chosen: lines of many neurons lie over one another


def section(content: Content) -> Section:
    """Read-outs of a neuron with what they are meant to be, their residual, and neurons that differ."""
    table = content.table("curves")
    if not table:
        return Section("Curves of the neurons")
    every = variations(table)
    known = str(table["calibration"][-1])
    alike = chosen(table, varying(table, every[0]) & rows_of(table, calibration=known))
    first = chosen(alike, rows_of(alike, neuron=float(alike["neuron"][0])))
    text = (
        "The input is the current over the critical one that the host knows, less the offset if it knows that. "
        "A network's forward pass reads x where software has tanh; its backward pass squares the reading of z where "
        "software has sech²."
    )
    drawings = [_read_outs(first), _residuals(first)]
    if every[-1] != 0.0:
        drawings.append(_different(chosen(table, varying(table, every[-1])), every[-1]))
    if (deviations := content.table("deviations")) and not np.isnan(deviations["variation"]).any():
        drawings.append(_deviations(deviations))
    return Section("Curves of the neurons", (html.paragraph(text, kind="soft"),), tuple(drawings))


def _read_outs(one: Table) -> Drawing:
    figure, axes = chart("Read-outs of a neuron", x="input current over the critical one", y="read-out")
    for name, ideal, colour, label in (("m_x", "tanh", _X, "x"), ("m_z", "sech", _Z, "z")):
        axes.plot(one["input"], one[name], color=colour, linewidth=1.8, label=f"{label} read-out")
        axes.plot(
            one["input"], one[ideal], color=INK, linewidth=1.0, linestyle="--" if label == "x" else ":", label=ideal
        )
    legend(figure, axes)
    caption = "Read-outs of one neuron, and the tanh and sech of the critical current that was fitted to it."
    numbers = {name: one[name] for name in ("input", "m_x", "tanh", "m_z", "sech")}
    return finish(figure, name="read_outs", alt=caption, caption=caption, numbers=numbers)


def _residuals(one: Table) -> Drawing:
    figure, axes = chart("Read-outs less tanh and sech", x="input current over the critical one", y="residual")
    for name, colour, label in (("residual_x", _X, "x less tanh"), ("residual_z", _Z, "z less sech")):
        axes.plot(one["input"], one[name], color=colour, linewidth=1.8, label=label)
    axes.axhline(0.0, color=INK, linewidth=0.8, linestyle=":")
    legend(figure, axes)
    x, z = (float(np.abs(one[name]).max()) for name in ("residual_x", "residual_z"))
    caption = f"Residuals of the same neuron; the largest are {x:.3f} of x and {z:.3f} of z."
    numbers = {name: one[name] for name in ("input", "residual_x", "residual_z")}
    return finish(figure, name="residuals", alt=caption, caption=caption, numbers=numbers)


def _different(table: Table, variation: float) -> Drawing:
    which = "of the measured map" if math.isnan(variation) else f"of a die that varies by {100 * variation:g} %"
    figure, axes = chart(f"Neurons {which}", x="input that the host asks for", y="read-out")
    out = Rows("calibration", "neuron", "input", "m_x", "m_z")
    for known, style in (("none", ":"), ("neuron", "-")):
        label = KNOWN[known]
        for (number,) in keys(chosen(table, rows_of(table, calibration=known)), "neuron"):
            one = chosen(table, rows_of(table, calibration=known, neuron=number))
            for name in ("m_x", "m_z"):
                axes.plot(
                    one["input"], one[name], style, color=COLOURS[known], linewidth=1.0, alpha=_ALPHA, label=label
                )
                label = "_"
            for line in zip(*(one[name].tolist() for name in ("input", "m_x", "m_z")), strict=True):
                out.add(known, number, *line)
    grid = np.linspace(float(table["input"].min()), float(table["input"].max()), 101)
    axes.plot(grid, np.tanh(grid), color=INK, linewidth=1.2, label="tanh, sech")
    axes.plot(grid, 1.0 / np.cosh(grid), color=INK, linewidth=1.2)
    legend(figure, axes, across=3)
    caption = f"The first neurons {which}, as a host sees them that knows more or less."
    return finish(figure, name="different_neurons", alt=caption, caption=caption, numbers=out.columns)


def _deviations(table: Table) -> Drawing:
    """Largest distance of neurons from tanh and sech against the variation: median and 95th percentile."""
    figure, axes = chart("Largest distance from tanh and sech", x="variation of the die (%)", y="largest distance")
    out = Rows("calibration", "read_out", "variation", "median", "p95", "largest")
    for known, colour in COLOURS.items():
        for name, style, label in (("deviation_x", "-", "x"), ("deviation_z", "--", "z")):
            points: list[tuple[float, float, float]] = []
            for (variation,) in keys(table, "variation"):
                rows = rows_of(table, calibration=known, variation=variation)
                if rows.any():
                    values = table[name][rows]
                    middle, high = (float(part) for part in np.percentile(values, (50, 95)))
                    points.append((100 * float(variation), middle, high))
                    out.add(known, label, *points[-1], float(values.max()))
            if points:
                found = np.array(points)
                axes.plot(found[:, 0], found[:, 1], style, marker="o", markersize=4, color=colour,
                          label=f"{label}, {KNOWN[known]}")  # fmt: skip
                axes.plot(found[:, 0], found[:, 2], style, color=colour, linewidth=0.6, label="_")
    axes.set_ylim(bottom=0.0)
    legend(figure, axes, across=2)
    caption = "Over the neurons of a die: the median (marks), and what 95 % of the neurons keep within (thin lines)."
    return finish(figure, name="deviations", alt=caption, caption=caption, numbers=out.columns)
