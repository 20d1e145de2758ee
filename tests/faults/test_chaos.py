"""labmtj chaos: its referee sees what must not be, its rounds follow from a seed, and (slow) everything holds."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labmtj.chaos.referee import differences, driven_at, read_log, safe_since
from labmtj.chaos.rounds import draw, prepare, tallies
from labmtj.chaos.scenarios import SCENARIOS
from labmtj.chaos.verdict import Verdict
from labmtj.cli import app
from labmtj.errors import InputError
from labmtj.protocol.engine import run
from labmtj.runs.journal import encode, read_journal

THREE = Path(__file__).with_name("three")


# -- the referee -----------------------------------------------------------------------------------


def intent(volts, width=1e-4):
    return {"k": "intent", "cell": [1, 2], "v": volts, "width": width, "scheme": "v_half"}


def outcome(of, **more):
    return {"k": "outcome", "of": of, "t": 1.0, **more}


def pulse(volts, seconds=1e-4):
    return {"kind": "pulse", "volts": {"smu.a": volts / 2, "smu.b": -volts / 2}, "seconds": seconds, "wall": 1.0}


@pytest.fixture
def judged(tmp_path):
    """What the referee says of a journal's entries and a twin's log."""

    def judge(entries, log, *, deaths=0):
        path = tmp_path / "journal.jsonl"
        path.write_bytes(b"".join(encode({"n": number, **entry}) for number, entry in enumerate(entries)))
        return differences(path, log, deaths=deaths)

    return judge


HONEST = [{"k": "run"}, intent(0.4), outcome(1), intent(-0.45), outcome(3), intent(0.4), outcome(5)]
SEEN = [pulse(0.4), pulse(-0.45), pulse(0.4)]


def test_the_same_story_told_twice_is_in_order(judged):
    assert [] == judged(HONEST, SEEN)


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ([*SEEN, pulse(0.4)], "the die saw 4 pulses, the journal knows of 3"),
        (SEEN[:2], "entry 5 is a pulse of 0.400 V on [1, 2], the die saw nothing more"),
        ([SEEN[0], SEEN[0], *SEEN[1:]], "entry 3 is a pulse of -0.450 V on [1, 2], the die saw smu.a at 0.200 V"),
        ([pulse(0.43), *SEEN[1:]], "entry 1 is a pulse of 0.400 V"),
        ([pulse(0.4, 2e-4), *SEEN[1:]], "entry 1 is a pulse of 0.400 V"),
        ([*SEEN, {"kind": "violation", "what": "relay A2 moved"}], "the twin saw: relay A2 moved"),
    ],
)
def test_what_was_done_behind_the_journals_back_is_seen(judged, log, says):
    (found, *_) = judged(HONEST, log)
    assert says in found


def test_pulses_on_many_lines_are_told_by_their_highest_and_lowest_level(judged):
    lines = {"rows": [1, 2], "row_v": [0.2, 0.1], "cols": [3], "col_v": [-0.22]}
    entries = [{"k": "run"}, {"k": "intent", "lines": lines, "width": 1e-3}, outcome(1)]
    volts = {"dac_cols.3": -0.22, "dac_rows.1": 0.2, "dac_rows.2": 0.1}
    seen = {"kind": "pulse", "volts": volts, "seconds": 1e-3, "wall": 1.0}
    assert [] == judged(entries, [seen])
    (found, *_) = judged(entries, [{**seen, "volts": {**volts, "dac_cols.3": 0.0}}])
    assert "entry 1 is a pulse of 0.420 V on 2 rows and 1 columns" in found


def test_a_pulse_without_an_outcome_must_be_settled_and_may_be_either(judged):
    entries = [{"k": "run"}, intent(0.4), outcome(1), intent(0.4)]
    assert "1 pulses of the journal were never settled: entries [3]" in judged(entries, SEEN[:1])
    settled = [*entries, outcome(3, uncertain=True), intent(-0.45), outcome(5)]
    assert [] == judged(settled, [pulse(0.4), pulse(-0.45)], deaths=1)
    assert [] == judged(settled, [pulse(0.4), pulse(0.4), pulse(-0.45)], deaths=1)
    assert "after 0 deaths" in judged(settled, [pulse(0.4), pulse(-0.45)])[0]
    assert [] != judged(settled, [pulse(0.4)] * 3 + [pulse(-0.45)], deaths=1)


def test_a_record_that_is_gone_is_seen(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"".join(encode({"n": number, **entry}) for number, entry in enumerate(HONEST) if number != 4))
    assert "the journal's entry 4 has the number 5" in differences(path, SEEN, deaths=0)[0]


def test_a_bench_is_safe_when_nothing_is_driven_and_no_relay_is_closed():
    log = [
        {"kind": "relays", "close": ["A1", "B5"], "wall": 10.0},
        {"kind": "output", "channel": "smu.a", "volts": 0.05, "wall": 11.0},
        {"kind": "output", "channel": "smu.a", "volts": 0.0003, "wall": 12.0},
        {"kind": "relays", "open": ["A1"], "wall": 12.5},
        {"kind": "relays", "open": ["B5"], "wall": 13.0},
    ]
    assert [None, None, 13.0] == [safe_since(log[:count], 10.5) for count in (3, 4, 5)]
    assert [None, 12.0] == [safe_since(log[:count], 10.5, relays=False) for count in (2, 3)]
    assert 20.0 == safe_since(log, 20.0)
    assert [set(), {"smu.a"}, set()] == [driven_at(log, moment) for moment in (10.5, 11.5, 12.1)]


@pytest.mark.slow
def test_an_undisturbed_run_and_its_die_tell_the_same_story(tmp_path):
    """The small protocol on a twin that keeps its log, in this process."""
    from labmtj.config import yaml12
    from labmtj.config.source import read
    from labmtj.twin.build import simulated_bench
    from labmtj.twin.served.server import BenchServer

    served = simulated_bench(str(THREE / "bench.yaml"), log=tmp_path / "twin.log")
    with BenchServer(served, hislip_port=0, socket_port=0) as server:
        data = {**read(THREE / "bench.yaml").data, "visa": "@py"}
        for name, entry in data["instruments"].items():
            entry["address"] = server.resources[name].hislip
        (tmp_path / "client.yaml").write_text(yaml12.dump(data), encoding="utf-8")
        folder = run(THREE / "protocol.yaml", bench=tmp_path / "client.yaml", out=tmp_path).folder
    log = read_log(tmp_path / "twin.log")
    served.world.log.close()
    pulses = sum(entry["kind"] == "pulse" for entry in log)
    assert pulses == sum(entry["k"] == "intent" for entry in read_journal(folder / "journal.jsonl")) > 50
    assert [] == differences(folder / "journal.jsonl", log, deaths=0)
    assert safe_since(log, 0.0) is not None


# -- rounds ----------------------------------------------------------------------------------------


def test_rounds_follow_from_a_seed_and_every_scenario_has_its_turn():
    names = [scenario.name for scenario in draw(5, 2 * len(SCENARIOS))]
    assert names == [scenario.name for scenario in draw(5, 2 * len(SCENARIOS))]
    assert names != [scenario.name for scenario in draw(6, 2 * len(SCENARIOS))]
    assert {scenario.name for scenario in SCENARIOS} == set(names[: len(SCENARIOS)]) == set(names[len(SCENARIOS) :])


def test_only_some_scenarios_may_be_asked_for_by_name_or_row():
    assert {"kill"} == {scenario.name for scenario in draw(1, 5, only=["kill"])}
    assert {2} == {scenario.row for scenario in draw(1, 5, only=["2"])}
    with pytest.raises(InputError, match="no such scenario"):
        draw(1, 5, only=["earthquake"])


def test_the_worst_figure_and_every_fault_are_told():
    verdicts = [
        Verdict("kill", 1, True, 0.0),
        Verdict("kill", 1, False, None, ("a pulse was sent twice",)),
        Verdict("kill", 1, True, 2.0),
    ]
    (entry,) = tallies(verdicts)
    assert (3, 2, 2.0, ("a pulse was sent twice",)) == (entry.tried, entry.held, entry.worst, entry.faults)


def test_a_real_bench_is_never_played_with():
    with pytest.raises(InputError, match="real bench"):
        prepare(Path("protocols/map.yaml"), "keithley", slack=1.0)
    result = CliRunner().invoke(app, ["chaos", str(THREE / "protocol.yaml"), "--bench", "keithley"])
    assert isinstance(result.exception, InputError)


@pytest.mark.slow
@pytest.mark.serial
def test_chaos_holds_in_every_scenario(tmp_path):
    seed = random.Random("the long form").randrange(1000)
    rounds = str(len(SCENARIOS))
    done = subprocess.run(
        [
            sys.executable, "-m", "labmtj", "chaos", str(THREE / "protocol.yaml"), "--bench",
            str(THREE / "bench.yaml"), "--seed", str(seed), "--rounds", rounds, "--slack", "3", "--json",
            "--keep", str(tmp_path),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [] == [fault for scenario in found["scenarios"] for fault in scenario["faults"]]
    assert (0, True, 1 + len(SCENARIOS)) == (
        done.returncode,
        found["held"],
        sum(scenario["tried"] for scenario in found["scenarios"]),
    )
