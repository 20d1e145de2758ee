"""Row 3 of what must survive: Ctrl-C once, twice, three times, SIGTERM, SIGHUP, also while the bench is being left."""

import pytest

from labmtj.runs.journal import read_journal
from labmtj.runs.status import read_status

SAFE = 0.5  # [s] after a second Ctrl-C


def stopped(killer, folder, *, moment, signals, storm=0.0):
    """A run that gets these signals at this moment and the next ones; its folder and how it ended."""
    found = killer("run", folder, signals=[[moment + 2 * n, name] for n, name in enumerate(signals)], storm=storm)
    (run,) = folder.iterdir()
    return run, found


def moment_in(moments, kind):
    found = [number for number, name in enumerate(moments) if name == kind]
    return found[len(found) // 2]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_one_signal_stops_after_the_cell_in_hand_and_the_run_goes_on_later(
    name, code, killer, moments, referee, tmp_path
):
    run, found = stopped(killer, tmp_path, moment=moment_in(moments, "in map"), signals=[name])
    assert code == found["code"]
    entries = list(read_journal(run / "journal.jsonl"))
    assert "stopped" == entries[-1]["how"]
    # The cell in hand was finished: the last thing before the bench was left is the count of what is done.
    last = [entry["k"] for entry in entries if entry["k"] not in ("end", "account")][-1]
    assert "at" == last
    status = read_status(run)
    assert ("stopped", "map", ()) == (status.how, status.name, status.unresolved)
    assert 0 == killer("resume", run)["code"]
    target, states = referee(run).layer()
    assert target == states


@pytest.mark.serial
@pytest.mark.parametrize("kind", ["after intent", "in map", "in verify"])
def test_a_second_ctrl_c_stops_at_once_and_the_bench_is_safe_soon(kind, killer, moments, referee, tmp_path):
    run, found = stopped(killer, tmp_path, moment=moment_in(moments, kind), signals=["SIGINT", "SIGINT"])
    assert 131 == found["code"]
    assert found["safe"][0] < 3 * SAFE
    assert "stopped" == read_status(run).how
    assert 0 == killer("resume", run)["code"]
    target, states = referee(run).layer()
    assert target == states


@pytest.mark.serial
@pytest.mark.parametrize("kind", ["after intent", "in program"])
def test_somebody_who_keeps_pressing_ctrl_c_gets_a_bench_that_is_off_and_a_run_that_has_ended(
    kind, killer, moments, referee, tmp_path
):
    run, found = stopped(killer, tmp_path, moment=moment_in(moments, kind), signals=["SIGINT"], storm=0.002)
    assert 131 == found["code"], found["errors"]
    assert "stopped" == read_status(run).how
    assert 0 == killer("resume", run)["code"]
    target, states = referee(run).layer()
    assert target == states
