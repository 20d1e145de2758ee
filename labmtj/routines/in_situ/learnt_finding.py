"""What training on an array has come to, as a finding: the curve of learning, maps of the cells, and the costs."""

from __future__ import annotations

import numpy as np

from labmtj.records import Column, Finding, Floats, Ints
from labmtj.routines.in_situ.port_plant import PortPlant
from labmtj.routines.in_situ.train import Learnt

NONE = -1


def finding_of(learnt: Learnt, plant: PortPlant, *, name: str, width: float, kernels: int | None) -> Finding:
    """The finding of a training on this plant; `name` is that of the data set, `width` [s] that of pulses.

    `kernels` are those of a chip, None for an array without transistors.
    """
    epochs, books = learnt.epochs, plant.books
    one = ("epoch",)

    def taken(cost: str) -> Floats:
        return np.array([float(getattr(epoch.costs, cost)[0]) for epoch in epochs])

    columns = {
        "epoch": Column(one, np.array([epoch.number for epoch in epochs]), meaning="epoch, from 1"),
        "train": Column(one, np.array([e.train for e in epochs]), meaning="share of training samples that is right"),
        "test": Column(one, np.array([e.test for e in epochs]), meaning="share of test samples; no part in choices"),
        "loss": Column(one, np.array([e.loss for e in epochs]), "1", "cross-entropy of the training samples in nats"),
        "active": Column(one, np.array([e.active for e in epochs]), meaning="share of samples that asked for a change"),
        "pulses": Column(one, taken("pulses"), meaning="pulses on lines until then"),
        "writes": Column(one, taken("writes"), meaning="pulses of write-verify until then"),
        "flips": Column(one, taken("flips"), meaning="cells that flipped as asked until then"),
        "disturbed": Column(one, taken("disturbed"), meaning="cells that flipped and were not asked to until then"),
        "energy": Column(one, taken("energy"), "J", "energy of pulses in the selected cells until then"),
        "seconds": Column(one, taken("seconds"), "s", "bench time since training began"),
        "layer": Column(("row", "col"), _layers(plant), meaning="layer, from 1, that a device of this cell belongs to"),
        "state": Column(("row", "col"), books.state, meaning="state that was read last: 0 P, 1 AP, -1 not read"),
        "cell_pulses": Column(("row", "col"), books.pulses, meaning="pulses that selected the cell"),
        "cell_flips": Column(("row", "col"), books.flips, meaning="flips as asked"),
        "cell_disturbed": Column(("row", "col"), books.disturbs, meaning="flips that were not asked"),
    }
    costs, devices = learnt.costs, int((_layers(plant) > 0).sum())
    best = max(epochs, key=lambda epoch: (-epoch.loss, -epoch.number)) if epochs else None
    figures: dict[str, float | int | str] = {
        "data": name,
        "rule": learnt.rule,
        "coding": plant.door.coding,
        "network": "-".join(str(n) for n in (plant.layers[0][0], *(outputs for _, outputs in plant.layers))),
        "train": learnt.train,
        "test": learnt.test,
        **{f"software_{how}_{part}": values[n] for how, values in learnt.software.items() for n, part in _PARTS},
        "epochs": len(epochs),
        "best_epoch": best.number if best else 0,
        "devices": devices,
        "updates": int(costs.updates[0]),
        "pulses": int(costs.pulses[0]),
        "write_pulses": int(costs.writes[0]),
        "pulses_per_cell": float(books.pulses.sum() / devices),
        "most_pulses_on_a_cell": int(books.pulses.max()),
        "flips": int(costs.flips[0]),
        "disturbed": int(costs.disturbed[0]),
        "pulses_left_out_for_limits": plant.left_out,
        "pulses_in_compliance": plant.held_back,
        "sums_beyond_the_range": plant.unsummed,
        "energy_joule": float(costs.energy[0]),
        "bench_second": float(costs.seconds[0]),
        "width_second": width,
    }
    if learnt.proof is not None:
        figures |= {"summed_by_the_array": learnt.proofs, "test_by_the_array": learnt.proof}
    if kernels is not None:
        figures["kernels"] = kernels
    proof = "" if learnt.proof is None else f", {100 * learnt.proof:.2f} % of {learnt.proofs} that the array summed"
    software = ", ".join(f"{how} {100 * values[1]:.2f} %" for how, values in learnt.software.items())
    line = (
        f"{figures['network']}   {len(epochs)} epochs   train {100 * learnt.train:.2f} %, test "
        f"{100 * learnt.test:.2f} %{proof}" + (f" (software: {software})" if software else "") + f"   "
        f"{figures['pulses']} pulses on lines, {figures['write_pulses']} of write-verify, "
        f"{figures['pulses_per_cell']:.1f} a cell   {figures['disturbed']} disturbed"
        + (f"   {plant.left_out} pulses left out for limits" if plant.left_out else "")
        + (f"   {plant.held_back} pulses in compliance" if plant.held_back else "")
    )
    return Finding("train_array", columns, figures, line)


_PARTS = ((0, "train"), (1, "test"))


def _layers(plant: PortPlant) -> Ints:
    """Number of the layer, from 1, on each cell, 0 where none is."""
    found = np.zeros_like(plant.books.pulses)
    for number, devices in enumerate(plant.door.devices, start=1):
        found[devices.row, devices.col] = number
    return found
