"""A process that has imported everything once and forks a child for each job that it is told on its standard input.

A job is one JSON object a line: {"do": "run" | "resume", "protocol", "bench", "folder", "kill": moment or null,
"signals": [[moment, "SIGINT"], ...], "storm": seconds between further signals or 0, "room": bytes that a file may
have}. The child runs it in this process's place and kills itself at the moment with that number: before a line of the
journal is written, half-way in it, after it, after an fsync, before and after a file is put in its place, and
while run.h5 is written. The answer says how it ended, how many moments there were, and of which kind they are.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import h5py

from labmtj.errors import LabmtjError
from labmtj.protocol import engine, rebuild  # noqa: F401  (everything that a run needs is imported here, once)

THREE = Path(__file__).parents[1] / "three"


class Trap:
    """Counts moments, and kills this process at one of them."""

    def __init__(self, kill, told, *, signals=(), storm=0.0, room=None):
        self.room = room
        self.signals, self.storm, self.last, self.left = dict(signals), storm, 0.0, False
        self.kill, self.told, self.count, self.intent, self.step = kill, told, 0, False, ""
        self.write, self.fsync, self.replace = os.write, os.fsync, os.replace
        os.write, os.fsync, os.replace = self.on_write, self.on_fsync, self.on_replace
        create = h5py.Group.create_dataset

        def on_create(group, *args, **kwargs):
            self.moment("h5")
            return create(group, *args, **kwargs)

        h5py.Group.create_dataset = on_create

    def moment(self, kind):
        if self.kill is None:
            self.write(self.told, f"{kind}\n".encode())
        if self.count == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1
        if self.count - 1 in self.signals:
            self.last = time.monotonic()
            if self.storm and len(self.signals) == 1:
                threading.Thread(target=self.rain, daemon=True).start()
            os.kill(os.getpid(), getattr(signal, self.signals.pop(self.count - 1)))

    def rain(self):
        """Signals until the bench is left, as from somebody who keeps pressing Ctrl-C."""
        while not self.left:
            time.sleep(self.storm)
            os.kill(os.getpid(), signal.SIGINT)

    def on_write(self, handle, data):
        if not data.startswith(b'{"crc"'):
            return self.write(handle, data)
        entry = json.loads(data)
        kind = entry["k"]
        if kind == "step":
            self.step = entry["name"]
        if kind == "bench" and self.room:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, resource.RLIM_INFINITY))  # as on a disk that is full
        self.left = kind == "end"
        if kind == "end" and self.last:
            # The bench is left by now: how long after the last signal?
            self.write(self.told, f"safe after {time.monotonic() - self.last}\n".encode())
        self.intent = kind == "intent"
        named = {"intent": "before intent", "outcome": "after pulse"}.get(kind, f"in {self.step or 'opening'}")
        self.moment(named)
        if self.count == self.kill:
            self.write(handle, data[: len(data) // 2])
        self.moment("torn line")
        written = self.write(handle, data)
        self.moment(f"after {kind}" if kind in ("intent", "outcome") else named)
        return written

    def on_fsync(self, handle):
        self.fsync(handle)
        if self.intent:
            self.moment("after intent")

    def on_replace(self, source, target, **how):
        self.moment("replace")
        self.replace(source, target, **how)
        self.moment("replace")


def child(job, told):
    Trap(job["kill"], told, signals=job.get("signals", ()), storm=job.get("storm", 0.0), room=job.get("room"))
    try:
        if job["do"] == "run":
            engine.run(Path(job["protocol"]), bench=Path(job["bench"]), out=Path(job["folder"]))
        else:
            engine.resume(Path(job["folder"]))
    except LabmtjError as error:
        os.write(told, f"error {type(error).__name__}: {error} {getattr(error, '__notes__', [])}\n".encode())
        os._exit(error.exit_code)
    os._exit(0)


def main():
    with tempfile.TemporaryDirectory() as folder:
        # What a run imports when it needs it, and what it works out once, the children find here.
        engine.run(THREE / "protocol.yaml", bench=THREE / "bench.yaml", out=Path(folder))
    for line in sys.stdin:
        inlet, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(inlet)
            child(json.loads(line), told)
        os.close(told)
        with os.fdopen(inlet) as reader:
            said = reader.read().splitlines()
        _, status = os.waitpid(pid, 0)
        errors = [text for text in said if text.startswith("error")]
        safe = [float(text.split()[-1]) for text in said if text.startswith("safe after")]
        moments = [text for text in said if not text.startswith(("error", "safe after"))]
        answer = {"code": os.waitstatus_to_exitcode(status), "errors": errors, "moments": moments, "safe": safe}
        print(json.dumps(answer), flush=True)


main()
