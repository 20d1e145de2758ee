"""Chips and neurons on the page; relays as the simulated matrix has them; the time that is left; the run of a bench."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from labmtj.bench.session import open_bench, resource_manager
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.host_lock import HostLock, is_held
from labmtj.host_state import who
from labmtj.records import Cell, Pulse, Scheme
from labmtj.runs.journal import FileJournal, encode, products_entry, read_journal
from labmtj.watch.steps import Steps
from labmtj.watch.watching import Watch
from labmtj.watch.wiring import Wiring

CHIP = (800, 25)


def spelled_out(relays):
    """A1..A3 as (A, 1), (A, 2), (A, 3)."""
    found = set()
    for text in relays:
        letter, first, last = re.fullmatch(r"([A-Z])(\d+)(?:\.\.[A-Z](\d+))?", text).groups()
        found |= {(letter, column) for column in range(int(first), int(last or first) + 1)}
    return found


@pytest.mark.parametrize("name", ["simulated-15x15", "keysight", "parallel", "simulated-1t1r"])
def test_relays_in_use_are_those_that_the_matrix_has_closed(name, tmp_path):
    data = dict(read(find("benches", name)).data)
    if "kernels" in data["array"]:
        data["array"]["kernels"] = 2  # the rest of a chip's thirty-two takes a while to make
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    file = load_bench(path)
    manager = resource_manager(file)
    world = manager.visalib.bench.world
    journal, wiring = FileJournal(tmp_path / "journal.jsonl"), Wiring(file)
    scheme = Scheme.GATED if name == "simulated-1t1r" else Scheme.V_HALF
    acts = [
        lambda array: array.read([Cell(3, 5)], voltage=0.05),
        lambda array: array.pulse(Pulse(Cell(2, 7), 0.2, 1e-3, scheme, (9,) if scheme is Scheme.V_HALF else ())),
        lambda array: array.multiply([1, 4], [3], volts=[0.05, 0.05]),
        lambda array: array.total([2, 3], [4, 5, 6], voltage=0.02),
    ]
    with open_bench(file, journal=journal) as opened:
        for act in acts:
            act(opened.array)
            (entry,) = [e for e in read_journal(journal.path) if e["k"] != "outcome"][-1:]
            uses = wiring.uses(entry)
            assert world.closed == set().union(*(spelled_out(use["relays"]) for use in uses)), entry
            assert len(world.closed) == sum(use["closed"] for use in uses)
    journal.close()
    manager.close()


def test_a_bench_without_a_matrix_shows_the_channels(tmp_path):
    wiring = Wiring(load_bench("lines"))
    uses = wiring.uses({"k": "read", "cell": [3, 5], "v": 0.05, "i": 1e-6, "t": 1.0})
    assert [("drives", "dac_rows channel 3", "row 3"), ("senses", "dac_cols channel 5", "column 5")] == [
        (use["does"], use["plug"], use["lines"]) for use in uses
    ]


def lone(tmp_path, name, entries, shape):
    """A run folder on a shipped bench with a journal of these entries."""
    folder = tmp_path / f"2026-11-23T10-00-00-{name}"
    folder.mkdir()
    shutil.copy(find("benches", name), folder / "bench.yaml")
    head = {"k": "run", "title": name, "wall": "2026-11-23T10:00:00+00:00", "shape": list(shape), "simulated": True}
    lines = [encode({"n": n, **entry}) for n, entry in enumerate([head, *entries])]
    (folder / "journal.jsonl").write_bytes(b"".join(lines))
    return folder


def test_currents_through_one_gate_fill_the_cells_of_a_chip(tmp_path, look):
    amperes, one = np.linspace(1e-6, 25e-6, 25), np.eye(25, dtype=bool)
    pair = products_entry(3, one[:1] | one[1:2], 4, 0.1, np.array([3e-6]), 2.0)
    entries = [{"k": "products", **products_entry(2, one, 7, 0.1, amperes, 1.0)}, {"k": "products", **pair}]
    watch = look(lone(tmp_path, "simulated-1t1r", entries, CHIP))
    cells = watch.picture.cells
    assert 25 == np.count_nonzero(cells.layers["readings"])
    found = cells.layers["ohm"].reshape(CHIP)[25:50, 6]
    assert found.tolist() == pytest.approx((0.1 / amperes).tolist(), rel=1e-6)
    (event,) = watch.cell(25 + 3, 7)["events"]
    assert (0.1, amperes[2], 1.0) == (event["v"], event["i"], event["t"])
    assert [] == watch.cell(51, 4)["events"]  # two gates at once are no reading of a cell
    assert (26, 32) == (watch.part("run")["readings"], watch.part("array")["kernels"])


def test_neurons_show_their_terminals_and_what_is_connected(tmp_path, look):
    reading = {"k": "neuron", "neuron": 3, "drive": 0.2, "probe": 0.02, "x": 1e-3, "z": 1e-6, "common": 1e-3, "t": 1.0}
    watch = look(lone(tmp_path, "neurons", [reading], (32, 16)))
    assert ("neurons", 1) == (watch.part("array")["kind"], watch.part("run")["readings"])
    lines = {use["lines"]: use["plug"] for use in watch.part("wiring")}
    assert ("smu.a", "smu.b", "third.1") == (lines["row 5"], lines["row 6"], lines["column 3"])


def test_time_left_goes_by_the_pace_of_items_and_of_steps_of_the_same_kind(tmp_path):
    protocol = tmp_path / "protocol.yaml"
    names = ["map", "verify", "verify", "tune", "report"]
    protocol.write_text(yaml12.dump({"steps": [{name: {}} for name in names]}), encoding="utf-8")
    steps, began = Steps(protocol), datetime(2026, 11, 23, 10, tzinfo=UTC)

    def step(number, t):
        return {"k": "step", "number": number, "name": names[number - 1], "items": 10, "fields": {}, "t": t}

    steps.take({"k": "run", "wall": began.isoformat()})
    for entry in (step(1, 0.0), {"k": "done", "number": 1, "name": "map", "line": "", "seconds": 20.0},
                  step(2, 20.0), {"k": "done", "number": 2, "name": "verify", "line": "", "seconds": 6.0},
                  step(3, 26.0), {"k": "at", "done": 4}, {"k": "read", "t": 30.0}):  # fmt: skip
        steps.take(entry)
    # Half a minute of the bench took a minute here, so that six items of 1 s take 12 s.
    left = steps.left(began + timedelta(seconds=60))
    assert (pytest.approx(12.0), pytest.approx(12.0), ["tune"]) == (left["step"], left["run"], left["unknown"])
    assert ["done", "done", "runs", "waits", "waits"] == [entry["how"] for entry in steps.listed()]


def test_a_lock_is_seen_without_being_taken(tmp_path):
    lock, other = HostLock(tmp_path / "lock"), HostLock(tmp_path / "lock")
    assert is_held(lock.path) is False
    if is_held(Path(__file__)) is None:
        pytest.skip("this system does not list its locks")
    assert lock.take()
    assert is_held(lock.path) is True
    lock.release()
    assert (False, True) == (is_held(lock.path), other.take())
    other.release()


def test_the_run_of_a_bench_is_found_when_it_begins(tmp_path):
    watch = Watch(bench=load_bench("simulated-15x15"), runs=tmp_path)
    watch.look()
    assert watch.part("bench")["waits"]
    assert {"smu", "matrix"} == {entry["name"] for entry in watch.part("instruments")}
    lone(tmp_path, "simulated-1t1r", [], CHIP)
    other = tmp_path / "2026-11-23T10-00-00-simulated-1t1r" / "run.lock"
    folder = lone(
        tmp_path, "simulated-15x15", [{"k": "read", "cell": [1, 1], "v": 0.05, "i": 1e-6, "t": 1.0}], (15, 15)
    )
    locks = [HostLock(other), HostLock(folder / "run.lock")]
    for lock, how in zip(locks, ("no run", "running"), strict=True):
        assert lock.take()
        lock.write(json.dumps(who()))
        watch.look(now=True)
        assert how == (watch.part("run") or {"how": "no run"})["how"]
    epoch = watch.epoch
    for lock in locks:
        lock.release()
    watch.look(now=True)
    assert (folder, epoch, "interrupted") == (watch.folder, watch.epoch, watch.part("run")["how"])


def test_leases_and_latches_of_a_real_bench_are_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("LABMTJ_STATE", str(tmp_path / "state"))
    from labmtj.bench.latch import Latch
    from labmtj.bench.lease import Leases

    data = dict(read(find("benches", "simulated-15x15")).data) | {"visa": "@py"}
    path = tmp_path / "bench.yaml"
    path.write_text(yaml12.dump(data), encoding="utf-8")
    leases = Leases("bench", tmp_path / "fence")
    leases.take_address("smu", data["instruments"]["smu"]["address"])
    leases.take_identity("smu", "2636B/4400293")
    Latch(tmp_path / "state").close("smu", "2636B/4400293", "smu: the fixture is open")
    watch = Watch(bench=load_bench(path), runs=tmp_path / "runs")
    watch.look()
    matrix, smu = watch.part("instruments")
    assert ("free", "", "matrix") == (matrix["lease"], matrix["latch"], matrix["name"])
    assert f"pid {who()['pid']} of " in smu["lease"]
    assert "the fixture is open" in smu["latch"]
    leases.release()
    watch.look(now=True)
    assert "free" == watch.part("instruments")[1]["lease"]
