"""The last gate: refused, never clipped, and nothing reaches the instrument."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.bench.limits import Gate, GatedBank, GatedPulses, GatedSense, GatedSource
from labmtj.errors import LimitExceeded
from labmtj.physics.stress import Limits
from labmtj.records import Cell, Pulse

LIMITS = Limits(cell_voltage=0.7, terminal_voltage=1.5, line_compliance=3e-3)
NAN, INF = math.nan, math.inf
MUCH = [NAN, INF, -INF, np.float64("nan"), np.float32("inf"), np.float64(-1e300), 1e308]


class Source:
    """A source meter and a pair of sources that notes what reaches it."""

    def __init__(self):
        object.__setattr__(self, "heard", [])

    def __setattr__(self, name, value):
        self.heard.append((name, value))

    def __getattr__(self, name):
        return {"source_voltage": 0.1, "compliance_current": 1e-3, "nplc": 1.0, "source_enabled": True}[name]

    @property
    def in_compliance(self):
        return True

    def measure_current(self):
        return 1e-6

    def shutdown(self):
        self.heard.append(("shutdown", None))

    def pulse(self, amplitudes, width):
        self.heard.append(("pulse", (amplitudes, width)))
        return False

    def sense(self, volts, *, settle):
        self.heard.append(("sense", (volts, settle)))
        return 1e-6, False

    def rest(self):
        self.heard.append(("rest", None))


def one(source):
    return GatedSource(source, Gate(LIMITS), "smu.a")


def pulses(source, *, ohms=0.0):
    return GatedPulses(source, Gate(LIMITS), ohms=ohms)


def senses(source):
    return GatedSense(source, Gate(LIMITS))


@pytest.mark.parametrize("volts", [*MUCH, 1.5 * (1 + 1e-8), -1.51, 2, np.float64(1.6), np.int64(-2)])
def test_a_terminal_voltage_above_the_limit_never_reaches_the_source(volts):
    source = Source()
    with pytest.raises(LimitExceeded, match=r"V at a terminal is above the limit 1\.5 V"):
        one(source).source_voltage = volts
    assert [] == source.heard


@pytest.mark.parametrize("amperes", [*MUCH, 0, -1e-3, 3e-3 * (1 + 1e-8), np.float64(0.1), 1])
def test_a_compliance_above_the_limit_never_reaches_the_source(amperes):
    source = Source()
    with pytest.raises(LimitExceeded, match="a compliance of"):
        one(source).compliance_current = amperes
    assert [] == source.heard


@pytest.mark.parametrize(
    "amplitudes",
    [
        (0.36, -0.36),  # 0.72 V on the cell
        (-0.36, 0.36),
        (0.7 * (1 + 1e-8), 0.0),
        (0.0, 0.71),
        (1.6, 1.6),  # nothing on the cell, too much at the terminals
        (NAN, 0.0),
        (0.0, NAN),
        (INF, INF),
        (np.float64("nan"), np.float64(0.1)),
        (np.float32(0.4), np.float32(-0.4)),
    ],
)
def test_a_pulse_above_a_limit_never_reaches_the_source(amplitudes):
    source = Source()
    with pytest.raises(LimitExceeded):
        pulses(source).pulse(amplitudes, 1e-4)
    assert [] == source.heard


@pytest.mark.parametrize("width", [0.0, -1e-4, NAN, INF])
def test_a_pulse_without_a_sensible_width_never_reaches_the_source(width):
    source = Source()
    with pytest.raises(LimitExceeded):
        pulses(source).pulse((0.1, -0.1), width)
    assert [] == source.heard


@pytest.mark.parametrize("volts", [*MUCH, 0.7 * (1 + 1e-8), -0.71, 1])
def test_a_read_above_the_cell_limit_never_reaches_the_source(volts):
    source = Source()
    with pytest.raises(LimitExceeded):
        senses(source).sense(volts, settle=0.0)
    assert [] == source.heard


def test_two_sources_cannot_pass_the_cell_limit_between_them():
    first, second, gate = Source(), Source(), Gate(LIMITS)
    a, b = GatedSource(first, gate, "smu.a"), GatedSource(second, gate, "smu.b")
    a.source_voltage = 0.5
    with pytest.raises(LimitExceeded, match=r"-300 mV on smu\.b: -800 mV is above the cell limit 700 mV"):
        b.source_voltage = -0.3
    assert [] == second.heard
    b.source_voltage = -0.2
    with pytest.raises(LimitExceeded):
        a.source_voltage = 0.6
    a.source_voltage = 0.0
    b.source_voltage = -0.3  # there is room again
    assert [("source_voltage", 0.5), ("source_voltage", 0.0)] == first.heard
    assert [("source_voltage", -0.2), ("source_voltage", -0.3)] == second.heard


def test_what_is_within_the_limits_passes_unchanged():
    source = Source()
    gated = one(source)
    gated.source_voltage, gated.compliance_current, gated.nplc, gated.source_enabled = -1.5, 3e-3, 0.1, True
    assert False is pulses(source).pulse((0.35, -0.35), 1e-4)
    assert (1e-6, False) == senses(source).sense(-0.7, settle=1e-3)
    senses(source).rest()
    assert [
        ("source_voltage", -1.5),
        ("compliance_current", 3e-3),
        ("nplc", 0.1),
        ("source_enabled", True),
        ("pulse", ((0.35, -0.35), 1e-4)),
        ("sense", (-0.7, 1e-3)),
        ("rest", None),
    ] == source.heard


def test_looking_and_shutting_down_pass_through():
    source = Source()
    gated = one(source)
    assert (0.1, 1e-3, 1.0, True) == (
        gated.source_voltage,
        gated.compliance_current,
        gated.nplc,
        gated.source_enabled,
    )
    assert (True, 1e-6) == (gated.in_compliance, gated.measure_current())
    gated.shutdown()
    assert [("shutdown", None)] == source.heard


@pytest.mark.parametrize("amplitude", [0.7001, -0.7001, *MUCH])
def test_a_pulse_on_a_cell_above_the_limit_is_refused_and_the_cell_named(amplitude):
    with pytest.raises(LimitExceeded, match=r"a pulse on cell \(3, 4\)"):
        LIMITS.check_pulse(Pulse(Cell(3, 4), amplitude, 1e-4))


@pytest.mark.parametrize("width", [0.0, -1e-9, NAN, INF])
def test_a_pulse_on_a_cell_needs_a_width(width):
    with pytest.raises(LimitExceeded, match=r"a pulse on cell \(3, 4\) of width"):
        LIMITS.check_pulse(Pulse(Cell(3, 4), 0.1, width))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_float_is_either_within_the_cell_limit_or_refused(volts):
    try:
        LIMITS.check_cell(volts, "a read")
    except LimitExceeded:
        assert not abs(volts) <= 0.7
    else:
        assert abs(volts) <= 0.7 * (1 + 1e-9)


def test_the_message_says_what_and_how_much_and_the_limit():
    with pytest.raises(LimitExceeded, match="a read: 800 mV is above the cell limit 700 mV of this bench"):
        LIMITS.check_cell(0.8, "a read")


def test_a_generator_that_nothing_limits_is_held_to_what_it_could_push_through_a_short():
    source = Source()
    with pytest.raises(LimitExceeded, match=r"a pulse into a short: 6 mA is above the line compliance 3 mA"):
        pulses(source, ohms=50.0).pulse((0.3, -0.3), 1e-4)
    assert [] == source.heard
    assert False is pulses(source, ohms=50.0).pulse((0.15, -0.15), 1e-4)


class Bank:
    """A bank that notes what reaches it."""

    def __init__(self):
        self.heard = []

    def apply(self, levels):
        self.heard.append(("apply", dict(levels)))

    def pulse(self, levels, width, *, meanwhile=None):
        self.heard.append(("pulse", dict(levels), width, meanwhile))

    def rest(self):
        self.heard.append(("rest",))


@pytest.mark.parametrize(
    "levels", [{"1": 0.71}, {"1": 0.4, "2": -0.31}, {"1": NAN}, {"1": 0.1, "2": INF}, {"1": 1.6, "2": 1.6}]
)
def test_levels_of_a_bank_that_could_pass_a_limit_between_them_never_reach_it(levels):
    bank = Bank()
    gated = GatedBank(bank, Gate(LIMITS))
    with pytest.raises(LimitExceeded):
        gated.apply(levels)
    with pytest.raises(LimitExceeded):
        gated.pulse(levels, 1e-3)
    assert [] == bank.heard


def test_a_bank_within_the_limits_is_passed_through():
    bank = Bank()
    gated = GatedBank(bank, Gate(LIMITS))
    gated.apply({"1": 0.35, "2": -0.35})
    gated.pulse({"1": 0.35, "16": -0.35}, 1e-3)
    gated.rest()
    with pytest.raises(LimitExceeded, match="width"):
        gated.pulse({"1": 0.1}, 0.0)
    assert [
        ("apply", {"1": 0.35, "2": -0.35}),
        ("pulse", {"1": 0.35, "16": -0.35}, 1e-3, None),
        ("rest",),
    ] == bank.heard
