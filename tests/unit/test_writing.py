"""Ways to write a layer: algorithms, orders, sums that verify, what limits refuse, cells that cannot be written."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from labmtj.config.bench import load_bench
from labmtj.errors import InputError, LimitExceeded
from labmtj.nets.placement import around, identity
from labmtj.physics.schemes import levels
from labmtj.records import Cell, Defect, Placement, Pulse, PulseOutcome, Reading, Scheme, State
from labmtj.routines.characterise import map_die, write_amplitudes
from labmtj.routines.polarity import find_polarity, spare_cells
from labmtj.routines.program import program_layer
from labmtj.routines.ramps import RampSettings, switching_voltages
from labmtj.routines.writing.picture import Picture
from labmtj.routines.writing.settings import Algorithm, Order, Steps, WriteSettings
from labmtj.routines.writing.talk import converse
from labmtj.routines.writing.writer import Writer
from labmtj.runs.journal import MemoryJournal
from labmtj.twin.access import TwinArray

SIZE, READ, WIDTH = 8, 0.05, 1e-4
CHESS = np.indices((SIZE, SIZE)).sum(axis=0) % 2
NO_DEFECTS = tuple(f'simulation.die.defects.{kind}="0 %"' for kind in ("short", "open", "stuck"))
SMALL = (
    f'lines.rows={{"1..{SIZE}": "1..{SIZE}"}}', f'lines.cols={{"1..{SIZE}": "16..{SIZE + 15}"}}',
    f"array.rows={SIZE}", f"array.cols={SIZE}",
)  # fmt: skip


def fresh(*settings, seed=17):
    array = TwinArray(load_bench(overrides=[*SMALL, *NO_DEFECTS, *settings], seed=seed), MemoryJournal())
    return array, mapped(array)


def mapped(array, wire=5.0):
    polarity = find_polarity(
        array, cells=spare_cells(array.shape), start=0.15, step=0.02, ceiling=0.6, width=WIDTH, read=READ
    )
    return map_die(array, polarity=polarity, read=READ, width=WIDTH, wire=wire)


@pytest.fixture(scope="module")
def ramped():
    """What ramps say of a die; the array as it stands after them."""
    array, die = fresh()
    return array, switching_voltages(array, die, settings=RampSettings(2, WIDTH))


def settings_for(die, **more):
    amplitudes = Picture(die).at_cells(write_amplitudes(die.switching))
    return WriteSettings(amplitudes, WIDTH, Scheme.V_HALF, 10, 4, READ, **more)


def entries(array, kind):
    return [entry for entry in array._journal.entries if entry["k"] == kind]


def written(array, die, target=CHESS, **more):
    array._journal.entries.clear()
    return program_layer(
        array, die_map=die, target=target, placement=identity(target.shape), settings=settings_for(die, **more)
    )


# -- algorithms ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("algorithm", [Algorithm.VERIFY_FIRST, Algorithm.ISPP, Algorithm.WIDTH_MODULATED])
def test_a_pattern_is_written_by_every_algorithm_in_every_order(algorithm, order):
    array, die = fresh()
    copy = written(array, die, algorithm=algorithm, order=order)
    assert CHESS.tolist() == copy.state.tolist() == array.electrics.state.state.tolist()
    pulsed = sum(1 + len(entry.get("cols", ())) for entry in entries(array, "intent"))
    assert copy.pulses.sum() == pulsed
    assert 0 == copy.pulses[copy.initial == CHESS].sum() + copy.repaired


def test_one_shot_pulses_every_cell_once_and_reads_none_before():
    array, die = fresh()
    copy = written(array, die, algorithm=Algorithm.ONE_SHOT, order=Order.CELLS)
    assert np.ones((SIZE, SIZE)).tolist() == copy.pulses.tolist()
    kinds = [entry["k"] for entry in array._journal.entries if entry["k"] in ("intent", "read", "sum")]
    assert kinds == ["intent"] * CHESS.size + ["read"] * CHESS.size
    assert copy.wrong.tolist() == (array.electrics.state.state != CHESS).tolist()


def test_steps_grow_as_they_say():
    array, die = fresh()
    written(array, die, algorithm=Algorithm.ISPP, order=Order.CELLS, steps=Steps(first=0.7, rise=0.07))
    by_cell = {}
    for entry in entries(array, "intent"):
        by_cell.setdefault(tuple(entry["cell"]), []).append(abs(entry["v"]))
    ratios = [b / a for volts in by_cell.values() for a, b in pairwise(volts)]
    assert ratios == pytest.approx([1.07] * len(ratios))
    assert len(ratios) > 10


def test_widths_grow_threefold_at_one_amplitude():
    array, die = fresh()
    written(array, die, algorithm=Algorithm.WIDTH_MODULATED, order=Order.CELLS, steps=Steps(0.7, 0.0, widen=3.0))
    by_cell = {}
    for entry in entries(array, "intent"):
        by_cell.setdefault(tuple(entry["cell"]), []).append((abs(entry["v"]), entry["width"]))
    for pulses in by_cell.values():
        volts, widths = zip(*pulses, strict=True)
        assert len(set(volts)) == 1
        assert widths == pytest.approx([WIDTH * 3**n for n in range(len(widths))])
    assert any(len(pulses) > 1 for pulses in by_cell.values())


def test_ramps_find_the_switching_voltage_of_each_cell(ramped):
    array, (die, finding) = ramped
    truth = array.electrics.truth
    expected = truth.v_c0 * (1 - np.sqrt(11.9 / truth.delta) - truth.stray_field)  # hazard ln 2 in 1e5 tau_D
    off = np.log(die.v_switch_p / expected)
    assert np.std(off) < 0.05
    assert np.corrcoef(np.log(die.v_switch_p).ravel(), np.log(expected).ravel())[0, 1] > 0.7
    assert die.state.tolist() == array.electrics.state.state.tolist()
    assert "mV to P" in finding.line


def test_the_model_gives_each_cell_its_own_amplitude(ramped):
    array, (die, _) = ramped
    copy = written(array, die, algorithm=Algorithm.MODEL, order=Order.CELLS)
    assert CHESS.tolist() == copy.state.tolist() == array.electrics.state.state.tolist()
    volts = {tuple(entry["cell"]): abs(entry["v"]) for entry in entries(array, "intent")}
    own = [volts[cell] / (die.v_switch_p if CHESS[Cell(*cell).position] == 0 else die.v_switch_ap)[Cell(*cell).position]
           for cell in volts]  # fmt: skip
    assert len(set(volts.values())) == len(volts)
    assert all(1.05 < ratio < 1.4 for ratio in own)


# -- order, batches, sums --------------------------------------------------------------------------


def test_batches_take_few_pulses_and_no_single_reading():
    array, die = fresh()
    copy = written(array, die, order=Order.BATCHES)
    changed = int(np.count_nonzero(copy.initial != CHESS))
    assert len(entries(array, "intent")) <= 2 * SIZE < changed
    assert 2 * SIZE == len(entries(array, "sum"))  # rows, then columns
    assert [] == entries(array, "read")
    assert np.isfinite(copy.conductance).all()


def test_what_the_map_expects_of_each_cell_is_what_it_reads():
    array, die = fresh()
    copy = written(array, die, order=Order.BATCHES)
    readings = array.read(copy.placement.cells, voltage=READ)
    shown = np.array([reading.conductance for reading in readings]).reshape(SIZE, SIZE)
    assert np.abs(copy.conductance / shown - 1).max() < 0.06  # telegraph noise of a few cells
    assert np.median(np.abs(copy.conductance / shown - 1)) < 0.004


@pytest.mark.parametrize("victims", [[Cell(2, 3)], [Cell(5, 1), Cell(5, 2)], [Cell(1, 1), Cell(8, 8)]])
def test_cells_that_flipped_behind_its_back_are_found_by_sums_and_repaired(victims):
    array, die = fresh()
    written(array, die)
    state = np.where(CHESS == 0, 0, 1)
    for victim in victims:
        sign = die.polarity.sign(State(1 - int(CHESS[victim.position])))
        while array.electrics.state.state[victim.position] == CHESS[victim.position]:
            array.pulse(Pulse(victim, sign * 0.4, WIDTH))
    flipped = int(np.count_nonzero(array.electrics.state.state != CHESS))
    assert flipped >= len(victims)
    copy = written(array, dataclasses.replace(die, state=state))
    assert CHESS.tolist() == copy.state.tolist() == array.electrics.state.state.tolist()
    assert flipped == copy.repaired


def test_the_naive_order_grounds_all_lines_each_time_and_takes_far_longer():
    taken = {}
    for order in (Order.NAIVE, Order.BATCHES):
        array, die = fresh()
        begun = array.clock.now()
        copy = written(array, die, order=order)
        taken[order] = array.clock.now() - begun
        assert not copy.wrong.any()
    assert taken[Order.NAIVE] > 8 * taken[Order.BATCHES]


def test_far_cells_come_first_where_their_pulses_would_flip_near_ones():
    large = ('simulation.die.diameter="100 nm"', 'simulation.die.wire="60 ohm"')
    array = TwinArray(load_bench(overrides=[*SMALL, *NO_DEFECTS, *large], seed=17), MemoryJournal())
    die = mapped(array, 55.0)
    array.trust(Picture(die).lower_bound)
    copy = written(array, die, order=Order.CELLS)
    truth = array.electrics.state.state
    good = die.good
    assert 0 == np.count_nonzero((truth != CHESS) & good)
    assert 0.03 > copy.repaired / CHESS.size
    volts = [abs(entry["v"]) for entry in entries(array, "intent")]
    assert np.corrcoef(np.arange(len(volts)), volts)[0, 1] < -0.5  # from the largest to the smallest


def test_line_checks_find_a_half_selected_cell_that_flipped_at_once():
    array, die = fresh()
    target = CHESS[:3, :3]
    copy = written(array, die, target, order=Order.CELLS, line_checks=True)
    assert target.tolist() == copy.state.tolist() == array.electrics.state.state[:3, :3].tolist()
    kinds = [entry["k"] for entry in array._journal.entries if entry["k"] in ("intent", "read", "sum")]
    pulsed = kinds.index("intent")
    assert kinds[pulsed + 1 : pulsed + 5].count("read") + kinds[pulsed + 1 : pulsed + 5].count("sum") == 4


def test_a_reading_near_the_threshold_is_taken_twice_more_and_the_middle_one_counts():
    _, die = fresh()
    cell = Cell(2, 3)
    window = 1 / die.r_p[cell.position] - 1 / die.r_ap[cell.position]
    middle = die.threshold(cell)
    writer = Writer(
        die, np.zeros((1, 1), int), placement=Placement((2,), (3,)), settings=settings_for(die), allowed=lambda _: True
    )
    talk = writer.look([cell])

    def reading(offset):
        return Reading(cell, READ, READ * (middle + offset * window), 0.0)

    assert (cell,) == next(talk).cells
    assert (cell, cell) == talk.send([reading(-0.05)]).cells
    with pytest.raises(StopIteration):
        talk.send([reading(0.02), reading(0.4)])
    assert State.P == writer.states[cell.position]
    assert not die.near_threshold(reading(0.3))


# -- limits ----------------------------------------------------------------------------------------


def test_steps_that_would_pass_a_limit_are_refused_before_the_first():
    array, die = fresh()
    array._journal.entries.clear()
    settings = dataclasses.replace(settings_for(die, algorithm=Algorithm.ISPP), retries=40)
    with pytest.raises(LimitExceeded, match=r"ispp would step up to .* in its 41 pulses"):
        program_layer(array, die_map=die, target=CHESS, placement=identity(CHESS.shape), settings=settings)
    assert [] == array._journal.entries


@pytest.mark.parametrize("order", [Order.CELLS, Order.BATCHES])
def test_a_cell_that_would_need_more_than_is_allowed_stays_as_it_is_and_the_others_are_written(order):
    array, die = fresh()
    array._journal.entries.clear()
    writer = Writer(
        die, CHESS, placement=identity(CHESS.shape), settings=settings_for(die, order=order),
        allowed=lambda pulse: pulse.cell.row != 2,
    )  # fmt: skip
    copy = converse(array, writer.talk(), voltage=READ)
    rows = np.arange(SIZE) != 1
    assert CHESS[rows].tolist() == copy.state[rows].tolist()
    assert 0 == copy.pulses[1].sum()
    assert copy.wrong[1].any()
    assert copy.state.tolist() == array.electrics.state.state.tolist()


class Tripping(TwinArray):
    """Every pulse on row 3 meets the limit of a source, and does nothing."""

    def pulse(self, pulse):
        """No pulse on row 3."""
        return PulseOutcome(pulse, self.clock.now(), True) if pulse.cell.row == 3 else super().pulse(pulse)


@pytest.mark.parametrize("order", [Order.CELLS, Order.BATCHES])
def test_a_cell_that_trips_a_source_gets_one_more_pulse_at_most(order):
    _, die = fresh()
    array = Tripping(load_bench(overrides=[*SMALL, *NO_DEFECTS], seed=17), MemoryJournal())
    known = dataclasses.replace(die, state=array.electrics.state.state.astype(np.int64).copy())
    copy = written(array, known, order=order)
    assert copy.wrong[2].any()
    assert [2] * int(copy.wrong[2].sum()) == copy.pulses[2][copy.wrong[2]].tolist()
    rows = np.arange(SIZE) != 2
    assert not copy.wrong[rows].any()


def test_a_trusted_map_lets_terminals_have_what_wires_take_and_no_more():
    large = ('simulation.die.diameter="100 nm"', 'simulation.die.wire="60 ohm"')
    array = TwinArray(load_bench(overrides=[*SMALL, *NO_DEFECTS, *large], seed=17), MemoryJournal())
    die = mapped(array, 55.0)
    array.trust(None)
    far, near = Cell(1, SIZE), Cell(SIZE, 1)
    with pytest.raises(LimitExceeded, match="above the cell limit"):
        array.check(Pulse(far, 0.9, WIDTH))
    array.trust(Picture(die).lower_bound)
    array.check(Pulse(far, 0.9, WIDTH))
    with pytest.raises(LimitExceeded, match=r"0\.9 V|900 mV"):
        array.check(Pulse(near, 0.9, WIDTH))
    for nonsense in (float("nan"), float("inf")):
        with pytest.raises(LimitExceeded):
            array.check(Pulse(far, nonsense, WIDTH))
    array.trust(None)
    with pytest.raises(LimitExceeded):
        array.check(Pulse(far, 0.9, WIDTH))


def test_ramps_of_another_width_than_the_map_are_refused(ramped):
    array, (die, _) = ramped
    with pytest.raises(InputError, match="the map is for pulses of"):
        switching_voltages(array, die, settings=RampSettings(1, 1e-3))


# -- schemes, and cells that cannot be written -----------------------------------------------------


@pytest.mark.parametrize("scheme", list(Scheme))
def test_every_scheme_puts_all_of_an_amplitude_on_the_selected_cell(scheme):
    found = levels(scheme, 0.4)
    assert found.row - found.col == pytest.approx(0.4)
    others = [volts for volts in found[2:] if volts is not None]
    share = {Scheme.V_HALF: 0.2, Scheme.V_HALF_BIAS: 0.2, Scheme.V_THIRD: 0.4 / 3}.get(scheme, 0.0)
    if others:
        assert abs(found.row - found.other_cols) == pytest.approx(share)
        if scheme is not Scheme.GATED:  # gates of the other rows are closed
            assert abs(found.other_rows - found.col) == pytest.approx(share)


@pytest.mark.parametrize("scheme", [Scheme.V_HALF_BIAS, Scheme.FLOATING])
def test_two_channels_write_with_other_schemes_as_well(scheme):
    array, die = fresh()
    target = CHESS[:3, :3]
    settings = dataclasses.replace(settings_for(die, order=Order.CELLS), scheme=scheme)
    copy = program_layer(array, die_map=die, target=target, placement=identity((3, 3)), settings=settings)
    assert target.tolist() == copy.state.tolist() == array.electrics.state.state[:3, :3].tolist()


def test_two_channels_make_no_pulse_at_a_third():
    array, _ = fresh()
    array._journal.entries.clear()
    with pytest.raises(LimitExceeded, match="v_third needs three sources"):
        array.pulse(Pulse(Cell(1, 1), 0.3, WIDTH, Scheme.V_THIRD))
    assert [] == array._journal.entries


def test_a_pair_with_a_stuck_cell_is_swapped_where_that_makes_it_right():
    array, die = fresh()
    target = np.array([[0, 1, 1, 0], [1, 0, 0, 1]])
    defect, state = die.defect.copy(), die.state.copy()
    defect[0, 0], state[0, 0] = Defect.STUCK, 1  # wants P, is stuck in AP: as the minus device it is right
    state[1, 0] = 1
    marked = dataclasses.replace(die, defect=defect, state=state)
    moved = around(marked, identity((2, 4)), target)
    assert (2, 1, 3, 4) == moved.cols
    assert (1, 2) == moved.rows
    copy = program_layer(array, die_map=marked, target=target, placement=moved, settings=settings_for(die))
    assert target[0, 1] == 1 == copy.target[0, 1]
