"""One conformance suite for both implementations of ArrayAccess, and what they must have in common."""

from __future__ import annotations

import numpy as np
import pytest

from labmtj.errors import LimitExceeded
from labmtj.nets.files import shipped
from labmtj.nets.placement import identity
from labmtj.records import Cell, Pulse, Scheme, State
from labmtj.routines.characterise import map_die, write_amplitudes
from labmtj.routines.infer import bit_serial
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.program import WriteSettings, program_layer

DOORS = ("wire", "array")


def polarity_of(array):
    return find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=1e-4, read=0.05
    )


@pytest.mark.parametrize("door", DOORS)
def test_a_read_gives_voltage_over_current_and_passes_time(door, open_door):
    array = open_door(door).array
    before = array.clock.now()
    reading = array.read([Cell(7, 8)], voltage=0.05)[0]
    assert reading.cell == Cell(7, 8)
    assert reading.voltage == 0.05
    assert 7e3 < reading.resistance < 30e3
    assert 0.04 < array.clock.now() - before < 0.1  # two readings of one 50 Hz period each


@pytest.mark.parametrize("door", DOORS)
def test_a_strong_pulse_writes_the_state_of_its_sign(door, open_door):
    opened = open_door(door)
    for sign, state in ((1, State.P), (-1, State.AP), (1, State.P)):
        opened.array.pulse(Pulse(Cell(4, 11), sign * 0.45, 1e-4))
        assert state == opened.states()[3, 10]


@pytest.mark.parametrize("door", DOORS)
def test_a_pulse_above_the_limit_is_refused_before_its_intent(door, open_door):
    opened = open_door(door)
    for amplitude in (0.71, -0.71, float("nan"), float("inf")):
        with pytest.raises(LimitExceeded):
            opened.array.pulse(Pulse(Cell(1, 2), amplitude, 1e-4))
    assert [] == [entry for entry in opened.journal.entries if entry["k"] == "intent"]


@pytest.mark.parametrize("door", DOORS)
def test_every_pulse_has_an_intent_and_an_outcome(door, open_door):
    opened = open_door(door)
    for amplitude in (0.3, -0.3, 0.2):
        opened.array.pulse(Pulse(Cell(2, 2), amplitude, 1e-4))
    kinds = [entry["k"] for entry in opened.journal.entries if entry["k"] in ("intent", "outcome")]
    assert kinds == ["intent", "outcome"] * 3


@pytest.mark.parametrize("door", DOORS)
def test_the_product_of_driven_rows_is_the_sum_of_their_cells(door, open_door):
    array = open_door(door, wire="0 ohm", defects={"short": 0, "open": 0, "stuck": 0}).array
    rows, cols = [2, 5, 9], [3, 4]
    product = array.multiply(rows, cols, volts=[0.05] * len(rows))
    for position, col in enumerate(cols):
        single = sum(reading.current for reading in array.read([Cell(row, col) for row in rows], voltage=0.05))
        assert product[position] == pytest.approx(single, rel=5e-3)


@pytest.mark.parametrize("door", DOORS)
def test_no_rows_give_no_current(door, open_door):
    assert [0.0, 0.0] == open_door(door).array.multiply([], [1, 2], volts=[]).tolist()


@pytest.mark.parametrize("door", DOORS)
def test_a_read_above_the_cell_limit_is_refused(door, open_door):
    opened = open_door(door)
    with pytest.raises(LimitExceeded):
        opened.array.read([Cell(1, 2)], voltage=0.8)
    with pytest.raises(LimitExceeded):
        opened.array.multiply([1], [1], volts=[0.8])


def everything(door):
    """Polarity, map, a written layer and bit-serial sums, the way a protocol does them."""
    array = door.array
    polarity = polarity_of(array)
    die = map_die(array, polarity=polarity, read=0.05, width=1e-4)
    layer = shipped("wine/3").layers[1]
    settings = WriteSettings(write_amplitudes(die.switching), 1e-4, Scheme.V_HALF, 10, 4, 0.05)
    copy = program_layer(array, die_map=die, target=layer.states, placement=identity(layer.shape), settings=settings)
    inputs = np.linspace(-1, 1, 12).reshape(2, 6)
    sums = bit_serial(array, placement=copy.placement, inputs=inputs, bits=3, voltage=0.05)
    return polarity, die, copy, sums


@pytest.mark.parametrize(
    "die",
    [
        {"seed": 5, "diameter": "20 nm"},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"seed": 6, "diameter": "100 nm"}, marks=pytest.mark.slow),
    ],
)
def test_both_doors_give_the_same_states_and_the_same_readings(die, open_door):
    wire, bare = open_door("wire", **die), open_door("array", **die)
    assert wire.states().tolist() == bare.states().tolist()
    polarity_w, map_w, copy_w, sums_w = everything(wire)
    polarity_a, map_a, copy_a, sums_a = everything(bare)
    assert polarity_w == polarity_a
    assert map_w.defect.tolist() == map_a.defect.tolist()
    assert copy_w.state.tolist() == copy_a.state.tolist()
    assert copy_w.pulses.tolist() == copy_a.pulses.tolist()
    assert wire.states().tolist() == bare.states().tolist()
    readings = [[(e["cell"], e["i"]) for e in d.journal.entries if e["k"] == "read"] for d in (wire, bare)]
    assert [cell for cell, _ in readings[0]] == [cell for cell, _ in readings[1]]
    # Instruments send 16 significant digits; half the difference of two numbers keeps about 15 of them.
    np.testing.assert_allclose([i for _, i in readings[0]], [i for _, i in readings[1]], rtol=1e-13)
    np.testing.assert_allclose(sums_w, sums_a, rtol=1e-12)


@pytest.mark.parametrize("wiring", ["smu.b smu.a ground", "smu.a ground smu.b"])
def test_both_doors_agree_however_the_bench_is_wired(wiring, open_door):
    roles = dict(zip("ABD", wiring.split(), strict=True))
    wire, bare = open_door("wire", roles=roles), open_door("array", roles=roles)
    for door in (wire, bare):
        for sign, state in ((1, State.P), (-1, State.AP)):
            door.array.pulse(Pulse(Cell(5, 9), sign * 0.45, 1e-4))
            assert state == door.states()[4, 8]
    assert wire.array.read([Cell(5, 9)], voltage=0.05)[0].current == pytest.approx(
        bare.array.read([Cell(5, 9)], voltage=0.05)[0].current, rel=1e-13
    )


@pytest.mark.parametrize(("die", "voltage"), [({"diameter": "15 nm"}, 0.05), ({}, 0.15), ({}, 0.25)])
def test_reads_that_disturb_do_it_alike_at_both_doors(die, voltage, open_door):
    wire, bare = open_door("wire", **die), open_door("array", **die)
    bare.array.clock.sleep(wire.array.clock.now() - bare.array.clock.now())  # what connecting the bench took
    before = bare.states()
    cells = [Cell(row, col) for row in range(1, 16, 2) for col in range(1, 16)]
    readings = [door.array.read(cells, voltage=voltage) for door in (wire, bare)]
    assert wire.states().tolist() == bare.states().tolist()
    np.testing.assert_allclose([r.current for r in readings[0]], [r.current for r in readings[1]], rtol=1e-12)
    np.testing.assert_allclose([r.time for r in readings[0]], [r.time for r in readings[1]], atol=1e-9)
    assert (before != bare.states()).any()


def test_an_extra_read_does_not_shift_what_pulses_do(open_door):
    plain, nosy = open_door("array"), open_door("array")
    for n in range(40):
        for door in (plain, nosy):
            door.array.pulse(Pulse(Cell(1 + n % 15, 1 + n % 14), (-1) ** n * 0.27, 1e-4))
        nosy.array.read([Cell(1 + n % 15, 3)], voltage=0.02)
    assert plain.states().tolist() == nosy.states().tolist()


@pytest.mark.parametrize("door", DOORS)
def test_one_pulse_writes_all_columns_that_it_selects(door, open_door):
    opened = open_door(door, defects={"short": 0, "open": 0, "stuck": 0})
    for sign, state in ((1, State.P), (-1, State.AP)):
        opened.array.pulse(Pulse(Cell(4, 3), sign * 0.45, 1e-4, cols=(7, 11)))
        assert [state] * 3 == [State(opened.states()[3, col - 1]) for col in (3, 7, 11)]
    assert (7, 11) == tuple(opened.journal.entries[-2]["cols"])


@pytest.mark.parametrize("door", DOORS)
def test_a_sum_is_what_its_cells_read_one_by_one(door, open_door):
    array = open_door(door, telegraph="0 %").array
    cols = (2, 5, 9)
    found = array.total((6,), cols, voltage=0.05)
    single = sum(reading.current for reading in array.read([Cell(6, col) for col in cols], voltage=0.05))
    assert found.current == pytest.approx(single, rel=5e-3)
    assert ((6,), cols, False) == (found.rows, found.cols, found.in_compliance)


@pytest.mark.parametrize("door", DOORS)
def test_a_sample_is_one_integration_with_its_offsets(door, open_door):
    array = open_door(door).array
    begun = array.clock.now()
    plus, zero, minus = (array.sense((6,), (2,), voltage=volts) for volts in (0.05, 0.0, -0.05))
    assert 0.06 < array.clock.now() - begun < 0.15  # three periods of 50 Hz, one route
    bipolar = array.read([Cell(6, 2)], voltage=0.05)[0].current
    assert 0.5 * (plus.current - minus.current) == pytest.approx(bipolar, rel=0.02)
    # What stands at 0 V, in the sources, the relays and the meter, is the mean of both signs, but for the curvature.
    assert zero.current == pytest.approx(0.5 * (plus.current + minus.current), rel=0.1)
    with pytest.raises(LimitExceeded):
        array.sense((6,), (2,), voltage=0.9)


def test_both_doors_agree_on_sums_samples_and_pulses_of_many_columns(open_door):
    seen = []
    for door in DOORS:
        opened = open_door(door)
        array = opened.array
        array.rest()
        begun = array.clock.now()
        array.pulse(Pulse(Cell(4, 3), 0.34, 1e-4, cols=(7, 11)))
        array.pulse(Pulse(Cell(5, 3), -0.4, 1e-4, Scheme.V_HALF_BIAS))
        array.pulse(Pulse(Cell(5, 3), -0.2, 2e-4, Scheme.V_HALF_BIAS))  # no relay moves before this one
        values = [array.total((4, 5), (3, 7), voltage=0.05).current, array.sense((4,), (3,), voltage=0.0).current]
        seen.append((values, opened.states().tolist(), array.clock.now() - begun))
    assert seen[0][0] == pytest.approx(seen[1][0], rel=1e-12)
    assert seen[0][1] == seen[1][1]
    assert seen[0][2] == pytest.approx(seen[1][2], abs=1e-9)
