"""The ledger: nothing counts twice, nothing is lost, whoever else writes and whoever is killed meanwhile."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.errors import StorageError
from labmtj.runs.ledger import Ledger, Life, new_life

SHAPE = (3, 4)


def life_of(number):
    counts = np.full(SHAPE, number, dtype=np.int64)
    return Life(counts, 2 * counts, counts * 1e-9, counts * 1e-6, np.full(SHAPE, number % 2, np.int8), counts * 1.0)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "deep" / "ledger.sqlite3")


def begun(ledger, *runs, key="W1/D2/A1"):
    for run in runs:
        ledger.begin(key, run, ledger.path.parent / run, shape=SHAPE)
    return key


def test_a_die_that_nobody_has_used_is_not_known_and_asking_makes_no_file(ledger):
    assert None is ledger.life("W1/D2/A1")
    assert ({}, [], {}) == (ledger.dies(), ledger.runs("W1/D2/A1"), ledger.limits("W1/D2/A1"))
    assert not ledger.path.exists()


def test_a_contribution_replaces_that_of_the_same_run_and_adds_to_other_runs(ledger):
    key = begun(ledger, "one", "two")
    for number in (1, 5, 5, 7):
        ledger.contribute(key, "one", life_of(number))
    ledger.end(key, "two", life_of(100))
    found = ledger.life(key)
    assert np.full(SHAPE, 107).tolist() == found.positive.tolist()
    assert np.full(SHAPE, 3 * 107).tolist() == found.pulses.tolist()
    assert found.damage == pytest.approx(np.full(SHAPE, 107e-9))
    assert found.read_dose == pytest.approx(np.full(SHAPE, 107e-6))
    assert np.full(SHAPE, 100).tolist() == ledger.life(key, without="one").positive.tolist()


def test_the_state_that_was_seen_last_is_the_one_that_counts(ledger):
    key = begun(ledger, "late", "early")
    ledger.end(key, "late", life_of(9))
    ledger.end(key, "early", life_of(4))
    found = ledger.life(key)
    assert (1, 9.0) == (found.state[0, 0], found.seen[0, 0])
    unknown = new_life(*SHAPE).plus(new_life(*SHAPE))
    assert np.all(unknown.state == -1)
    assert np.all(np.isnan(unknown.seen))


def test_a_run_that_goes_on_is_open_again_until_it_ends(ledger):
    key = begun(ledger, "one")
    ledger.end(key, "one", life_of(1), how="failed")
    assert "failed" == ledger.runs(key)[0].how
    begun(ledger, "one")
    assert [("", "")] == [(run.ended, run.how) for run in ledger.runs(key)]
    assert 1 == ledger.life(key).positive[0, 0]  # what it had done is not forgotten
    ledger.end(key, "one", life_of(3))
    (run,) = ledger.runs(key)
    assert (run.how, "one") == ("done", run.run)


def test_dies_are_apart_and_keep_the_limits_that_they_were_used_with(ledger):
    begun(ledger, "one", key="a")
    ledger.begin("b", "one", ledger.path.parent, shape=(2, 2), limits={"damage": 1e-5})
    assert {"a": SHAPE, "b": (2, 2)} == ledger.dies()
    assert ({}, {"damage": 1e-5}) == (ledger.limits("a"), ledger.limits("b"))


def test_another_number_of_cells_is_another_die(ledger):
    key = begun(ledger, "one")
    with pytest.raises(StorageError, match=r"has 3 x 4 cells in the ledger and 15 x 15 in the bench file"):
        ledger.begin(key, "two", ledger.path.parent, shape=(15, 15))
    with pytest.raises(StorageError, match="the contribution of one"):
        ledger.contribute(key, "one", new_life(2, 2))
    with pytest.raises(StorageError, match="the run three has not begun on"):
        ledger.contribute(key, "three", life_of(1))


def test_a_newer_format_a_damaged_file_and_a_folder_are_refused(ledger, tmp_path):
    key = begun(ledger, "one")
    with sqlite3.connect(ledger.path) as database:
        database.execute("UPDATE about SET value = '2' WHERE name = 'format'")
    database.close()
    for ask in (lambda: ledger.life(key), lambda: begun(ledger, "two"), ledger.dies):
        with pytest.raises(StorageError, match="this ledger has format 2, this program reads 1"):
            ask()
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match=r"broken\.sqlite3: the ledger cannot be used"):
        Ledger(broken).life(key)
    with pytest.raises(StorageError, match="the ledger cannot be opened"):
        begun(Ledger(tmp_path), "one")


WRITER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    import numpy as np
    from labmtj.runs.ledger import Ledger, Life
    ledger, run, number = Ledger(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    ledger.begin("die", run, Path("."), shape=(3, 4))
    while True:
        counts = np.full((3, 4), number)
        ledger.contribute("die", run, Life(counts, counts, counts * 1.0, counts * 1.0, counts % 2, counts * 1.0))
        print(number, flush=True)
        number += 1
        time.sleep(0.005)
    """
)


def fight(path, rounds, writers, seed):
    """Writers that are killed at any moment; the last number that each has said is stored is stored, and whole."""
    chance, ledger, told = random.Random(seed), Ledger(path), dict.fromkeys(range(writers), 0)
    for _ in range(rounds):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), f"run {n}", str(told[n] + 1)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in told
        ]
        for child in children:
            child.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.2))
        for n, child in enumerate(children):
            child.send_signal(signal.SIGKILL)
            said = child.stdout.read().split()
            child.stdout.close()
            child.wait()
            told[n] = max([told[n], *(int(number) for number in said)])
        for n, number in told.items():
            others = [other for other in told if other != n]
            mine = ledger.life("die").positive - sum(_run(path, f"run {other}") for other in others)
            stored = int(mine[0, 0])
            assert number <= stored <= number + 1  # the last one may not have been said any more
            assert np.array_equal(mine, np.full(SHAPE, stored))
            told[n] = stored
    assert all(told.values())


def _run(path, run):
    with sqlite3.connect(path) as database:
        blob = database.execute("SELECT positive FROM run WHERE run = ?", (run,)).fetchone()[0]
    database.close()
    return np.frombuffer(blob, "<i8").reshape(SHAPE)


def test_writers_that_are_killed_at_the_same_time_lose_nothing_and_leave_nothing_torn(tmp_path):
    fight(tmp_path / "ledger.sqlite3", rounds=1, writers=3, seed=1)


@pytest.mark.slow
def test_long_writers_that_are_killed_lose_nothing(tmp_path):
    fight(tmp_path / "ledger.sqlite3", rounds=40, writers=5, seed=2)


def told(*arguments):
    return CliRunner().invoke(app, ["ledger", *arguments])


def test_the_command_shows_dies_cells_and_runs(ledger, monkeypatch):
    monkeypatch.setenv("LABMTJ_LEDGER", str(ledger.path))
    assert "no die has been used" in told().output
    key = begun(ledger, "one", "two")
    ledger.end(key, "one", life_of(3))
    assert "3 x 4   2 runs   108 pulses" in told().output
    shown = told(key).output
    assert "not ended: is it running?" in shown
    assert "damage: 3.6e-08 in all; worst cells" in shown
    assert "   1 |@@@@|" in shown
    content = json.loads(told(key, "--json").output)
    assert (1, key, [3] * 4) == (content["format"], content["die"], content["pulses"]["positive"][0])
    assert [key] == [die["die"] for die in json.loads(told("--json").output)["dies"]]
    assert 3 == told("nobody").exception.exit_code
