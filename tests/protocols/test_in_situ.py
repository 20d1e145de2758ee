"""A network learns on the array itself, from the contact check to the report, through simulated instruments."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from labmtj.errors import FileProblems, LimitExceeded
from labmtj.protocol import engine
from labmtj.protocol.load import load_protocol
from labmtj.protocol.outlook import outlook
from labmtj.protocol.plan import run_dies
from labmtj.runs.die_map import read_die_map
from labmtj.runs.journal import read_journal
from labmtj.runs.netcdf import read
from labmtj.runs.status import read_status

HERE = Path(__file__).parent / "in_situ"


def run(folder, *settings, protocol="protocol", bench=HERE / "bench.yaml"):
    return engine.run(HERE / f"{protocol}.yaml", bench=bench, out=folder, settings=list(settings))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody disturbed."""
    return run(tmp_path_factory.mktemp("whole"))


def test_a_network_learns_on_the_array_and_its_costs_are_counted(whole):
    found = whole.figures["training"]
    assert ("3-2-2", 20, "chance", 3) == tuple(found[name] for name in ("network", "devices", "coding", "epochs"))
    assert found["test"] == whole.figures["accuracy"]["trained"]["test"] > 0.8
    assert {"train", "test"} == set(whole.figures["accuracy"]["real"])
    intents = [entry for entry in read_journal(whole.folder / "journal.jsonl") if entry["k"] == "intent"]
    assert found["pulses"] == sum("lines" in entry for entry in intents) > 0
    assert 0 < found["flips"] <= found["pulses_per_cell"] * found["devices"]
    assert 0.0 < found["energy_joule"] < 1e-6
    epochs = [entry for entry in read_journal(whole.folder / "journal.jsonl") if entry["k"] == "epoch"]
    assert [1, 2, 3] == [entry["number"] for entry in epochs]


def test_other_programs_open_its_files(whole, conforms):
    conforms(whole.folder)


def test_store_map_and_report_show_what_was_learnt(whole):
    group = read(whole.folder / "run.h5")["train_array"]
    assert 3 == len(group.values("train"))
    used = group.values("layer") > 0
    assert 20 == used.sum()
    die = read_die_map(whole.folder / "die.h5")
    assert np.array_equal(group.values("state")[used], die.state[used])
    text = (whole.folder / "report.html").read_text(encoding="utf-8")
    for words in ("Training on the array", "cost of training", "Pulses of training", "real weights"):
        assert words in text


@pytest.mark.slow
def test_the_deterministic_rule_writes_and_nothing_is_pulsed_on_many_lines(tmp_path):
    found = run(tmp_path, "train_array.rule=deterministic", "train_array.epochs=2").figures["training"]
    assert 0 == found["pulses"]
    assert found["write_pulses"] >= found["flips"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "bench"), [("protocol", HERE / "lines.yaml"), ("chip", HERE.parent / "chip" / "bench.yaml")]
)
def test_the_same_learns_with_a_source_on_every_line_and_on_a_chip(protocol, bench, tmp_path):
    outcome = run(tmp_path, "train_array.proof=4", protocol=protocol, bench=bench)
    found = outcome.figures["training"]
    assert found["test"] > 0.7
    assert (0, 0) == (found["disturbed"], found["sums_beyond_the_range"])
    assert 4 == found["summed_by_the_array"]


@pytest.mark.slow
def test_the_array_itself_sums_what_is_learnt(tmp_path):
    found = run(tmp_path, "train_array.products=array", "train_array.bits=3", "train_array.epochs=1")
    assert found.figures["training"]["test"] > 0.7


@pytest.mark.slow
def test_a_plan_tells_what_training_takes():
    settings = ["train_array.epochs=1", "train_array.samples=8", "train_array.software=false"]
    job = load_protocol(HERE / "protocol.yaml", bench=HERE / "bench.yaml", overrides=settings)
    found = outlook(job, run_dies(job, dies=1, workers=1))
    assert "train_array" in [step.name for step in found.steps]
    assert found.figures["pulse_energy_joule"].median > 0.0
    assert 0.0 <= found.figures["test_accuracy"].median <= 1.0
    assert 0.0 < found.damage < 1e-5


def test_amplitudes_above_a_limit_are_refused_before_anything_is_on(tmp_path):
    tight = ["train_array.pulse.amplitude=450 mV", "limits.cell_voltage=440 mV", "polarity.ceiling=420 mV"]
    with pytest.raises(LimitExceeded, match="450 mV"):
        run(tmp_path, *tight)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["train_array.hidden=9"], "do not fit"),
        (["train_array.features=[1, 14]"], "13 features"),
        (["train_array.classes=[2, 2]"], "twice"),
        (["train_array.coding=levels"], "no sources of their own"),
        (["train_array.data=digits"], "features are of wines"),
        (["train_array.side=4"], "goes with images"),
        (["train_array.learning.eta.last=0.5"], "eta falls"),
    ],
)
def test_what_cannot_be_learnt_here_is_refused_with_its_place(settings, words):
    with pytest.raises(FileProblems, match=words):
        load_protocol(HERE / "protocol.yaml", bench=HERE / "bench.yaml", overrides=settings)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("[{rows: [1, 2, 3], cols: [1, 2, 3]}, {rows: [4, 5], cols: [1, 2, 3, 4]}]", "needs 4 cols, 3 are named"),
        ("[{rows: [1, 2, 3], cols: [1, 2, 3, 4]}, {rows: [4, 6], cols: [1, 2, 3, 4]}]", "line 6 is not on the array"),
        ("[{rows: [1, 2, 3], cols: [1, 2, 3, 4]}, {rows: [3, 4], cols: [1, 2, 3, 4]}]", r"\(3, 1\) belongs to both"),
    ],
)
def test_lines_that_are_named_must_be_those_of_two_layers(place, words, tmp_path):
    text = (HERE / "protocol.yaml").read_text(encoding="utf-8")
    path = tmp_path / "protocol.yaml"
    path.write_text(text.replace("      hidden: 2\n", f"      hidden: 2\n      place: {place}\n"), encoding="utf-8")
    with pytest.raises(FileProblems, match=words):
        load_protocol(path, bench=HERE / "bench.yaml")


def killed(folder):
    """A run whose process was killed after its first epoch."""
    code = f"from labmtj.protocol import engine; engine.run({str(HERE / 'protocol.yaml')!r}, "
    code += f"bench={str(HERE / 'bench.yaml')!r}, out=__import__('pathlib').Path({str(folder)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ)
    try:
        while process.poll() is None:
            found = list(folder.glob("*/journal.jsonl"))
            if found and b'"k":"epoch"' in found[0].read_bytes():
                process.send_signal(signal.SIGKILL)
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    (journal,) = folder.glob("*/journal.jsonl")
    return journal.parent


@pytest.mark.slow
def test_training_that_was_killed_goes_on_to_the_same_result(whole, tmp_path):
    # Whether a pulse in flight left nobody can tell, and then results may differ: such a kill does not count.
    tries = (killed(tmp_path / str(number)) for number in range(10))
    folder = next(place for place in tries if not read_status(place).unresolved)
    before = (folder / "journal.jsonl").read_bytes()
    assert b'"k":"end"' not in before
    outcome = engine.resume(folder)
    assert (folder / "journal.jsonl").read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    for name in ("train", "test", "pulses", "write_pulses", "flips", "updates"):
        assert whole.figures["training"][name] == outcome.figures["training"][name], name
    states = [read(place / "run.h5")["train_array"].values("state") for place in (whole.folder, folder)]
    assert np.array_equal(*states)


def test_a_pulse_on_lines_without_an_outcome_is_read_and_not_repeated(whole, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(whole.folder, folder)
    entries = list(read_journal(folder / "journal.jsonl"))
    number = [entry["n"] for entry in entries if entry["k"] == "intent" and "lines" in entry][2]
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    place = next(n for n, entry in enumerate(entries) if entry["n"] == number)
    (folder / "journal.jsonl").write_bytes(b"".join(lines[: place + 1]))
    (folder / "run.h5").unlink()
    outcome = engine.resume(folder)
    later = list(read_journal(folder / "journal.jsonl"))
    (settled,) = [entry for entry in later if entry["k"] == "outcome" and entry["of"] == number]
    assert settled["uncertain"]
    assert outcome.figures["training"]["epochs"] == 3
