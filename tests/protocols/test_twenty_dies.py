"""What the main job must reach: 20 of our networks on 20 different 40 nm dies, at array level.

Continuous integration runs three of them, `pytest -m slow` all.
"""

from __future__ import annotations

import numpy as np
import pytest

from labmtj.nets.dataset import wine
from labmtj.nets.files import shipped
from labmtj.ports import no_ticks
from labmtj.protocol.kinds import InferStep, ReportStep
from labmtj.protocol.load import load_protocol
from labmtj.protocol.progress import Progress
from labmtj.protocol.summary import summary
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray


def job(network: int, seed: int):
    """The steps of the default protocol but for the report and the few bit-serial samples."""
    loaded = load_protocol("wine", seed=seed)
    journal = MemoryJournal()
    array = TwinArray(loaded.bench, journal)
    progress = Progress(shipped(f"wine/{network}"), wine(), array, journal)
    for step in loaded.protocol.steps:
        if not (isinstance(step, ReportStep) or (isinstance(step, InferStep) and step.inputs == "bit_serial")):
            step.carry_out(progress, no_ticks)
    return summary(progress, bench_seconds=array.clock.now()), progress


@pytest.mark.parametrize("dies", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_networks_on_as_many_dies_reach_what_the_main_job_must(dies):
    runs = [job(number, seed=number) for number in range(dies)]
    figures = [found for found, _ in runs]
    assert sum(found["write_fidelity_good"] == 1.0 for found in figures) >= dies - 1
    assert np.mean([found["pulses_per_changed_cell"] for found in figures]) <= 1.1
    assert sum(found["verify_flips"] <= 1 for found in figures) >= dies - 1
    gaps = [f["accuracy"]["software_tuned"]["train"] - f["accuracy"]["tuned"]["train"] for f in figures]
    assert np.mean(gaps) <= 0.005
    for _, progress in runs:
        truth = progress.array.electrics.truth
        assert truth.defect.tolist() == progress.known_map.defect.tolist()
