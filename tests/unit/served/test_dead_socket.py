"""A raw session that nobody closed keeps the port; the port of dead sockets, or a power switch, frees it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from labmtj.twin.build import simulated_bench
from labmtj.twin.served.control import ask
from labmtj.twin.served.server import BenchServer

CLIENT = """
import socket, sys, time
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
link.sendall(b"*IDN?\\n")
print(link.recv(100).decode(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def served():
    with BenchServer(
        simulated_bench("simulated-15x15"), hislip_port=0, socket_port=0, dead_sockets=["smu", "matrix"]
    ) as server:
        yield server


def request(server, **fields):
    return ask(fields, port=server.control_port, token=server.token)


def raw_port(server, name):
    return int(server.resources[name].socket.split("::")[2])


def identity(server, name="matrix"):
    """What an instrument says over its raw socket; None if nobody gets in."""
    with (
        contextlib.suppress(ConnectionError),
        socket.create_connection(("127.0.0.1", raw_port(server, name)), timeout=5) as link,
    ):
        link.sendall(b"*IDN?\n")
        return link.recv(100).decode() or None
    return None


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def blocked(server):
    return request(server, do="status")["blocked"]


def hit_the_dead_socket_port(server, name):
    with socket.create_connection(("127.0.0.1", server.resources[name].dead_socket), timeout=5) as link:
        assert b"" == link.recv(1)  # it closes once it is done


@pytest.fixture
def dead(served):
    """A bench whose matrix keeps the session of a process that was killed."""
    request(served, do="fault", fault={"kind": "dead_socket", "on": "matrix"})
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(raw_port(served, "matrix"))], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    assert "MODEL 707B" in client.stdout.readline()
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    client.stdout.close()
    wait_for(lambda: blocked(served) == ["matrix"])
    return served


def test_a_port_is_blocked_by_a_process_that_was_killed_and_its_neighbour_is_not(dead):
    assert [None, None] == [identity(dead) for _ in range(2)]
    assert "2636B" in identity(dead, "smu")


def test_the_port_of_dead_sockets_frees_it_once_and_for_all(dead):
    hit_the_dead_socket_port(dead, "smu")
    assert identity(dead) is None  # that was another instrument's
    hit_the_dead_socket_port(dead, "matrix")
    assert ["707B" in identity(dead) for _ in range(2)] == [True, True]
    assert [] == blocked(dead)


def test_a_power_cycle_frees_it_too(dead):
    request(dead, do="fault", fault={"kind": "power_cycle", "on": "matrix", "duration": "1 us"})
    identity(dead, "smu")  # time passes with any message
    wait_for(lambda: blocked(dead) == [])
    assert "707B" in identity(dead)


def test_hislip_is_another_way_in_while_the_raw_port_is_blocked(dead):
    import pyvisa

    manager = pyvisa.ResourceManager("@py")
    try:
        assert "707B" in manager.open_resource(dead.resources["matrix"].hislip, read_termination="\n").query("*IDN?")
    finally:
        manager.close()


def test_without_the_fault_a_killed_process_leaves_the_port_free(served):
    assert ["707B" in identity(served) for _ in range(3)] == [True] * 3
    assert [] == blocked(served)


def test_the_port_of_dead_sockets_ends_sessions_that_live(served):
    with socket.create_connection(("127.0.0.1", raw_port(served, "smu")), timeout=5) as link:
        link.sendall(b"*IDN?\n")
        assert b"2636B" in link.recv(100)
        hit_the_dead_socket_port(served, "smu")
        with contextlib.suppress(ConnectionResetError):
            assert b"" == link.recv(1)
    assert "2636B" in identity(served, "smu")


def test_who_has_such_a_port_is_told(served):
    told = request(served, do="resources")["instruments"]
    assert {"smu", "matrix"} == {name for name, found in told.items() if found["dead_socket"] > 0}
    assert told == {name: dict(entry) for name, entry in served.description()["instruments"].items()}
