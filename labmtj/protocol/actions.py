"""What each step of a protocol does with the array, and what it leaves for the steps after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labmtj.errors import InputError
from labmtj.nets import placement as places
from labmtj.nets.tune import scale_in_software, scale_on_array
from labmtj.ports import Ticker
from labmtj.protocol.inference import infer
from labmtj.protocol.progress import Progress, chosen_samples, listed, neutral
from labmtj.protocol.steps import InferStep, Lines, MapStep, PolarityStep, ProgramStep, Step, TuneStep, VerifyStep
from labmtj.records import Amplitudes, Cell, Defect, DieMap, Placement
from labmtj.routines.characterise import map_die, write_amplitudes
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.program import WriteSettings, program_layer, verify_layer


def size(step: Step, progress: Progress) -> int:
    """Items that a step will report as done."""
    match step:
        case MapStep():
            return progress.array.shape[0] * progress.array.shape[1]
        case ProgramStep() | VerifyStep():
            return progress.network.layers[step.layer - 1].devices.size
        case InferStep(inputs="map"):
            return progress.network.layers[step.layer - 1].devices.size
        case InferStep():
            return len(chosen_samples(step, progress.data))
        case _:
            return 1


def carry_out(step: Step, progress: Progress, tick: Ticker) -> str:
    """Do a step; the line that a person reads about it."""
    action = _ACTIONS.get(type(step))
    return action(step, progress, tick) if action else ""


def _width(step: PolarityStep | MapStep) -> float:
    """The pulse width [s] of a step; loading a protocol fills in what the bench says."""
    if step.width is None:
        raise InputError("no pulse width is known: write width: 100 us in this step")
    return step.width


def _polarity(step: PolarityStep, progress: Progress, tick: Ticker) -> str:
    cells = [Cell(*step.cell)] if step.cell else spare_cells(progress.array.shape)
    found = find_polarity(
        progress.array,
        cells=cells,
        start=step.start,
        step=step.step,
        ceiling=step.ceiling,
        width=_width(step),
        read=step.read,
    )
    tick()
    progress.polarity = found
    progress.journal.record(
        "polarity",
        {
            "cell": list(found.cell),
            "positive_writes": found.positive_writes.name,
            "ap_to_p": found.ap_to_p,
            "p_to_ap": found.p_to_ap,
        },
    )
    millivolts = f"{1e3 * found.ap_to_p:.0f} mV to P, {1e3 * found.p_to_ap:.0f} mV to AP"
    line = f"a positive row writes {found.positive_writes.name}   cell {found.cell}: {millivolts}"
    if progress.stated not in (None, found.positive_writes.name):
        line += f"   the bench file says {progress.stated}: what was found counts, look at the wiring"
    return line


def _map(step: MapStep, progress: Progress, tick: Ticker) -> str:
    if progress.polarity is None:
        raise InputError("this step needs the polarity to be known before it")
    die = map_die(progress.array, polarity=progress.polarity, read=step.read, width=_width(step), tick=tick)
    progress.die_map = die
    progress.journal.record(
        "map",
        {
            "r_p": listed(die.r_p),
            "r_ap": listed(die.r_ap),
            "defect": listed(die.defect),
            "read": die.read_voltage,
            "switching": [die.switching.ap_to_p, die.switching.p_to_ap],
            "width": die.width,
        },
    )
    counts = {kind: int(np.count_nonzero(die.defect == kind)) for kind in Defect if kind is not Defect.NONE}
    bad = ", ".join(f"{count} {kind.name.lower()}" for kind, count in counts.items() if count) or "no defects"
    r_p, r_ap = 1e-3 / die.conductance_p, 1e-3 / die.conductance_ap
    return f"{die.defect.size} cells   {bad}   median R_P {r_p:.2f} kohm, R_AP {r_ap:.2f} kohm"


def _place(step: ProgramStep, progress: Progress) -> Placement:
    shape = progress.network.layers[step.layer - 1].shape
    if isinstance(step.place, Lines):
        return places.explicit(step.place.rows, step.place.cols, layer=shape, shape=progress.array.shape)
    if step.place == "identity":
        return places.identity(shape)
    return places.avoid_defects(progress.known_map, shape)


def _program(step: ProgramStep, progress: Progress, tick: Ticker) -> str:
    die, target = progress.known_map, progress.network.layers[step.layer - 1].states
    amplitudes = step.pulse.amplitude
    settings = WriteSettings(
        amplitudes=_from_map(die) if amplitudes == "from_map" else amplitudes.record,
        width=step.pulse.width or die.width,
        scheme=step.scheme,
        retries=step.retries,
        repair_sweeps=step.repair_sweeps,
        read=die.read_voltage,
    )
    placement = _place(step, progress)
    progress.journal.record(
        "plan",
        {
            "layer": step.layer,
            "rows": list(placement.rows),
            "cols": list(placement.cols),
            "target": listed(target),
            "amplitudes": [settings.amplitudes.ap_to_p, settings.amplitudes.p_to_ap],
            "width": settings.width,
        },
    )
    for layer, other in progress.copies.items():
        if layer != step.layer and set(other.placement.cells) & set(placement.cells):
            progress.overwritten.add(layer)
    progress.overwritten.discard(step.layer)
    copy = program_layer(progress.array, die_map=die, target=target, placement=placement, settings=settings, tick=tick)
    progress.copies[step.layer] = copy
    progress.journal.record(
        "program",
        {
            "layer": step.layer,
            "rows": list(placement.rows),
            "cols": list(placement.cols),
            "target": listed(copy.target),
            "state": listed(copy.state),
            "conductance": listed(copy.conductance),
            "pulses": listed(copy.pulses),
            "initial": listed(copy.initial),
            "defect": listed(copy.defect),
            "repaired": copy.repaired,
            "amplitudes": [settings.amplitudes.ap_to_p, settings.amplitudes.p_to_ap],
            "width": settings.width,
        },
    )
    right = copy.target.size - int(copy.wrong.sum())
    line = f"layer {step.layer}   {right}/{copy.target.size} cells   {int(copy.pulses.sum())} pulses"
    return line + (f"   {copy.repaired} repaired" if copy.repaired else "")


def _from_map(die: DieMap) -> Amplitudes:
    return write_amplitudes(die.switching)


def _verify(step: VerifyStep, progress: Progress, tick: Ticker) -> str:
    copy = progress.standing(step.layer)
    states = verify_layer(
        progress.array, die_map=progress.known_map, copy=copy, read=progress.known_map.read_voltage, tick=tick
    )
    flips = int(np.count_nonzero(states != copy.state))
    progress.flips[step.layer] = flips
    progress.journal.record("verify", {"layer": step.layer, "state": listed(states), "flips": flips})
    right = int(np.count_nonzero(states == copy.target))
    return f"layer {step.layer}   {right}/{states.size} cells   {flips} changed since they were written"


def _tune(step: TuneStep, progress: Progress, tick: Ticker) -> str:
    maps = [neutral(progress.conductance[n]) for n in range(1, len(progress.network.layers) + 1)]
    progress.software_scale = scale_in_software(progress.network, progress.data)
    found = scale_on_array(progress.network, progress.data, conductances=maps, window=progress.window)
    progress.scale = found
    tick()
    progress.journal.record(
        "tune",
        {
            "scale": found.scale,
            "software_scale": progress.software_scale.scale,
            "scales": listed(found.scales),
            "train": listed(found.train),
            "test": listed(found.test),
            "software_train": listed(progress.software_scale.train),
        },
    )
    return f"scale {found.scale:.2f} on the training wines (software {progress.software_scale.scale:.2f})"


_ACTIONS: dict[type[Step], Callable[[Any, Progress, Ticker], str]] = {
    PolarityStep: _polarity,
    MapStep: _map,
    ProgramStep: _program,
    InferStep: infer,
    VerifyStep: _verify,
    TuneStep: _tune,
}
