"""The main job, the whole way through PyVISA and the drivers, as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from labmtj.protocol.observer import Silent
from labmtj.runs.journal import read_journal

ROOT = Path(__file__).parents[2]


def labmtj(*arguments: str, **options):
    command = [sys.executable, "-m", "labmtj", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, check=False, **options)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    done = labmtj("run", "protocols/wine.yaml", "--json", "--out", str(tmp_path_factory.mktemp("runs")))
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_json_has_the_documented_keys(job):
    writing = {"write_fidelity", "write_fidelity_good", "write_errors", "pulses_per_cell"}
    assert writing | {"run", "bench_seconds"} <= set(job)
    assert {"missed", "disturbed", "defective"} == set(job["write_errors"])
    assert {"software", "software_tuned", "untuned", "tuned"} == set(job["accuracy"])
    for values in job["accuracy"].values():
        assert {"train", "test", "all"} == set(values)
        assert all(0 <= value <= 1 for value in values.values())


def test_the_copy_is_verified(job):
    assert job["write_fidelity_good"] == 1.0
    assert job["pulses_per_changed_cell"] <= 1.1
    assert job["verify_flips"] <= 1


def test_the_run_folder_tells_it_all(job):
    folder = Path(job["run"])
    names = {"protocol.yaml", "bench.yaml", "journal.jsonl", "run.h5", "report.html", "twin.state", "die.h5"}
    assert names | {"run.lock", "twin.state.lock", "ledger.sqlite3"} == {path.name for path in folder.iterdir()}
    assert "<svg" in (folder / "report.html").read_text(encoding="utf-8")
    with h5py.File(folder / "run.h5") as store:
        assert store.attrs["format"] == 1


def test_every_pulse_in_the_journal_has_its_outcome_and_the_die_counted_the_same(job):
    entries = list(read_journal(Path(job["run"]) / "journal.jsonl"))
    intents = [entry["n"] for entry in entries if entry["k"] == "intent"]
    outcomes = [entry["of"] for entry in entries if entry["k"] == "outcome"]
    assert intents == outcomes
    # The referee: the pulses that the die itself has counted, in its own file.
    header = 4096
    raw = (Path(job["run"]) / "twin.state").read_bytes()
    valid = int(np.frombuffer(raw, "u8", 1, header)[0] % 2)
    slot = (len(raw) - header - 8) // 2
    _clock, _rest = np.frombuffer(raw, "f8", 2, header + 8 + valid * slot)
    pulses = int(np.frombuffer(raw, "u8", 1, header + 8 + valid * slot + 16)[0])
    assert pulses == len(intents)


def test_the_journal_ends_with_how_it_went_and_what_it_cost(job):
    end = list(read_journal(Path(job["run"]) / "journal.jsonl"))[-1]
    assert (end["k"], end["how"]) == ("end", "done")
    assert end["processor_seconds"] > 0


def test_networks_in_the_format_of_nist_load_too(tmp_path):
    folder = ROOT.parent / "shared" / "nist-wine"
    if not folder.is_dir():
        pytest.skip("needs ../shared/nist-wine: the wine networks of usnistgov/daffodil-lib, examples/wine")
    done = labmtj(
        "run", "protocols/wine.yaml", "--json", "--out", str(tmp_path), "--seed", "4",
        "--set", f"network.files={folder}", "--set", "network.solution=7",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    accuracy = json.loads(done.stdout)["accuracy"]
    # papers.md, section 1: the formula on the files gives these for solution 7 (test_networks.py computes them).
    assert accuracy["software"]["train"] == pytest.approx(143 / 148)
    assert accuracy["software"]["test"] == pytest.approx(28 / 30)


def test_what_is_printed_names_fidelity_accuracy_and_report(tmp_path):
    small = tmp_path / "bench"
    done = labmtj("run", str(write_small(small)), "--bench", str(small / "bench.yaml"), "--out", str(tmp_path / "runs"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "write fidelity 100.00 % (36/36)" in done.stdout
    assert "polarity a positive row writes P" in done.stdout
    assert "bench time 00:00:" in done.stdout


def write_small(folder: Path) -> Path:
    """A protocol that writes only the 6 x 6 layer, and a bench of 8 x 8 for it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "instruments/benches/simulated-15x15.yaml").read_text(encoding="utf-8")
    for old, new in (("{1..15: 1..15}", "{1..8: 1..8}"), ("{1..15: 16..30}", "{1..8: 9..16}")):
        assert old in text
        text = text.replace(old, new)
    text = text.replace("{rows: 15, cols: 15, wire: 5 ohm}", "{rows: 8, cols: 8}")
    (folder / "bench.yaml").write_text(text, encoding="utf-8")
    (folder / "small.yaml").write_text(
        "title: small\nformat: 1\nnetwork: {shipped: wine/1}\nsteps:\n"
        "  - polarity: {start: 150 mV, step: 20 mV, ceiling: 600 mV, width: 100 us, read: 50 mV}\n"
        "  - map: {read: 50 mV, width: 100 us}\n"
        "  - program: {layer: 2}\n"
        "  - verify: {layer: 2}\n",
        encoding="utf-8",
    )
    return folder / "small.yaml"


def test_the_same_run_twice_gives_the_same_journal_but_for_times(tmp_path):
    from labmtj.protocol.engine import run

    protocol = write_small(tmp_path)
    journals = []
    for name in ("one", "two"):
        folder = run(protocol, bench=tmp_path / "bench.yaml", out=tmp_path / name).folder
        entries = list(read_journal(folder / "journal.jsonl"))
        for entry in entries:
            entry.pop("wall", None)
            entry.pop("processor_seconds", None)
        journals.append(entries)
    assert len(journals[0]) > 300
    assert journals[0] == journals[1]


def test_the_polarity_is_found_and_not_believed(tmp_path):
    from labmtj.protocol.engine import run

    settings = ["simulation.die.positive_row_writes=AP", "array.positive_row_writes=P"]
    outcome = run(write_small(tmp_path), bench=tmp_path / "bench.yaml", out=tmp_path / "runs", settings=settings)
    assert outcome.figures["write_fidelity_good"] == 1.0
    entries = list(read_journal(outcome.folder / "journal.jsonl"))
    (found,) = [entry for entry in entries if entry["k"] == "polarity"]
    assert found["positive_writes"] == "AP"
    (line,) = [entry["line"] for entry in entries if entry["k"] == "done" and entry["name"] == "polarity"]
    assert "the bench file says P: what was found counts" in line


class StopsAfter(Silent):
    """An observer that stops a run in its n-th item, and keeps the bench to look at it afterwards."""

    def __init__(self, runs: Path, items: int, error: type[BaseException]) -> None:
        self.runs, self.left, self.error = runs, items, error
        self.world = None

    def started(self, line: str) -> None:
        import pyvisa

        (folder,) = self.runs.iterdir()
        self.world = pyvisa.ResourceManager(f"{folder / 'bench.yaml'}@labmtj").visalib.bench.world

    def step(self, name: str, total: int):
        def tick(done: int = 1) -> None:
            self.left -= done
            if self.left <= 0:
                raise self.error("stopped by the test")

        return tick


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("items", [1, 5, 70])
def test_a_run_that_ends_early_leaves_the_bench_safe(error, items, tmp_path):
    from labmtj.protocol.engine import run

    observer = StopsAfter(tmp_path / "runs", items, error)
    with pytest.raises(error, match="stopped by the test"):
        run(write_small(tmp_path), bench=tmp_path / "bench.yaml", out=tmp_path / "runs", observer=observer)
    assert observer.world.closed == frozenset()
    assert all(abs(output.level) < 1e-3 for output in observer.world.outputs.values())
    assert observer.world.violations == []
    (folder,) = (tmp_path / "runs").iterdir()
    assert list(read_journal(folder / "journal.jsonl"))[-1]["k"] == "end"


@pytest.mark.serial
@pytest.mark.skipif(os.name != "posix", reason="signals beyond Ctrl-C are POSIX")
@pytest.mark.parametrize(("signal_name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_stops_after_the_cell_in_hand(signal_name, code, tmp_path):
    import signal
    import time

    protocol = write_small(tmp_path)
    command = [sys.executable, "-m", "labmtj", "run", str(protocol), "--bench", str(tmp_path / "bench.yaml")]
    worker = subprocess.Popen(
        [*command, "--out", str(tmp_path / "runs")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        journals = list(tmp_path.glob("runs/*/journal.jsonl"))
        if journals and b'"k":"intent"' in journals[0].read_bytes():
            break
        time.sleep(0.02)
    worker.send_signal(getattr(signal, signal_name))
    _, errors = worker.communicate(timeout=60)
    assert worker.returncode == code
    assert "stopped after the cell in hand" in errors
    (folder,) = (tmp_path / "runs").iterdir()
    entries = list(read_journal(folder / "journal.jsonl"))
    assert entries[-1]["how"] == "stopped"
    assert [e["n"] for e in entries if e["k"] == "intent"] == [e["of"] for e in entries if e["k"] == "outcome"]
