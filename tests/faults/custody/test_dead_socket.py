"""A raw socket that a dead process has left blocked (row 20)."""

import socket
import threading

import pytest
import pyvisa

from labmtj.bench.panic import make_safe, prepare
from labmtj.bench.reach import DEAD_SOCKET, Target, dead_socket_port, find_way, targets
from labmtj.config.bench import load_bench
from labmtj.config.finder import find
from labmtj.errors import BenchError

IDENTITY = "Keithley Instruments, Model 707B, 7, 1.0"


class Blocked:
    """A 707B whose one raw socket belongs to a process that has died; connecting to another port frees it."""

    def __init__(self, *, frees):
        self.free, self.said, self._frees = False, [], frees
        self._ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.dead = (listener.getsockname()[1] for listener in self._ports)
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._serve, self._terminate)]
        self._connections = []
        for thread in self._threads:
            thread.start()

    def _serve(self):
        while True:
            try:
                link, _ = self._ports[0].accept()
            except OSError:
                return
            if not self.free:
                self._connections.append(link)  # it is in the queue, and nobody answers
                continue
            with link, link.makefile("rwb") as lines:
                for line in lines:
                    text = line.decode().strip()
                    self.said.append(text)
                    reply = IDENTITY if text == "*IDN?" else "nil\t0" if "getclose" in text else ""
                    reply = "0" if "print" in text and not reply else reply
                    if reply:
                        lines.write(f"{reply}\n".encode())
                        lines.flush()

    def _terminate(self):
        while True:
            try:
                link, _ = self._ports[1].accept()
            except OSError:
                return
            with link:
                self.free = self._frees

    def close(self):
        for listener in self._ports:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for link in self._connections:
            link.close()
        for thread in self._threads:
            thread.join(1.0)


@pytest.fixture
def blocked():
    made = []

    def make(*, frees=True):
        made.append(Blocked(frees=frees))
        return made[-1]

    yield make
    for box in made:
        box.close()


@pytest.fixture
def visa():
    manager = pyvisa.ResourceManager("@py")
    yield manager
    manager.close()


def target(box, **more):
    sheet = str(find("models", "keithley_707b").resolve())
    return Target("matrix", f"TCPIP::127.0.0.1::{box.port}::SOCKET", sheet, dead_socket=box.dead, **more)


def test_the_next_run_frees_it_by_the_dead_socket_port(blocked, visa):
    wanted = target(blocked())
    assert (wanted.address, "707B/7") == find_way(visa, wanted, ours=True, timeout=0.2)


def test_or_takes_the_other_interface_that_the_bench_names(blocked, visa):
    stuck, other = blocked(frees=False), blocked()
    other.free = True
    fallback = f"TCPIP::127.0.0.1::{other.port}::SOCKET"
    assert (fallback, "707B/7") == find_way(visa, target(stuck, fallback=fallback), ours=True, timeout=0.2)


def test_nobody_is_thrown_out_of_an_instrument_that_may_be_in_use(blocked, visa):
    box = blocked()
    with pytest.raises(BenchError, match="switch matrix off and on"):
        find_way(visa, target(box), ours=False, timeout=0.2)
    assert not box.free


def test_or_says_what_to_do_at_the_front_panel(blocked, visa):
    with pytest.raises(BenchError) as caught:
        find_way(visa, target(blocked(frees=False)), ours=True, timeout=0.2)
    text = str(caught.value)
    assert "dead-socket port" in text
    assert "switch matrix off and on at its front panel" in text
    assert "instruments.matrix.fallback" in text


def test_the_guardian_and_the_panic_button_free_it_too(blocked, visa):
    box = blocked()
    (made,) = make_safe(visa, prepare([target(box)]))
    assert made.safe, made.error
    assert any('channel.open("allslots")' in text for text in box.said)


def test_the_port_is_that_of_tsp_instruments_if_the_bench_names_none():
    for name, address, expected in (
        ("keithley_707b", "TCPIP::192.0.2.1::5025::SOCKET", DEAD_SOCKET),
        ("keithley_707b", "TCPIP::192.0.2.1::INSTR", None),
        ("keithley_2450", "TCPIP::192.0.2.1::5025::SOCKET", None),
    ):
        assert expected == dead_socket_port(Target("one", address, str(find("models", name))))


def test_a_bench_names_the_other_interface_and_the_port(tmp_path):
    text = find("benches", "keithley").read_text("utf-8")
    address = '"TCPIP0::192.0.2.12::inst0::INSTR"'
    more = 'fallback: "GPIB0::16::INSTR"\n    dead_socket: 5031'
    path = tmp_path / "bench.yaml"
    path.write_text(text.replace(address, f"{address}\n    {more}"), "utf-8")
    found = {entry.name: entry for entry in targets(load_bench(path))}
    assert ("GPIB0::16::INSTR", 5031) == (found["matrix"].fallback, found["matrix"].dead_socket)
    assert (None, None) == (found["smu"].fallback, found["smu"].dead_socket)
