"""A network on a chip, by its own sums, against emulation from the chip's map and against software, image by image.

Emulation takes the conductance that the map has of every device in the state that it was to be written to, and of a
defective cell what that conducts, and adds them up. What it leaves out is what the chip adds: noise of readings, cells
that were not written, states that flipped since, and what currents of other cells take in the wires of a column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labmtj.nets.chips.cells import left_out_pairs
from labmtj.nets.chips.network import ChipNetwork, Floats32, Partial, forward, partial_products, propagate
from labmtj.nets.chips.tiling import Tiling
from labmtj.nets.images.preparing import Samples
from labmtj.nets.measures import agreement
from labmtj.ports import GatedArray, Ticker, no_ticks
from labmtj.records import ChipMaps, Column, DieMap, Finding, Floats, Ints
from labmtj.routines.chips.agreement import paired
from labmtj.routines.chips.inference import Flags, products_of


def compare_network(
    array: GatedArray,
    network: ChipNetwork,
    tiling: Tiling,
    *,
    die_map: DieMap,
    samples: Samples,
    numbers: Ints,
    voltage: float,
    mask: bool = False,
    tick: Ticker = no_ticks,
) -> Finding:
    """Classes of these images by the chip at `voltage` [V], by its map, and by software; the finding has all three.

    `numbers` (samples,) are those of the images in their set. With `mask`, rows with a shorted or open cell in a pair
    of columns take no part there, on the chip and in emulation alike. Raises InputError for a map without what
    defects conduct.
    """
    window = network.window or ChipMaps.measured([die_map]).window
    keep = [_kept(tiling, die_map, layer, mask) for layer in range(len(tiling.shapes))]
    by_map = _conductances(network, tiling, die_map, keep, window)
    on_chip = [
        products_of(
            array, tiling, layer=layer, steps=steps, voltage=voltage, window=window, keep=keep[layer], tick=tick
        )
        for layer, steps in enumerate(network.steps)
    ]
    inputs, labels = samples.inputs, samples.labels
    products: list[Floats] = []
    measured = propagate(network, inputs, [_noted(partial, products) for partial in on_chip])
    expected: list[Floats] = []
    emulated = propagate(
        network,
        inputs,
        [
            _noted(lambda values, own=own: partial_products(values, own, block=network.block), expected)
            for own in by_map
        ],
    )
    software = forward(network, inputs)
    classes = {
        "measured": _classes(measured[-1]),
        "emulated": _classes(emulated[-1]),
        "software": _classes(software[-1]),
    }
    pair = paired(classes["measured"], classes["emulated"], labels)
    # The first layer has the same inputs on the chip and in emulation, so its sums can be held against each other.
    known = np.isfinite(products[0])
    match = agreement(products[0][known], expected[0][known])
    names = {"measured": "by the chip", "emulated": "by its map", "software": "by software"}
    columns = {
        "sample": Column(("sample",), numbers, meaning="number of the test image, from 0"),
        "label": Column(("sample",), labels, meaning="true class, from 0"),
        **{
            f"{name}_class": Column(("sample",), classes[name], meaning=f"class {text}, from 0")
            for name, text in names.items()
        },
        "measured_score": Column(("sample", "class"), _short(measured[-1]), meaning="pre-activation by the chip"),
        "emulated_score": Column(("sample", "class"), _short(emulated[-1]), meaning="pre-activation by its map"),
    }
    figures: dict[str, float | int | str] = {
        "images": pair.samples,
        "right_measured": pair.first,
        "right_measured_low": pair.first_interval[0],
        "right_measured_high": pair.first_interval[1],
        "right_emulated": pair.second,
        "right_emulated_low": pair.second_interval[0],
        "right_emulated_high": pair.second_interval[1],
        "right_software": float((classes["software"] == labels).mean()),
        "difference": pair.difference,
        "difference_low": pair.low,
        "difference_high": pair.high,
        "agrees": "yes" if pair.agree else "no",
        "mcnemar_p": pair.chance,
        "only_measured_right": pair.only_first,
        "only_emulated_right": pair.only_second,
        "same_class": pair.same,
        "product_pearson": match.pearson,
        "product_slope": match.slope,
        "product_offset": match.offset,
        "product_nrmse": match.nrmse,
        "pairs_left_out": int(sum(np.count_nonzero(~one) for one in keep)),
        "products_without_current": int(sum(np.count_nonzero(~np.isfinite(one)) for one in products)),
        "window_siemens": window,
        "read_volt": voltage,
        "mask": "defects" if mask else "none",
    }
    line = (
        f"{pair.samples} images   chip {100 * pair.first:.2f} %, its map {100 * pair.second:.2f} % right   difference "
        f"{100 * pair.difference:+.2f} ({100 * pair.low:+.2f} to {100 * pair.high:+.2f})   same class "
        f"{pair.same}/{pair.samples}"
    )
    return Finding("infer_network", columns, figures, line)


def _kept(tiling: Tiling, die: DieMap, layer: int, mask: bool) -> Flags:
    """Pairs (inputs, outputs) that take part: all, or those without a shorted or an open device."""
    left_out = left_out_pairs(tiling.take(layer, die.defect))
    return ~left_out if mask else np.ones_like(left_out)


def _conductances(
    network: ChipNetwork, tiling: Tiling, die: DieMap, keep: Sequence[Flags], window: float
) -> list[Floats]:
    """What the map says of each layer's devices, (inputs, outputs, 2), in windows; 0 for pairs that take no part."""
    maps = ChipMaps.measured([die])
    found: list[Floats] = []
    for number, (layer, kept) in enumerate(zip(network.layers, keep, strict=True)):
        own = np.where(layer.devices == 1, tiling.take(number, maps.g_p[0]), tiling.take(number, maps.g_ap[0]))
        found.append(np.where(kept[..., np.newaxis], own, 0.0) / window)
    return found


def _noted(partial: Partial, into: list[Floats]) -> Partial:
    """The same, with its results kept; what is no number counts for nothing, with its partner, after it was noted."""

    def noted(values: Floats32) -> Floats:
        found = partial(values)
        into.append(found)
        bad = ~np.isfinite(found).all(axis=-1, keepdims=True)
        return np.where(bad, 0.0, found)

    return noted


def _classes(scores: Floats) -> Ints:
    return np.argmax(scores, axis=-1).astype(np.int64)


def _short(scores: Floats) -> Floats:
    """Six decimals: a journal is read by people, too."""
    return np.round(scores, 6)
