"""HiSLIP, as pyvisa-py speaks it and byte by byte (IVI-6.1)."""

import struct
import threading
import time

import pytest
from pyvisa.constants import ResourceAttribute

INITIALIZE, RESPONSE, FATAL, ERROR = 0, 1, 2, 3
LOCK, LOCKED, DATA, DATA_END, CLEAR_COMPLETE, CLEAR_ACKNOWLEDGE = 4, 5, 6, 7, 8, 9
REMOTE, REMOTE_RESPONSE, TRIGGER, INTERRUPTED, ASYNC_INTERRUPTED = 10, 11, 12, 13, 14
SIZE, SIZE_RESPONSE, ASYNC_INITIALIZE, ASYNC_RESPONSE, ASYNC_CLEAR, SERVICE = 15, 16, 17, 18, 19, 20
STATUS, STATUS_RESPONSE, ASYNC_CLEAR_ACKNOWLEDGE, LOCK_INFO, LOCK_INFO_RESPONSE = 21, 22, 23, 24, 25


@pytest.fixture
def client(server, visa):
    def connect(name="box", **options):
        return visa.open_resource(server.resources[name].hislip, timeout=3000, **options)

    return connect


def protocol(resource):
    """pyvisa-py's own HiSLIP object: locks and triggers have no way through its VISA calls."""
    return resource.visalib.sessions[resource.session].interface


def firmware(server, name="box"):
    address = next(a for a, n in server.bench.names.items() if n == name)
    return server.bench.instruments[address].firmware


@pytest.fixture
def pair(raw):
    """Both connections of a client that was written for this test."""

    def connect(*, version=0x0100, address=b"hislip0"):
        synchronous, asynchronous = raw(), raw()
        synchronous.send(INITIALIZE, 0, version << 16 | 0x7878, address)
        kind, _, parameter, _ = synchronous.receive()
        assert RESPONSE == kind
        asynchronous.send(ASYNC_INITIALIZE, 0, parameter & 0xFFFF)
        assert ASYNC_RESPONSE == asynchronous.receive()[0]
        return synchronous, asynchronous

    return connect


# -- through pyvisa-py -----------------------------------------------------------------------------


def test_each_instrument_answers_at_its_own_sub_address(client):
    assert ["LABMTJ,BOX,box,1", "LABMTJ,BOX,crate,1"] == [
        client(name).query("*IDN?").strip() for name in ("box", "crate")
    ]


def test_resource_strings_name_loopback_sub_address_and_port(server):
    assert f"TCPIP::127.0.0.1::hislip1,{server.hislip_port}::INSTR" == server.resources["crate"].hislip


def test_a_message_needs_no_line_end_but_its_end(client):
    box = client()
    box.write_raw(b"*IDN?")
    assert "LABMTJ,BOX,box,1" == box.read().strip()


def test_binary_blocks_pass_both_ways_with_every_byte_in_them(client):
    box = client()
    values = list(range(256)) * 3
    box.write_binary_values("KEEP ", values, datatype="B")
    assert values == box.query_binary_values("KEPT?", datatype="B")


def test_messages_longer_than_the_agreed_size_travel_in_pieces(client):
    box = client()
    box.set_visa_attribute(ResourceAttribute.tcpip_hislip_max_message_kb, 1)
    protocol(box)._max_msg_size = 1024  # the server takes more; this client now cuts its own messages, too
    text = "x" * 5000
    box.write("KEEP " + text)
    assert text == box.query("KEPT?").strip()


def test_a_message_above_a_mebibyte_arrives_whole(client):
    box = client()
    box.write("KEEP " + "y" * 2_500_000)
    assert 2_500_000 == len(box.query("KEPT?").strip())


def test_the_status_byte_says_that_a_reply_waits_until_it_was_read(client):
    box = client()
    before = box.read_stb()
    box.write("*IDN?")
    waiting = box.read_stb()
    box.read()
    assert (0, 16, 0) == (before, waiting, box.read_stb())


def test_device_clear_reaches_the_firmware_and_the_link_goes_on(server, client):
    box = client()
    box.clear()
    assert (1, "LABMTJ,BOX,box,1") == (firmware(server).cleared, box.query("*IDN?").strip())


def test_a_reply_that_was_not_read_is_dropped_and_reported(client):
    box = client()
    box.write("ECHO? stale")
    assert ["fresh", "-410"] == [box.query("ECHO? fresh").strip(), box.query("ERR?").strip()]


def test_reading_a_reply_in_two_parts_is_no_interruption(client):
    box = client()
    box.write("ECHO? abcdef")
    parts = [box.read_bytes(3), box.read_bytes(4)]
    assert [b"abc", b"def\n", "0"] == [*parts, box.query("ERR?").strip()]


def test_a_trigger_message_triggers(client):
    box = client()
    protocol(box).trigger()
    assert "1" == box.query("TRIG?").strip()


def test_an_exclusive_lock_keeps_others_out_until_it_is_released(client):
    holder, other = client(), client()
    assert "success" == protocol(holder).async_lock_request(0)
    assert "failure" == protocol(other).async_lock_request(0.05)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(other.query("*IDN?").strip()))
    waiting.start()
    time.sleep(0.05)
    assert [] == answers
    assert "LABMTJ,BOX,box,1" == holder.query("*IDN?").strip()
    assert "success" == protocol(holder).async_lock_release()
    waiting.join()
    assert ["LABMTJ,BOX,box,1"] == answers


def test_a_lock_is_granted_as_soon_as_its_holder_leaves(client):
    holder, other = client(), client()
    protocol(holder).async_lock_request(0)
    threading.Timer(0.05, holder.close).start()
    assert "success" == protocol(other).async_lock_request(2)


def test_those_who_know_the_key_share_a_lock(client):
    first, second, third = client(), client(), client()
    answers = [protocol(c).async_lock_request(0, key) for c, key in ((first, "k"), (second, "k"), (third, "other"))]
    assert ["success", "success", "failure"] == answers
    assert 0 == protocol(third).async_lock_info()
    assert "success" == protocol(second).async_lock_request(0)
    assert 1 == protocol(third).async_lock_info()
    assert ["success", "success shared", "error"] == [protocol(second).async_lock_release() for _ in range(3)]


def test_a_lock_on_one_instrument_leaves_the_others_free(client):
    holder = client("box")
    protocol(holder).async_lock_request(0)
    assert "LABMTJ,BOX,crate,1" == client("crate").query("*IDN?").strip()


def test_clients_at_once_get_their_own_replies(client):
    wrong = []

    def ask(number, resource):
        for turn in range(100):
            text = f"{number}/{turn}"
            if (got := resource.query(f"ECHO? {text}").strip()) != text:
                wrong.append((text, got))

    threads = [threading.Thread(target=ask, args=(n, client("box"))) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong


def test_on_the_virtual_clock_a_slow_reply_comes_at_once(server, client):
    box = client()
    assert "at last" == box.query("SLOW? 3600").strip()
    assert 3600 == server.bench.world.host.now()


def test_in_real_time_a_reply_is_held_and_others_are_served_meanwhile(make_server, visa):
    server = make_server(realtime=True)
    box, crate = (visa.open_resource(server.resources[n].hislip, timeout=3000) for n in ("box", "crate"))
    began = time.monotonic()
    box.write("SLOW? 0.3")
    assert [0, 0] == [box.read_stb(), crate.read_stb()]
    middle = time.monotonic() - began
    assert "at last" == box.read().strip()
    assert middle < 0.25 <= time.monotonic() - began


# -- byte by byte ----------------------------------------------------------------------------------


def test_the_older_of_both_versions_is_spoken(raw):
    spoken = []
    for version in (0x0100, 0x0101, 0x0200, 0x0300):
        link = raw()
        link.send(INITIALIZE, 0, version << 16, b"hislip0")
        kind, control, parameter, _ = link.receive()
        spoken.append((kind, control, parameter >> 16))
    assert [(RESPONSE, 0, v) for v in (0x0100, 0x0101, 0x0200, 0x0200)] == spoken


def test_an_empty_sub_address_is_the_first_instrument(pair):
    synchronous, _ = pair(address=b"")
    synchronous.send(DATA_END, 0, 2, b"*IDN?\n")
    assert (DATA_END, 0, 2, b"LABMTJ,BOX,box,1\n") == synchronous.receive()


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (struct.pack("!2sBBIQ", b"HS", INITIALIZE, 0, 0x01000000, 8) + b"hislip77", 3),
        (struct.pack("!2sBBIQ", b"HS", DATA_END, 0, 0, 0), 3),
        (struct.pack("!2sBBIQ", b"HS", ASYNC_INITIALIZE, 0, 999, 0), 3),
        (struct.pack("!2sBBIQ", b"HS", INITIALIZE, 0, 0x01000000, 1 << 60), 1),
        (b"GET / HTTP/1.1\r\n\r\n", 1),
        (bytes(range(64)), 1),
    ],
)
def test_a_connection_that_begins_wrongly_is_told_why_and_closed(raw, client, first, code):
    link = raw()
    link.socket.sendall(first)
    kind, control, _, text = link.receive()
    assert (FATAL, code) == (kind, control)
    assert text
    with pytest.raises(ConnectionResetError):
        link.receive()
    assert "LABMTJ,BOX,box,1" == client().query("*IDN?").strip()


def test_data_before_the_second_connection_is_fatal(raw):
    link = raw()
    link.send(INITIALIZE, 0, 0x01000000, b"hislip0")
    link.receive()
    link.send(DATA_END, 0, 2, b"*IDN?\n")
    assert (FATAL, 2) == link.receive()[:2]


def test_a_garbled_header_ends_one_session_and_no_other(pair, client):
    box = client()
    synchronous, asynchronous = pair()
    synchronous.send(DATA_END, 0, 2, b"ECHO? a\n")
    synchronous.receive()
    synchronous.socket.sendall(b"XX" + bytes(14))
    assert FATAL == synchronous.receive()[0]
    with pytest.raises(ConnectionResetError):
        asynchronous.receive()
    assert "b" == box.query("ECHO? b").strip()


def test_unknown_messages_are_answered_with_an_error_and_change_nothing(pair):
    synchronous, asynchronous = pair()
    asynchronous.send(99, 0, 0, b"what")
    synchronous.send(28)  # StartTLS
    assert [(ERROR, 1), (ERROR, 1)] == [asynchronous.receive()[:2], synchronous.receive()[:2]]
    asynchronous.send(LOCK, 7)
    assert (ERROR, 2) == asynchronous.receive()[:2]
    synchronous.send(DATA_END, 0, 4, b"ECHO? on\n")
    assert (DATA_END, 0, 4, b"on\n") == synchronous.receive()


def test_replies_are_cut_to_what_the_client_takes(pair):
    synchronous, asynchronous = pair()
    asynchronous.send(SIZE, 0, 0, struct.pack("!Q", 100))
    assert (SIZE_RESPONSE, 0, 0, struct.pack("!Q", 1 << 20)) == asynchronous.receive()
    synchronous.send(DATA_END, 0, 2, b"ECHO? " + b"z" * 180)
    messages = [synchronous.receive() for _ in range(3)]
    assert [(DATA, 84), (DATA, 84), (DATA_END, 13)] == [(kind, len(payload)) for kind, _, _, payload in messages]


def test_messages_between_clear_and_its_completion_are_dropped(server, pair):
    synchronous, asynchronous = pair()
    synchronous.send(DATA, 0, 2, b"KEEP half of it")
    asynchronous.send(ASYNC_CLEAR)
    assert (ASYNC_CLEAR_ACKNOWLEDGE, 0, 0, b"") == asynchronous.receive()
    synchronous.send(DATA_END, 0, 4, b"KEEP lost\n")
    synchronous.send(CLEAR_COMPLETE)
    assert (CLEAR_ACKNOWLEDGE, 0, 0, b"") == synchronous.receive()
    synchronous.send(DATA_END, 0, 2, b"KEPT?\n")
    assert (DATA_END, 0, 2, b"\n") == synchronous.receive()


def test_remote_local_control_and_lock_info_are_answered(pair):
    _, asynchronous = pair()
    asynchronous.send(REMOTE, 3)
    asynchronous.send(LOCK, 1, 0, b"key")
    asynchronous.send(LOCK_INFO)
    answers = [asynchronous.receive()[:3] for _ in range(3)]
    assert [(REMOTE_RESPONSE, 0, 0), (LOCKED, 1, 0), (LOCK_INFO_RESPONSE, 0, 1)] == answers


def test_nothing_comes_unasked(pair):
    synchronous, asynchronous = pair()
    synchronous.send(DATA_END, 0, 2, b"ECHO? stale\n")
    synchronous.receive()
    synchronous.send(DATA_END, 0, 4, b"ECHO? fresh\n")
    assert (DATA_END, 0, 4, b"fresh\n") == synchronous.receive()
    asynchronous.send(STATUS, 1, 4)
    assert (STATUS_RESPONSE, 0) == asynchronous.receive()[:2]


@pytest.mark.parametrize("options", [{"announce": True}])
def test_a_server_that_announces_says_when_a_reply_is_void_and_when_service_is_wanted(server, pair):
    synchronous, asynchronous = pair()
    synchronous.send(DATA_END, 0, 2, b"ECHO? stale\n")
    synchronous.receive()
    synchronous.send(DATA_END, 0, 4, b"ECHO? fresh\n")
    assert (INTERRUPTED, 0, 4) == synchronous.receive()[:3]
    assert (ASYNC_INTERRUPTED, 0, 4) == asynchronous.receive()[:3]
    assert (DATA_END, 0, 4, b"fresh\n") == synchronous.receive()
    synchronous.send(DATA_END, 1, 6, b"SERVE\n")
    assert (SERVICE, 64) == asynchronous.receive()[:2]
