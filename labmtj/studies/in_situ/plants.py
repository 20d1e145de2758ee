"""The arrays on which the copies of a block learn: dies of the bench's kind, side by side in lockstep."""

from __future__ import annotations

from labmtj.errors import InputError
from labmtj.nets.in_situ.plant import Plant
from labmtj.nets.in_situ.software import SoftwarePlant
from labmtj.records import Ints
from labmtj.studies.in_situ import samples
from labmtj.studies.in_situ.grid import Trial
from labmtj.studies.in_situ.load import InSituJob


def plant_of(trial: Trial, job: InSituJob, *, seeds: Ints) -> Plant:
    """The arrays of a block, each copy on a die of its own state; `seeds` (copies,) draw what differs between copies.

    Copies of one die have the same devices.
    """
    condition = trial.condition
    assert condition is not None
    if condition.ideal:
        return SoftwarePlant(samples.layers(job), seeds=seeds.tolist())
    raise InputError(f"{trial.words}: no arrays of this kind are known")
