"""The file in which a simulated die outlives its process."""

import dataclasses
import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import Busy, StorageError
from labmtj.physics.variation import draw_die
from labmtj.twin.build import die_model
from labmtj.twin.state import DieState, fingerprint

TRUTH = draw_die(die_model(load_bench("simulated-15x15").bench))
FIELDS = ("state", "broken", "hazard", "flips", "damage", "row_reads", "col_reads", "cycles")


def test_the_anisotropy_makes_another_die_and_its_default_leaves_older_states_good():
    model = TRUTH.model
    assert "90aee2eadefcb626" == fingerprint(model)  # as before dies had an anisotropy field
    assert fingerprint(model) != fingerprint(dataclasses.replace(model, anisotropy_field=0.31))


def content(state):
    return {name: getattr(state, name).tolist() for name in FIELDS} | {
        name: getattr(state, name) for name in ("clock", "rest", "pulses")
    }


def reserved(folder):
    path = folder / "twin.state"
    path.touch()
    return path


def lived(state, steps, seed=0):
    """Something happens to a die, `steps` times, and is committed each time."""
    chance = random.Random(seed)
    for _ in range(steps):
        state.state[chance.randrange(15), chance.randrange(15)] ^= 1
        state.damage += chance.random()
        state.hazard[...] = chance.random()
        state.cycles[1, 2] += np.uint64(1)
        state.row_reads[3] += np.uint64(1)
        state.clock += 0.1
        state.rest += 0.01
        state.pulses += 1
        state.commit()


def test_an_empty_file_is_a_place_for_a_fresh_die(tmp_path):
    state = DieState(TRUTH, reserved(tmp_path))
    assert TRUTH.initial.tolist() == state.state.tolist()
    assert (0.0, 0.0, 0) == (state.clock, state.rest, state.pulses)
    assert content(DieState(TRUTH)) == content(state)


def test_a_fresh_die_leaves_no_second_file_but_its_lock(tmp_path):
    path = reserved(tmp_path)
    DieState(TRUTH, path)
    assert ["twin.state", "twin.state.lock"] == sorted(file.name for file in tmp_path.iterdir())


def test_what_was_committed_is_found_again(tmp_path):
    path = reserved(tmp_path)
    first = DieState(TRUTH, path)
    for steps in (1, 1, 3):  # each of the two slots
        lived(first, steps)
        assert content(first) == content(DieState(TRUTH, path))


def test_what_was_not_committed_is_not(tmp_path):
    path = reserved(tmp_path)
    first = DieState(TRUTH, path)
    lived(first, 2)
    before = content(first)
    first.state[...] ^= 1
    first.clock += 5.0
    assert before == content(DieState(TRUTH, path))


def test_a_commit_that_was_cut_short_leaves_the_state_before_it(tmp_path):
    path = reserved(tmp_path)
    first = DieState(TRUTH, path)
    lived(first, 3)
    before = content(first)
    del first
    raw = bytearray(path.read_bytes())
    slot = (len(raw) - 4096 - 8) // 2
    other = 4096 + 8 + slot * (1 - int.from_bytes(raw[4096:4104], "little") % 2)
    raw[other : other + slot // 2] = b"\xa5" * (slot // 2)  # half of the slot that a commit would write
    path.write_bytes(raw)
    again = DieState(TRUTH, path)
    assert before == content(again)
    lived(again, 1, seed=1)
    assert content(again) == content(DieState(TRUTH, path))


def test_a_missing_file_is_an_error_and_never_a_new_die(tmp_path):
    path = tmp_path / "twin.state"
    with pytest.raises(StorageError, match="missing; a die cannot be made anew"):
        DieState(TRUTH, path)
    assert not path.exists()


@pytest.mark.parametrize("change", [{"seed": 18}, {"diameter": 30e-9}, {"wire": 6.0}, {"short": 0.01}])
def test_another_die_is_refused(tmp_path, change):
    path = reserved(tmp_path)
    DieState(TRUTH, path)
    other = draw_die(dataclasses.replace(TRUTH.model, **change))
    with pytest.raises(StorageError, match="the state of another die"):
        DieState(other, path)


def test_a_newer_format_is_refused(tmp_path):
    path = reserved(tmp_path)
    DieState(TRUTH, path)
    raw = path.read_bytes()
    header = json.loads(raw[:4096]) | {"format": 2}
    path.write_bytes(json.dumps(header).encode().ljust(4096) + raw[4096:])
    with pytest.raises(StorageError, match="another version of labmtj"):
        DieState(TRUTH, path)


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:5000], lambda raw: b"not a state" * 500, lambda raw: b"\xff" + raw, lambda raw: b"[]"]
)
def test_what_is_no_state_is_refused(tmp_path, damage):
    path = reserved(tmp_path)
    DieState(TRUTH, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StorageError, match=r"twin\.state"):
        DieState(TRUTH, path)


def test_a_folder_is_no_state(tmp_path):
    with pytest.raises(StorageError):
        DieState(TRUTH, tmp_path)


CHILD = """
import sys
from pathlib import Path
from labmtj.config.bench import load_bench
from labmtj.records import Cell, Pulse
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

array = TwinArray(load_bench(Path(sys.argv[1])), MemoryJournal())
states = array.electrics.state
for n in range(100_000):
    print(f"pulse {n}", flush=True)
    array.pulse(Pulse(Cell(1 + n % 15, 1 + n * 7 % 15), (-1) ** n * 0.45, 1e-4))
    print(f"done {n} {states.state.tobytes().hex()} {states.clock!r}", flush=True)
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_a_die_lives_on_after_its_process_was_killed(tmp_path, seed):
    path = reserved(tmp_path)
    text = "simulation:\n  state: twin.state\n  die: {diameter: 40 nm, wire: 5 ohm, seed: 17}\n"
    bench = tmp_path / "bench.yaml"
    default = load_bench("simulated-15x15").source.text
    bench.write_text(default[: default.index("simulation:")] + text)
    told = tmp_path / "told"
    with told.open("w") as out:
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(bench)], stdout=out)
    while child.poll() is None and "done" not in told.read_text():
        time.sleep(0.01)
    time.sleep(random.Random(seed).uniform(0.0, 0.1))
    child.kill()
    assert -signal.SIGKILL == child.wait()
    begun, done = 0, None
    for line in told.read_text().splitlines(keepends=True):
        words = line.split() if line.endswith("\n") else []  # a line that was cut off has no end
        if words and words[0] == "pulse":
            begun = int(words[1])
        elif words:
            done = words
    assert done is not None
    found = DieState(TRUTH, path)
    # The last pulse that was reported is there in full; the one after it has happened wholly or not at all.
    assert found.pulses in (int(done[1]) + 1, begun + 1)
    if found.pulses == int(done[1]) + 1:
        assert done[2] == found.state.tobytes().hex()
        assert float(done[3]) == found.clock


def test_one_process_has_a_die_at_a_time(tmp_path):
    path = reserved(tmp_path)
    code = (
        "import sys, pathlib; from labmtj.config.bench import load_bench; from labmtj.twin.build import die_model;"
        "from labmtj.physics.variation import draw_die; from labmtj.twin.state import DieState;"
        "die = DieState(draw_die(die_model(load_bench('simulated-15x15').bench)), pathlib.Path(sys.argv[1]));"
        "print('open', flush=True); sys.stdin.read(1);"
        "die.clock += 1; die.commit(); die.let_go(); print('left', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=-1, stdout=-1, text=True)
    with other:
        assert "open\n" == other.stdout.readline()
        with pytest.raises(Busy, match=f"in use by pid {other.pid} of .* on .* since .*: -c"):
            DieState(TRUTH, path)
        other.stdin.write("x")
        other.stdin.flush()
        assert "left\n" == other.stdout.readline()
        mine = DieState(TRUTH, path)
        assert 1.0 == mine.clock
        mine.let_go()
        mine.hold()  # nobody has had it meanwhile
        mine.let_go()
        other.kill()


def test_a_die_that_another_process_has_had_meanwhile_is_not_taken_for_the_one_that_was_left(tmp_path):
    path = reserved(tmp_path)
    mine = DieState(TRUTH, path)
    mine.let_go()
    lived(DieState(TRUTH, path), 1)
    with pytest.raises(StorageError, match="another process has worked with this die"):
        mine.hold()
