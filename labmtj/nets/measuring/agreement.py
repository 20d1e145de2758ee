"""How pre-activations of copies follow those of software, layer by layer: `nets.measures.agreement` of many copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labmtj.nets.network import Trace
from labmtj.records import Floats


@dataclass(frozen=True, eq=False)
class Agreements:
    """The fields of `nets.measures.Agreement`, each (networks,)."""

    pearson: Floats
    slope: Floats
    offset: Floats
    nrmse: Floats
    sndr: Floats
    effective_bits: Floats


def agreements(measured: Floats, expected: Floats) -> Agreements:
    """Compare values (networks, samples, outputs), those of each network taken together."""
    x, y = (values.reshape(len(values), -1) for values in (expected, measured))
    mean_x, mean_y = x.mean(axis=1), y.mean(axis=1)
    spread, deviation = x - mean_x[:, np.newaxis], y - mean_y[:, np.newaxis]
    power = np.einsum("ns,ns->n", spread, spread)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.einsum("ns,ns->n", spread, deviation) / np.where(power > 0.0, power, np.nan)
        residual = deviation - slope[:, np.newaxis] * spread
        noise, total = np.einsum("ns,ns->n", residual, residual), np.einsum("ns,ns->n", deviation, deviation)
        pearson = slope * np.sqrt(power / np.where(total > 0.0, total, np.nan))
        sndr = 10.0 * np.log10(slope**2 * power / noise)
        nrmse = np.sqrt(np.mean((y - x) ** 2, axis=1)) / np.where(power > 0.0, np.ptp(x, axis=1), np.nan)
    offset = mean_y - np.where(power > 0.0, slope, 1.0) * mean_x
    return Agreements(pearson, slope, offset, nrmse, sndr, (sndr - 1.76) / 6.02)


def layers_agreements(measured: Trace, expected: Trace) -> tuple[Agreements, ...]:
    """`agreements` of each layer of two passes, arrays (networks, samples, outputs)."""
    both = zip(measured.pre_activations, expected.pre_activations, strict=True)
    return tuple(agreements(one, other) for one, other in both)
