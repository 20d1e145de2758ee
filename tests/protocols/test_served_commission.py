"""The tests for benches, and a commissioning, over sockets: the nearest to instruments that there is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from labmtj.bench.commission.items import Stage
from labmtj.bench.commission.resistor import resistor
from labmtj.bench.commission.walk import Commissioning
from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.twin.build import simulated_bench
from labmtj.twin.served.control import ask
from labmtj.twin.served.server import BenchServer

pytestmark = [pytest.mark.slow, pytest.mark.serial]
ON_BENCH = Path(__file__).parents[1] / "bench"
CLEAN = {"short": "0 %", "open": "0 %", "stuck": "0 %"}


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A bench file that leads to a served twin over HiSLIP and raw sockets, its server, and the twin's own record."""
    monkeypatch.setenv("LABMTJ_STATE", str(tmp_path / "state"))  # other tests know another die by the bench's title
    log, path = tmp_path / "twin.jsonl", tmp_path / "served.yaml"
    data = dict(read(find("benches", "simulated-15x15")).data)
    data["lines"] = {"rows": {"1..3": "1..3"}, "cols": {"1..3": "4..6"}}
    data["array"] |= {"rows": 3, "cols": 3}
    data["simulation"]["die"] |= {"defects": CLEAN, "telegraph": "0 %"}
    path.write_text(yaml12.dump(data), encoding="utf-8")
    with BenchServer(simulated_bench(load_bench(path), log=log), hislip_port=0, socket_port=0) as server:
        data["visa"] = "@py"
        data["instruments"]["smu"]["address"] = server.resources["smu"].hislip
        data["instruments"]["matrix"]["address"] = server.resources["matrix"].socket
        data["instruments"]["matrix"]["dead_socket"] = server.resources["matrix"].dead_socket
        path.write_text(yaml12.dump(data), encoding="utf-8")
        yield path, server, log
    server.bench.world.log.close()


def forced(log):
    """Volts that sources were told to give, and kinds of entries."""
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return [abs(entry["volts"]) for entry in entries if entry["kind"] == "output"], {e["kind"] for e in entries}


def test_all_tests_for_benches_pass_over_sockets_and_put_nothing_above_10_mv_on_its_lines(served):
    path, _, log = served
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ON_BENCH), "--bench", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    assert "what these benches lack" in ended.stdout
    assert "leave to pulse cells: --bench-pulses gives it: skipped on served (3)" in ended.stdout
    volts, kinds = forced(log)
    assert 9e-3 < max(volts) < 10.5e-3
    assert {"pulse", "violation"}.isdisjoint(kinds)


def test_a_bench_behind_sockets_is_commissioned_while_somebody_changes_what_is_on_its_lines(served):
    path, server, log = served
    told = []

    def person(stage, text, simulated):
        assert not simulated
        told.append(stage)
        what = {Stage.EMPTY: "nothing", Stage.RESISTOR: "resistor", Stage.DIE: "die"}[stage]
        ask({"do": "place", "what": what, "row": 2, "col": 3}, port=server.control_port, token=server.token)

    walk = Commissioning(load_bench(path), resistor("10 kohm", row=2, col=3))
    items = list(walk.walk(person))
    assert [Stage.EMPTY, Stage.RESISTOR, Stage.DIE] == told
    assert walk.complete, [(item.subject, item.found) for item in items if item.verdict != "good"]
    volts, kinds = forced(log)
    assert 9e-3 < max(volts) < 10.5e-3
    assert {"pulse", "violation"}.isdisjoint(kinds)
