"""A simulated bench in a process of its own, for one round; its log and its die are what the referee looks at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from labmtj.chaos.referee import Entry, read_log
from labmtj.chaos.verdict import NotHeld
from labmtj.config import yaml12
from labmtj.config.bench import BenchFile
from labmtj.twin.served.control import ask
from labmtj.twin.served.ready import read_ready

_START = 60.0  # [s] chosen: to import and to compile what is not compiled yet, on a busy computer
_END = 10.0  # [s] chosen

Link = Literal["hislip", "socket"]


class ServedBench:
    """`labmtj twin serve` as a child, for the length of a `with` block; `client` is the bench file for its clients."""

    def __init__(
        self, file: BenchFile, folder: Path, *, seed: int, link: Link = "hislip", realtime: bool = False
    ) -> None:
        self.folder, self.log_path, self.client = folder, folder / "twin.log", folder / "client.yaml"
        self._file, self._link = file, link
        self._ready = folder / "ready.json"
        state = folder / "twin.state"
        state.touch()  # an empty file is a place for a fresh die
        self._bench = folder / "served.yaml"
        data: dict[str, Any] = dict(file.source.data)
        data["instruments"] = {
            name: {**entry, "model": str(file.model_file(name).resolve())}
            for name, entry in data["instruments"].items()
        }
        simulation: dict[str, Any] = dict(data.get("simulation") or {})
        self._data: dict[str, Any] = {**data, "visa": "@labmtj", "simulation": {**simulation, "state": state.name}}
        self._bench.write_text(yaml12.dump(self._data), encoding="utf-8")
        self._command = [
            *labmtj(), "twin", "serve", str(self._bench), "--seed", str(seed), "--hislip-port", "0", "--socket-port",
            "0", "--log", str(self.log_path), "--ready-file", str(self._ready), *(["--realtime"] if realtime else []),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._found: dict[str, Any] = {}

    def __enter__(self) -> ServedBench:
        with (self.folder / "served.txt").open("wb") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _START
        while not self._ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise NotHeld(f"the served bench did not start: {(self.folder / 'served.txt').read_text()[-500:]}")
            time.sleep(0.02)
        self._found = read_ready(self._ready)
        self._write_client()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_END)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _write_client(self) -> None:
        """The same bench as its clients see it: real addresses, and nothing that says it is simulated."""
        data = {**self._data, "visa": "@py"}
        data["instruments"] = {
            name: {**entry, **self._address(name)} for name, entry in self._data["instruments"].items()
        }
        simulation: Mapping[str, Any] = self._data["simulation"]
        data["simulation"] = {key: value for key, value in simulation.items() if key != "state"}
        self.client.write_text(yaml12.dump(data), encoding="utf-8")

    def _address(self, name: str) -> dict[str, Any]:
        found = self._found["instruments"][name]
        said = {"address": found[self._link]}
        if self._link == "socket" and found["dead_socket"]:
            said["dead_socket"] = found["dead_socket"]  # 5030 on the instrument itself
        return said

    @property
    def instruments(self) -> Mapping[str, Mapping[str, Any]]:
        """Where each instrument is found, by its name: as the ready-file says."""
        return self._found["instruments"]

    @property
    def pid(self) -> int:
        """The process that holds the die."""
        return self._found["pid"]

    def ask(self, **request: Any) -> dict[str, Any]:
        """One command of the control port. Raises BenchError."""
        return ask(request, port=self._found["control_port"], token=self._found["token"])

    def fault(self, kind: str, **fields: Any) -> int:
        """Put a fault in; its number."""
        return self.ask(do="fault", fault={"kind": kind, **fields})["number"]

    def clear(self) -> None:
        """Take all faults away."""
        self.ask(do="clear_faults")

    def log(self) -> list[Entry]:
        """The twin's own record so far."""
        return read_log(self.log_path)


def labmtj() -> list[str]:
    """The command line of labmtj for a child process, by this very interpreter."""
    return [sys.executable, "-m", "labmtj"]


def environment(folder: Path, extra: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """What a child is given: leases, fences and the ledger of a round stay in its folder."""
    kept = {"LABMTJ_STATE": str(folder / "state"), "LABMTJ_RUNS": str(folder / "runs"), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **kept, **dict(extra)}
