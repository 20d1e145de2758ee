"""The dies themselves: how many defects they have, and what a short draws behind its transistor."""

from __future__ import annotations

import numpy as np

from labmtj.report import html
from labmtj.report.study.drawing import Drawing, Rows, Section, chart, finish, legend
from labmtj.report.svg import BLUE, GREEN, INK, ORANGE
from labmtj.report.training.content import Content, keys, rows_of

_COLOURS = {"P": GREEN, "AP": BLUE, "short": ORANGE}


def section(content: Content) -> Section:
    """Currents of cells and shorts at both rails, and defects by rate."""
    drawings = (_currents(content),) if content.table("currents") else ()
    before = _bound(content)
    return Section("The chips", before, drawings, (_defects(content),))


def _bound(content: Content) -> tuple[str, ...]:
    table = content.table("currents")
    if not table or not {"P", "short"} <= set(table["cell"].tolist()):
        return ()
    said: list[str] = []
    for (rail,) in keys(table, "rail"):
        cells = {name: rows_of(table, rail=rail, cell=name) for name in ("P", "short")}
        volts, read = table["volts"][cells["P"]], float(table["read"][0])
        here, most = {}, 1e6 * float(table["amperes"][cells["short"]].max())
        for name, rows in cells.items():
            here[name] = 1e6 * float(np.interp(read, volts, table["amperes"][rows]))
        said.append(
            f"with its gate at {rail:g} V and the read voltage of {read:g} V across, a short draws "
            f"{here['short']:.3g} uA and a cell in P {here['P']:.3g} uA ({here['short'] / here['P']:.2f} times); "
            f"at {volts[-1]:g} V the short draws {most:.3g} uA"
        )
    text = "A short is bounded by its transistor: " + "; ".join(said) + "."
    return (html.paragraph(text),)


def _currents(content: Content) -> Drawing:
    table = content.table("currents")
    figure, axes = chart("What a cell draws", x="voltage from row to column (V)", y="current (uA)")
    out = Rows("cell", "rail", "volts", "amperes")
    rails = [rail for (rail,) in keys(table, "rail")]
    for cell, rail in keys(table, "cell", "rail"):
        rows = rows_of(table, cell=cell, rail=rail)
        volts, amperes = table["volts"][rows], table["amperes"][rows]
        style = "-" if rail == rails[0] else "--"
        colour = _COLOURS.get(str(cell), INK)
        axes.plot(volts, 1e6 * amperes, style, color=colour, label=f"{cell}, gate {rail:g} V")
        for volt, ampere in zip(volts.tolist(), amperes.tolist(), strict=True):
            out.add(str(cell), rail, volt, ampere)
    legend(figure, axes, across=3)
    caption = "Current of a good cell in both states and of a short against the voltage, at both rails of the gates."
    return finish(figure, name="currents", alt=caption, caption=caption, numbers=out.columns)


def _defects(content: Content) -> str:
    table = content.table("defects")
    if not table:
        return ""
    kinds = [name for name in table if name not in {"die", "shorts"}]
    lines: list[list[str]] = []
    for (rate,) in keys(table, "shorts"):
        rows = rows_of(table, shorts=rate)
        cells = [np.asarray(table[kind][rows], np.float64) for kind in kinds]
        lines.append([f"{rate:g} x", *(f"{each.mean():.1f} ({each.min():g} to {each.max():g})" for each in cells)])
    caption = "Cells of a die by what is wrong with them: mean (fewest to most)."
    return html.table(["rate of shorts", *kinds], lines, caption=caption, numbers=len(kinds))
