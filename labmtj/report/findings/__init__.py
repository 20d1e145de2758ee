"""Sections of the report for what characterisation steps found: one module a kind of finding, by its name.

Each module has `draw(group, key)`: the finding's group of run.h5 and a key that is unique on the page, to an html
section.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from labmtj.report import html
from labmtj.report.content import number
from labmtj.runs.netcdf import Group

DRAWERS: dict[str, str] = {
    "rh_loop": "rh_loop",
    "switching": "switching",
    "write_error": "rates",
    "half_select": "rates",
    "read_disturb": "rates",
    "ramps": "ramps",
    "retention": "retention",
    "classify": "classify",
    "infer_network": "infer_network",
    "iv": "iv",
    "neuron_curves": "neuron_curves",
    "offsets": "offsets",
    "reference": "reference",
    "tmr": "tmr",
    "train_array": "train_array",
    "wires": "wires",
}
"""Name of a finding, and the module of this package that draws it."""


TITLES: dict[str, str] = {
    "classify": "Cells by class",
    "flip_probability": "Flip probabilities, asked and realised",
    "half_select": "Half-select disturb",
    "infer_network": "Images through the network on the chip",
    "iv": "Current against voltage",
    "neuron_curves": "Curves of neurons",
    "offsets": "Offset voltages",
    "ramps": "Switching voltages by ramps",
    "read_disturb": "Read disturb",
    "reference": "Drift of the references",
    "retention": "Retention",
    "rh_loop": "Loops in a field",
    "switching": "Switching of chosen cells",
    "tmr": "TMR against voltage",
    "train_array": "Training on the array",
    "wires": "Wires and contacts",
    "write_error": "Write errors",
}
"""Name of a finding, and the heading of its section."""


def title(name: str) -> str:
    """The heading of a group of run.h5: what it is, and its number where there are several."""
    kind = re.sub(r"\d+$", "", name)
    return TITLES.get(kind, kind.replace("_", " ").capitalize()) + (f" ({name[len(kind) :]})" if name != kind else "")


def sections(groups: dict[str, Group]) -> list[str]:
    """Sections of all findings, in the order in which they were made."""
    out: list[str] = []
    for name, group in groups.items():
        kind = re.sub(r"\d+$", "", name)
        if "line" not in group.attributes:
            continue
        module: Any = import_module(f"{__name__}.{DRAWERS[kind]}") if kind in DRAWERS else None
        out.append(module.draw(group, name) if module else _plain(group, name))
    return out


def facts(group: Group) -> str:
    """All figures of a finding as a table."""
    rows = [
        [name.removesuffix("_1").replace("_", " "), number(value) if isinstance(value, float) else str(value)]
        for name, value in group.attributes.items()
        if name != "line"
    ]
    return (
        html.table(["figure", "value"], rows, caption="Units are the last word of each name.", numbers=1)
        if rows
        else ""
    )


def _plain(group: Group, name: str) -> str:
    return html.section(title(name), html.paragraph(str(group.attributes["line"])), facts(group))
