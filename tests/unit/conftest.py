import pytest

from labmtj.records import Cell, Pulse, PulseOutcome, Reading
from labmtj.runs.journal import FileJournal, reading_entry

TITLE = "Three by three"
BENCH = """title: A very small bench
simulation: {die: {diameter: 40 nm, seed: 5}}
"""
SUMMARY = {
    "bench_seconds": 3725.4,
    "write_fidelity": 0.75,
    "write_fidelity_good": 0.75,
    "write_errors": {"missed": 1, "disturbed": 0, "defective": 0},
    "repaired": 2,
    "devices": 4,
    "defective_devices": 0,
    "pulses": 3,
    "pulses_per_cell": 0.75,
    "pulses_per_changed_cell": 1.5,
    "verify_flips": 1,
    "accuracy": {
        "software": {"train": 1.0, "test": 0.5, "all": 0.75},
        "tuned": {"train": 0.9797, "test": 0.9333, "all": 0.25},
    },
    "scale": {"array": 0.91, "software": 1.07},
    "confusion": [[2, 0], [1, 1]],
    "agreement": [
        {"pearson": 0.9912, "slope": 1.01, "offset": 0.0, "nrmse": 0.02, "sndr": 21.5, "effective_bits": 3.3}
    ],
}


def _header(title):
    return {
        "format": 1,
        "title": title,
        "wall": "2026-01-02T03:04:05+00:00",
        "network": "wine/17",
        "data": "wine",
        "samples": 4,
        "labels": [0, 0, 1, 1],
        "train": [0, 2],
        "test": [1, 3],
        "layers": [[2, 2]],
        "shape": [3, 3],
        "simulated": True,
        "provenance": {"labmtj": "0.1.0", "git": "abc123", "sha256 of bench.yaml": "00ff"},
    }


def _read(journal, cell, current, time, *, limited=False):
    journal.record("read", reading_entry(Reading(cell, 0.05, current, time, limited)))


def _pulse(journal, cell, amplitude, time=None, *, limited=False):
    pulse = Pulse(cell, amplitude, 1e-4)
    number = journal.intent(pulse)
    if time is not None:
        journal.outcome(number, PulseOutcome(pulse, time, limited))


def _step(journal, number, name, time):
    journal.record("step", {"number": number, "name": name, "fields": {"layer": 1}, "t": time})


def _done(journal, number, name, line, seconds):
    journal.record("done", {"number": number, "name": name, "line": line, "seconds": seconds})


def _map(journal):
    r_p = [[9000.0, 9100.0, 9200.0], [9300.0, None, 9500.0], [9600.0, 9700.0, 9800.0]]
    r_ap = [[18000.0, 18200.0, 18400.0], [18600.0, None, 19000.0], [19200.0, 19400.0, 19600.0]]
    defect = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    content = {"r_p": r_p, "r_ap": r_ap, "defect": defect, "read": 0.05, "switching": [0.24, 0.33], "width": 1e-4}
    journal.record("map", content)


def _program(journal):
    content = {
        "layer": 1,
        "rows": [1, 3],
        "cols": [3, 1],
        "target": [[0, 1], [1, 0]],
        "state": [[0, 1], [-1, 0]],
        "conductance": [[1.1e-4, 5.0e-5], [None, 1.2e-4]],
        "pulses": [[1, 0], [2, 0]],
        "initial": [[1, 1], [0, 0]],
        "defect": [[0, 0], [0, 0]],
        "repaired": 2,
        "amplitudes": [0.31, 0.43],
        "width": 1e-4,
    }
    journal.record("program", content)


def _infer(journal, inputs, samples, product):
    content = {"layer": 1, "inputs": inputs, "samples": samples, "window": 6e-5, "product": product}
    journal.record("infer", content | {"conductance": [[1.1e-4, 5.1e-5], [None, 1.2e-4]]})


def _second_half(journal):
    _program(journal)
    _done(journal, 2, "program", "layer 1   3/4 cells   3 pulses", 2.5)
    _step(journal, 3, "infer", 4.0)
    _infer(journal, "map", [0, 1, 2, 3], [[0.1], [0.2], [0.3], [0.4]])
    journal.record("product", {"rows": [1, 3], "col": 2, "v": 0.05, "i": 1.1e-5, "t": 5.0})
    _infer(journal, "bit_serial", [2], [[0.31]])
    _done(journal, 3, "infer", "layer 1   map   4/4 wines", 1.0)
    journal.record("verify", {"layer": 1, "state": [[0, 1], [1, 1]], "flips": 1})
    curves = {"train": [0.5, 1.0, 0.5], "test": [0.5, 0.5, 0.0], "software_train": [1.0, 1.0, 0.5]}
    journal.record("tune", {"scale": 0.91, "software_scale": 1.07, "scales": [0.8, 0.91, 1.0], **curves})
    journal.record("summary", SUMMARY)
    journal.record("end", {"how": "done", "processor_seconds": 1.5})


@pytest.fixture
def make_run(tmp_path):
    """Writes a run of a 3 x 3 array with one short in its middle; unfinished: it dies during the second pulse."""

    def make(*, title=TITLE, finished=True):
        (tmp_path / "protocol.yaml").write_text(f"title: {title}\n")
        (tmp_path / "bench.yaml").write_text(BENCH)
        journal = FileJournal(tmp_path / "journal.jsonl")
        journal.record("run", _header(title))
        journal.record("bench", {"identities": {"smu": "4400293"}, "t": 0.5})
        _step(journal, 1, "map", 0.5)
        _read(journal, Cell(1, 1), 5.5e-6, 0.75)
        _map(journal)
        _done(journal, 1, "map", "9 cells   1 short", 0.5)
        _step(journal, 2, "program", 1.0)
        _pulse(journal, Cell(1, 3), 0.31, 1.25)
        _read(journal, Cell(1, 3), 3e-3, 1.5, limited=True)
        _pulse(journal, Cell(3, 3), -0.43, 2.0 if finished else None, limited=True)
        if finished:
            _pulse(journal, Cell(3, 3), -0.43, 2.25)
            _second_half(journal)
        journal.close()
        return tmp_path

    return make
