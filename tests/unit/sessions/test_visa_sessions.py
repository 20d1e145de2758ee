"""The PyVISA backend: what stock pyvisa-sim lacks, sessions side by side, threads, time."""

import gc
import random
import struct
import sys
import threading
import time

import pytest
import pyvisa
from pyvisa.constants import (
    AccessModes,
    BufferOperation,
    EventAttribute,
    EventMechanism,
    EventType,
    LineState,
    RENLineOperation,
    ResourceAttribute,
    SerialTermination,
    StatusCode,
)

GPIB, OTHER = "GPIB0::5::INSTR", "GPIB0::6::INSTR"
LAN, SOCKET = "TCPIP0::192.0.2.21::inst0::INSTR", "TCPIP0::192.0.2.21::5025::SOCKET"
USB, SERIAL = "USB0::10893::769::MY1::0::INSTR", "ASRL3::INSTR"
KINDS = (GPIB, LAN, SOCKET, USB, SERIAL)
SRQ, QUEUE, HANDLER = EventType.service_request, EventMechanism.queue, EventMechanism.handler
BOXES = """spec: "1.1"
devices:
  box:
    eom: {GPIB INSTR: {q: "\\n", r: "\\n"}}
    dialogues: [{q: "TEMP?", r: "295.15"}]
resources:
  GPIB::9::INSTR: {device: box}
"""


def fails(code):
    """The block must end in this VISA error."""
    return pytest.raises(pyvisa.VisaIOError, check=lambda error: error.error_code == code)


def in_threads(count, work):
    """Run `work(number)` in threads at once; the first error that one of them met is raised."""
    errors = []

    def run(number):
        try:
            work(number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


# -- messages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", KINDS)
def test_every_kind_of_resource_can_be_asked(bench, address):
    resource = bench.open(address)
    assert ["a", "b"] == [resource.query("ECHO? a"), resource.query("ECHO? b")]
    assert address == resource.resource_name
    assert StatusCode.success == resource.last_status


@pytest.mark.parametrize("address", [GPIB, LAN, USB])
def test_end_alone_ends_a_message(bench, address):
    resource = bench.open(address)
    resource.write_raw(b"ECHO? a")
    assert "a" == resource.read()


@pytest.mark.parametrize("address", [SOCKET, SERIAL])
def test_where_there_is_no_end_a_line_feed_does(bench, address):
    resource = bench.open(address)
    resource.write_raw(b"ECHO? a")
    resource.write_raw(b"b\n")
    assert "ab" == resource.read()


def test_without_send_end_a_message_goes_on(bench):
    resource = bench.open()
    resource.send_end = False
    resource.write_raw(b"ECHO? a")
    resource.send_end = True
    resource.write_raw(b"b")
    assert "ab" == resource.read()


def test_a_reply_can_be_read_in_pieces(bench):
    resource = bench.open()
    resource.write("ECHO? abcdef")
    assert b"abc" == resource.read_bytes(3)
    assert StatusCode.success_max_count_read == resource.last_status
    assert "def" == resource.read()


def test_a_termination_character_ends_a_read(bench):
    resource = bench.open(read_termination=";")
    resource.write("ECHO? a;b;c")
    assert ["a", "b"] == [resource.read(), resource.read()]
    assert StatusCode.success_termination_character_read == resource.last_status
    assert "c\n" == resource.read(termination="")


def test_the_termination_character_of_a_gpib_session_is_a_line_feed(bench):
    resource = bench.manager.open_resource(GPIB)
    assert 10 == resource.get_visa_attribute(ResourceAttribute.termchar)
    assert (5, 0) == (resource.primary_address, resource.interface_number)


def test_with_end_suppressed_only_a_character_or_a_count_ends_a_read(bench):
    resource = bench.open(SOCKET)
    resource.set_visa_attribute(ResourceAttribute.suppress_end_enabled, True)
    resource.write("ECHO? a")
    resource.write("ECHO? b")
    assert b"a\nb" == resource.read_bytes(3)
    resource.write("ECHO? c")
    assert ["", "c"] == [resource.read(), resource.read()]
    resource.write("ECHO? d")
    with fails(StatusCode.error_timeout):
        resource.read(termination="")


def test_a_serial_line_may_send_and_take_its_own_end(bench):
    resource = bench.open(SERIAL, write_termination="", end_output=SerialTermination.termination_char)
    resource.write("ECHO? a")
    assert 2 == resource.bytes_in_buffer
    assert "a" == resource.read()
    resource.end_input = SerialTermination.none
    resource.write("ECHO? b")
    assert b"b" == resource.read_bytes(1)


def test_binary_goes_both_ways(bench):
    resource = bench.open()
    values = [0.1, -1e30, 10.0, struct.unpack("<f", b"\n\r\n#")[0]]
    resource.write_binary_values("ECHO? ", values, termination="")
    found = resource.read_binary_values()
    assert struct.pack("<4f", *values) == struct.pack("<4f", *found)
    assert [b"h"[0], b"e"[0], 10, b"l"[0], b"o"[0]] == resource.query_binary_values("BLOCK?", datatype="B")


def test_long_replies_come_in_chunks_without_warnings(bench):
    resource = bench.open()
    text = "0123456789" * 10_000
    assert text == resource.query(f"ECHO? {text}")


def test_a_second_question_before_the_first_reply_interrupts(bench):
    resource = bench.open(LAN)
    resource.write("ECHO? first")
    assert "second" == resource.query("ECHO? second")
    assert "-410" == resource.query("ERROR?")


def test_a_raw_socket_queues_replies(bench):
    resource = bench.open(SOCKET)
    resource.write("ECHO? first")
    resource.write("ECHO? second")
    assert ["first", "second"] == [resource.read(), resource.read()]


def test_reading_with_nothing_to_read_is_a_time_out_and_an_error_of_the_instrument(bench):
    resource = bench.open()
    with fails(StatusCode.error_timeout):
        resource.read()
    assert StatusCode.error_timeout == resource.last_status
    assert "-420" == resource.query("ERROR?")


def test_an_error_in_a_firmware_is_not_swallowed(bench):
    resource = bench.open()
    with pytest.raises(AttributeError, match="a mistake in a firmware"):
        resource.write("CRASH")


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("milliseconds", [0, 1, 300, 5000])
def test_a_time_out_takes_its_time_on_the_bench_and_none_here(bench, milliseconds):
    resource, started = bench.open(timeout=milliseconds), time.monotonic()
    with fails(StatusCode.error_timeout):
        resource.read()
    assert milliseconds / 1000 == bench.clock.now()
    assert time.monotonic() - started < 0.5


def test_an_infinite_time_out_ends_after_an_hour(bench):
    resource = bench.open(timeout=None)
    with fails(StatusCode.error_timeout):
        resource.read()
    assert 3600 == bench.clock.now()


def test_a_late_reply_is_read_later(bench):
    resource = bench.open(timeout=300)
    resource.write("SLOW? 0.7")
    for _ in range(2):
        with fails(StatusCode.error_timeout):
            resource.read()
    assert 0.6 == pytest.approx(bench.clock.now())
    assert "done" == resource.read()
    assert 0.7 == pytest.approx(bench.clock.now())
    assert [] == bench.firmware.errors


def test_what_a_client_sleeps_before_it_reads_is_patience(bench):
    resource = bench.open(timeout=100)
    resource.write("SLOW? 0.3")
    time.sleep(0.25)
    assert "done" == resource.read()
    assert 0.3 == bench.clock.now()


def test_who_only_writes_does_not_run_ahead_of_the_instrument(bench):
    resource = bench.open(timeout=2000)
    for _ in range(1000):
        resource.write("WORK 0.01")
    assert bench.world.now() - bench.clock.now() < 0.2
    assert "a" == resource.query("ECHO? a")


def test_in_real_time_a_reply_is_waited_for(real_time_bench):
    resource, started = real_time_bench.open(timeout=30), time.monotonic()
    resource.write("SLOW? 0.05")
    with fails(StatusCode.error_timeout):
        resource.read()
    assert "done" == resource.read()
    assert 0.05 <= time.monotonic() - started


# -- the instrument as a whole ---------------------------------------------------------------------


@pytest.mark.parametrize("address", KINDS)
def test_a_device_clear_drops_what_was_not_read(bench, address):
    resource = bench.open(address)
    resource.write("ECHO? a")
    assert 16 == resource.read_stb()
    resource.clear()
    assert (0, True) == (resource.stb, bench.firmware.clears > 0)
    assert "b" == resource.query("ECHO? b")


def test_polling_until_a_reply_is_there_ends(bench):
    resource = bench.open()
    resource.write("SLOW? 60")
    polls = 0
    while not resource.read_stb() & 16:
        polls += 1
    assert polls < 100
    assert "done" == resource.read()


def test_a_serial_poll_takes_the_request_for_service(bench):
    resource = bench.open()
    resource.write("SRE 1")
    resource.write("WORK 1")
    assert [65, 1] == [resource.read_stb(), resource.read_stb()]


def test_a_trigger_reaches_the_instrument(bench):
    bench.open().assert_trigger()
    assert 1 == bench.firmware.triggers


@pytest.mark.parametrize("operation", [BufferOperation.discard_read_buffer, BufferOperation.discard_receive_buffer])
def test_flushing_the_input_drops_what_has_come(bench, operation):
    resource = bench.open(timeout=300)
    resource.write("ECHO? a")
    resource.flush(operation)
    assert "b" == resource.query("ECHO? b")
    assert [] == bench.firmware.errors
    resource.flush(BufferOperation.flush_write_buffer)
    resource.write("SLOW? 1")
    resource.flush(operation)  # too early to drop anything
    resource.timeout = 2000
    assert "done" == resource.read()


def test_remote_enable_can_be_released(bench):
    resource = bench.open()
    assert LineState.asserted == resource.remote_enabled
    resource.control_ren(RENLineOperation.deassert)
    assert LineState.unasserted == resource.remote_enabled


# -- opening and closing ---------------------------------------------------------------------------


def test_the_bench_lists_its_instruments(bench):
    assert set(KINDS) | {OTHER} == set(bench.manager.list_resources("?*"))
    assert {GPIB, OTHER} == set(bench.manager.list_resources("GPIB?*"))


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("GPIB0::7::INSTR", StatusCode.error_resource_not_found),
        ("VXI0::1::INSTR", StatusCode.error_resource_not_found),
        ("nonsense", StatusCode.error_invalid_resource_name),
    ],
)
def test_where_nothing_stands_nothing_opens(bench, address, code):
    with fails(code):
        bench.manager.open_bare_resource(address)


def test_a_closed_session_is_no_session(bench):
    resource = bench.open()
    handle = resource.session
    resource.close()
    for operation in (
        lambda: bench.library.write(handle, b"ECHO? a\n"),
        lambda: bench.library.read(handle, 1),
        lambda: bench.library.clear(handle),
        lambda: bench.library.lock(handle, 1, 0),
        lambda: resource.query("ECHO? a"),
    ):
        with pytest.raises(pyvisa.errors.InvalidSession):
            operation()


def test_closing_one_manager_leaves_the_sessions_of_another(bench):
    mine, other = bench.open(), bench.another_manager()
    yours = other.open_resource(GPIB, read_termination="\n")
    other.close()
    with pytest.raises(pyvisa.errors.InvalidSession):
        yours.query("ECHO? yours")
    assert "mine" == mine.query("ECHO? mine")


def test_closing_a_manager_closes_its_bare_sessions(bench):
    other = bench.another_manager()
    handle, _ = other.open_bare_resource(GPIB)
    other.close()
    with pytest.raises(pyvisa.errors.InvalidSession):
        bench.library.write(handle, b"ECHO? a\n")


def test_sessions_leave_pythons_random_numbers_alone(bench):
    state = random.getstate()
    bench.open().query("ECHO? a")
    assert state == random.getstate()


def test_boxes_of_pyvisa_sim_stand_on_the_same_bench(bench, tmp_path):
    path = tmp_path / "boxes.yaml"
    path.write_text(BOXES)
    bench.library.add_boxes(str(path))
    box = bench.open("GPIB0::9::INSTR", timeout=50)
    assert "295.15" == box.query("TEMP?")
    assert StatusCode.success == box.last_status
    box.write("TEMP?")
    assert 16 == box.read_stb()
    box.clear()
    with fails(StatusCode.error_timeout):
        box.read()
    other = bench.open("GPIB0::9::INSTR")
    other.lock_excl()
    with fails(StatusCode.error_resource_locked):
        box.query("TEMP?")
    with fails(StatusCode.error_invalid_event):
        box.enable_event(SRQ, QUEUE)
    box.close()


def test_an_attribute_that_a_session_does_not_have_is_an_error(bench):
    with fails(StatusCode.error_nonsupported_attribute):
        bench.open().get_visa_attribute(ResourceAttribute.asrl_data_bits)
    assert "labmtj" == bench.open().resource_manufacturer_name


# -- locks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", KINDS)
def test_an_exclusive_lock_keeps_others_out(bench, address):
    mine, yours = bench.open(address), bench.open(address)
    mine.lock_excl()
    assert AccessModes.exclusive_lock == yours.lock_state
    for operation in (
        lambda: yours.write("ECHO? a"),
        yours.read,
        yours.clear,
        yours.read_stb,
        yours.assert_trigger,
        lambda: yours.flush(BufferOperation.discard_read_buffer),
        lambda: yours.lock_excl(timeout=0),
        lambda: yours.lock(timeout=0),
        lambda: bench.open(address, access_mode=AccessModes.exclusive_lock),
        lambda: bench.open(address, access_mode=AccessModes.shared_lock),
    ):
        with fails(StatusCode.error_resource_locked):
            operation()
    assert "mine" == mine.query("ECHO? mine")
    mine.unlock()
    assert AccessModes.no_lock == yours.lock_state
    assert "yours" == yours.query("ECHO? yours")


def test_a_lock_is_of_one_resource(bench):
    bench.open(GPIB).lock_excl()
    assert "a" == bench.open(OTHER).query("ECHO? a")


def test_locks_nest(bench):
    mine, yours = bench.open(), bench.open()
    mine.lock_excl()
    mine.lock_excl()
    assert StatusCode.success_nested_exclusive == mine.last_status
    mine.unlock()
    assert StatusCode.success_nested_exclusive == mine.last_status
    with fails(StatusCode.error_resource_locked):
        yours.query("ECHO? a")
    mine.unlock()
    assert "a" == yours.query("ECHO? a")
    with fails(StatusCode.error_session_not_locked):
        mine.unlock()


def test_a_shared_lock_is_shared_by_its_key(bench):
    mine, yours, theirs = bench.open(), bench.open(), bench.open()
    key = mine.lock()
    assert key == yours.lock(requested_key=key)
    assert key == mine.lock()
    assert StatusCode.success_nested_shared == mine.last_status
    assert ["a", "b"] == [mine.query("ECHO? a"), yours.query("ECHO? b")]
    assert AccessModes.shared_lock == theirs.lock_state
    for operation in (
        lambda: theirs.query("ECHO? c"),
        lambda: theirs.lock(timeout=0),
        lambda: theirs.lock(timeout=0, requested_key="guessed"),
        lambda: theirs.lock_excl(timeout=0),
    ):
        with fails(StatusCode.error_resource_locked):
            operation()
    with fails(StatusCode.error_invalid_access_key):
        mine.lock(requested_key="another")


def test_who_shares_a_lock_may_take_it_alone(bench):
    mine, yours = bench.open(), bench.open()
    key = mine.lock(requested_key="ours")
    assert "ours" == key == yours.lock(requested_key=key)
    mine.lock_excl()
    with fails(StatusCode.error_resource_locked):
        yours.query("ECHO? a")
    mine.unlock()
    assert StatusCode.success_nested_shared == mine.last_status
    assert "a" == yours.query("ECHO? a")


def test_waiting_for_a_lock_takes_its_time_on_the_bench(bench):
    mine, yours = bench.open(), bench.open()
    mine.lock_excl()
    with fails(StatusCode.error_resource_locked):
        yours.lock_excl(timeout=1500)
    assert 1.5 == pytest.approx(bench.clock.now())


def test_a_lock_that_another_thread_undoes_is_got(bench):
    mine, yours = bench.open(), bench.open()
    mine.lock_excl()
    later = threading.Timer(0.05, mine.unlock)
    later.start()
    yours.lock_excl(timeout=5000)
    later.join()
    assert "a" == yours.query("ECHO? a")


def test_a_session_that_closes_leaves_no_lock(bench):
    with bench.open(access_mode=AccessModes.exclusive_lock):
        pass
    with bench.open().lock_context():
        pass
    assert "a" == bench.open().query("ECHO? a")


def test_sessions_that_open_with_a_shared_lock_share_it(bench):
    mine, yours = (bench.open(access_mode=AccessModes.shared_lock) for _ in range(2))
    assert ["a", "b"] == [mine.query("ECHO? a"), yours.query("ECHO? b")]
    with fails(StatusCode.error_resource_locked):
        bench.open().query("ECHO? c")


# -- service requests ------------------------------------------------------------------------------


def test_a_service_request_can_be_waited_for(bench):
    resource = bench.open()
    resource.enable_event(SRQ, QUEUE)
    resource.write("SRE 1")
    resource.write("WORK 2")
    response = resource.wait_on_event(SRQ, 5000)
    assert (SRQ, False) == (response.event.event_type, response.timed_out)
    assert SRQ == resource.visalib.get_attribute(response.event.context, EventAttribute.event_type)[0]
    assert 2.0 == bench.clock.now()
    assert 65 == resource.read_stb()


def test_a_request_that_came_before_it_was_asked_for_counts(bench):
    resource = bench.open()
    for _ in range(2):
        resource.write("EVENT 0")
        resource.write("SRE 1")
        resource.write("WORK 2")
        resource.wait_for_srq(timeout=5000)
    assert 4.0 == bench.clock.now()


def test_a_request_that_comes_too_late_is_a_time_out(bench):
    resource = bench.open()
    resource.enable_event(SRQ, QUEUE)
    resource.write("SRE 1")
    resource.write("WORK 2")
    assert resource.wait_on_event(SRQ, 500, capture_timeout=True).timed_out
    assert 0.5 == pytest.approx(bench.clock.now())
    resource.wait_on_event(SRQ, 2000)
    assert 2.0 == bench.clock.now()


def test_nothing_to_wait_for_is_a_time_out_without_waiting_here(bench):
    resource, started = bench.open(), time.monotonic()
    with fails(StatusCode.error_timeout):
        resource.wait_for_srq(timeout=2_500)
    assert 2.5 == pytest.approx(bench.clock.now(), rel=1e-2)
    assert time.monotonic() - started < 1 or threading.active_count() > 1


def test_a_request_may_come_from_another_thread(bench):
    resource, other = bench.open(), bench.open(LAN)
    resource.write("SRE 1")
    later = threading.Timer(0.05, other.write, ("EVENT 1",))
    later.start()
    resource.wait_for_srq(timeout=5000)
    later.join()
    assert bench.clock.now() < 1


def test_every_session_gets_the_event(bench):
    both = [bench.open(), bench.open()]
    for resource in both:
        resource.enable_event(SRQ, QUEUE)
    both[0].write("SRE 1")
    both[0].write("EVENT 1")
    assert [False, False] == [resource.wait_on_event(SRQ, 0).timed_out for resource in both]


def test_a_handler_is_called_when_the_instrument_has_done_its_work(bench):
    resource, calls = bench.open(), []

    def handler(session, event_type, context, user_handle):
        calls.append((session, event_type, user_handle, bench.clock.now(), resource.read_stb()))

    user_handle = resource.install_handler(SRQ, handler, "mine")
    resource.enable_event(SRQ, HANDLER)
    resource.write("SRE 1")
    resource.write("WORK 2")
    assert [(resource.session, SRQ, "mine", 2.0, 65)] == calls
    resource.disable_event(SRQ, HANDLER)
    resource.uninstall_handler(SRQ, handler, user_handle)
    resource.write("EVENT 0")
    resource.write("EVENT 1")
    assert 1 == len(calls)


def test_a_wrapped_handler_may_read_the_reply(bench):
    resource, replies = bench.open(), []

    def handler(instrument, event, user_handle):
        replies.append((instrument.read(), event.event_type, user_handle))

    resource.install_handler(SRQ, resource.wrap_handler(handler))
    resource.enable_event(SRQ, HANDLER)
    resource.write("SRE 16")
    resource.write("ECHO? a")
    assert [("a", SRQ, None)] == replies


def test_suspended_handlers_get_what_has_come_meanwhile(bench):
    resource, calls = bench.open(), []
    resource.install_handler(SRQ, lambda *_: calls.append(1))
    resource.enable_event(SRQ, EventMechanism.suspend_handler)
    resource.write("SRE 1")
    resource.write("EVENT 1")
    assert [] == calls
    resource.enable_event(SRQ, HANDLER)
    assert [1] == calls


def test_events_can_be_discarded_and_switched_off(bench):
    resource = bench.open()
    resource.enable_event(SRQ, QUEUE)
    resource.enable_event(SRQ, QUEUE)
    assert StatusCode.success_event_already_enabled == resource.last_status
    resource.write("SRE 1")
    resource.write("EVENT 1")
    resource.discard_events(SRQ, QUEUE)
    resource.discard_events(SRQ, QUEUE)
    assert StatusCode.success_queue_already_empty == resource.last_status
    assert resource.wait_on_event(SRQ, 0, capture_timeout=True).timed_out
    resource.disable_event(SRQ, EventMechanism.all)
    with fails(StatusCode.error_not_enabled):
        resource.wait_on_event(SRQ, 0)
    assert [] == bench.instrument.listeners


@pytest.mark.parametrize(
    ("event", "mechanism", "code"),
    [
        (EventType.io_completion, QUEUE, StatusCode.error_invalid_event),
        (SRQ, HANDLER, StatusCode.error_handler_not_installed),
        (SRQ, 0, StatusCode.error_invalid_mechanism),
    ],
)
def test_what_cannot_be_enabled_is_refused(bench, event, mechanism, code):
    with fails(code):
        bench.open().enable_event(event, mechanism)


# -- threads ---------------------------------------------------------------------------------------


@pytest.fixture
def hasty():
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def ask_often(resource, number):
    for count in range(200):
        assert f"{number} {count}" == resource.query(f"ECHO? {number} {count}")


def test_threads_on_one_session_get_their_own_replies(bench, hasty):
    resource = bench.open()
    in_threads(8, lambda number: ask_often(resource, number))
    assert [] == bench.firmware.errors
    assert 1600 == len(bench.firmware.messages)


def test_threads_on_sessions_of_their_own_get_their_own_replies(bench, hasty):
    resources = [bench.open(KINDS[number % len(KINDS)]) for number in range(8)]
    in_threads(8, lambda number: ask_often(resources[number], number))
    assert [] == bench.firmware.errors
    assert 1600 == len(bench.firmware.messages)


def test_a_thread_that_has_written_nothing_reads_the_oldest_reply(bench):
    resource = bench.open()
    in_threads(1, lambda _: resource.write("ECHO? a"))
    assert 16 == resource.read_stb()
    assert "a" == resource.read()


def test_threads_that_come_and_go_leave_nothing_behind(bench):
    resource = bench.open()
    for _ in range(10):
        barrier = threading.Barrier(16)

        def ask(number, barrier=barrier):
            barrier.wait()
            assert str(number) == resource.query(f"ECHO? {number}")

        in_threads(16, ask)
    gc.collect()
    assert len(bench.instrument._links) < 64
