"""Files of studies of neurons: what is wrong is said with its place, and each command knows its files."""

from __future__ import annotations

import pytest

from labmtj.errors import FileProblems
from labmtj.studies.neurons.load import load_neuron_study

TEXT = """title: Some seeds
format: 1
neuron_network: {hidden: [8], epochs: 2}
variation: [0 %, 5 %]
training: {}
"""


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("training=", "there is nothing to carry out"),
        ("variation=[5 %, 5 %]", "0.05 stands twice"),
        ("neuron_network.dropout=100 %", "must be below 100 %"),
        ("neuron_network.epoks=3", "did you mean neuron_network.epochs?"),
        ("data.name=fashion-mnist", "fashion-mnist does not come with labmtj"),
        ("device.source=map", "source: map and map: <neurons.h5 of a run> go together"),
        ("gradient.variation=[10 %]", "10 % is none of the study's variations: 0 %, 5 %"),
        ("transfer.source_classes=[0, 1]", "1 of 1 hidden layers learn anew: none would be kept"),
        ("bounds.device=[{up_to: 20 %}, {up_to: 5 %}]", "bounds stand by rising variation"),
        ("bench=simulated-15x15", "this bench has no neurons"),
    ],
)
def test_an_error_says_what_does_not_go_together(override, says, place):
    with pytest.raises(FileProblems) as error:
        load_neuron_study(place, overrides=[override])
    assert says in str(error.value)


def test_a_problem_stands_with_its_line_and_column(place):
    place.write_text(TEXT.replace("[0 %, 5 %]", "[0 %, 5 %, 5 %]"))
    with pytest.raises(FileProblems) as error:
        load_neuron_study(place)
    (problem,) = error.value.problems
    assert (problem.line, problem.column, problem.path) == (4, 23, "variation[3]")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "{file}"], 3, "labmtj study"),
        (["train", "{file}"], 3, "labmtj study"),
        (["check", "{file}"], 0, "10 networks trained in software, 40 with neurons"),
        (["check", "{file}", "--set", "neuron_network.batch=5000"], 3, "only 1437 images to learn from"),
        (["check", "{file}", "--set", "transfer={source_classes: [0, 11], hidden: [8, 4]}"], 3, "classes [0, 11]"),
        (["check", "digits-neuron-study"], 0, "network 64-"),
        (["check", "fashion-neuron-study", "--set", "data.folder=nowhere"], 3, "apt-get install"),
        (["check", "cifar100-neuron-study", "--set", "data.folder=nowhere"], 3, "cifar-100"),
        (["study", "{file}", "--set", "seeds=0"], 3, "seeds: 0 must be at least 1"),
    ],
)
def test_each_command_knows_its_files(arguments, code, says, place, monkeypatch, tmp_path, capsys):
    from labmtj import cli

    runs = tmp_path / "runs"
    runs.mkdir()
    monkeypatch.setattr("sys.argv", ["labmtj", *(text.replace("{file}", str(place)) for text in arguments)])
    monkeypatch.setenv("LABMTJ_RUNS", str(runs))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert (stop.value.code or 0) == code
    told = capsys.readouterr()
    assert says in told.out + told.err
    assert list(runs.iterdir()) == []
