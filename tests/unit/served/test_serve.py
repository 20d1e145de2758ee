"""A bench for other processes: addresses, ports, control port, an end without remains."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

from labmtj.errors import BenchError, InputError, MissingFile
from labmtj.twin.served.control import LARGEST, ask
from labmtj.twin.served.ready import read_ready, write_ready
from labmtj.twin.served.server import BenchServer


def request(server, **fields):
    return ask(fields, port=server.control_port, token=server.token)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])
def test_no_address_but_loopback_is_served(make_server, host):
    with pytest.raises(InputError, match="loopback only"):
        make_server(host=host)


def test_a_port_that_is_taken_is_named_with_a_way_out(server, make_server):
    with pytest.raises(BenchError, match=rf"port {server.hislip_port} .* --hislip-port"):
        make_server(hislip_port=server.hislip_port)


def test_socket_ports_follow_each_other(make_server):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        first = probe.getsockname()[1]
    try:
        server = make_server(socket_port=first)
    except BenchError:
        pytest.skip("a port of three in a row was taken meanwhile")
    assert [f"TCPIP::127.0.0.1::{first + n}::SOCKET" for n in range(3)] == [
        resource.socket for resource in server.resources.values()
    ]


def test_its_end_leaves_no_thread_and_no_open_port(make_server):
    before = threading.active_count()
    server = make_server()
    clients = [socket.create_connection(("127.0.0.1", server.hislip_port), timeout=5) for _ in range(3)]
    server.__exit__(None, None, None)
    assert before == threading.active_count()
    for client in clients:
        with client, contextlib.suppress(ConnectionResetError):
            assert b"" == client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.hislip_port))


def test_status_tells_of_clients_and_world(server, visa):
    client = visa.open_resource(server.resources["box"].hislip)
    status = request(server, do="status")
    client.close()
    assert ("Boxes", os.getpid(), 1, 0, ["A3"]) == tuple(
        status[key] for key in ("bench", "pid", "hislip_clients", "socket_clients", "closed")
    )


def test_resources_are_told(server):
    assert server.resources["crate"].hislip == request(server, do="resources")["instruments"]["crate"]["hislip"]


def test_the_log_is_told_from_where_it_was_left(server):
    log = server.bench.world.log
    for number in range(3):
        log.write("pulse", number / 10, volts=0.5)
    first = request(server, do="log", since=1)
    assert [1, 2] == [entry["n"] for entry in first["entries"]]
    assert [] == request(server, do="log", since=first["next"])["entries"]
    with pytest.raises(BenchError, match="since"):
        request(server, do="log", since=-1)


def test_commands_can_be_added(server):
    server.control.add("fault", lambda fields: {"took": fields["kind"]})
    assert "hang" == request(server, do="fault", kind="hang")["took"]


def test_a_command_that_is_not_known_is_answered_with_those_that_are(server):
    with pytest.raises(BenchError, match="'dance' is none of: clear_faults, fault, faults, log, res"):
        request(server, do="dance")


def test_without_the_token_nothing_is_done(server):
    with pytest.raises(BenchError, match="token"):
        ask({"do": "shutdown"}, port=server.control_port, token="guess")
    assert request(server, do="status")["ok"]


@pytest.mark.parametrize("text", [b"", b"nonsense", b"[1]", b'"status"', b"[" * 5000, b"\xff\xfe", b'{"token": 5}'])
def test_what_is_no_request_is_refused_and_the_connection_goes_on(server, text):
    with socket.create_connection(("127.0.0.1", server.control_port), timeout=5) as link:
        good = json.dumps({"do": "status", "token": server.token}).encode()
        link.sendall(text + b"\n" + good + b"\n")
        answers = link.makefile("rb")
        oks = [json.loads(answers.readline())["ok"] for _ in range(2 if text else 1)]
        answers.close()
    assert ([False] if text else []) + [True] == oks


def test_a_line_that_is_too_long_ends_the_connection(server):
    with socket.create_connection(("127.0.0.1", server.control_port), timeout=5) as link:
        link.sendall(b"x" * (LARGEST + 2))
        with link.makefile("rb") as answers:
            assert not json.loads(answers.readline())["ok"]
            assert b"" == answers.readline()


def test_the_shutdown_command_is_answered_and_ends_the_server(server):
    assert request(server, do="shutdown")["ending"]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            request(server, do="status")
        except BenchError:
            return
    pytest.fail("it still answers")


def test_a_ready_file_is_its_owners_alone_and_comes_back_as_it_was(tmp_path, server):
    path = tmp_path / "ready.json"
    write_ready(path, server.description())
    assert server.description() == read_ready(path)
    assert [path] == list(tmp_path.iterdir())
    if os.name == "posix":
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_ready_file_that_is_not_there_or_is_none_is_an_error(tmp_path):
    with pytest.raises(MissingFile, match="twin serve"):
        read_ready(tmp_path / "none")
    (tmp_path / "other").write_text("[]")
    with pytest.raises(InputError, match="not the ready-file"):
        read_ready(tmp_path / "other")


def test_leaving_the_with_block_frees_the_name_even_after_an_error(make_server):
    server = make_server()
    again = BenchServer(server.bench, hislip_port=0, socket_port=0)
    with pytest.raises(ZeroDivisionError), again:
        raise ZeroDivisionError
    assert request(server, do="status")["ok"]


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_the_command_serves_a_shipped_bench_until_it_is_terminated(tmp_path, visa):
    ready, log = tmp_path / "ready.json", tmp_path / "twin.jsonl"
    command = [sys.executable, "-m", "labmtj", "twin", "serve", "simulated-15x15", "--hislip-port", "0"]
    command += ["--socket-port", "0", "--ready-file", str(ready), "--log", str(log), "--seed", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 90  # with nothing compiled yet, on a busy machine
            while not ready.exists() and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
            found = read_ready(ready)
            smu = visa.open_resource(found["instruments"]["smu"]["hislip"], timeout=5000)
            identity = smu.query("*IDN?")
            status = ask({"do": "status"}, port=found["control_port"], token=found["token"])
        finally:
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)
    smu.close()
    assert "2636B" in identity
    assert process.pid == found["pid"] == status["pid"]
    assert all(resource["socket"] in output for resource in found["instruments"].values())
    assert (0, False, True) == (process.returncode, ready.exists(), log.exists())
