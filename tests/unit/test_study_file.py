"""Study files: what they mean, what is wrong with them and where, and the blocks that they make."""

from __future__ import annotations

from pathlib import Path

import pytest

from labmtj.config.finder import shipped_root
from labmtj.errors import FileProblems
from labmtj.studies.grid import What, cost, tasks
from labmtj.studies.load import bench_of, load_study
from labmtj.studies.population import population
from labmtj.studies.records import Kind

ROOT = shipped_root()
GOODWILL = ROOT / "protocols/goodwill.yaml"


def refused(path: Path | str, *overrides: str, **options: str) -> str:
    with pytest.raises(FileProblems) as error:
        population(load_study(path, overrides=overrides, **options))
    return str(error.value)


def test_the_default_study_is_the_one_of_the_paper_and_more():
    job = load_study("goodwill")
    found = population(job)
    assert (len(found.stack), found.data.name) == (300, "wine")
    assert [round(diameter * 1e9, 6) for diameter in job.study.diameters] == [15, 20, 30, 40, 50, 75, 100]
    assert (job.study.wires, job.study.dies) == ([1.0, 5.0, 20.0], 5)
    voltages = [job.study.infer.voltage(diameter) for diameter in job.study.diameters]
    assert voltages == [0.02, 0.02, 0.05, 0.05, 0.05, 0.05, 0.05]


def test_blocks_stand_in_one_order_copies_first():
    job = load_study("goodwill", overrides=["place=[identity, optimise]", "dies=3"])
    blocks = tasks(job, networks=300)
    assert [block.number for block in blocks] == list(range(len(blocks)))
    assert len({block.name for block in blocks}) == len(blocks)
    counts = {what: sum(block.what is what for block in blocks) for what in What}
    assert counts == {What.COPIES: 7 * 3 * 3 * 2, What.PLACEMENTS: 42, What.ABLATION: 42, What.INVERSE: 1}
    assert [block.name for block in blocks[:3]] == [
        "0000-copies-15nm-1ohm-die15000-identity",
        "0001-copies-15nm-1ohm-die15000-optimise",
        "0002-copies-15nm-1ohm-die15001-identity",
    ]
    assert blocks[6].name == "0006-copies-15nm-5ohm-die15000-identity"
    assert {(block.first, block.last) for block in blocks if block.what is What.COPIES} == {(0, 300)}
    assert {(block.first, block.last) for block in blocks if block.what is What.ABLATION} == {(0, 60)}


def test_the_largest_devices_on_the_worst_wires_weigh_most():
    assert cost(Kind(15e-9, 1.0)) < cost(Kind(15e-9, 20.0)) < cost(Kind(100e-9, 5.0)) < cost(Kind(100e-9, 20.0))
    assert cost(Kind(100e-9, 20.0)) == pytest.approx(4.6)


def test_a_block_has_a_bench_with_its_die():
    job = load_study("goodwill", overrides=["simulation.die.sigma_r_p=10 %"])
    bench = bench_of(job.bench, Kind(75e-9, 20.0), seed=3).bench
    assert bench.simulation is not None
    assert bench.simulation.die is not None
    die = bench.simulation.die
    assert (die.diameter, die.wire, die.seed, die.sigma_r_p, bench.array.wire) == (75e-9, 20.0, 3, 0.1, 20.0)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("20 nm, 30", "20, 30", ":16:20: diameters[2]: 20 has no unit"),
        ("20 nm, 30", "15 nm, 30", ":16:20: diameters[2]: 15 nm stands twice"),
        ("[1 ohm, 5", "[1 mV, 5", "wires[1]: '1 mV' is a voltage; a resistance is expected"),
        ("dies: 5", "dices: 5", "did you mean dies?"),
        ("place: optimise", "place: optimize", "place: 'optimize' is no way to place a layer"),
        ("place: optimise", "place: []", "each way to place a layer may stand here once"),
        ("read: by_size", "read: 0.05", "write by_size, or a voltage with its unit"),
        ("rows_columns", "row_columns", "did you mean rows_columns?"),
        ("count: all", "count: 0", "write all, or a number from 1"),
        ("count: all", "count: 301", "301 networks are asked for, there are 300"),
        ("shipped: wine ", "#", "which ones?"),
        ("format: 1", "format: 2", "format 2 was made by a newer labmtj"),
    ],
)
def test_an_error_says_file_line_and_column(old, new, says, tmp_path):
    text = GOODWILL.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = refused(path)
    assert says in found
    assert f"{path}:" in found


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("netwroks.count=3", "did you mean networks.count"),
        ("simulation.die.seed=3", "the study's seed say it: --set seed=..."),
        ("die.diameter=30 nm", "the study's diameters say it"),
        ("networks.files=nowhere-at-all", "there is no such folder"),
        ("limits.cell_voltage=1 ohm", "limits.cell_voltage: '1 ohm' is a resistance"),
    ],
)
def test_a_setting_is_looked_up_in_the_study_then_in_its_bench(override, says):
    assert says in refused("goodwill", override)


def test_a_real_bench_has_one_die_and_is_reached_through_its_instruments():
    found = refused("goodwill", bench="keithley")
    for said in ("7 diameters are asked for", "3 wires are asked for", "5 dies are asked for", "write level: wire"):
        assert said in found
    one = ["diameters=[40 nm]", "wires=[5 ohm]", "dies=1", "level=wire", "compare.ageing="]
    assert load_study("goodwill", bench="keithley", overrides=one).real


def test_a_folder_in_the_format_of_nist_brings_its_networks_and_its_data(tmp_path):
    job = load_study("goodwill", overrides=[f"networks.files={folder(tmp_path)}"])
    found = population(job)
    assert [name.rpartition(":")[2] for name in found.stack.names] == ["0", "2", "11"]
    assert (found.data.features, found.data.classes, len(found.data.train), len(found.data.test)) == (2, 2, 3, 2)
    assert (
        len(population(load_study("goodwill", overrides=[f"networks.files={tmp_path}", "networks.count=2"])).stack) == 2
    )
    assert "4 networks are asked for, there are 3" in refused(
        "goodwill", "networks.count=4", f"networks.files={tmp_path}"
    )


def folder(place: Path) -> Path:
    """Three networks 2-1-2 with five samples."""
    for name in ("solutions", "dataset"):
        (place / name).mkdir()
    for number in (0, 2, 11):
        for layer, (bits, bias) in {"fc1": ("1 0\n0 1\n", "0.5\n"), "fc2": ("1 0 0 1\n", "0.1\n-0.1\n")}.items():
            (place / f"solutions/{number}_{layer}_weight.txt").write_text(bits)
            (place / f"solutions/{number}_{layer}_bias.txt").write_text(bias)
    for part, x, y in (("train", "0 1 0\n0 0 1\n", "1 0 1\n0 1 0\n"), ("test", "0 1\n1 1\n", "1 0\n0 1\n")):
        (place / f"dataset/X_{part}.txt").write_text(x)
        (place / f"dataset/Y_{part}.txt").write_text(y)
    return place
