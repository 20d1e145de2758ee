"""A served twin in real time with its own log, and processes that work at it and are killed."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labmtj.config import yaml12
from labmtj.config.finder import find
from labmtj.config.source import read
from labmtj.twin.build import simulated_bench
from labmtj.twin.served.control import ask
from labmtj.twin.served.server import BenchServer

QUIET = 1e-3  # [V] a source at 0 V has an offset of some 0.1 mV


class Twin:
    """A served bench and what its log says of it."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self._log = folder / "twin.jsonl"
        self.simulated = simulated_bench(name, log=self._log, realtime=True)
        self.server = BenchServer(self.simulated, hislip_port=0, socket_port=0)

    @property
    def now(self):
        return self.simulated.world.host.now()

    def entries(self, since=0.0):
        lines = self._log.read_text().splitlines()
        return [entry for entry in map(json.loads, lines) if entry["t"] > since]

    def states(self):
        """(t, sources that are not at 0 V, relays that are closed) at first and after each entry of the log."""
        live, closed, found = {}, set(), [(0.0, set(), set())]
        for entry in self.entries():
            if entry["kind"] == "output":
                live[entry["channel"]] = entry["volts"]
            if entry["kind"] == "relays":
                closed = (closed | set(entry.get("close", []))) - set(entry.get("open", []))
            found.append((entry["t"], {name for name, volts in live.items() if abs(volts) > QUIET}, closed))
        return found

    def safe_after(self, moment):
        """Seconds from a moment until no source is on and no relay closed, for good; infinite if that has not come."""
        states = self.states()
        if states[-1][1] or states[-1][2]:
            return float("inf")
        last = max((n for n, (_, live, closed) in enumerate(states) if live or closed), default=-1)
        return max(0.0, states[last + 1][0] - moment)

    def ask(self, **request):
        return ask(request, port=self.server.control_port, token=self.server.token)

    def bench(self, name="bench", *, link="hislip", silence="5 s", **entries):
        """A bench file of this twin; `entries` are more fields of its instruments."""
        data = dict(read(find("benches", self.name)).data)
        data["visa"] = "@py"
        data["wait"] = {**data["wait"], "silence": silence}
        data["instruments"] = {
            key: {**entry, "address": getattr(self.server.resources[key], link), **entries.get(key, {})}
            for key, entry in data["instruments"].items()
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml12.dump(data), encoding="utf-8")
        return path


class Worker:
    """A process that does what it is told."""

    def __init__(self, state):
        environment = {**os.environ, "LABMTJ_STATE": str(state)}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self._answers = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def alive(self):
        return self.process.poll() is None

    def _listen(self):
        for line in self.process.stdout:
            self._answers.put(json.loads(line))

    def begin(self, statements):
        self.process.stdin.write(json.dumps(statements) + "\n")
        self.process.stdin.flush()

    def end(self, timeout=20.0):
        return self._answers.get(timeout=timeout)

    def do(self, statements):
        self.begin(statements)
        assert "ok" == self.end()

    def signal(self, number):
        os.kill(self.process.pid, number)

    def close(self):
        if self.alive:
            self.signal(signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()


@pytest.fixture(scope="session")
def state():
    """The host's folder, for this process and its children."""
    return Path(os.environ["LABMTJ_STATE"])


@pytest.fixture(scope="session")
def make_twin(tmp_path_factory):
    running = []

    def make(name="simulated-15x15"):
        twin = Twin(tmp_path_factory.mktemp("twin"), name)
        running.append(twin.server.__enter__())
        return twin

    yield make
    for server in running:
        server.__exit__(None, None, None)
        server.bench.world.log.close()


@pytest.fixture(scope="session")
def twin(make_twin):
    return make_twin()


@pytest.fixture(scope="session")
def make_worker(state):
    """A process that is alive: the one of the last test, if that has left it alive."""
    started = []

    def make():
        if not started or not started[-1].alive:
            started.append(Worker(state))
        return started[-1]

    yield make
    for worker in started:
        worker.close()


@pytest.fixture
def report(tmp_path):
    """Where a guardian writes, and what it has written."""

    class Report:
        path = tmp_path / "guardian.json"

        def wait(self, timeout=10.0):
            give_up = time.monotonic() + timeout
            while not self.path.exists():
                assert time.monotonic() < give_up, "the guardian has not reported"
                time.sleep(0.01)
            return json.loads(self.path.read_text())

    return Report()
