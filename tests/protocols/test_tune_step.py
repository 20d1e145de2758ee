"""The tune step at a bench: every way by the maps, columns and best through the array, journaled and replayable."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import FileProblems
from labmtj.protocol import engine
from labmtj.protocol.load import load_protocol
from labmtj.runs.journal import read_journal
from labmtj.runs.netcdf import read

THREE = Path(__file__).parents[1] / "faults" / "three"
LINES = ("array.cols=4", "lines={rows: {1..3: 1..3}, cols: {1..4: 4..7}}")
STEPS = """title: Tuned
format: 1
network: {files: network, solution: 1}
steps:
  - polarity: {start: 250 mV, step: 20 mV, ceiling: 600 mV, read: 50 mV}
  - map:      {read: 50 mV}
  - program:  {layer: 1, retries: 10}
  - infer:    {layer: 1, inputs: map}
  - program:  {layer: 2}
  - infer:    {layer: 2, inputs: map}
"""
TUNES = """  - tune:     {what: rows_columns}
  - tune:     {what: best, calibration: 3}
  - report:
"""


def written(folder: Path, steps: str) -> tuple[Path, Path]:
    """A protocol with a network of 3-2-2 and its data, and a bench of 3 x 4 cells that holds it."""
    random = np.random.RandomState(4)
    (folder / "network/solutions").mkdir(parents=True)
    (folder / "network/dataset").mkdir()
    for name, shape in (("fc1", (3, 4)), ("fc2", (2, 4))):
        np.savetxt(folder / f"network/solutions/1_{name}_weight.txt", random.randint(0, 2, shape), fmt="%d")
        np.savetxt(folder / f"network/solutions/1_{name}_bias.txt", random.normal(size=shape[1] // 2))
    for part, count in (("train", 8), ("test", 2)):
        np.savetxt(folder / f"network/dataset/X_{part}.txt", random.uniform(size=(3, count)))
        np.savetxt(folder / f"network/dataset/Y_{part}.txt", np.eye(2)[:, random.randint(0, 2, count)], fmt="%d")
    (folder / "protocol.yaml").write_text(STEPS + steps, encoding="utf-8")
    bench = load_bench(THREE / "bench.yaml", overrides=LINES)
    (folder / "bench.yaml").write_text(bench.source.effective_text(), encoding="utf-8")
    return folder / "protocol.yaml", folder / "bench.yaml"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    protocol, bench = written(folder, TUNES)
    return engine.run(protocol, bench=bench, out=folder / "runs")


def entries(folder: Path, kind: str) -> list[dict]:
    return [entry for entry in read_journal(folder / "journal.jsonl") if entry["k"] == kind]


def test_the_journal_has_every_gain_and_what_it_was_good_for(tuned):
    first, second = entries(tuned.folder, "tuning")
    assert ("rows_columns", 0, []) == (first["what"], first["measurements"], first["measured_layers"])
    # Layer 2 was written over layer 1, which can only be tuned by its map.
    assert ("best", 3, [2]) == (second["what"], second["measurements"], second["measured_layers"])
    for layer, (rows, outputs) in zip(second["layers"], ((3, 2), (2, 2)), strict=True):
        assert (rows, outputs, outputs) == tuple(len(layer[name]) for name in ("rows", "gain", "offset"))
        assert 1.0 == max(layer["rows"])
    assert first["layers"][0] != second["layers"][0]
    assert set(first["before"]) == {"train", "test", "all"}


def test_readings_of_the_calibration_are_in_the_journal(tuned):
    found = list(read_journal(tuned.folder / "journal.jsonl"))
    begin = max(n for n, entry in enumerate(found) if entry["k"] == "step" and entry["name"] == "tune")
    assert {"product"} <= {entry["k"] for entry in found[begin:]}


def test_summary_report_and_store_have_the_tuned_accuracy(tuned, on_the_page):
    figures = tuned.figures
    assert {"software", "software_tuned", "untuned", "rows_columns", "best"} == set(figures["accuracy"])
    assert {"rows_columns": {"measurements": 0}, "best": {"measurements": 3}} == figures["tuning"]
    page = (tuned.folder / "report.html").read_text(encoding="utf-8")
    assert "array, rows and columns tuned" in page
    assert "array, best tuning, 3 inputs measured" in page
    assert "the readout that best gave" in page
    on_the_page(read(tuned.folder / "run.h5"))
    with h5py.File(tuned.folder / "run.h5") as store:
        group = store["tuning_best"]
        assert 3 == group.attrs["measurements"]
        assert (3,) == group["rows1"].shape


def test_a_run_cut_within_its_calibration_goes_on_from_there(tuned, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(tuned.folder, folder)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    kinds = [entry["k"] for entry in read_journal(folder / "journal.jsonl")]
    (folder / "journal.jsonl").write_bytes(b"".join(lines[: kinds.index("product") + 2]))
    again = engine.resume(folder)
    assert tuned.figures["tuning"] == again.figures["tuning"]
    assert entries(tuned.folder, "tuning")[0]["layers"] == entries(folder, "tuning")[0]["layers"]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{what: scale, calibration: 5}", "scale takes no calibration"),
        ("{what: best, inputs: array}", "inputs belong to calibration"),
        ("{what: best, calibration: 5, inputs: analog}", "drives its rows from one source"),
        ("{what: best, calibration: 31}", "30"),
        ("{what: luck}", "luck"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_touched(step, message, tmp_path):
    protocol, bench = written(tmp_path, f"  - tune: {step}\n")
    with pytest.raises(FileProblems, match=message):
        load_protocol(protocol, bench=bench)
