"""The best tuning without labels: row and column gains and offsets of all layers, fitted together to the map."""

from __future__ import annotations

from dataclasses import replace

from labmtj.errors import InputError
from labmtj.nets.readout import Products, Readout
from labmtj.nets.tuning.columns import MOST, columns
from labmtj.nets.tuning.copies import Copies
from labmtj.nets.tuning.refine import refined
from labmtj.nets.tuning.rows_columns import rows_columns


def best(copies: Copies, products: Products | None = None, *, inputs: int = 0, base: Readout | None = None) -> Readout:
    """Gains and offsets fitted layer by layer, then together; with `inputs` > 0 the columns once more on the array.

    `base` is what `rows_columns` gave, where that is known already. Raises InputError for more than `MOST` inputs.
    """
    fitted = refined(copies, rows_columns(copies) if base is None else base)
    if inputs == 0 or products is None:
        return fitted
    if inputs > MOST:
        raise InputError(f"the best tuning takes at most {MOST} inputs on the array, not {inputs}")
    return replace(columns(copies, products, inputs=inputs, base=fitted), name="best")
