"""Raw SCPI sockets: what every language can talk to."""

import socket
import threading
import time

import pytest


@pytest.fixture
def client(server, visa):
    def connect(name="box"):
        return visa.open_resource(
            server.resources[name].socket, read_termination="\n", write_termination="\n", timeout=3000
        )

    return connect


@pytest.fixture
def plain(server):
    opened = []

    def connect(name="box"):
        port = int(server.resources[name].socket.split("::")[2])
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=5))
        return opened[-1]

    yield connect
    for link in opened:
        link.close()


def line(link):
    data = b""
    while not data.endswith(b"\n"):
        data += link.recv(4096)
    return data


def test_each_instrument_has_a_port_of_its_own(server, client):
    assert ["LABMTJ,BOX,box,1", "LABMTJ,BOX,chest,1"] == [client(name).query("*IDN?") for name in ("box", "chest")]
    assert 3 == len({resource.socket for resource in server.resources.values()})


def test_binary_blocks_with_line_feeds_in_them_pass_both_ways(client):
    box = client()
    values = list(range(256)) * 20
    box.write_binary_values("KEEP ", values, datatype="B")
    assert values == box.query_binary_values("KEPT?", datatype="B")


def test_a_message_may_come_in_pieces(plain):
    link = plain()
    for piece in (b"*ID", b"N", b"?\r", b"\n"):
        link.sendall(piece)
        time.sleep(0.01)
    assert b"LABMTJ,BOX,box,1\n" == line(link)


def test_replies_to_several_messages_come_in_their_order_and_none_is_void(plain):
    link = plain()
    link.sendall(b"ECHO? a\nECHO? b\nERR?\n")
    data = b""
    while data.count(b"\n") < 3:
        data += link.recv(4096)
    assert b"a\nb\n0\n" == data


def test_clients_at_once_get_their_own_replies(plain):
    wrong = []

    def ask(number, link):
        for turn in range(200):
            text = b"%d/%d\n" % (number, turn)
            link.sendall(b"ECHO? " + text)
            if (got := line(link)) != text:
                wrong.append((text, got))

    threads = [threading.Thread(target=ask, args=(n, plain())) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong


def test_two_writes_before_a_read_do_not_wait_for_a_delayed_acknowledgement(plain):
    link = plain()
    began = time.monotonic()
    for _ in range(20):
        link.sendall(b"KEEP a\n")
        link.sendall(b"KEEP b\n")
        link.sendall(b"KEPT?\n")
        line(link)
    assert time.monotonic() - began < 0.4  # with delayed acknowledgements it takes 0.04 s each


def test_a_client_that_leaves_in_the_middle_of_a_message_leaves_nothing_behind(plain, client):
    link = plain()
    link.sendall(b"KEEP half")
    link.close()
    assert "" == client().query("KEPT?")


def test_a_client_that_takes_no_replies_does_not_stop_the_others(plain, client):
    greedy = plain()
    greedy.sendall(b"KEEP " + b"x" * 1_000_000 + b"\n")
    for _ in range(20):
        greedy.sendall(b"KEPT?\n")
    assert "b" == client("crate").query("ECHO? b")


def test_a_fault_in_a_firmware_costs_one_connection_and_is_reported(plain, client, caplog):
    link, other = plain(), client()
    link.sendall(b"FAIL\n")
    assert b"" == link.recv(1)
    assert "b" == other.query("ECHO? b")
    assert "the firmware has a fault" in caplog.text


@pytest.mark.parametrize("options", [{"realtime": True}])
def test_in_real_time_a_reply_is_held_until_it_is_ready(plain):
    link = plain()
    began = time.monotonic()
    link.sendall(b"SLOW? 0.2\n")
    assert b"at last\n" == line(link)
    assert 0.15 < time.monotonic() - began
