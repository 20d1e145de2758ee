"""Read-outs of drawn neurons against tanh and sech: a block of a study."""

from __future__ import annotations

import numpy as np

from labmtj.nets.neurons.curves import DeviceCurves
from labmtj.studies.neurons import devices
from labmtj.studies.neurons.load import NeuronJob
from labmtj.studies.tidy import Table

SHAPES, DEVIATIONS = "curves", "deviations"
_SHOWN = 8  # chosen: neurons whose curves are kept


def shapes(job: NeuronJob) -> dict[str, Table]:
    """Curves of the first neurons of a die at each variation and calibration, and how far every neuron is off."""
    assert job.file.curves is not None
    drawn: list[Table] = []
    off: list[Table] = []
    every = job.variations if job.variations[0] in (None, 0.0) else (0.0, *job.variations)
    for variation in every:
        for known in job.calibrations:
            found = devices.curves(
                job,
                variation=variation,
                calibration=known,
                neurons=job.file.curves.neurons,
                seed=devices.die_seed(job, seed=job.file.seed, die=0),
                plain=True,
            )
            spread = np.nan if variation is None else variation
            # Neurons that differ in nothing are shown once.
            drawn.append(_keyed(_drawn(found, 1 if spread == 0.0 else _SHOWN), spread, known))
            numbers: Table = {"neuron": found.numbers}
            numbers |= {"deviation_x": found.deviation_x, "deviation_z": found.deviation_z}
            off.append(_keyed(numbers, spread, known))
    return {
        name: {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        for name, parts in ((SHAPES, drawn), (DEVIATIONS, off))
    }


def _drawn(found: DeviceCurves, neurons: int) -> Table:
    """A row a neuron and point where the neuron is driven: read-outs, the ideal, and what is between them."""
    some = found.take(np.arange(min(neurons, len(found)), dtype=np.int64))
    asked = np.broadcast_to(some.grid, some.x.shape)
    driven = (asked >= some.low[:, None]) & (asked <= some.high[:, None])
    number = np.broadcast_to(some.numbers[:, None], some.x.shape)
    tanh, sech = np.tanh(asked), 1.0 / np.cosh(asked)
    columns = {
        "neuron": number, "input": asked, "m_x": some.x, "m_z": some.z, "tanh": tanh, "sech": sech,
        "residual_x": some.x - tanh, "residual_z": some.z - sech,
    }  # fmt: skip
    return {name: values[driven] for name, values in columns.items()}


def _keyed(rows: Table, variation: float, calibration: str) -> Table:
    count = len(next(iter(rows.values())))
    return {"variation": np.full(count, variation), "calibration": np.full(count, calibration, object), **rows}
