"""The status registers of a simulated instrument."""

from labmtj.twin.status import COMMAND, POWER_ON, Register, Status, event_bit


def test_an_instrument_that_was_switched_on_says_so_once():
    status = Status()
    assert POWER_ON == status.read_events()
    assert 0 == status.read_events()


def test_a_condition_latches_the_transitions_that_its_filters_pass():
    register = Register(8)
    register.change(0b11)
    assert 0b11 == register.read()
    register.rising, register.falling = 0, 0b01
    register.change(0b00)
    assert (0b01, 0) == (register.read(), register.condition)


def test_an_event_stays_until_it_is_read_though_its_condition_is_over():
    register = Register(128, enable=16)
    register.change(16)
    register.change(0)
    assert register.summary
    assert 16 == register.read()
    assert not register.summary


def test_preset_keeps_events_but_sums_none_of_them_up():
    status = Status()
    register = status.registers["operation"]
    register.enable = 1
    register.latch(1)
    assert 128 == status.byte(waiting=False, errors=False)
    status.preset()
    assert 0 == status.byte(waiting=False, errors=False)
    assert 1 == register.event


def test_the_status_byte_sums_up_registers_queues_and_the_request_for_service():
    status = Status(ese=COMMAND, sre=32)
    assert 4 + 16 == status.byte(waiting=True, errors=True)
    status.report(COMMAND)
    assert 64 + 32 + 4 == status.byte(waiting=False, errors=True)
    status.clear()
    assert 0 == status.byte(waiting=False, errors=False)


def test_a_full_buffer_of_a_2400_reads_65():
    status = Status(sre=1)
    status.registers["measurement"].enable = 512
    status.registers["measurement"].change(512)
    assert 65 == status.byte(waiting=False, errors=False)


def test_each_class_of_errors_has_its_event_bit():
    codes = {-113: 32, -222: 16, -350: 8, -410: 4, -500: 128, 802: 8, -199: 32, -100: 32}
    assert codes == {code: event_bit(code) for code in codes}
