"""What each step of a protocol does with the array, and what it leaves for the steps after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labmtj.errors import InputError
from labmtj.nets import placement as places
from labmtj.nets.dataset import Dataset
from labmtj.nets.measures import accuracy, agreement
from labmtj.nets.network import Network, Trace, forward_array, pairs
from labmtj.nets.tune import ScaleTuning, scale_in_software, scale_on_array
from labmtj.ports import ArrayAccess, Journal, Ticker
from labmtj.protocol.steps import InferStep, Lines, MapStep, PolarityStep, ProgramStep, Step, TuneStep, VerifyStep
from labmtj.records import Amplitudes, Cell, Copy, Defect, DieMap, Floats, Placement, Polarity
from labmtj.routines.characterise import map_die, write_amplitudes
from labmtj.routines.infer import bit_serial
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.program import WriteSettings, program_layer, verify_layer


@dataclass
class Progress:
    """What a run knows so far; each step adds to it. Layers count from 1.

    `stated` is the state that a positive row writes as the bench file has it: found, not believed.
    """

    network: Network
    data: Dataset
    array: ArrayAccess
    journal: Journal
    stated: str | None = None
    polarity: Polarity | None = None
    die_map: DieMap | None = None
    copies: dict[int, Copy] = field(default_factory=dict[int, Copy])
    conductance: dict[int, Floats] = field(default_factory=dict[int, Floats])
    overwritten: set[int] = field(default_factory=set[int])
    flips: dict[int, int] = field(default_factory=dict[int, int])
    scale: ScaleTuning | None = None
    software_scale: ScaleTuning | None = None

    @property
    def known_map(self) -> DieMap:
        """The die map; protocols are checked to have made one before it is needed."""
        if self.die_map is None:
            raise InputError("this step needs a map of the die before it")
        return self.die_map

    @property
    def window(self) -> float:
        """Nominal Gon - Goff [S]: medians of the good cells of the map."""
        return self.known_map.conductance_p - self.known_map.conductance_ap

    def standing(self, layer: int) -> Copy:
        """The copy of a layer that is still on the array. Raises InputError if another layer was written over it."""
        if layer in self.overwritten:
            raise InputError(f"layer {layer} is not on the array any more: a later program step used its cells")
        return self.copies[layer]

    def trace(self, layers: int, scale: float = 1.0) -> Trace:
        """Forward pass of all samples through the conductance maps of the first `layers` layers."""
        part = Network(self.network.name, self.network.layers[:layers])
        maps = [neutral(self.conductance[n]) for n in range(1, layers + 1)]
        return forward_array(part, self.data.inputs, conductances=maps, window=self.window, scale=scale)


def neutral(conductance: Floats) -> Floats:
    """Conductances with pairs that could not be read made to contribute nothing: both devices alike.

    A reading in compliance is no conductance; the pair is left out of the sums, which are digital here.
    """
    unread = ~np.isfinite(conductance)
    if not unread.any():
        return conductance
    out = conductance.copy()
    bad = unread[:, 0::2] | unread[:, 1::2]
    for side in (0, 1):
        out[:, side::2][bad] = 0.0
    return out


def listed(values: ArrayLike) -> Any:
    """An array as nested lists for the journal; what is not finite becomes None."""
    array: NDArray[Any] = np.asarray(values)
    plain = array.astype(object)
    if array.dtype.kind == "f":
        plain[~np.isfinite(array)] = None
    return plain.tolist()


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


def _polarity(step: PolarityStep, progress: Progress, tick: Ticker) -> str:
    cells = [Cell(*step.cell)] if step.cell else spare_cells(progress.array.shape)
    found = find_polarity(
        progress.array,
        cells=cells,
        start=step.start,
        step=step.step,
        ceiling=step.ceiling,
        width=step.width,
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
    die = map_die(progress.array, polarity=progress.polarity, read=step.read, width=step.width, tick=tick)
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


def chosen_samples(step: InferStep, data: Dataset) -> list[int]:
    """Which samples a step is about: all, the ones it lists, or a number of them spread over the test samples."""
    if step.samples == "all":
        return list(range(len(data.labels)))
    if isinstance(step.samples, tuple):
        beyond = [n for n in step.samples if n >= len(data.labels)]
        if beyond:
            raise InputError(f"there are {len(data.labels)} samples, counted from 0; not {beyond}")
        return list(step.samples)
    count = min(step.samples, len(data.test))
    return [int(data.test[n]) for n in np.linspace(0, len(data.test) - 1, count).astype(int)]


def _infer(step: InferStep, progress: Progress, tick: Ticker) -> str:
    layer, die, network = step.layer, progress.known_map, progress.network
    voltage = step.read or die.read_voltage
    copy = progress.copies[layer] if step.inputs == "map" else progress.standing(layer)
    if voltage == die.read_voltage:
        progress.conductance[layer] = copy.conductance  # the read-back is the conductance map
        tick(size(step, progress) if step.inputs == "map" else 0)
    elif step.inputs == "map" or layer not in progress.conductance:
        copy = progress.standing(layer)
        found: list[float] = []
        for cell in copy.placement.cells:
            found.append(progress.array.read([cell], voltage=voltage)[0].conductance)
            if step.inputs == "map":
                tick()
        progress.conductance[layer] = np.array(found).reshape(copy.target.shape)
    expected = progress.trace(layer)
    samples = chosen_samples(step, progress.data)
    values = progress.data.inputs if layer == 1 else expected.outputs[layer - 2]
    from_map = pairs(values @ neutral(progress.conductance[layer])) / progress.window
    if step.inputs == "map":
        measured = from_map[samples]
    else:
        sums = bit_serial(
            progress.array,
            placement=copy.placement,
            inputs=values[samples],
            bits=step.bits or 6,
            voltage=voltage,
            tick=tick,
        )
        measured = pairs(sums) / progress.window
    content: dict[str, Any] = {"layer": layer, "inputs": step.inputs, "samples": samples, "window": progress.window}
    content |= {"product": listed(measured), "conductance": listed(progress.conductance[layer])}
    line = f"layer {layer}   {step.inputs.replace('_', '-')}   {len(samples)}/{len(progress.data.labels)} wines"
    if step.inputs == "bit_serial":
        match = agreement(measured, from_map[samples])
        content |= {"bits": step.bits, "agreement": [match.pearson, match.slope, match.nrmse]}
        line += (
            f"   against the map: r {match.pearson:.4f}, slope {match.slope:.3f}, rms error {100 * match.nrmse:.2f} %"
        )
    progress.journal.record("infer", content)
    if layer == len(network.layers) and step.inputs == "map":
        line += f"   {100 * accuracy(expected.classes, progress.data).all:.2f} % right untuned"
    return line


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
    InferStep: _infer,
    VerifyStep: _verify,
    TuneStep: _tune,
}
