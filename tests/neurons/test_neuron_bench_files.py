"""Neurons in bench files: what is checked before anything is opened, and which steps such a bench has."""

from __future__ import annotations

import copy

import pytest

from labmtj.config import yaml12
from labmtj.config.bench import check_bench, load_bench
from labmtj.config.finder import find
from labmtj.config.source import parse, read
from labmtj.errors import FileProblems, InputError
from labmtj.neuron_dies import model_of_bench, neuron_model
from labmtj.protocol.examine import examine
from labmtj.protocol.load import load_protocol
from labmtj.twin.build import electrics


def changed(**changes):
    data = copy.deepcopy(dict(read(find("benches", "neurons")).data))
    for key, value in changes.items():
        data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
    return check_bench(parse(yaml12.dump(data), name="bench.yaml"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"neurons": {"count": 15}}, "15 neurons have 30 rows, two rows and a column each"),
        ({"neurons": {"count": 17}}, "write array: {rows: 34, cols: 17}"),
        ({"neurons": {"common": "D"}}, "no source meter is plugged into matrix row D"),
        ({"neurons": {"common": "E"}}, "rows with one: A, B, C"),
        ({"neurons": {"common": "A"}}, "matrix row A is that of the common terminals"),
        ({"neurons": {"range": "100 uV"}}, "is a voltage; a current is expected"),
        ({"use": {"sense": "A"}}, "matrix row A is that of the x terminals"),
        ({"use": {"drive": "D"}}, "no source is plugged into matrix row D"),
        ({"roles": {"C": "ground"}}, "no source meter is plugged into matrix row C"),
        ({"roles": {"C": "smu.a"}}, "smu.a is plugged into row A already"),
        ({"array": {"kernels": 2}}, "neurons are no chip with a transistor in every cell"),
        ({"references": {"r1": {"row": 1, "col": 1, "resistance": "1 kohm"}}}, "no place for known resistors"),
        ({"limits": {"damage": 1e-5}}, "nothing counts what a neuron takes in its life"),
        ({"simulation": {"die": {"diameter": "40 nm"}}}, "only the seed stands here"),
        ({"simulation": {"neurons": {"sigma_curent": "5 %"}}}, "did you mean sigma_current?"),
        ({"simulation": {"neurons": {"critical_current": "400 mV"}}}, "is a voltage; a current is expected"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(changes, text):
    with pytest.raises(FileProblems) as error:
        changed(**changes)
    assert text in str(error.value)
    assert "bench.yaml:" in str(error.value)


def test_a_magnet_is_refused_and_so_are_neurons_without_an_entry():
    supply = {"model": "kepco_bop_20_20", "address": "GPIB0::6::INSTR"}
    magnet = {"source": "supply", "tesla_per_ampere": "10 mT/A", "limit": "100 mT"}
    with pytest.raises(FileProblems, match="neurons stand in no magnet"):
        changed(instruments={"supply": supply}, magnet=magnet)
    with pytest.raises(FileProblems, match="this bench has no neurons"):
        load_bench("simulated-15x15", overrides=["simulation.neurons.sigma_tmr=5 %"])


def test_what_a_file_does_not_say_of_neurons_are_the_defaults():
    said = ["simulation.neurons.sigma_offset=20 %", "simulation.neurons.defects.short=0", "simulation.neurons.fano=1.0"]
    model = model_of_bench(load_bench("neurons", overrides=said, seed=5).bench)
    defects = {"short": 0.0, "open": neuron_model().open}
    assert model == neuron_model(5, count=16, sigma_offset=0.2, fano=1.0, defects=defects)
    with pytest.raises(InputError, match="has no neurons"):
        model_of_bench(load_bench("simulated-15x15").bench)


def test_neurons_are_no_array_of_cells_for_who_needs_one():
    with pytest.raises(InputError, match="no array of cells"):
        electrics(load_bench("neurons"))


def job(folder, steps, bench):
    path = folder / "steps.yaml"
    path.write_text(yaml12.dump({"title": "Steps", "format": 1, "steps": steps}), encoding="utf-8")
    return load_protocol(path, bench=bench)


def test_steps_for_cells_are_refused_at_a_bench_of_neurons(tmp_path):
    polarity = {"polarity": {"start": "150 mV", "step": "20 mV", "ceiling": "400 mV", "read": "50 mV"}}
    with pytest.raises(FileProblems, match=r"polarity is for arrays of cells; this bench has 16 neurons \(.*neurons"):
        job(tmp_path, [{"contact": {}}, polarity], "neurons")
    good = job(tmp_path, [{"contact": {}}, {"report": {}}], "neurons")
    assert ["contact", "report"] == [step.kind for step in good.protocol.steps]


def test_a_check_says_what_neurons_a_bench_has():
    found = examine("instruments/benches/neurons.yaml")
    assert "simulated die: 16 neurons, critical current 400 uA with a spread of 5 %" == found.summary[-1]
