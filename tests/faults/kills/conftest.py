"""Runs that are killed at a known moment, and the die's own state file as the referee."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labmtj.runs.journal import read_journal

HERE = Path(__file__).parent
THREE = HERE.parent / "three"


class Killer:
    """A process that forks a child for each job; see worker.py."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, do, folder, *, kill=None, **more):
        """Run ("run": into a new folder under this one) or resume; how it ended and its moments."""
        job = {"do": do, "protocol": str(THREE / "protocol.yaml"), "bench": str(THREE / "bench.yaml")}
        self.process.stdin.write(json.dumps(job | {"folder": str(folder), "kill": kill} | more) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


@pytest.fixture(scope="session")
def killer():
    made = Killer()
    yield made
    made.close()


@pytest.fixture(scope="session")
def moments(killer, tmp_path_factory):
    """Kinds of all moments of a run that nobody kills."""
    found = killer("run", tmp_path_factory.mktemp("whole"))
    assert (0, []) == (found["code"], found["errors"])
    return found["moments"]


class Referee:
    """What the die itself says of a run in its state file, against what the journal says."""

    def __init__(self, folder):
        self.folder = folder

    def die(self):
        """Pulses that the die has received, and the states of its cells."""
        raw, header = (self.folder / "twin.state").read_bytes(), 4096
        if not raw:
            return 0, None
        valid = int(np.frombuffer(raw, "u8", 1, header)[0] % 2)
        start = header + 8 + valid * ((len(raw) - header - 8) // 2)
        return int(np.frombuffer(raw, "u8", 1, start + 16)[0]), np.frombuffer(raw, "i1", 9, start + 24).reshape(3, 3)

    def journal(self):
        """Its whole lines, its intents by number, and its outcomes by the number of their intent."""
        data = (self.folder / "journal.jsonl").read_bytes() if (self.folder / "journal.jsonl").exists() else b""
        entries = list(read_journal(self.folder / "journal.jsonl")) if data else []
        intents = {entry["n"]: entry for entry in entries if entry["k"] == "intent"}
        outcomes = {entry["of"]: entry for entry in entries if entry["k"] == "outcome"}
        return data[: data.rfind(b"\n") + 1], intents, outcomes

    def layer(self):
        """Target of the layer, and what the die's cells are."""
        programs = [e for e in read_journal(self.folder / "journal.jsonl") if e["k"] == "program"]
        at = np.ix_(np.array(programs[-1]["rows"]) - 1, np.array(programs[-1]["cols"]) - 1)
        return programs[-1]["target"], self.die()[1][at].tolist()


@pytest.fixture
def referee():
    return Referee
