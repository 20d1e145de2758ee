"""Side studies of a block: what each placement gains, which failure costs what, and the inverse question."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labmtj.dies import die_model
from labmtj.nets.tuning.judging import accuracies
from labmtj.studies.ablation import Copied, ablation, ways
from labmtj.studies.bed import Bed, bed
from labmtj.studies.checkpoint import Columns
from labmtj.studies.copies import make
from labmtj.studies.grid import Task
from labmtj.studies.inverse import Question
from labmtj.studies.inverse import inverse as answers
from labmtj.studies.placing import Place
from labmtj.studies.setting import Setting

_TUNINGS = ("scale", "best")
"""Tunings by which placements and failures are compared, besides none: what labels give, and what a map gives."""
_INVERSE_DIES = 2  # chosen: planes are smooth with so few, since every copy is drawn by address


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
    tuned = ways(work.stack, work.data, work.software, ("untuned", *_TUNINGS))
    found = ablation(copied, data=work.data, software=work.software.tuned, tuned=tuned)
    return {"ablation": {**found, "network": work.numbers[found["network"]]}}


def inverse(task: Task, *, setting: Setting) -> dict[str, Columns]:
    """Medians over planes of what can be wrong, and where each of it alone gives the accuracy asked for."""
    study = setting.job.study
    assert study.compared.inverse is not None
    file = setting.job.bench
    model = die_model(file.bench)
    question = Question(
        model,
        seeds=range(study.seed, study.seed + _INVERSE_DIES),
        read=study.infer.voltage(model.diameter),
        accuracy=study.compared.inverse.accuracy,
    )
    stack = setting.networks.stack.take(range(task.first, task.last))
    return {**answers(question, stack=stack, data=setting.networks.data)}


def _texts(text: str, work: Bed) -> NDArray[Any]:
    return np.full(len(work.stack), text, object)
