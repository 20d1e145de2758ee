"""Who can reach a served bench: this machine alone, and its control port only with the token.

A browser's request to the control port is refused for want of the token, as the last test here shows; who may ask the
page of `labmtj watch` is in tests/watch/test_page_server.py.
"""

import json
import os
import socket

import pytest
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.errors import InputError
from labmtj.twin.build import simulated_bench
from labmtj.twin.served.ready import write_ready
from labmtj.twin.served.server import BenchServer

OTHERS = ["0.0.0.0", "192.0.2.1", "::", "::1", "127.0.0.1.example.org", "", "localhost.localdomain", "2130706433"]


@pytest.fixture(scope="module")
def served():
    with BenchServer(simulated_bench("simulated-15x15"), hislip_port=0, socket_port=0) as server:
        yield server


def ports(server):
    raw = [int(resource.socket.split("::")[2]) for resource in server.resources.values()]
    return [server.hislip_port, server.control_port, *raw]


def listening_on():
    """Local addresses and ports of the sockets that this process listens on."""
    import psutil

    found = psutil.Process().net_connections(kind="inet")
    return {(c.laddr.ip, c.laddr.port) for c in found if c.status == psutil.CONN_LISTEN}


def test_every_port_of_a_served_bench_is_bound_to_loopback(served):
    known = set(ports(served))
    assert {("127.0.0.1", port) for port in known} == {(ip, port) for ip, port in listening_on() if port in known}


@pytest.mark.parametrize("host", OTHERS)
def test_another_address_is_refused_before_anything_is_opened(host):
    before = listening_on()
    with pytest.raises(InputError, match="loopback only"):
        BenchServer(simulated_bench("simulated-15x15"), host=host)
    assert before == listening_on()


def test_the_command_refuses_another_address_with_a_token_or_without():
    result = CliRunner().invoke(app, ["twin", "serve", "simulated-15x15", "--host", "0.0.0.0"])
    assert isinstance(result.exception, InputError)


def test_a_token_cannot_be_guessed_and_only_its_owner_may_read_it(served, tmp_path):
    path = tmp_path / "ready.json"
    write_ready(path, served.description())
    assert (0o600, 22) == (os.stat(path).st_mode & 0o777, len(served.token))  # 16 random bytes


def test_a_page_in_a_browser_cannot_command_a_served_bench(served):
    body = json.dumps({"do": "shutdown"})
    request = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://example.org\r\n\r\n{body}\n"
    with socket.create_connection(("127.0.0.1", served.control_port), timeout=5) as link:
        link.sendall(request.encode())
        replies = [json.loads(line) for line in link.makefile("rb").readlines(1)]
    assert {False} == {reply["ok"] for reply in replies}
    assert served.control.answer(b'{"do": "status"}')["error"].startswith("the token is missing")
