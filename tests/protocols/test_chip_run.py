"""A network on a chip, from the contact check to the comparison with its map, through simulated instruments."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from labmtj.errors import FileProblems, PlacementError
from labmtj.nets.chips.files import ChipNetworkFile, write_network
from labmtj.nets.chips.network import ChipLayer, ChipNetwork
from labmtj.protocol import engine
from labmtj.protocol.load import load_protocol
from labmtj.records import ChipMaps, Defect
from labmtj.runs.die_map import read_die_map
from labmtj.runs.journal import read_journal
from labmtj.runs.netcdf import read
from labmtj.watch.accuracy import Accuracies

CHIP = Path(__file__).parent / "chip"


def network():
    """Four inputs of two bits, five hidden units, ten classes: all 30 columns of the chip; nobody has trained it."""
    random = np.random.RandomState(7)

    def layer(inputs, outputs):
        bits = random.randint(0, 2, (inputs, outputs, 2)).astype(np.uint8)
        return ChipLayer(bits, random.uniform(1.0, 2.0, (1, outputs, 2)), random.normal(0.0, 0.3, outputs))

    return ChipNetwork("four-five-ten", 2, 2, 3, 5, (layer(4, 5), layer(5, 10)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("chip")
    for name in ("bench.yaml", "protocol.yaml"):
        shutil.copy(CHIP / name, place)
    write_network(place / "network.npz", ChipNetworkFile(network(), "of a test"))
    return place


@pytest.fixture(scope="module")
def whole(folder):
    """A run that nobody disturbed."""
    setting = [f"network.trained={folder / 'network.npz'}"]
    return engine.run(folder / "protocol.yaml", bench=folder / "bench.yaml", out=folder / "runs", settings=setting)


def test_a_chip_is_mapped_written_and_agrees_with_its_map(whole):
    figures = whole.figures
    assert 140 == figures["devices"]
    assert 0 == figures["write_errors"]["missed"]
    chip = figures["chip"]
    assert "yes" == chip["agrees"]
    assert 30 == chip["images"]
    assert chip["same_class"] >= 27
    assert chip["product_pearson"] > 0.99


def test_the_page_tells_how_good_the_chip_is_column_by_column(whole):
    entries = list(read_journal(whole.folder / "journal.jsonl"))
    begun = [entry["n"] for entry in entries if entry["k"] == "step" and entry["name"] == "infer_network"]
    found = [entry["figures"] for entry in entries if entry["k"] == "finding" and "right_measured" in entry["figures"]]
    for first, figures in zip(begun, found, strict=True):
        sums = [entry["n"] for entry in entries if entry["k"] == "products" and entry["n"] > first][:30]
        for columns in (1, 30):
            so_far = Accuracies(whole.folder)
            for entry in entries:
                if entry["n"] <= sums[columns - 1]:
                    so_far.take(entry)
            running = so_far.table()["running"]
            assert ("columns", columns, 30) == (running["what"], running["count"], running["of"])
            known = figures["right_measured" if columns == 30 else "right_emulated"]
            assert abs(known - running["all"]) <= (0 if columns == 30 else 2 / 30)  # a column changes few classes
        so_far.take({"k": "finding", "figures": figures})
        assert so_far.table()["running"] is None


def test_other_programs_open_its_files(whole, conforms):
    conforms(whole.folder)


def test_store_and_report_show_the_chip_and_the_comparison(whole):
    groups = read(whole.folder / "run.h5")
    target, state = (groups["chip"].variables[name].values for name in ("target", "state"))
    assert (30, 5) == target.shape
    assert 140 == np.count_nonzero(target >= 0)
    assert 140 - round(140 * whole.figures["write_fidelity"]) == np.count_nonzero((target >= 0) & (state != target))
    found = groups["infer_network2"]
    assert "defects" == found.attributes["mask"]
    assert 30 == len(found.variables["measured_class"].values)
    assert groups["gate_products"].variables["patterns"].values.size > 120  # inference twice, readings of columns
    text = (whole.folder / "report.html").read_text(encoding="utf-8")
    for words in ("The network on the chip", "Images through the network on the chip", "6 kernels", "McNemar"):
        assert words in text


def test_the_map_of_the_run_serves_as_statistics(whole):
    die = read_die_map(whole.folder / "die.h5")
    maps = ChipMaps.measured([die])
    assert (1, 30, 5) == maps.g_p.shape
    shorts = die.defect == Defect.SHORT
    assert shorts.any()
    # A short is bounded by its transistor: some times a junction, not hundreds of times.
    assert 1.7 < maps.g_p[0][shorts].min() / np.median(maps.g_p[0][die.good])
    assert maps.g_p[0][shorts].max() / np.median(maps.g_p[0][die.good]) < 4.0


def cut(whole, folder, kind, number):
    """A copy of the run whose journal ends before the n-th entry of a kind, as if its process had died there."""
    shutil.copytree(whole.folder, folder)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    kinds = [json.loads(line)["k"] for line in lines]
    place = [n for n, found in enumerate(kinds) if found == kind][number]
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:place]))
    (folder / "run.h5").unlink()
    return folder


@pytest.mark.parametrize(("kind", "number"), [("products", -50), pytest.param("outcome", 100, marks=pytest.mark.slow)])
def test_a_run_that_died_goes_on_over_its_journal(kind, number, whole, tmp_path):
    folder = cut(whole, tmp_path / "run", kind, number)
    before = (folder / "journal.jsonl").read_bytes()
    outcome = engine.resume(folder)
    assert (folder / "journal.jsonl").read_bytes().startswith(before)
    kinds = [entry["k"] for entry in read_journal(folder / "journal.jsonl")]
    assert 1 == kinds.count("resume")
    assert 2 == kinds.count("finding")
    if kind == "products":  # nothing that was summed is summed again
        asked = [entry["k"] for entry in read_journal(whole.folder / "journal.jsonl")].count("products")
        read_again = 30  # columns, once, since the bench was left
        assert asked + read_again == kinds.count("products")
        assert whole.figures["pulses"] == outcome.figures["pulses"]
    assert "yes" == outcome.figures["chip"]["agrees"]
    assert 0 == outcome.figures["write_errors"]["missed"]


def test_steps_are_refused_on_arrays_that_they_are_not_for(folder):
    text = (folder / "protocol.yaml").read_text(encoding="utf-8")
    wires = folder / "wires.yaml"
    wires.write_text(text.replace("  - report:", "  - wires:\n  - report:"), encoding="utf-8")
    with pytest.raises(FileProblems, match="wires is for arrays without transistors"):
        load_protocol(wires, bench=folder / "bench.yaml")
    with pytest.raises(FileProblems, match="program_network is for chips"):
        load_protocol(folder / "protocol.yaml")
    layers = folder / "layers.yaml"
    layers.write_text(text.replace("  - program_network:", "  - program_network:\n  - program: {layer: 1}"))
    with pytest.raises(FileProblems, match="program is for arrays without"):
        load_protocol(layers, bench=folder / "bench.yaml")


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("{shipped: wine/17}", "cannot have a network for an array without transistors"),
        ("{trained: a.npz, shipped: digits}", "not both"),
        ("{files: ., solution: 1, images: mnist}", "goes with a network for a chip"),
    ],
)
def test_networks_that_do_not_fit_are_refused_with_their_place(folder, network, words):
    text = (folder / "protocol.yaml").read_text(encoding="utf-8")
    path = folder / "other.yaml"
    path.write_text(text.replace("{trained: network.npz, images: digits}", network), encoding="utf-8")
    with pytest.raises(FileProblems, match=words):
        load_protocol(path, bench=folder / "bench.yaml")


def test_a_network_that_is_too_large_is_refused_before_anything_is_touched(folder, tmp_path):
    wide = network()
    layers = (wide.layers[0], ChipLayer(np.zeros((5, 11, 2), np.uint8), np.ones((1, 11, 2)), np.zeros(11)))
    large = ChipNetwork("large", 2, 2, 3, 5, layers)
    write_network(tmp_path / "large.npz", ChipNetworkFile(large, "of a test"))
    setting = [f"network.trained={tmp_path / 'large.npz'}"]
    with pytest.raises(PlacementError, match="2 are missing") as refused:
        engine.run(folder / "protocol.yaml", bench=folder / "bench.yaml", out=tmp_path / "runs", settings=setting)
    assert "network.trained" in "".join(refused.value.__notes__)
    assert not (tmp_path / "runs").exists()
