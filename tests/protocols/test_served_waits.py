"""Long waits at a bench that other processes can reach: the guardian lets them be, and is there if the process dies."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labmtj.chaos.served import ServedBench
from labmtj.config.bench import load_bench
from labmtj.runs.asking import give, pending
from labmtj.runs.journal import read_journal

THREE = Path(__file__).parents[1] / "faults" / "three" / "bench.yaml"
STEPS = """\
title: Long waits
format: 1
steps:
  - confirm: Lower the probes
  - contact:
  - pause: {for: 7 s, why: longer than a request may be silent}
  - pause: Have a look
  - contact:
"""


class Working:
    """`labmtj run` or `labmtj resume` as a child without a terminal."""

    def __init__(self, *command):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labmtj", *map(str, command), "-q"],
            stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True,
        )  # fmt: skip

    def asked(self, runs, text):
        """Wait for a question; the run folder and the question."""
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            for path in runs.glob("*/journal.jsonl"):
                question = pending(read_journal(path))
                if question is not None and question.text == text:
                    return path.parent, question
            time.sleep(0.05)
        raise AssertionError(self.process.communicate()[1])


@pytest.mark.slow
def test_the_guardian_lets_a_long_wait_be_and_makes_the_bench_safe_when_the_process_dies_in_it(tmp_path):
    (tmp_path / "mine.yaml").write_text(STEPS, encoding="utf-8")
    runs = tmp_path / "runs"
    with ServedBench(load_bench(THREE), tmp_path, seed=9, realtime=True) as served:
        work = Working("run", tmp_path / "mine.yaml", "--bench", served.client, "--out", runs)
        folder, question = work.asked(runs, "Lower the probes")
        time.sleep(12.0)  # the bench is told to stay at rest meanwhile
        assert work.process.poll() is None
        give(folder, question.number, "yes", who="Ada", how="command")
        folder, question = work.asked(runs, "Have a look")
        assert not (folder / "guardian.json").exists()
        answers = [entry for entry in read_journal(folder / "journal.jsonl") if entry["k"] == "answer"]
        assert [("yes", "command"), ("go on", "time")] == [(entry["answer"], entry["how"]) for entry in answers]
        work.process.kill()
        _, said = work.process.communicate()
        assert f"answer with: labmtj answer {folder} yes|no" in said
        until = time.monotonic() + 30
        while not (folder / "guardian.json").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert json.loads((folder / "guardian.json").read_text())["safe_after_seconds"] < 6.0
        again = Working("resume", folder)
        _, asked = again.asked(runs, "Have a look")
        while asked.number == question.number:
            _, asked = again.asked(runs, "Have a look")
        give(folder, asked.number, "go on", who="Ada", how="page")
        _, said = again.process.communicate(timeout=60)
        assert (0, True) == (again.process.returncode, "Lower the probes" not in said)
