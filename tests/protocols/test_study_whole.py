"""A small study with everything in it: dies mapped, networks written, inferred, tuned, judged and measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labmtj.cli import app
from labmtj.studies.engine import Means, run_study

SMALL = (
    "networks.count=6",
    "dies=1",
    'diameters=["40 nm"]',
    'wires=["5 ohm"]',
    "compare.inverse=null",
    "compare.ablation.networks=3",
    "compare.placements.networks=3",
    'compare.ageing={"diameters": ["40 nm"], "after": ["0 s", "30 d"]}',
    "report=false",
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return run_study("goodwill", settings=SMALL, out=tmp_path_factory.mktemp("study"), means=Means(workers=1))


def test_copies_of_a_good_die_cost_next_to_nothing_once_they_are_tuned(study):
    copies = study.found["copies"]
    assert [1.0] * 6 == copies["write_fidelity_good"].tolist()
    assert (copies["pulses"] < 192).all()
    gap = 100 * (copies["train_best"] - copies["train_software_scale"])
    assert gap.mean() > -0.7
    assert (copies["measurements_best"] <= 30).all()
    assert all(
        np.isfinite(copies[name]).all() for name in copies if name.startswith(("train_", "loss_", "m_predicted"))
    )


def test_without_failures_a_tuned_copy_is_the_network(study):
    ablation = study.found["ablation"]
    none = (ablation["variant"] == "none") & (ablation["tuning"] != "untuned")
    assert none.any()
    assert [0.0] * int(none.sum()) == ablation["gap_all"][none].tolist()


def test_every_placement_is_compared_and_time_costs_nothing_at_40_nm(study):
    assert {"identity", "avoid_defects", "optimise"} == set(study.found["placements"]["place"].tolist())
    ageing = study.found["ageing"]
    assert {0.0, 30 * 86400.0} == set(ageing["seconds"].tolist())
    assert ageing["lost"].max() <= 2


def test_measures_are_ranked(study):
    prediction = study.found["prediction"]
    assert "m_predicted_drop_untuned" in prediction["measure"].tolist()
    assert (np.abs(prediction["spearman"][np.isfinite(prediction["spearman"])]) <= 1.0).all()


@pytest.mark.slow
def test_the_command_reads_a_folder_and_gives_the_same_bytes_on_any_number_of_workers(tmp_path, capsys):
    from labmtj.nets.files import shipped_networks

    folder = tmp_path / "networks"
    folder.mkdir()
    for number, network in enumerate(shipped_networks().networks[:2]):
        for layer, name in zip(network.layers, ("fc1", "fc2"), strict=True):
            np.savetxt(folder / f"{number}_{name}_weight.txt", layer.devices, fmt="%d")
            np.savetxt(folder / f"{number}_{name}_bias.txt", layer.bias)
    tables = []
    for workers in (1, 2):
        words = ["study", "goodwill", "--workers", str(workers), "--out", str(tmp_path / str(workers)), "--json"]
        for setting in (
            "dies=2",
            'diameters=["30 nm", "40 nm"]',
            'wires=["5 ohm"]',
            "compare=",
            f"networks.files={folder}",
        ):
            words += ["--set", setting]
        with pytest.raises(SystemExit) as end:
            app(words)
        assert end.value.code in (0, None)
        found = json.loads(capsys.readouterr().out)
        assert [30.0, 40.0] == [row["diameter_nm"] for row in found["rows"]]
        assert {"train_best_p5", "test_software_scale_mean", "write_fidelity_median"} <= set(found["rows"][0])
        (made,) = (tmp_path / str(workers)).iterdir()
        tables.append([(made / name).read_bytes() for name in ("study.csv", "study.h5")])
    assert tables[0] == tables[1]
