"""Every way to tune, by its name."""

from __future__ import annotations

from collections.abc import Sequence

from labmtj.errors import InputError
from labmtj.nets.readout import Products, Readout, nominal
from labmtj.nets.tuning.best import best
from labmtj.nets.tuning.columns import MOST, columns
from labmtj.nets.tuning.copies import Copies
from labmtj.nets.tuning.offsets import bias, threshold
from labmtj.nets.tuning.rows_columns import rows_columns
from labmtj.nets.tuning.ways_of_scale import layer_scales, scale

WAYS = ("untuned", "scale", "layer_scales", "columns", "rows_columns", "bias", "threshold", "best")


def tune(
    copies: Copies,
    names: Sequence[str] = WAYS,
    *,
    products: Products | None = None,
    inputs: int = MOST,
    best_inputs: int = 0,
) -> dict[str, Readout]:
    """Readouts of the copies by name, in the order of `names`; what several ways share is worked out once.

    `products` measures on the arrays; without it columns are fitted to what the maps predict. `inputs` are the
    calibration inputs of `columns`, `best_inputs` those of `best`. Raises InputError for an unknown name.
    """
    unknown = [name for name in names if name not in WAYS]
    if unknown:
        raise InputError(f"there is no way to tune named {', '.join(unknown)}; there are {', '.join(WAYS)}")
    found: dict[str, Readout] = {}
    scaled = scale(copies) if {"scale", "threshold"} & set(names) else None
    fitted = rows_columns(copies) if {"rows_columns", "best"} & set(names) else None
    for name in names:
        if name == "untuned":
            found[name] = nominal(copies.stack)
        elif name == "scale" and scaled is not None:
            found[name] = scaled
        elif name == "layer_scales":
            found[name] = layer_scales(copies)
        elif name == "columns":
            found[name] = columns(copies, products or copies.products, inputs=inputs)
        elif name == "rows_columns" and fitted is not None:
            found[name] = fitted
        elif name == "bias":
            found[name] = bias(copies)
        elif name == "threshold":
            found[name] = threshold(copies, base=scaled)
        elif name == "best":
            found[name] = best(copies, products, inputs=best_inputs, base=fitted)
    return found
