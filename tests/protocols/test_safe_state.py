"""However a bench is left, and whatever failed before: sources at 0 V and off, then relays open, none of them hot."""

from __future__ import annotations

import signal

import pytest
import pyvisa

from labmtj.bench.safe_state import SafeState, Stage, hurried_by_signals
from labmtj.bench.session import library_path, open_bench
from labmtj.errors import BenchError, InstrumentError, LimitExceeded, ShutdownFailed
from labmtj.records import Cell, Pulse


@pytest.fixture
def bench(tmp_path, make_bench):
    """A simulated bench, and a second session on its source-measure unit."""
    file = make_bench(tmp_path / "bench")
    manager = pyvisa.ResourceManager(library_path(file))
    other = manager.open_resource("TCPIP0::192.0.2.11::inst0::INSTR")
    other.write_termination = other.read_termination = "\n"
    return file, other, manager.visalib.bench.world


@pytest.fixture
def python_handles_ctrl_c():
    """Python's own answer to Ctrl-C, also where the tests run in the background of a shell that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def is_safe(world):
    quiet = all(abs(output.level) < 1e-3 for output in world.outputs.values())
    return quiet and world.closed == frozenset() and world.violations == []


def test_an_old_error_in_the_queue_does_not_keep_a_source_on(bench):
    file, other, world = bench
    with open_bench(file) as opened:
        opened.cell(2, 3).read(at="50 mV")
        other.write("no.such.table = 1")
        other.write("smub.source.levelv = 0.1")
    assert is_safe(world)
    outputs = other.query("print(smua.source.output, smub.source.output)").split("\t")
    assert [float(output) for output in outputs] == [0, 0]


def test_no_relay_moves_hot_after_a_read_that_failed_half_way(bench):
    file, other, world = bench
    with open_bench(file) as opened:
        opened.cell(2, 3).read(at="50 mV")
        other.write("kept = delay delay = nil")
        with pytest.raises(InstrumentError, match="delay"):
            opened.cell(2, 3).read(at="50 mV")
        assert abs(world.outputs["smu", "a"].level) < 1e-3  # the lost reply was followed by a recovery: 0 V
        other.write("delay = kept")
        opened.cell(9, 9).read(at="50 mV")
    assert is_safe(world)


def test_a_pulse_that_fails_leaves_no_channel_armed(bench):
    file, other, world = bench
    with open_bench(file) as opened:
        opened.cell(2, 3).read(at="50 mV")
        other.write("kept = waitcomplete waitcomplete = nil")
        with pytest.raises(InstrumentError, match="waitcomplete"):
            opened.array.pulse(Pulse(Cell(2, 3), 0.3, 1e-4))
        other.write("waitcomplete = kept")
        opened.array.pulse(Pulse(Cell(2, 4), 0.3, 1e-4))
    assert is_safe(world)


def test_two_sources_cannot_pass_the_cell_limit_between_them(bench):
    from labmtj.bench.limits import Gate, Limits

    gate = Gate(Limits(cell_voltage=0.7, terminal_voltage=1.5, line_compliance=3e-3))
    gate.admit("a", 0.5)
    gate.admit("b", -0.2)
    with pytest.raises(LimitExceeded):
        gate.admit("b", -0.21)
    with pytest.raises(LimitExceeded):
        gate.admit("a", 1.6)


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_a_second_ctrl_c_waits_until_the_bench_is_safe():
    done = []
    safe = SafeState()
    safe.add(Stage.SESSIONS, "session", lambda: done.append("session"))
    safe.add(Stage.RELAYS, "relays", lambda: done.append("relays"))
    safe.add(Stage.SOURCES, "sources", lambda: (signal.raise_signal(signal.SIGINT), done.append("sources")))
    with pytest.raises(KeyboardInterrupt):
        safe.reach(None)
    assert done == ["sources", "relays", "session"]


def test_a_step_that_fails_does_not_skip_the_next():
    done = []
    safe = SafeState()

    def fails():
        raise BenchError("stuck")

    safe.add(Stage.SESSIONS, "session", lambda: done.append("session"))
    safe.add(Stage.SOURCES, "sources", fails)
    with pytest.raises(ShutdownFailed, match="sources: stuck"):
        safe.reach(None)
    assert done == ["session"]
    cause = RuntimeError("what really happened")
    safe.add(Stage.SOURCES, "sources", fails)
    safe.reach(cause)
    assert "sources: stuck" in cause.__notes__[0]


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_a_signal_in_a_shutdown_turns_the_sources_off_at_once_and_acts_afterwards():
    done = []

    def shut_down():
        with hurried_by_signals(lambda: done.append("off")):
            signal.raise_signal(signal.SIGINT)
            done.append("goes on")

    with pytest.raises(KeyboardInterrupt):
        shut_down()
    assert ["off", "goes on"] == done


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_a_second_signal_in_a_shutdown_gives_up_the_step_that_hangs_and_no_other():
    done = []
    safe = SafeState()
    safe.add_panic(lambda: done.append("off"))

    def hangs():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        done.append("never")

    safe.add(Stage.SOURCES, "sources", hangs)
    safe.add(Stage.RELAYS, "relays", lambda: done.append("relays"))
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    cause = RuntimeError("what really happened")
    try:
        with pytest.raises(KeyboardInterrupt):
            safe.reach(cause)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ["off", "off", "relays"] == done
    assert "sources: given up" in cause.__notes__[0]


def test_a_panic_goes_on_to_the_next_source_when_one_fails():
    done = []
    safe = SafeState()

    def fails():
        raise BenchError("stuck")

    safe.add_panic(fails)
    safe.add_panic(lambda: done.append("second"))
    safe.panic()
    assert ["second"] == done


def test_a_bench_that_somebody_else_has_made_safe_is_left_alone():
    done = []
    safe = SafeState()
    safe.add(Stage.SOURCES, "sources", lambda: done.append("sources"))
    safe.add(Stage.SESSIONS, "session", lambda: done.append("session"))
    safe.add_panic(lambda: done.append("off"))
    safe.bar(lambda: True)
    safe.panic()
    safe.reach(None)
    assert ["session"] == done
