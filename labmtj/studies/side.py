"""Side studies of a block: what each placement gains, which failure costs what, and the inverse question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.nets.readout import Products, Readout
from labmtj.nets.tuning.copies import Copies, map_weights
from labmtj.nets.tuning.judging import accuracies
from labmtj.nets.tuning.ways import tune
from labmtj.records import Floats
from labmtj.studies.ablation import Copied, Tuning, ablation
from labmtj.studies.bed import Bed, bed
from labmtj.studies.checkpoint import Columns
from labmtj.studies.copies import make
from labmtj.studies.grid import Task
from labmtj.studies.placing import Place
from labmtj.studies.setting import Setting

_TUNINGS = ("scale", "best")
"""Tunings by which placements and failures are compared, besides none: what labels give, and what a map gives."""


def placements(task: Task, *, setting: Setting) -> dict[str, Columns]:
    """Gaps [points] to software of the same networks placed in every way: one row a copy and tuning."""
    work = bed(task, setting)
    wanted = accuracies(work.software.tuned.scores, work.data)
    parts: list[dict[str, NDArray[Any]]] = []
    for place in Place:
        made = make(work, place=place.value, tunings=_TUNINGS)
        for name in made.readouts:
            found = accuracies(made.trace(name, work.data.inputs).scores, work.data)
            parts.append(
                {
                    "network": work.numbers,
                    "place": _texts(place.value, work),
                    "tuning": _texts(name, work),
                    "gap_train": 100.0 * (found.train - wanted.train),
                    "gap_test": 100.0 * (found.test - wanted.test),
                    "gap_all": 100.0 * (found.all - wanted.all),
                }
            )
    return {"placements": {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}}


def failures(task: Task, *, setting: Setting) -> dict[str, Columns]:
    """Gaps [points] to software with each failure alone, each left out, none and all: one row a copy and tuning."""
    work = bed(task, setting)
    places = work.place(task.place)
    written = work.write(places)
    copied = Copied(
        model=work.prepared.truth.model,
        stack=work.stack,
        places=places,
        read=work.read,
        noise=work.noise,
        written=tuple(layer.state for layer in written),
        contacts=work.contacts,
        numbers=work.numbers,
    )
    found = ablation(copied, data=work.data, software=work.software.tuned, tunings=_tunings(work))
    return {"ablation": {**found, "network": work.numbers[found["network"]]}}


def _tunings(work: Bed) -> Mapping[str, Tuning]:
    """Untuned, one scale and the best tuning, as functions of the maps that a variant of the die shows."""

    def named(name: str) -> Tuning:
        def tuning(maps: tuple[Floats, ...], products: Products, window: float) -> Readout:
            copies = Copies(work.stack, work.data, map_weights(maps, window=window), work.software)
            return tune(copies, (name,), products=products)[name]

        return tuning

    return {name: named(name) for name in ("untuned", *_TUNINGS)}


def _texts(text: str, work: Bed) -> NDArray[Any]:
    return np.full(len(work.stack), text, object)
