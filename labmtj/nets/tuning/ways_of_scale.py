"""The readouts of one scale and of a scale a layer, both on training labels through the verified maps."""

from __future__ import annotations

from labmtj.nets.readout import LayerReadout, Readout, nominal
from labmtj.nets.tune import scale_grid
from labmtj.nets.tuning.copies import Copies, one_scale
from labmtj.nets.tuning.scales import best_layer_scales, best_scale


def scale(copies: Copies) -> Readout:
    """One scale for all layers, as the paper has it (arXiv 2112.09159) and as `nets.tune.scale` chooses it."""
    return one_scale(
        copies.stack, best_scale(copies.weights, copies.bias, copies.data, scales=copies.unit * scale_grid())
    )


def layer_scales(copies: Copies) -> Readout:
    """A scale of the layers before the last, and one of the last (`best_layer_scales`)."""
    before, last = best_layer_scales(copies.weights, copies.bias, copies.data, scales=copies.unit * scale_grid())
    parts = nominal(copies.stack).layers
    scales = [*([before] * (len(parts) - 1)), last]
    layers = tuple(
        LayerReadout(how.rows, how.gain / found[:, None], how.offset) for how, found in zip(parts, scales, strict=True)
    )
    return Readout("layer_scales", layers)
