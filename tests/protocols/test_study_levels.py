"""A study through drivers and instruments is the study at the array: the same states, pulses and accuracies."""

from __future__ import annotations

import numpy as np
import pytest

from labmtj.studies.engine import Means, run_study

SMALL = ("networks.count=1", "dies=1", 'diameters=["20 nm"]', 'wires=["5 ohm"]', "compare=", "report=false")


@pytest.mark.slow
def test_both_levels_give_the_same_rows(tmp_path):
    levels = {}
    for level in ("array", "wire"):
        settings = (*SMALL, f"level={level}")
        levels[level] = run_study("goodwill", settings=settings, out=tmp_path / level, means=Means(workers=1)).found
    array, wire = levels["array"]["copies"], levels["wire"]["copies"]
    assert list(array) == list(wire)
    for name in ("pulses", "repaired", "wrong", "write_fidelity", "defects_used"):
        assert array[name].tolist() == wire[name].tolist()
    for name in (name for name in array if name.startswith(("train_", "test_"))):
        np.testing.assert_allclose(array[name], wire[name], atol=0.007)  # one sample: maps differ by noise of a reading


@pytest.mark.slow
def test_at_a_bench_each_copy_is_a_run_of_its_own(tmp_path):
    from labmtj.studies import at_bench
    from labmtj.studies.load import load_study
    from labmtj.studies.population import population
    from labmtj.studies.setting import Setting

    job = load_study("goodwill", overrides=(*SMALL, "networks.count=2", "level=wire"))
    study = Setting(job, population(job), tmp_path)
    rows = [at_bench.at_bench(task, setting=study)["copies"] for task in study.tasks]
    runs = sorted((tmp_path / "runs").glob("*/journal.jsonl"))
    assert len(runs) == len(rows) == 2
    assert ["run.h5"] * 2 == [(run.parent / "run.h5").name for run in runs if (run.parent / "run.h5").is_file()]
    assert all(row["write_fidelity_good"][0] == 1.0 for row in rows)
    assert all(row["train_best"][0] > 0.95 for row in rows)
