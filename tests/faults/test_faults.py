"""Each kind of fault once, and what our drivers make of it: a typed error, never a value that is wrong."""

import math
from pathlib import Path

import pytest
import pyvisa

from labmtj.bench.doctor import Verdict, examine
from labmtj.bench.session import open_bench
from labmtj.errors import (
    BadReply,
    BenchError,
    FileProblems,
    InputError,
    InterlockOpen,
    PowerLost,
    RouteError,
)
from labmtj.twin.faults.file import Fault, load_faults
from labmtj.twin.faults.replies import FORMS

EXAMPLE = Path(__file__).with_name("bad-day.yaml")


def select(bench, matrix, row=2, col=4):
    """One cell between the channels, all other lines at ground."""
    grounds = [("C", n) for n in range(1, 31) if n not in (row, 15 + col)]
    return matrix.switch([("close", [("A", row), ("B", 15 + col), *grounds])])


def pair(smu):
    for name in ("a", "b"):
        smu.channel(name).compliance_current = 1e-3
        smu.channel(name).source_enabled = True
    return smu.pair("a", "b", compliance=3e-3, nplc=1.0, read_range=1e-3)


# -- replies that are lost, late or slow -----------------------------------------------------------


def test_after_a_lost_reply_a_question_is_asked_again_with_the_source_at_0_v(bench, smu):
    channel = smu.channel("a")
    channel.source_voltage = 0.125
    bench.faults.add("timeout", on="smu")
    assert 0.0 == channel.source_voltage
    assert [] == bench.faults.listed()


def test_a_late_reply_never_passes_for_that_of_the_next_message(bench, smu):
    channel = smu.channel("a")
    bench.faults.add("late", on="smu", delay="30 s")
    channel.source_voltage = 0.125
    channel.source_voltage = 0.25
    assert 0.25 == channel.source_voltage


def test_a_reply_that_is_late_within_the_time_out_takes_its_time(bench, smu):
    channel = smu.channel("a")
    before = bench.world.host.now()
    bench.faults.add("late", on="smu", delay="3 s")
    assert 0.0 == channel.source_voltage
    assert 3.0 <= bench.world.host.now() - before < 3.1
    assert bench.world.now() == bench.world.host.now()


def test_a_late_reply_does_not_keep_other_instruments_waiting(bench, matrix):
    smu = bench.raw("smu")
    bench.faults.add("late", on="smu", delay="30 s")
    smu.write("print(1)")
    before = bench.world.host.now()
    assert frozenset() == matrix.closed()
    assert bench.world.host.now() - before < 0.1


def test_one_byte_a_second_is_a_time_out_or_a_long_wait(bench):
    bench.faults.add("slow", on="smu")
    hasty, patient = bench.raw("smu", timeout=2), bench.raw("smu", timeout=60)
    with pytest.raises(pyvisa.VisaIOError):
        hasty.query("print(1)")
    hasty.clear()
    before = bench.world.host.now()
    assert "2.50000e-01" == patient.query("print(0.25)")
    assert 12.0 <= bench.world.host.now() - before < 12.1


# -- replies that are wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("form", [form for form in FORMS if form != "cut"])
def test_garbage_is_refused(bench, smu, form):
    channel = smu.channel("a")
    channel.source_voltage = 0.125
    bench.faults.add("garbage", on="smu", form=form)
    with pytest.raises(BenchError):
        _ = channel.source_voltage
    # What is no number came in a reply that was whole; else the link was recovered, which leaves no source on.
    assert (0.125 if form == "overflow" else 0.0) == channel.source_voltage


@pytest.mark.parametrize("form", ["cut", "empty", "glued", "noise", "identity"])
def test_garbage_is_no_reading(bench, smu, matrix, form):
    both = pair(smu)
    select(bench, matrix)
    bench.faults.add("garbage", on="smu", form=form)
    with pytest.raises(BenchError):
        both.sense(0.05, settle=1e-3)


def test_what_is_drawn_depends_on_the_seed_and_on_nothing_else(bench):
    session = bench.raw("smu")

    def outcomes(seed):
        bench.faults.clear()
        bench.faults.seed = seed
        number = bench.faults.put(Fault(kind="garbage", on="smu", probability=0.5, times=0))
        bench.faults._active[-1].number = 1  # the same fault each time
        found = []
        for _ in range(12):
            session.write("print(0.25)")
            found.append(session.read_raw())
        bench.faults._active[-1].number = number
        return found

    first = outcomes(1)
    assert first == outcomes(1)
    assert first != outcomes(2)
    assert 2 <= first.count(b"2.50000e-01\n") <= 10


@pytest.mark.parametrize("matrix_model", ["keithley_707b", "keysight_b2201a", "keysight_34980a", "keithley_3706a"])
def test_no_driver_takes_a_spoilt_reply_for_a_value(make_bench, matrix_model):
    bench = make_bench(matrix_model)
    smu, matrix = bench.connect("smu"), bench.connect("matrix")
    channel, errors = smu.channel("a"), 0
    bench.faults.seed = 3
    bench.faults.add("garbage", on="*", probability=0.3, times=0)
    bench.faults.add("timeout", on="*", probability=0.05, times=0)
    bench.faults.add("late", on="*", probability=0.05, times=0, delay="20 s")
    for step in range(60):
        volts, row = step / 128, "ABCDEF"[step % 6]
        try:
            channel.source_voltage = volts
            assert volts == channel.source_voltage
        except BenchError:
            errors += 1
        try:
            found = matrix.switch([("close", [(row, 1 + step % 10)])])
            assert bench.world.asked == found
            matrix.open_all()
            assert frozenset() == bench.world.closed
        except BenchError:
            errors += 1
    assert 40 < errors < 120


def test_a_block_that_ends_too_early_is_shorter_than_it_says(bench):
    smu = bench.raw("smu")
    for command in ("smua.source.output = 1", "smua.measure.count = 5", "smua.measure.i(smua.nvbuffer1)"):
        smu.write(command)
    smu.write("format.data = format.REAL32")
    smu.read_termination = None
    smu.write("printbuffer(1, 5, smua.nvbuffer1)")
    whole = smu.read_raw()
    bench.faults.add("cut_block", on="smu")
    smu.write("printbuffer(1, 5, smua.nvbuffer1)")
    cut = smu.read_raw()
    assert (2 + 4 * 5 + 1, b"#0") == (len(whole), whole[:2])
    assert cut == whole[: len(cut)]
    assert 2 <= len(cut) < len(whole) - 1


def test_a_wrong_identity_is_noticed(bench, matrix):
    bench.faults.add("identity", on="matrix", identity="ACME,MODEL 9,1,1")
    with pytest.raises(BenchError, match="MODEL 9"):
        matrix.identify()
    matrix.identify()


# -- instruments that fail -------------------------------------------------------------------------


def test_an_instrument_that_hangs_until_it_is_cleared_comes_back(bench, smu):
    channel = smu.channel("a")
    bench.faults.add("hang", on="smu", until="cleared")
    assert 0.0 == channel.source_voltage
    assert [] == bench.faults.listed()


def test_an_instrument_that_hangs_for_ever_does_not_come_back(bench, smu):
    bench.faults.add("hang", on="smu")
    for _ in range(2):
        with pytest.raises(BenchError, match="does not answer"):
            assert smu.channel("a").source_voltage


def test_a_hang_may_end_by_itself(bench, smu):
    bench.faults.add("hang", on="smu", duration="45 s")
    with pytest.raises(BenchError, match="does not answer"):
        assert smu.channel("a").source_voltage
    bench.world.host.sleep(45)
    assert 0.0 == smu.channel("a").source_voltage


def test_after_a_power_cycle_everything_is_as_when_it_was_switched_on(bench, smu, matrix):
    channel = smu.channel("a")
    channel.compliance_current = 1e-3
    channel.source_voltage = 0.125
    channel.source_enabled = True
    select(bench, matrix)
    bench.faults.add("power_cycle", on="*")
    with pytest.raises(PowerLost, match="switched off and on"):
        assert channel.source_voltage
    bench.world.host.sleep(30)
    with pytest.raises(PowerLost):
        matrix.check_power()
    assert (frozenset(), frozenset()) == (bench.world.closed, matrix.closed())
    raw = bench.raw("smu")
    assert [0.0, 0.0] == [float(raw.query(f"print(smua.source.{word})")) for word in ("output", "levelv")]
    assert abs(bench.world.outputs["smu", "a"].level) < 1e-3
    assert 128 & int(float(bench.raw("smu").query("*ESR?")))


def test_an_open_interlock_switches_outputs_off_refuses_them_and_stays_in_force(bench, smu):
    channel = smu.channel("a")
    channel.compliance_current = 1e-3
    channel.source_enabled = True
    channel.source_voltage = 0.125
    number = bench.faults.add("interlock", on="smu")
    with pytest.raises(InterlockOpen, match="interlock"):
        assert channel.source_voltage
    assert not channel.source_enabled
    assert abs(bench.world.outputs["smu", "a"].level) < 1e-2
    with pytest.raises(BenchError):
        channel.source_enabled = True
    bench.faults.clear(number)
    assert not channel.source_enabled
    channel.source_enabled = True
    assert channel.source_enabled


def test_an_instrument_without_outputs_has_no_interlock(bench):
    with pytest.raises(InputError, match="no output"):
        bench.faults.add("interlock", on="matrix")


# -- relays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [True, False])
def test_a_stuck_relay_is_not_in_the_answers_but_the_doctor_finds_it(bench, closed):
    bench.faults.add("stuck", relay="A3", closed=closed)
    findings = list(examine(bench.file))
    assert any(finding.verdict is Verdict.BAD for finding in findings)
    bench.faults.clear()
    assert not any(finding.verdict is Verdict.BAD for finding in examine(bench.file))


def test_a_stuck_relay_moves_again_when_the_fault_is_over(bench, matrix):
    number = bench.faults.add("stuck", relay="A3", closed=False)
    assert {("A", 3), ("B", 20)} == matrix.switch([("close", [("A", 3), ("B", 20)])])
    assert {("B", 20)} == bench.world.closed
    bench.faults.clear(number)
    assert {("A", 3), ("B", 20)} == bench.world.closed


@pytest.mark.parametrize("model", ["keithley_707b", "keysight_b2201a", "keysight_34980a", "keithley_3706a"])
def test_a_matrix_whose_answers_are_wrong_cannot_take_a_route(make_bench, model):
    bench = make_bench(model)
    with open_bench(bench.file) as opened:
        number = bench.faults.add("lie", on="matrix")
        with pytest.raises(RouteError):
            opened.cell(2, 4).read(at="50 mV")
        bench.faults.clear(number)


def test_a_matrix_whose_relays_do_not_follow_says_that_they_do(bench, matrix):
    bench.faults.add("lie", on="matrix", of="relays")
    asked = select(bench, matrix)
    assert (30, frozenset()) == (len(asked), bench.world.closed)
    bench.faults.clear()
    assert asked == bench.world.closed


# -- channels --------------------------------------------------------------------------------------


def test_a_drifted_offset_is_in_every_reading(bench, smu, matrix):
    both = pair(smu)
    select(bench, matrix)
    before, _ = both.sense(0.05, settle=1e-3)
    bench.faults.add("offset", on="smu", channel="b", amperes="50 uA")
    after, _ = both.sense(0.05, settle=1e-3)
    assert before - after == pytest.approx(50e-6, rel=0.02)
    bench.faults.clear()
    bench.faults.add("offset", on="smu", channel="a", volts="25 mV")
    after, _ = both.sense(0.05, settle=1e-3)
    assert after / before == pytest.approx(1.5, rel=0.05)


def test_a_reading_in_a_tripped_compliance_is_flagged(bench, smu, matrix):
    both = pair(smu)
    select(bench, matrix)
    assert not both.sense(0.05, settle=1e-3)[1]
    bench.faults.add("compliance", on="smu", channel="a", limit="100 nA")
    current, limited = both.sense(0.05, settle=1e-3)
    assert limited
    assert abs(current) < 1e-6


def test_an_overrange_in_place_of_a_reading_is_flagged_or_refused(bench, smu, matrix):
    both = pair(smu)
    select(bench, matrix)
    bench.faults.add("garbage", on="smu", form="overflow")
    with pytest.raises(BadReply):
        both.sense(0.05, settle=1e-3)
    bench.faults.add("garbage", on="smu", form="overflow")
    assert math.inf == smu.channel("b").measure_current()


# -- when ------------------------------------------------------------------------------------------


def test_a_fault_waits_for_its_message_or_its_time(bench):
    session = bench.raw("smu")
    bench.faults.add("timeout", on="smu", after=3)
    assert ["2.50000e-01"] * 3 == [session.query("print(0.25)") for _ in range(3)]
    with pytest.raises(pyvisa.VisaIOError):
        session.query("print(0.25)")
    session.clear()
    bench.faults.add("timeout", on="smu", at="5 s")
    assert "2.50000e-01" == session.query("print(0.25)")
    bench.world.sleep(5)
    with pytest.raises(pyvisa.VisaIOError):
        session.query("print(0.25)")


def test_faults_are_in_the_record_of_the_twin(bench, smu):
    bench.faults.add("late", on="smu", delay="1 s")
    assert 0.0 == smu.channel("a").source_voltage
    (entry,) = [entry for entry in bench.world.log.entries if entry["kind"] == "fault"]
    assert (1, "late", "smu") == (entry["number"], entry["fault"], entry["instrument"])


# -- files -----------------------------------------------------------------------------------------


def test_the_example_holds_every_kind_and_loads(bench):
    numbers = bench.faults.load(EXAMPLE)
    kinds = {entry["kind"] for entry in bench.faults.listed()}
    assert (14, 13, 7) == (len(numbers), len(kinds), bench.faults.seed)


@pytest.mark.parametrize(
    ("line", "place", "expected"),
    [
        ("{kind: late, on: smu}", ":3:12:", "needs delay"),
        ("{kind: lat, on: smu}", ":3:12:", "did you mean late?"),
        ("{kind: timeout, on: sm}", ":3:25:", "there is no instrument sm"),
        ("{kind: timeout, on: smu, relay: A3}", ":3:30:", "has no relay"),
        ("{kind: stuck, relay: 3A, closed: true}", ":3:26:", "not a crosspoint"),
        ("{kind: late, delay: 3}", ":3:25:", "3"),
        ("{kind: offset, on: smu, channel: a}", ":3:12:", "needs volts or amperes"),
        ("{kind: compliance, limit: 1 nA}", ":3:12:", "name it with on"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(tmp_path, line, place, expected):
    path = tmp_path / "faults.yaml"
    path.write_text(f"format: 1\nfaults:\n  - {line}\n")
    with pytest.raises(FileProblems) as caught:
        load_faults(path, instruments={"smu", "matrix"})
    assert place in str(caught.value)
    assert expected in str(caught.value)


def test_a_fault_on_a_channel_that_is_not_wired_is_refused(bench):
    with pytest.raises(InputError, match="nothing is wired to channel c"):
        bench.faults.add("offset", on="smu", channel="c", volts="1 mV")
    with pytest.raises(InputError, match="no fault 9"):
        bench.faults.clear(9)
