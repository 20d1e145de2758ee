"""A run goes on over its own journal, on the bench as it finds it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.config.bench import load_bench
from labmtj.errors import Busy, CannotResume, MissingFile, StorageError, WrongDie
from labmtj.protocol import engine
from labmtj.protocol.observer import Silent
from labmtj.runs.claim import claimed
from labmtj.runs.journal import encode, read_journal
from labmtj.runs.status import read_status
from labmtj.twin.build import electrics

THREE = Path(__file__).parents[1] / "faults" / "three"


class Heard(Silent):
    """An observer that keeps what it is told."""

    def __init__(self):
        self.steps, self.returns = [], []

    def done(self, name, line, bench_seconds, *, replayed=False):
        if name != "contact":  # every run begins so; the protocol does not say it
            self.steps.append((name, replayed))

    def returned(self, line):
        self.returns.append(line)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole")
    return engine.run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=out).folder


@pytest.fixture
def cut(whole, tmp_path):
    """A copy of the run whose journal ends before the n-th entry of a kind, as if its process had died there."""

    def make(kind, number=1, after=None):
        folder = tmp_path / f"{kind}-{number}"
        shutil.copytree(whole, folder)
        lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
        kinds = [entry["k"] for entry in read_journal(folder / "journal.jsonl")]
        begin = kinds.index(after) if after else 0
        place = [n for n, found in enumerate(kinds) if found == kind and n > begin][number - 1]
        (folder / "journal.jsonl").write_bytes(b"".join(lines[:place]))
        (folder / "run.h5").unlink()
        return folder

    return make


def entries(folder):
    return list(read_journal(folder / "journal.jsonl"))


@pytest.mark.parametrize(("kind", "number"), [("step", 1), ("intent", 1), ("outcome", 3), ("read", 40), ("done", 3)])
def test_what_the_journal_holds_is_not_measured_again(kind, number, cut):
    folder = cut(kind, number)
    before = (folder / "journal.jsonl").read_bytes()
    heard = Heard()
    outcome = engine.resume(folder, observer=heard)
    assert (folder / "journal.jsonl").read_bytes().startswith(before)
    done_before = [entry["name"] for entry in entries(folder)[: before.count(b"\n")] if entry["k"] == "done"]
    assert done_before == [name for name, replayed in heard.steps if replayed]
    assert ["polarity", "map", "program", "infer", "infer", "verify"] == [name for name, _ in heard.steps]
    assert 1.0 == outcome.figures["write_fidelity"]
    assert 1 == len(heard.returns)


def test_a_pulse_without_an_outcome_is_read_and_not_repeated(cut):
    folder = cut("outcome", 5)
    number = max(entry["n"] for entry in entries(folder) if entry["k"] == "intent")
    (pulse,) = read_status(folder).unresolved
    assert number == pulse["n"]
    heard = Heard()
    engine.resume(folder, observer=heard)
    (outcome,) = [entry for entry in entries(folder) if entry["k"] == "outcome" and entry["of"] == number]
    assert outcome["uncertain"]
    assert "had no outcome: read" in heard.returns[0]
    aside = ("command", "bench", "contact")
    later = [entry["k"] for entry in entries(folder)[number + 1 :] if entry["k"] not in aside]
    assert ["resume", "read", "outcome"] == later[:3]


def test_a_run_that_comes_back_twice_goes_on_from_where_it_was(cut):
    folder = cut("intent", 1, after="plan")
    engine.resume(folder)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    kinds = [entry["k"] for entry in entries(folder)]
    for place in (kinds.index("resume") + 3, kinds.index("back") + 2, len(lines) - 3):
        (folder / "journal.jsonl").write_bytes(b"".join(lines[:place]))
        heard = Heard()
        assert 1.0 == engine.resume(folder, observer=heard).figures["write_fidelity"]
        assert 1 <= len(heard.returns) <= 2


def flip(folder, cell):
    """Another state for one cell, as heat or a field might leave it while nobody looks."""
    array = electrics(load_bench(folder / "bench.yaml"))
    array.state.state[cell] = 1 - array.state.state[cell]
    array.state.commit()


def test_cells_that_changed_meanwhile_are_found_and_their_layer_is_written_again(cut):
    folder = cut("step", 4)  # the layer stands, inference begins
    program = [entry for entry in entries(folder) if entry["k"] == "program"][-1]
    flip(folder, (program["rows"][1] - 1, program["cols"][0] - 1))
    heard = Heard()
    outcome = engine.resume(folder, observer=heard)
    assert "6 devices read again, 1 changed" in heard.returns[0]
    (back,) = [entry for entry in entries(folder) if entry["k"] == "back"]
    assert {"1": 1} == back["changed"]
    assert (1.0, 0) == (outcome.figures["write_fidelity"], outcome.figures["verify_flips"])


def test_another_die_is_refused_before_anything_is_written(cut):
    folder = cut("step", 4)
    (state,) = folder.glob("twin.state")
    text = (folder / "bench.yaml").read_text()
    (folder / "bench.yaml").write_text(text.replace("seed: 9", "seed: 8"))
    with pytest.raises(CannotResume, match="changed since the run began"):
        engine.resume(folder)
    # The die in the probe card is another one, and no file says so.
    lines = (folder / "journal.jsonl").read_text().splitlines()
    header = json.loads(lines[0])
    del header["crc"]
    changed = (folder / "bench.yaml").read_text()
    header["provenance"]["sha256 of bench.yaml"] = hashlib.sha256(changed.encode()).hexdigest()
    (folder / "journal.jsonl").write_bytes(encode(header) + "".join(f"{line}\n" for line in lines[1:]).encode())
    state.write_bytes(b"")
    with pytest.raises(WrongDie, match="is the map of another die"):
        engine.resume(folder)
    assert not [entry for entry in entries(folder)[len(lines) :] if entry["k"] == "intent"]


def test_a_die_whose_state_is_gone_is_not_made_anew(cut):
    folder = cut("intent", 3)
    (folder / "twin.state").unlink()
    with pytest.raises(StorageError, match="missing"):
        engine.resume(folder)


def test_a_run_that_is_done_is_not_done_again_but_its_files_are_made(whole, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    with pytest.raises(CannotResume, match="nothing is left to do"):
        engine.resume(folder)
    (folder / "run.h5").unlink()
    assert 1.0 == engine.resume(folder).figures["write_fidelity"]
    assert (folder / "run.h5").exists()


def test_a_run_belongs_to_one_process(cut):
    folder = cut("intent", 2)
    with claimed(folder), pytest.raises(Busy, match=f"process {os.getpid()} of"):
        engine.resume(folder)


def test_a_journal_of_another_program_is_refused(cut):
    folder = cut("step", 3)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    place = [entry["k"] for entry in entries(folder)].index("read")
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
    with pytest.raises(CannotResume, match="Begin a new run"):
        engine.resume(folder)


def test_status_says_where_a_dead_run_is_and_what_to_do(cut):
    folder = cut("outcome", 1, after="plan")
    said = CliRunner().invoke(app, ["status", str(folder)]).output
    assert "interrupted: its process is gone in step 3 (program layer 1)" in said
    assert "1 pulse has no outcome yet: cell (" in said
    assert "It will be read, not repeated." in said
    assert f"continue with: labmtj resume {folder}" in said.replace("\n", "")
    found = json.loads(CliRunner().invoke(app, ["status", str(folder), "--json"]).output)
    assert ("interrupted", 3, "program") == (found["how"], found["step"], found["name"])
    assert 1 == len(found["unresolved"])


def test_status_of_a_living_run_names_its_process(cut):
    folder = cut("outcome", 1)
    code = "import sys, time; from pathlib import Path; from labmtj.runs.claim import claimed\n"
    code += f"with claimed(Path({str(folder)!r})): print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert "held\n" == holder.stdout.readline()
        status = read_status(folder)
        assert ("running", holder.pid) == (status.how, status.process["pid"])
        assert f"held by process {holder.pid}" in status.lines[-1]
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert "interrupted" == read_status(folder).how


def test_everything_but_the_journal_can_be_made_anew(whole, tmp_path):
    import h5py

    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    made = {}
    for name in ("run.h5", "die.h5"):
        with h5py.File(folder / name) as store:
            made[name] = {key: store[key][...] for key in store if isinstance(store[key], h5py.Dataset)}
        (folder / name).unlink()
    result = CliRunner().invoke(app, ["rebuild", str(folder), "--json"])
    assert ["run.h5", "die.h5", "report.html"] == json.loads(result.output)["made"]
    for name, before in made.items():
        with h5py.File(folder / name) as store:
            for key, values in before.items():
                np.testing.assert_array_equal(values, store[key][...])


@pytest.mark.parametrize("command", ["status", "resume", "rebuild"])
def test_a_folder_that_is_no_run_is_said_to_be_none_and_nothing_is_left_in_it(command, tmp_path):
    with pytest.raises(MissingFile, match="this is no run folder"):
        CliRunner().invoke(app, [command, str(tmp_path)], catch_exceptions=False)
    with pytest.raises(MissingFile, match="this is no run folder"):
        CliRunner().invoke(app, [command, str(tmp_path / "nowhere")], catch_exceptions=False)
    assert [] == list(tmp_path.iterdir())
