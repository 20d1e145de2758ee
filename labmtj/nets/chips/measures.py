"""Measures of networks on chips beyond accuracy, under the names of a table's columns."""

from __future__ import annotations

import numpy as np

from labmtj.nets.chips.cells import ChipCells
from labmtj.nets.chips.judging import pre_activations
from labmtj.nets.chips.networks import ChipNetworks
from labmtj.nets.images.preparing import Samples
from labmtj.nets.measuring.agreement import agreements
from labmtj.nets.measuring.decisions import decisions
from labmtj.records import Floats


def of_chips(
    networks: ChipNetworks, samples: Samples, *, cells: ChipCells, reference: ChipNetworks | None = None
) -> dict[str, Floats]:
    """How copies on chips follow software, each (copies,): pre-activations of both layers, and decisions.

    Software is `reference`, or without it the same networks on ideal devices: tuned networks are compared with what
    they were before, because their gains are for one chip. The measures are those of `labmtj study` (`m_pearson_1`,
    `m_margin_shift` and so on).
    """
    copies = pre_activations(networks, samples, cells=cells)
    software = pre_activations(networks if reference is None else reference, samples)
    expected = [np.broadcast_to(part, there.shape) for part, there in zip(software, copies, strict=True)]
    out: dict[str, Floats] = {}
    for layer, (there, here) in enumerate(zip(copies, expected, strict=True), start=1):
        found = agreements(there.astype(np.float64), here.astype(np.float64))
        out |= {
            f"m_pearson_{layer}": found.pearson,
            f"m_slope_{layer}": found.slope,
            f"m_offset_{layer}": found.offset,
            f"m_nrmse_{layer}": found.nrmse,
            f"m_bits_{layer}": found.effective_bits,
        }
    decided = decisions(copies[-1].astype(np.float64), expected[-1].astype(np.float64), samples.labels)
    return out | {
        "m_margin_shift": decided.margin_shift,
        "m_flip_rate": decided.flip_rate,
        "m_agreement": decided.agreement,
        "m_mcnemar": decided.mcnemar,
    }
