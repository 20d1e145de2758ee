"""Exchanges a second with simulated instruments, as ratios in one run.

    python tests/benchmarks/exchanges.py

In process: `query` through PyVISA on stock pyvisa-sim, which answers a constant of 17 bytes, against labmtj's
backend: an instrument that answers the same constant, and the 2450's `:READ?` and the 2636B's
`print(smua.measure.i())`, whose answers come from the network of the bench. Each figure is the best of several
repeats, taken in turns. On a socket: a server in another process, a client that writes, writes and reads.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyvisa

REPEATS, COUNT = 7, 3000
STOCK = """
spec: "1.0"
devices:
  constant:
    eom:
      TCPIP INSTR: {q: "\\n", r: "\\n"}
    dialogues:
      - {q: "*IDN?", r: "LSG Serial #12345"}
resources:
  TCPIP0::192.0.2.1::inst0::INSTR: {device: constant}
"""


def best(calls: dict[str, Callable[[], Any]], *, count: int = COUNT) -> dict[str, float]:
    """Calls a second, each the best of several repeats in turns."""
    found = dict.fromkeys(calls, 0.0)
    for _ in range(REPEATS):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(count):
                call()
            found[name] = max(found[name], count / (time.perf_counter() - start))
    return found


def opened(library: str, address: str) -> Any:
    manager = pyvisa.ResourceManager(library)
    return manager.open_resource(address, read_termination="\n", write_termination="\n", timeout=5000)


def in_process(folder: Path) -> None:
    (folder / "stock.yaml").write_text(STOCK)
    stock = opened(f"{folder / 'stock.yaml'}@sim", "TCPIP0::192.0.2.1::inst0::INSTR")
    smu = opened("keysight@labmtj", "TCPIP0::192.0.2.21::inst0::INSTR")
    tsp = opened("simulated-15x15@labmtj", "TCPIP0::192.0.2.11::inst0::INSTR")
    smu.write(":SENS:FUNC 'CURR';:SENS:CURR:NPLC 0.01;:OUTP ON")
    tsp.write("smua.source.output = 1 smua.measure.nplc = 0.01")
    rates = best(
        {
            "stock pyvisa-sim, a constant": lambda: stock.query("*IDN?"),
            "labmtj 2450, *IDN?": lambda: smu.query("*IDN?"),
            "labmtj 2450, :READ? (measured)": lambda: smu.query(":READ?"),
            "labmtj 2636B, print(smua.measure.i()) (measured)": lambda: tsp.query("print(smua.measure.i())"),
        }
    )
    base = rates["stock pyvisa-sim, a constant"]
    print("PyVISA query, in process")
    for name, rate in rates.items():
        print(f"  {name:<50} {rate:>9,.0f} /s   {rate / base:5.2f} x stock")


def served(folder: Path) -> None:
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "labmtj", "twin", "serve", "keysight", "--ready-file", str(ready)]
    command += ["--hislip-port", "0", "--socket-port", "0", "--control-port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            if ready.exists():
                break
            time.sleep(0.1)
        address = json.loads(ready.read_text())["instruments"]["drive"]["socket"]
        port = int(address.split("::")[2])
        with socket.create_connection(("127.0.0.1", port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = link.makefile("rb")

            def sequence() -> None:
                link.sendall(b":SOUR:VOLT 0.1\n")
                link.sendall(b":SOUR:VOLT?\n")
                reader.readline()

            rates = best({"write-write-read on a raw socket": sequence}, count=1000)
        print("served, another process, Python's socket module")
        for name, rate in rates.items():
            print(f"  {name:<50} {rate:>9,.0f} /s")
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        in_process(Path(name))
        served(Path(name))
