"""The sections of a chip with a transistor in every cell: its kernels side by side, and the network written on them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labmtj.records import Defect, Floats
from labmtj.report import html
from labmtj.report.content import Run, defects_in_words, number
from labmtj.report.svg import new_figure, to_svg

_WIDE, _RIGHT, _TOP, _BOTTOM = 5.2, 0.9, 0.34, 0.1  # [inch] chosen: a page's column


def kernels(run: Run) -> int | None:
    """How many kernels the chip of a run has; None for an array without transistors."""
    found: Any = run.bench().get("array", {}).get("kernels")
    return found if isinstance(found, int) else None


def die(run: Run, count: int) -> str:
    """Conductances of all cells, and what every cell went through."""
    r_p, r_ap = run.cells.values("r_p"), run.cells.values("r_ap")
    drawn: list[tuple[str, str]] = []
    text = ""
    if r_p is not None and r_ap is not None:
        good = run.defect == 0
        words = defects_in_words(run.defect)
        micro_p, micro_ap = np.where(good, 1e6 / r_p, np.nan), np.where(good, 1e6 / r_ap, np.nan)
        text = (
            f"{run.defect.size} cells in {count} kernels: {words}. Median G_P {_median(micro_p)} uS, G_AP "
            f"{_median(micro_ap)} uS, transistor and wires included."
        )
        window = "G_P - G_AP of every cell", "window (uS)"
        drawn.append((sheet(micro_p - micro_ap, count, *window, key="die-window"), "Grey: cells without two states."))
        bad = np.where(good, np.nan, run.defect.astype(np.float64))
        drawn.append((sheet(bad, count, "Defects", "1 short, 2 open, 3 stuck", key="die-defects"), f"{words}."))
    counts = run.cells.variables["pulse_count"].values.astype(np.float64)
    most = int(counts.max())
    drawn.append(
        (
            sheet(np.where(counts > 0, counts, np.nan), count, "Pulses in the whole run", "pulses", key="die-pulses"),
            f"Every pulse, those of mapping and polarity too; at most {most} on one cell. Grey: none.",
        )
    )
    return html.section("The chip", html.paragraph(text) if text else "", html.figures(drawn, kind="figures broad"))


def network(run: Run, count: int) -> str:
    """The network as it was written and read back."""
    group = run.groups.get("chip")
    if group is None:
        return ""
    target, state, conductance, defect = (
        group.variables[name].values for name in ("target", "state", "conductance", "defect")
    )
    used = target >= 0
    wrong, bad = used & (state != target), defect != Defect.NONE
    micro = np.where(used & ~bad, 1e6 * conductance, np.nan)
    mark = np.where(wrong, np.where(bad, 1.0, 2.0), np.nan)
    drawn = [
        (
            sheet(micro, count, "Conductance read back", "conductance (uS)", key="network-conductance"),
            "Last reading while writing. Grey: no device of the network, or a defective cell.",
        ),
        (
            sheet(mark, count, "Devices in the wrong state", "1 defective, 2 missed", key="network-wrong"),
            f"{int((wrong & bad).sum())} of {int((used & bad).sum())} defective devices show the other state; "
            f"{int((wrong & ~bad).sum())} good ones were missed.",
        ),
    ]
    pulses = int(group.variables["pulses"].values.sum())
    text = f"{int(used.sum())} devices; {int(used.sum() - wrong.sum())} read as their target; {pulses} write pulses."
    return html.section("The network on the chip", html.paragraph(text), html.figures(drawn, kind="figures broad"))


def on_sheet(values: Floats, count: int) -> Floats:
    """Values (rows of all kernels, cols) with the kernels side by side, about as wide as twice the height.

    Between kernels, and where there is none, nan.
    """
    rows, cols = values.shape[0] // count, values.shape[1]
    across = min(count, math.ceil(math.sqrt(2.0 * count * rows / cols)))
    down = math.ceil(count / across)
    sheet = np.full((down * (rows + 1) - 1, across * (cols + 1) - 1), np.nan)
    for kernel in range(count):
        top, left = kernel // across * (rows + 1), kernel % across * (cols + 1)
        sheet[top : top + rows, left : left + cols] = values[kernel * rows : (kernel + 1) * rows]
    return sheet


def sheet(values: Floats, count: int, title: str, label: str, *, key: str) -> str:
    """A map of all cells of `count` kernels side by side, with a colour bar called `label`."""
    laid = on_sheet(values, count)
    tall = _WIDE * laid.shape[0] / laid.shape[1]
    figure = new_figure(width=_WIDE + _RIGHT, height=tall + _TOP + _BOTTOM)
    whole = _WIDE + _RIGHT, tall + _TOP + _BOTTOM
    axes = figure.add_axes((0.02 / whole[0], _BOTTOM / whole[1], _WIDE / whole[0], tall / whole[1]))
    axes.set_title(title)
    axes.set_axis_off()
    there = on_sheet(np.ones_like(values), count)
    axes.imshow(there, cmap="Greys", vmin=0.0, vmax=4.0, interpolation="nearest", aspect="auto")
    known = laid[np.isfinite(laid)]
    if known.size:
        drawn = axes.imshow(laid, cmap="viridis", interpolation="nearest", aspect="auto")
        place = figure.add_axes(((_WIDE + 0.12) / whole[0], _BOTTOM / whole[1], 0.1 / whole[0], tall / whole[1]))
        figure.colorbar(drawn, cax=place, label=label)
    span = f"{known.min():.4g} to {known.max():.4g}" if known.size else "no values"
    return to_svg(figure, alt=f"{title}, {label}: {span}; {count} kernels, the first at the upper left.", key=key)


def _median(values: Floats) -> str:
    known = values[np.isfinite(values)]
    return number(float(np.median(known)) if known.size else None)
