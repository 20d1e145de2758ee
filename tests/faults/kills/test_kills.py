"""Row 1 of what must survive: a run is killed anywhere, and nothing is lost and no pulse fired twice."""

import h5py
import numpy as np
import pytest

from labmtj.runs.status import read_status
from labmtj.runs.store import build_store

KINDS = ("before intent", "after intent", "after pulse", "in verify", "h5", "torn line")


def points(moments, seed, count):
    """Seeded moments: the first ones one of each kind that matters, the others from anywhere."""
    rng = np.random.default_rng(seed)
    found = [int(rng.choice([n for n, kind in enumerate(moments) if kind == wanted])) for wanted in KINDS]
    return (found + [int(n) for n in rng.integers(0, len(moments), count)])[:count]


def whole(folder):
    """run.h5 opens, or is built from the journal; whatever moment the process died in. Its format."""
    if not (folder / "run.h5").exists():
        build_store(folder)
    with h5py.File(folder / "run.h5") as store:
        return store.attrs["format"]


def killed_and_resumed(killer, referee, folder, kills):
    """Kill a run at the first of these moments, each return at the next ones; how many pulses stayed uncertain."""
    folder.mkdir()
    found = killer("run", folder, kill=kills[0])
    assert (-9, []) == (found["code"], found["errors"])
    (run,) = folder.iterdir()
    judge = referee(run)
    unsure = 0
    for kill in [*kills[1:], None]:
        lines, intents, outcomes = judge.journal()
        pulses, _ = judge.die()
        unresolved = len(intents) - len(outcomes)
        # At most one pulse is in doubt, and the die has got every one that was acknowledged, once.
        assert 0 <= unresolved <= 1
        certain = sum(not outcome.get("uncertain", False) for outcome in outcomes.values())
        assert certain <= pulses <= len(intents)
        unsure = max(unsure, unresolved)
        if not lines:
            return unsure  # nothing was acknowledged, and nothing was done
        assert 1 == whole(run)
        found = killer("resume", run, kill=kill)
        if found["code"] == 7:
            # It died with everything done and written.
            assert "nothing is left to do" in found["errors"][0]
            more, known = intents, outcomes
            break
        assert [] == found["errors"]
        assert found["code"] in ((0,) if kill is None else (0, -9)), kills  # 0: all was done before that moment
        # What was acknowledged is still there, and what came after it is more of the same.
        later, more, known = judge.journal()
        assert later.startswith(lines)
        now, _ = judge.die()
        fired = now - pulses
        assert len(more) - len(intents) - (len(more) - len(known)) <= fired <= len(more) - len(intents)
        if found["code"] == 0:
            break
    assert "done" == read_status(run).how
    target, states = judge.layer()
    assert target == states
    assert set(more) == set(known)
    assert 1 == whole(run)
    return unsure


# Every part has its own moments; one of them is enough for every change, all five for a release.
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3, 4))])
def test_a_run_that_is_killed_anywhere_goes_on_and_no_pulse_is_fired_twice(part, killer, moments, referee, tmp_path):
    for number, kill in enumerate(points(moments, seed=1, count=25)[part::5]):
        killed_and_resumed(killer, referee, tmp_path / str(number), [kill])


def test_a_run_that_is_killed_again_while_it_comes_back_goes_on_too(killer, moments, referee, tmp_path):
    rng = np.random.default_rng(3)
    first = points(moments, seed=4, count=3)[1]
    for number in range(3):
        kills = [first, *(int(n) for n in rng.integers(0, 60, 2))]
        killed_and_resumed(killer, referee, tmp_path / str(number), kills)


@pytest.mark.slow
def test_two_hundred_kills(killer, moments, referee, tmp_path):
    rng = np.random.default_rng(2)
    unsure = 0
    for number, kill in enumerate(points(moments, seed=5, count=200)):
        again = [int(n) for n in rng.integers(0, 200, number % 3)]
        unsure += killed_and_resumed(killer, referee, tmp_path / str(number), [kill, *again])
    print(f"200 runs killed, 200 of their returns as well: {unsure} had a pulse in doubt")
    assert unsure > 10
