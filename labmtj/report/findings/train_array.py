"""Training on the array: the curve of learning, what cells went through, and accuracies beside those of software."""

from __future__ import annotations

import numpy as np

from labmtj.records import Defect, Floats, Ints, State
from labmtj.report import html
from labmtj.report.chip import sheet
from labmtj.report.content import duration, percent
from labmtj.report.findings import facts, title
from labmtj.report.findings.chart import axes
from labmtj.report.maps import COLOURS, Marks, Spread, state_map, value_map
from labmtj.report.svg import BLUE, GREEN, ORANGE, styled, to_svg
from labmtj.runs.netcdf import Group
from labmtj.units import Dimension, show

_WAYS = (
    ("software_real_", "real weights, trained in software"),
    ("software_ternary_", "the same rule on perfect devices, in software"),
    ("", "this array"),
)


def draw(group: Group, key: str) -> str:
    """A table of accuracies, the curves, the maps, and all figures."""
    said = group.attributes
    rows = [
        [text, *(_share(said.get(f"{prefix}{part}")) for part in ("train", "test"))]
        for prefix, text in _WAYS
        if f"{prefix}test" in said
    ]
    caption = "Software: means of some networks that were drawn anew. Test samples took no part in any choice."
    table = html.table(["right", "training samples", "test samples"], rows, caption=caption, numbers=2)
    with styled():
        drawn = [*_curves(group, key), *_maps(group, key)]
    wide = "figures broad" if "kernels" in said else "figures"
    return html.section(
        title(key),
        html.paragraph(str(said["line"])),
        table,
        html.figures(drawn, kind=wide),
        _costs(group),
        facts(group),
    )


def _curves(group: Group, key: str) -> list[tuple[str, str]]:
    values = {name: group.values(name) for name in ("epoch", "train", "test", "flips", "disturbed", "writes")}
    if any(value is None or not value.size for value in values.values()):
        return []
    known: dict[str, Floats] = {name: np.asarray(value, float) for name, value in values.items()}
    epoch = known["epoch"]
    figure, made = axes("Learning", x="epoch", y="samples that are right (%)")
    made.plot(epoch, 100 * known["train"], color=BLUE, label="training samples")
    made.plot(epoch, 100 * known["test"], color=ORANGE, label="test samples")
    made.legend(frameon=False)
    ends = f"{100 * known['train'][-1]:.1f} % and {100 * known['test'][-1]:.1f} %"
    learning = to_svg(figure, alt=f"Training and test samples that are right: {ends} at the end.", key=f"{key}-curve")
    figure, made = axes("Flips", x="epoch", y="cells, until then")
    for name, colour, text in (
        ("flips", BLUE, "as asked"),
        ("disturbed", ORANGE, "not asked"),
        ("writes", GREEN, "pulses of write-verify"),
    ):
        made.plot(epoch, known[name], color=colour, label=text)
    made.legend(frameon=False)
    flips = to_svg(figure, alt=f"{known['flips'][-1]:.0f} flips as asked by the end.", key=f"{key}-flips")
    return [
        (
            learning,
            "At the end of each epoch: training samples before, test samples after what is not the best is undone.",
        ),
        (flips, "Cells that read otherwise than before, with and without a pulse that asked for it."),
    ]


def _maps(group: Group, key: str) -> list[tuple[str, str]]:
    layer, state, pulses = (group.values(name) for name in ("layer", "state", "cell_pulses"))
    if layer is None or state is None or pulses is None:
        return []
    used = np.asarray(layer) > 0
    states: Floats = np.where(used, state, np.nan)
    counts: Floats = np.where(used & (pulses > 0), pulses, np.nan)
    said = f"At most {int(pulses.max())} on one cell, those of the map not counted."
    if "kernels" in group.attributes:
        kernels = int(str(group.attributes["kernels"]))
        return [
            (sheet(states, kernels, "States at the end", "1 P, 0 AP", key=f"{key}-state"), "Grey: no device."),
            (sheet(counts, kernels, "Pulses of training", "pulses", key=f"{key}-pulses"), said),
        ]
    none: Ints = np.full(states.shape, int(Defect.NONE))
    text = f"{int((state[used] == State.P).sum())} of {int(used.sum())} devices in P"
    picture = state_map(states, title="States at the end", marks=Marks(none), alt=text, key=f"{key}-state")
    count = value_map(
        counts, title="Pulses of training", label="pulses", marks=Marks(none), alt=said, key=f"{key}-pulses",
        spread=Spread.COUNT,
    )  # fmt: skip
    return [(picture, f"{text} ({_colour(State.P)}: P)."), (count, said)]


def _colour(state: State) -> str:
    return {BLUE: "blue", ORANGE: "orange"}[COLOURS[state]]


def _costs(group: Group) -> str:
    said = group.attributes
    energy, seconds = float(str(said["energy_joule"])), float(str(said["bench_second"]))
    updates = max(1, int(str(said["updates"])))
    rows = [
        ["updates that samples asked for", f"{said['updates']}"],
        ["pulses on lines, of write-verify", f"{said['pulses']}, {said['write_pulses']}"],
        ["pulses a cell, at most", f"{float(str(said['pulses_per_cell'])):.1f}, {said['most_pulses_on_a_cell']}"],
        ["flips as asked, disturbed", f"{said['flips']}, {said['disturbed']}"],
        [
            "energy of pulses in selected cells",
            f"{show(energy, Dimension.ENERGY, 3)}, {show(energy / updates, Dimension.ENERGY, 3)} an update",
        ],
        ["bench time", duration(seconds)],
    ]
    return html.table(["cost of training", ""], rows, caption="The map and the contact check not counted.", numbers=1)


def _share(value: object) -> str:
    return percent(float(value)) if isinstance(value, int | float) else ""
