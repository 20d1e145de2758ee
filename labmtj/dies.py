"""From a bench file to the statistics of its die: what the file says, else the defaults of the diameter or the chip.

The twin draws its die from them, and a plan judges with them what a protocol asks for; a run never does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from labmtj.config.bench import Bench
from labmtj.config.chips import chip_defaults
from labmtj.config.dies import die_defaults
from labmtj.errors import InputError
from labmtj.physics.transistor import Transistor
from labmtj.physics.variation import Breakdown, DieModel

DEFAULT_DIAMETER = 40e-9  # [m] the main job's device size (physics.md, section 3)
_CONVERTED = ("short_resistance", "telegraph_size", "flicker_p", "flicker_ap", "breakdown", "transistor")
_OF_THE_ARRAY = ("format", "kernels", "rows", "cols")


def die_model(bench: Bench) -> DieModel:
    """The statistics of a bench's simulated die: what the file says, else the defaults of its diameter.

    With `array.kernels` those of a chip, whose rows are those of all kernels. Raises InputError for a transistor
    without kernels.
    """
    said: Mapping[str, Any] = {}
    if bench.simulation is not None and bench.simulation.die is not None:
        said = _given(bench.simulation.die)
    if bench.array.kernels is None and "transistor" in said:
        raise InputError(
            "simulation.die.transistor is for chips with a transistor in every cell: "
            "say array.kernels and gates, or leave it out"
        )
    return _model(said, rows=bench.array.shape[0], cols=bench.array.cols, kernels=bench.array.kernels)


def chip_model(seed: int, **changes: Any) -> DieModel:
    """The statistics of a default chip (data/reference/mtj-chips.yaml), all 800 x 25 cells, with a seed.

    `changes` are fields of `DieModel`, such as the rates `short`, `open` and `stuck` (fractions of cells).
    """
    chip = chip_defaults()
    model = _model({"seed": seed}, rows=chip.rows * chip.kernels, cols=chip.cols, kernels=chip.kernels)
    return dataclasses.replace(model, **changes)


def _model(said: Mapping[str, Any], *, rows: int, cols: int, kernels: int | None) -> DieModel:
    defaults = die_defaults()
    chip: dict[str, Any] = {}
    if kernels is not None:
        chip = {name: value for name, value in chip_defaults() if name not in _OF_THE_ARRAY}
    diameter: float = said.get("diameter", chip.get("diameter", DEFAULT_DIAMETER))
    merged: dict[str, Any] = (
        dict(defaults.shared) | dict(defaults.at(diameter)) | chip | dict(said) | {"diameter": diameter}
    )
    defects = dict(chip.get("defects", defaults.shared.defects)) | _given(said.get("defects", {}))
    return DieModel(
        seed=said.get("seed", 0),
        rows=rows,
        cols=cols,
        kernels=kernels or 1,
        short=defects["short"],
        open=defects["open"],
        stuck=defects["stuck"],
        short_resistance=_pair(merged["short_resistance"]),
        telegraph_size=_pair(merged["telegraph_size"]),
        flicker_p=merged["flicker_p"] * 1e-12,  # um^2 to m^2
        flicker_ap=merged["flicker_ap"] * 1e-12,
        breakdown=Breakdown(**dict(merged["breakdown"])),
        transistor=Transistor(**dict(chip["transistor"]) | _given(said.get("transistor", {}))) if chip else None,
        sign=-1 if said.get("positive_row_writes") == "AP" else 1,
        **{
            key: merged[key]
            for key in DieModel.__dataclass_fields__
            if key in merged and key not in _CONVERTED and key != "seed"
        },
    )


def _given(entries: Any) -> dict[str, Any]:
    """The entries that are said."""
    return {key: value for key, value in dict(entries).items() if value is not None}


def _pair(values: list[float]) -> tuple[float, float]:
    return values[0], values[1]
