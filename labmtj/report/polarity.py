"""How the polarity was found: the resistance of one cell after each pulse."""

from __future__ import annotations

import numpy as np

from labmtj.records import Floats
from labmtj.report import figures, html
from labmtj.report.content import Run


def section(run: Run) -> str:
    """Show how the cell on which the polarity was found went to and fro: resistance after each pulse."""
    cell, steps = run.root.attributes.get("polarity_cell"), run.groups["steps"].variables
    names = [str(name) for name in steps["name"].values]
    if not isinstance(cell, list) or "polarity" not in names:
        return ""
    step = int(steps["step"].values[names.index("polarity")])

    def of(kind: str, name: str) -> Floats:
        table = run.groups[kind].variables
        here = (table["step"].values == step) & (table["row"].values == cell[0]) & (table["col"].values == cell[1])
        return table[name].values[here].astype(np.float64)

    # A reading belongs to the pulse that came right before it; both are numbered through in the journal.
    pulse, reading = of("pulses", "pulse"), of("readings", "reading")
    after: list[int] = np.searchsorted(reading, pulse).tolist()
    seen = [n for n, place in enumerate(after) if place < reading.size]
    with np.errstate(divide="ignore", invalid="ignore"):
        kiloohm = 1e-3 * of("readings", "voltage") / of("readings", "current")
    volts, ohms = of("pulses", "amplitude")[seen], kiloohm[[after[n] for n in seen]]
    if not volts.size:
        return ""
    title = f"Polarity, found on cell ({cell[0]}, {cell[1]})"
    chart = figures.pulsed_chart(volts, ohms, title=title, key="polarity")
    text = f"A positive row writes {run.text('positive_writes')}: the sign after which the resistance fell writes P."
    return html.section("Polarity", html.paragraph(text), html.figures([(chart, "Resistance after each pulse.")]))
