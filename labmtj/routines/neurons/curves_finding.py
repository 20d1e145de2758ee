"""What the curves of neurons come to: the tables and figures that journal, run.h5 and report take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from labmtj.records import Column, Finding, Floats, NeuronMap
from labmtj.routines.neurons.curve import Curve
from labmtj.routines.neurons.sorting import GOOD
from labmtj.routines.neurons.sweeps import Sweeps

NAME = "neuron_curves"
_FITTED = {
    "critical": ("A", "current at which tanh has the argument 1"),
    "critical_error": ("A", "standard error"),
    "offset": ("A", "input at which m_x is 0"),
    "offset_error": ("A", "standard error"),
    "asymmetry": ("1", "gain above the offset over that of both signs, less one"),
    "asymmetry_error": ("1", "standard error"),
    "conductance_x": ("S", "of the x junction at m = 0 and small voltage"),
    "conductance_z": ("S", "of the z junction at m = 0 and small voltage"),
    "amplitude_x": ("1", "half the relative swing of the x junction"),
    "amplitude_z": ("1", "half the relative swing of the z junction"),
    "deviation_x": ("1", "largest distance of m_x from tanh"),
    "deviation_z": ("1", "largest distance of m_z from sech"),
}


def curves_finding(
    found: NeuronMap, sweeps: Sweeps, curves: Sequence[Curve], words: Sequence[str], *, v_h: float, lead: float
) -> Finding:
    """The finding of a step; `words` say what is wrong with each neuron, "" for nothing; `lead` [ohm] was taken out."""
    one, both = ("neuron",), ("neuron", "point")
    share, share_error = sweeps.leakage
    texts = np.array([word or "good" for word in words], dtype=object)
    columns = {
        "neuron": Column(one, found.neurons, "1", "number of the neuron, from 1"),
        "verdict": Column(one, texts, "", "good, or what is wrong with it"),
        "good": Column(one, found.good.astype(np.int64), "1", "1: it works"),
        "drive": Column(("point",), sweeps.drive[sweeps.driven], "V", "voltage of the x terminal"),
        "current": Column(both, found.current, "A", "input: current into the x terminal"),
        "g_x": Column(both, np.array([c.conductance_x for c in curves]), "S", "conductance of the x junction"),
        "g_z": Column(both, np.array([c.conductance_z for c in curves]), "S", "conductance of the z junction"),
        "m_x": Column(both, found.m_x, "1", "x read-out without the polarizer's amplitude"),
        "m_z": Column(both, found.m_z, "1", "z read-out without the polarizer's amplitude"),
        "m_x_error": Column(both, found.m_x_error, "1", "standard error from the repeats"),
        "m_z_error": Column(both, found.m_z_error, "1", "standard error from the repeats"),
        "leakage": Column(one, share, "1", "share of the current that does not come out at the common terminal"),
        "leakage_error": Column(one, share_error, "1", "standard error"),
    }
    columns |= {name: Column(one, getattr(found, name), *said) for name, said in _FITTED.items()}
    return Finding(NAME, columns, _figures(found, sweeps, share, v_h=v_h, lead=lead), _line(found, words))


def argument(found: NeuronMap) -> Floats:
    """The argument s of tanh and sech at each point of a map, (n, points)."""
    s = (found.current - found.offset[:, None]) / found.critical[:, None]
    return s * (1.0 + found.asymmetry[:, None] * np.sign(s))


def _figures(
    found: NeuronMap, sweeps: Sweeps, share: Floats, *, v_h: float, lead: float
) -> dict[str, float | int | str]:
    good = found.good
    figures: dict[str, float | int | str] = {"neurons_1": len(found), "bad_1": int((~good).sum())}
    figures |= {"probe_volt": found.probe, "v_h_volt": v_h, "lead_ohm": lead}
    if not good.any():
        return figures
    critical, offset = found.critical[good], found.offset[good]
    middle = float(np.median(critical))
    s = argument(found)[good]
    rest_x, rest_z = found.m_x[good] - np.tanh(s), found.m_z[good] - 1.0 / np.cosh(s)
    figures |= {
        "critical_ampere": middle,
        "critical_spread_1": _spread(critical) / middle,
        "offset_ampere": float(np.median(offset)),
        "offset_spread_ampere": _spread(offset),
        "asymmetry_1": float(np.median(found.asymmetry[good])),
        "asymmetry_spread_1": _spread(found.asymmetry[good]),
        "amplitude_x_1": float(np.median(found.amplitude_x[good])),
        "amplitude_z_1": float(np.median(found.amplitude_z[good])),
        "largest_current_over_critical_1": float(np.nanmax(np.abs(found.current[good]) / critical[:, None])),
        "deviation_x_1": float(found.deviation_x[good].max()),
        "deviation_z_1": float(found.deviation_z[good].max()),
        "rms_x_1": float(np.sqrt(np.nanmean(rest_x**2))),
        "rms_z_1": float(np.sqrt(np.nanmean(rest_z**2))),
        **_resolution("x", found.m_x_error[good], readings=2 * sweeps.x.shape[1]),
        **_resolution("z", found.m_z_error[good], readings=2 * sweeps.x.shape[1]),
        "leakage_1": float(np.abs(share[good]).max()),
    }
    return figures


def _resolution(axis: str, errors: Floats, *, readings: int) -> dict[str, float]:
    """Noise of one reading in units of m (rms), and the bits that a scale from -1 to 1 has by it.

    `errors` are those of means over so many `readings`. A converter with b bits has steps of 2 / 2^b, and its rounding
    the rms of a step over 12^0.5.
    """
    noise = float(np.nanmedian(errors)) * math.sqrt(readings)
    bits = {f"resolution_{axis}_bits": math.log2(2.0 / (noise * math.sqrt(12.0)))} if noise > 0 else {}
    return {f"noise_{axis}_1": noise, **bits}


def _spread(values: Floats) -> float:
    """Standard deviation over neurons; 0 of one alone."""
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _line(found: NeuronMap, words: Sequence[str]) -> str:
    """What a person reads."""
    wrong = [f"{number} {word}" for number, word in zip(found.neurons.tolist(), words, strict=True) if word != GOOD]
    counts = Counter(word for word in words if word != GOOD)
    said = f"{len(found)} neuron{'s' if len(found) != 1 else ''}"
    if wrong:
        named = ", ".join(wrong) if len(wrong) <= 6 else ", ".join(f"{count} {word}" for word, count in counts.items())
        said += f", {len(wrong)} bad ({named})"
    good = found.good
    if not good.any():
        return said
    critical, offset = found.critical[good], found.offset[good]
    middle = float(np.median(critical))
    parts = f"I_c {1e3 * middle:.3f} mA, offset {100 * float(offset[0]) / middle:+.1f} % of it"
    if good.sum() > 1:
        apart, spread = 100 * _spread(offset) / middle, 100 * _spread(critical) / middle
        parts = f"I_c {1e3 * middle:.3f} mA +- {spread:.1f} %, offsets +- {apart:.1f} % of it"
    x, z = found.deviation_x[good].max(), found.deviation_z[good].max()
    return f"{said}   {parts}   m_x within {x:.3f} of tanh, m_z within {z:.3f} of sech"
